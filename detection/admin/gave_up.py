"""The checks that gave up: what each was about, why in words, since when, and the button that tries again.

For whoever may look at the picture, and for those who keep the pipeline healthy on every desk; trying again is for the
permission `redrive` alone. An attempt without it is answered with 403 and recorded. What a detector *rejected* is not
listed: the same picture would get the same answer, and the review page tells its editor what to do.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, F, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from detection import audit, reach, scanning, screens, wording
from detection.admin.mixins import AnyAdmin, ClosedAnswersMixin, ReadOnlyMixin
from detection.admin.review import refused
from detection.models import Analysis, Asset, GaveUp
from detection.templatetags.detection_tags import review_url
from detection.vocabulary import AnalysisStatus

PERMISSION = "detection.redrive"
TOLD = 20
"""Of many that could not be started, so many are named."""


def may_redrive(user: Any) -> bool:
    """Whether this person may start checks again."""
    return bool(user.is_active and user.has_perm(PERMISSION))


def denied(request: HttpRequest, *, asset: Asset | None = None) -> HttpResponse:
    """Record an attempt to start checks again without the permission, and refuse it: 403."""
    sentence = _("You may not start checks again. An operator can do it.")
    return refused(request, str(audit.denied(PERMISSION, asset=asset, by=request.user, sentence=sentence)))


def redrive_each(request: HttpRequest, analyses: Iterable[Analysis]) -> None:
    """Start each again, and tell of each what became of it."""
    done, left = 0, []
    for outcome in scanning.redrive_each(analyses, by=request.user):
        done += outcome.is_started
        if not outcome.is_started:
            row = outcome.analysis
            left.append((row.asset.label or _("Picture"), screens.title_of(row), outcome.sentence))
    if done:
        said = ngettext("%(count)d check is started again.", "%(count)d checks are started again.", done)
        messages.success(request, said % {"count": done})
    if left:
        said = ngettext("%(count)d was not started:", "%(count)d were not started:", len(left)) % {"count": len(left)}
        told = format_html_join("", "<br>{}, {}: {}", left[:TOLD])
        more = "" if len(left) <= TOLD else _(" And %(count)d more.") % {"count": len(left) - TOLD}
        messages.warning(request, format_html("{}{}{}", said, told, more))


@admin.register(GaveUp)
class GaveUpAdmin(ClosedAnswersMixin, ReadOnlyMixin, AnyAdmin):
    """One row for each check that gave up and that still counts: of the present file of a picture that is there."""

    list_display = ("picture", "detector", "because", "since", "tries", "wanted", "timeline", "again")
    list_display_links = None
    list_filter = ("provider",)
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ("asset",)
    list_per_page = 50
    search_fields = ("asset__label", "public_id")
    show_full_result_count = False
    empty_value_display = ""
    ordering = (F("wanted_by").asc(nulls_last=True), "-completed_at", "-pk")
    actions = ("redrive",)

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        again = path("<uuid:public_id>/redrive/", inside(require_POST(self.redrive_view)), name="detection_redrive")
        return [again, *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None:
            return False  # there is no page of one: the list tells all
        return may_redrive(request.user) or reach.may_look_at_any(request.user)

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        return may_redrive(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(status=AnalysisStatus.DEAD, asset__detached_at=None)
        seen = reach.reachable_assets(request.user, *reach.LOOK, PERMISSION).order_by().values("pk")
        own = reach.reachable_assets(request.user).order_by().filter(pk=OuterRef("asset"))
        present = rows.filter(generation=F("asset__generation"), asset__in=seen)
        found: QuerySet[Any] = present.annotate(may_look=Exists(own))
        return found

    def get_list_display(self, request: HttpRequest) -> Any:
        return self.list_display if may_redrive(request.user) else self.list_display[:-1]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and not may_redrive(request.user):
            return denied(request)
        title = {"title": _("Gave up"), "is_nav_sidebar_enabled": False}
        return super().changelist_view(request, title | (extra_context or {}))

    def redrive_view(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        """Try one again."""
        analysis = Analysis.objects.select_related("asset").filter(public_id=public_id).first()
        if not may_redrive(request.user):
            return denied(request, asset=analysis.asset if analysis else None)
        if analysis is None:
            raise Http404
        redrive_each(request, [analysis])
        return HttpResponseRedirect(reverse("admin:detection_gaveup_changelist"))

    @admin.action(description=gettext_lazy("Try again"), permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Try all that are ticked again; each that is not started is named, with the reason."""
        redrive_each(request, queryset)

    @admin.display(description=gettext_lazy("Picture"), ordering="asset__label")
    def picture(self, analysis: Any) -> SafeString | str:
        label = analysis.asset.label or _("Picture")
        if not analysis.may_look:
            return str(label)
        return format_html('<a class="d-list-label" href="{}">{}</a>', review_url(analysis.asset), label)

    @admin.display(description=gettext_lazy("Detector"), ordering="provider")
    def detector(self, analysis: Any) -> str:
        return screens.title_of(analysis)

    @admin.display(description=gettext_lazy("Why"))
    def because(self, analysis: Any) -> str:
        return wording.past_sentence(analysis.error_sentence)

    @admin.display(description=gettext_lazy("Since"), ordering="completed_at")
    def since(self, analysis: Any) -> str:
        return wording.moment(analysis.completed_at) if analysis.completed_at else ""

    @admin.display(description=gettext_lazy("Tries"))
    def tries(self, analysis: Any) -> str:
        # A try that failed by the detector's fault is given back to `attempts`, and stands in `calls`.
        begun = max(analysis.attempts, analysis.calls)
        told = ngettext("%(count)d try", "%(count)d tries", begun) % {"count": begun}
        sent = ngettext("sent once", "sent %(count)d times", analysis.calls) % {"count": analysis.calls}
        return f"{told}, {sent}" if analysis.calls else f"{told}, {_('never sent')}"

    @admin.display(description=gettext_lazy("Story goes out"), ordering="wanted_by")
    def wanted(self, analysis: Any) -> str:
        at = analysis.wanted_by
        return wording.moment(at) if at is not None and at > timezone.now() else ""

    @admin.display(description=gettext_lazy("History"))
    def timeline(self, analysis: Any) -> SafeString | str:
        if not analysis.may_look:
            return ""
        return format_html('<a href="{}#history-title">{}</a>', review_url(analysis.asset), _("What happened"))

    @admin.display(description=gettext_lazy("Again"))
    def again(self, analysis: Any) -> SafeString:
        # Sent by the list's own form, which carries the token; a form within a form there cannot be.
        shape = '<button class="d-button" type="submit" formaction="{}" aria-label="{}">{}</button>'
        label = _("Try again: %(picture)s") % {"picture": analysis.asset.label}
        return format_html(shape, reverse("admin:detection_redrive", args=[analysis.public_id]), label, _("Try again"))
