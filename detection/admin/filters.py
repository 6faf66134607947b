"""The picture list's filters, in the words of the screens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from detection import wording
from detection.concluded import may_be_heard
from detection.models import Asset
from detection.vocabulary import Conclusion, Signal, SourceTier


class _ByColumn(admin.SimpleListFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Asset]) -> QuerySet[Asset]:
        value = self.value()
        return queryset if value is None else queryset.filter(**{str(self.parameter_name): value})


class SignalFilter(_ByColumn):
    """By what the evidence amounts to."""

    title = _("signal")
    parameter_name = "signal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(signal.value, wording.signal_word(signal)) for signal in Signal]


class TierFilter(_ByColumn):
    """By where the picture comes from."""

    title = _("source")
    parameter_name = "source_tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(tier.value, wording.tier_word(tier)) for tier in SourceTier]


class ConclusionFilter(admin.SimpleListFilter):
    """By what a person concluded on the present evidence, where the reader may hear of it."""

    title = _("conclusion")
    parameter_name = "conclusion"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        named = [(word.value, wording.conclusion_word(word)) for word in Conclusion]
        return [("none", str(_("Nobody yet"))), *named]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Asset]) -> QuerySet[Asset]:
        value = self.value()
        if value is None:
            return queryset
        heard = may_be_heard(request.user)
        return queryset.exclude(heard) if value == "none" else queryset.filter(heard, conclusion=value)


class KeptInsideFilter(admin.SimpleListFilter):
    """Whether it is kept from detectors outside."""

    title = _("kept inside")
    parameter_name = "kept_inside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("1", str(_("Kept inside"))), ("0", str(_("May be sent out")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Asset]) -> QuerySet[Asset]:
        value = self.value()
        return queryset if value is None else queryset.filter(kept_inside=value == "1")
