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
from detection.vocabulary import AnalysisStatus, Conclusion, Signal, SourceTier


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


class StatusFilter(_ByColumn):
    """By where a check stands."""

    title = _("state")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(status.value, wording.status_word(status)) for status in AnalysisStatus]


class ReasonFilter(_ByColumn):
    """By the reason that was chosen."""

    title = _("reason")
    parameter_name = "reason_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(code, str(word)) for code, word in wording.REASON_CODES.items()]


class ScopeFilter(_ByColumn):
    """By what an override holds for."""

    title = _("holds for")
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("story", str(_("One story"))), ("desk", str(_("All stories of a desk with the same file")))]


class VariantFilter(admin.SimpleListFilter):
    """By whether the file itself was sent."""

    title = _("sent as")
    parameter_name = "variant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("original", str(_("The file as it is"))), ("other", str(_("A copy made for sending")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        found = queryset.filter(as_sent="original")
        return found if value == "original" else queryset.exclude(as_sent="original") if value else queryset


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
