"""Read-only lists of what happened: analyses, overrides, policies. One verb: start again what gave up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection import reach, registry, wording
from detection.admin import gave_up
from detection.admin.filters import ReasonFilter, ScopeFilter, StatusFilter
from detection.admin.mixins import AnyAdmin, ClosedAnswersMixin, ReadOnlyMixin
from detection.admin.raw_answers import raw_view
from detection.models import Analysis, Override
from detection.templatetags.detection_tags import review_url
from detection.vocabulary import AnalysisStatus, Basis, Verdict


@admin.register(Analysis)
class AnalysisAdmin(ClosedAnswersMixin, ReadOnlyMixin, AnyAdmin):
    """Each detector's work on each picture, of the pictures this person may look at."""

    list_display = ("picture", "provider", "status_words", "answer", "attempts", "created_at", "next_attempt_at")
    list_filter = (StatusFilter, "provider", "is_test")
    list_select_related = ("asset",)
    list_per_page = 50
    search_fields = ("asset__label", "provider_reference", "public_id")
    show_full_result_count = False
    ordering = ("-pk",)
    actions = ("redrive",)

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("<uuid:public_id>/raw/", inside(raw_view), name="detection_analysis_raw"),
            *super().get_urls(),
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return reach.may_look_at_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Analysis | None = None) -> bool:
        return reach.may_look_at_any(request.user) if obj is None else reach.may_look(request.user, obj.asset)

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        return gave_up.may_redrive(request.user)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and not gave_up.may_redrive(request.user):
            return gave_up.denied(request)
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Analysis]:
        # Whoever redrives keeps the pipeline healthy on every desk.
        permissions = (*reach.LOOK, "detection.redrive")
        seen = reach.reachable_assets(request.user, *permissions).order_by().values("pk")
        return super().get_queryset(request).filter(asset__in=seen)

    @admin.display(description=gettext_lazy("Picture"), ordering="asset__label")
    def picture(self, analysis: Analysis) -> str:
        return analysis.asset.label or str(analysis.asset.public_id)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def status_words(self, analysis: Analysis) -> str:
        return wording.status_word(AnalysisStatus(analysis.status))

    @admin.display(description=gettext_lazy("Answer"))
    def answer(self, analysis: Analysis) -> str:
        if not analysis.verdict:
            return analysis.error_sentence
        basis = Basis(analysis.basis or Basis.PIXELS)
        return wording.detector_sentence(Verdict(analysis.verdict), basis, analysis.ai_score, analysis.ai_pixel_share)

    @admin.action(description=gettext_lazy("Start again what gave up"), permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[Analysis]) -> None:
        """Only rows that gave up are started; each of the others is named, with the reason."""
        gave_up.redrive_each(request, queryset)


@admin.register(Override)
class OverrideAdmin(ReadOnlyMixin, AnyAdmin):
    """Who let which story go, why and until when; of the stories this person may see."""

    list_display = ("subject_label", "picture", "author_label", "reason", "created_at", "ends_at", "state")
    list_filter = (ReasonFilter, ScopeFilter, "created_at")
    list_select_related = ("asset",)
    search_fields = ("subject_label", "asset__label")
    show_full_result_count = False
    ordering = ("-pk",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return reach.may_look_at_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Override | None = None) -> bool:
        return reach.may_look_at_any(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        found = Q(pk__in=[])
        for kind in registry.publishable_types():
            for permission in reach.LOOK:
                keys = reach.keys_of(kind, request.user, permission)
                found |= Q(subject_type=registry.content_type(kind.model_class), subject_key__in=keys)
        return super().get_queryset(request).filter(found)

    @admin.display(description=gettext_lazy("Picture"), ordering="asset__label")
    def picture(self, override: Override) -> SafeString:
        return format_html('<a href="{}">{}</a>', review_url(override.asset), override.asset.label)

    @admin.display(description=gettext_lazy("Reason"), ordering="reason_code")
    def reason(self, override: Override) -> str:
        return str(wording.REASON_CODES.get(override.reason_code, override.reason_code))

    @admin.display(description=gettext_lazy("State"))
    def state(self, override: Override) -> str:
        if override.revoked_at is not None:
            return _("Revoked by %(name)s.") % {"name": override.revoked_by_label}
        if override.evidence != override.asset.evidence:
            return _("Lapsed: the evidence changed.")
        return _("Until %(time)s.") % {"time": wording.moment(override.ends_at)}
