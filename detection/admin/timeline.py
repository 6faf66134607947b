"""The history of every desk, for those who may read it: the timeline with its search, one event, and three reports.

Names of people stand in the timeline, and in one report behind a button that records who looked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection import audit, sampling, screens, wording
from detection.admin import exports
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.admin.review import refused
from detection.history import exporting, searching
from detection.history.plots import Bar, bars
from detection.history.reports import Period, coverage, detectors, emergencies, overrides
from detection.models import AuditEvent, AuditSeal, GlassBreak, PolicyVersion
from detection.vocabulary import Signal, SourceTier, Why

_OUTCOMES = {
    "stands": gettext_lazy("The story stands as it went out"),
    "corrected": gettext_lazy("The story was corrected"),
    "withdrawn": gettext_lazy("The story was withdrawn"),
}
_DATE = forms.DateInput(attrs={"type": "date"})


class SearchForm(forms.Form):
    """What the timeline is asked; every field may be left empty."""

    picture = forms.CharField(label=gettext_lazy("Picture"), required=False, max_length=200)
    story = forms.CharField(label=gettext_lazy("Story"), required=False, max_length=200)
    person = forms.CharField(label=gettext_lazy("Person, or “system”"), required=False, max_length=150)
    desk = forms.CharField(label=gettext_lazy("Desk"), required=False, max_length=64)
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=_DATE)
    until = forms.DateField(label=gettext_lazy("Until"), required=False, widget=_DATE)
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), required=False)
    policy = forms.IntegerField(label=gettext_lazy("Policy version"), required=False, min_value=1, max_value=2**31 - 1)
    action = forms.ChoiceField(label=gettext_lazy("Event"), required=False)
    before = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2**63 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        every = [("", _("Any"))]
        self.fields["reason"].choices = [*every, *wording.reason_choices()]  # type: ignore[attr-defined]
        known = sorted((str(one.label), one.name) for one in audit.ACTIONS.values())
        self.fields["action"].choices = [*every, *((name, label) for label, name in known)]  # type: ignore[attr-defined]


class PeriodForm(forms.Form):
    """From which day until which a report looks."""

    since = forms.DateField(label=gettext_lazy("From"), widget=_DATE)
    until = forms.DateField(label=gettext_lazy("Until"), widget=_DATE)

    def clean(self) -> dict[str, Any]:
        words: dict[str, Any] = super().clean() or {}
        if words.get("since") and words.get("until") and words["since"] > words["until"]:
            raise forms.ValidationError(_("The first day is later than the last one."))
        return words


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyMixin, AnyAdmin):
    """The timeline, one event, and the reports."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return bool(request.user.has_perm("detection.view_audit"))

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("overrides/", inside(self.overrides_view), name="detection_report_overrides"),
            path("detectors/", inside(self.detectors_view), name="detection_report_detectors"),
            path("coverage/", inside(self.coverage_view), name="detection_report_coverage"),
            path("export/", inside(self.export_view), name="detection_history_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._permit(request, "GET", "HEAD")
        form = SearchForm(request.GET, label_suffix="")
        asked = form.cleaned_data if form.is_valid() else {}
        rows, more = searching.search(searching.Question(**asked)) if form.is_valid() else ([], None)
        older = request.GET.copy()
        if more is not None:
            older["before"] = str(more)
        problem = "" if form.is_valid() else _("Part of this search cannot be read. Nothing was looked for.")
        context = {
            "form": form,
            "rows": rows,
            "older": older.urlencode() if more is not None else "",
            "problem": problem,
        }
        return self._page(request, "change_list", _("Timeline"), context, status=400 if problem else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._permit(request, "GET", "HEAD")
        events = AuditEvent.objects.select_related("asset").prefetch_related("personal")
        event = events.filter(pk=object_id).first() if object_id.isdigit() and len(object_id) < 19 else None
        if event is None:
            raise Http404
        row = searching.row_of(event)
        facts = json.dumps(event.facts | {"commitments": event.commitments}, indent=2, ensure_ascii=False)
        seal = AuditSeal.objects.filter(event=event.pk).first()
        return self._page(request, "event", row.entry.label, {"row": row, "facts": facts, "seal": seal})

    def overrides_view(self, request: HttpRequest) -> HttpResponse:
        """How often holds were overridden; a POST shows the names, and records that it did."""
        self._permit(request)
        shows_names = request.method == "POST"
        if shows_names:
            audit.record("audit.report_viewed", by=request.user, report="overrides", names=True)

        def told(period: Period) -> dict[str, Any]:
            found = overrides.report(period)
            by_desk = [Bar(" · ".join(filter(None, one.words)), one.count, one.reversed) for one in found.by_desk]
            about = _("One bar a desk and role, as long as its overrides; the hatched part was reversed later.")
            months = [Bar(month.strftime("%Y-%m"), count) for month, count in found.months]
            past = emergencies.report(period, now=timezone.now())
            return {
                "emergencies": past,
                "emergency_reasons": [(wording.REASON_CODES.get(one.word, one.word), one) for one in past.by_reason],
                "emergency_rows": [
                    {"row": one, "reason": wording.REASON_CODES.get(one.reason_code, ""), "review": _review(one)}
                    for one in past.newest
                ],
                "found": found,
                "plot": bars(_("Overrides by desk and role"), about, by_desk),
                "months": bars(_("Overrides by month"), _("One bar a month."), months) if len(months) > 1 else "",
                "reasons": [(wording.REASON_CODES.get(one.words[0], one.words[0]), one) for one in found.by_reason],
                "names": overrides.by_name(period) if shows_names else None,
                "may_see_names": True,
            }

        return self._report(request, "overrides", _("Overrides"), told)

    def detectors_view(self, request: HttpRequest) -> HttpResponse:
        """What people concluded, against what each detector had said."""
        self._permit(request)

        def told(period: Period) -> dict[str, Any]:
            found = detectors.report(period)
            of = _("%(part)d of %(whole)d")
            flagged = [
                Bar(
                    f"{screens.title_of_alias(alias)} {model}".strip(),
                    counts.total,
                    counts.says_ai,
                    of % {"part": counts.says_ai, "whole": counts.total},
                )
                for alias, model, counts in detectors.by_detector(found.lines)
            ]
            about = _("One bar a detector, as long as the flagged pictures people judged; hatched: confirmed as AI.")
            return {
                "found": found,
                "plot": bars(_("Flagged pictures that people judged"), about, flagged),
                "lines": [
                    {"line": one, "title": screens.title_of_alias(one.provider), "tier": _tier(one.tier)}
                    for one in found.lines
                ],
                "sample": sampling.share(PolicyVersion.current().rules),
            }

        return self._report(request, "detectors", _("Detectors' record"), told)

    def coverage_view(self, request: HttpRequest) -> HttpResponse:
        """What went out that nobody had checked, and why."""
        self._permit(request)

        def told(period: Period) -> dict[str, Any]:
            found = coverage.report(period)
            by_desk = [
                Bar(desk or _("no desk"), published, unchecked, f"{unchecked} / {published}")
                for desk, published, unchecked in found.by_desk
            ]
            about = _("One bar a desk, as long as the pictures that went out; the hatched part had not been checked.")
            return {
                "found": found,
                "plot": bars(_("Published pictures by desk"), about, by_desk),
                "reasons": [(_why(one), one) for one in found.reasons],
            }

        return self._report(request, "coverage", _("Coverage"), told)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """GET says what an export holds; POST makes it, and is itself an event."""
        self._permit(request)
        user: Any = request.user
        if request.method not in ("GET", "HEAD", "POST"):
            raise PermissionDenied
        if not user.has_perm(exporting.PERMISSION):
            sentence = _("You may not export the history. An auditor can do it.")
            error = audit.denied(exporting.PERMISSION, by=user, sentence=sentence)
            return refused(request, str(error), back=reverse("admin:detection_auditevent_changelist"))
        given = request.POST if request.method == "POST" else None
        form = exports.ExportForm(given, initial={"format": "jsonl", "names": True}, label_suffix="")
        if form.is_valid():
            return exports.sent(form, by=user)
        status = 200 if given is None else 400
        return self._page(request, "export", _("Export"), exports.context(form), status=status)

    def _permit(self, request: HttpRequest, *methods: str) -> None:
        if not self.has_view_permission(request) or (methods and request.method not in methods):
            raise PermissionDenied

    def _report(
        self, request: HttpRequest, name: str, title: str, told: Callable[[Period], dict[str, Any]]
    ) -> HttpResponse:
        usual = Period.usual(timezone.localdate())
        given = {"since": request.GET.get("since") or usual.first, "until": request.GET.get("until") or usual.last}
        form = PeriodForm(given, label_suffix="")
        problem = "" if form.is_valid() else _("This period cannot be read. The last ninety days are shown.")
        period = usual if problem else Period(form.cleaned_data["since"], form.cleaned_data["until"])
        context = {"period_form": form, "problem": problem, **told(period)}
        return self._page(request, name, title, context, status=400 if problem else 200)

    def _page(
        self, request: HttpRequest, name: str, title: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        pages = [
            ("detection_auditevent_changelist", _("Timeline")),
            ("detection_report_overrides", _("Overrides")),
            ("detection_report_detectors", _("Detectors' record")),
            ("detection_report_coverage", _("Coverage")),
        ]
        if request.user.has_perm(exporting.PERMISSION):
            pages.append(("detection_history_export", _("Export")))
        shown = [
            {"url": (url := reverse(f"admin:{page}")), "title": word, "here": request.path == url}
            for page, word in pages
        ]
        whole = {
            **self.admin_site.each_context(request),
            "is_nav_sidebar_enabled": False,
            "opts": self.opts,
            "title": title,
            "pages": shown,
            **context,
        }
        return TemplateResponse(request, f"admin/detection/auditevent/{name}.html", whole, status=status)


def _tier(tier: str) -> str:
    return wording.tier_word(SourceTier(tier)) if tier in set(SourceTier) else wording.tier_word(SourceTier.UNKNOWN)


def _why(one: coverage.Reason) -> str:
    if one.signal == Signal.NOTHING_DECLARED:
        return _("No detector looks at pixels here; what the file declares was read.")
    return wording.why_sentence(Why(one.why)) if one.why in set(Why) else one.why


def _review(one: GlassBreak) -> str:
    """What became of the look afterwards, and whether it came in time."""
    if one.reviewed_at is None:
        moment = wording.moment(one.due_at)
        said = _("Overdue since %(time)s.") if one.is_overdue(timezone.now()) else _("Due until %(time)s.")
        return said % {"time": moment}
    outcome = _OUTCOMES.get(one.outcome, one.outcome)
    in_time = one.reviewed_at <= one.due_at
    late = wording.lasted((one.reviewed_at - one.due_at).total_seconds())
    return (
        _("%(outcome)s. In time.") % {"outcome": outcome}
        if in_time
        else _("%(outcome)s. %(late)s late.")
        % {
            "outcome": outcome,
            "late": late,
        }
    )
