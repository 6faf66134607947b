"""The operations page: what waits and for how long, who works, which detector is asked, and the buttons for tonight.

First what is wrong, in sentences that say what to do; the numbers stand below. It asks the database alone, so it comes
up while a detector, the broker or every worker is down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from detection import counting, queue, wording
from detection.admin.gave_up import denied, may_redrive, redrive_each
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.errors import BrokerUnavailable
from detection.models import Analysis, MetricTotal, Pipeline
from detection.vocabulary import AnalysisStatus
from detection.watching import Picture, State, look

WAITS_LONG = 300.0
"""Seconds for which a picture of the news may wait for its first look, before the page says so."""
SWEEPS_LATE = 300.0
REDRIVEN_AT_ONCE = 200
_OPERATE = "detection.operate_provider"

STATES = {
    AnalysisStatus.PENDING_SCAN: _l("Waits for its first look"),
    AnalysisStatus.SCANNING: _l("A worker looks at it"),
    AnalysisStatus.AWAITING_CALLBACK: _l("The detector has it"),
    AnalysisStatus.RETRY_PENDING: _l("Tried again later"),
    AnalysisStatus.DEAD: _l("Gave up"),
}
RESULTS = {
    "accepted": _l("kept"),
    "duplicate": _l("came again"),
    "conflict": _l("other words under a known id"),
    "bad_signature": _l("not signed by its secret"),
    "throttled": _l("too many unsigned"),
    "too_large": _l("too large"),
    "malformed": _l("malformed"),
    "unavailable": _l("could not be let in"),
}


@dataclass(frozen=True, slots=True)
class Worry:
    """What is wrong, and what to do about it."""

    what: str
    fix: str
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One status as the table shows it."""

    title: str
    state: State

    @property
    def oldest(self) -> str:
        """How long the oldest has waited, in words; "" where none does."""
        return wording_of_age(self.state.oldest) if self.state.oldest else ""


def wording_of_age(seconds: float) -> str:
    """A time span as people say it: 45 s, 12 min, 3 h, 2 d."""
    for size, unit in ((86_400, _("d")), (3_600, _("h")), (60, _("min"))):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} {_('s')}"


def worries(seen: Picture) -> Iterator[Worry]:
    """What is wrong at this moment, the most urgent first."""
    start = _("Start manage.py detection_worker, and read its log.")
    if not seen.workers_alive:
        yield Worry(_("No worker has been heard of for a minute: nothing is checked."), start, True)
    if seen.swept_ago is None or seen.swept_ago > SWEEPS_LATE:
        yield Worry(_("Nobody looks for stuck checks."), start, True)
    if seen.rings is None:
        fix = _("Start it again. Nothing is lost: the checks wait in the database.")
        yield Worry(_("The broker does not answer."), fix, True)
    waiting = seen.states[AnalysisStatus.PENDING_SCAN]
    if waiting.oldest > WAITS_LONG:
        said = _("A picture has waited for its first look for %(age)s.") % {"age": wording_of_age(waiting.oldest)}
        yield Worry(said, _("See below whether its detector is paused, or start more workers."), True)
    for one in seen.detectors:
        if one.breaker != "closed":
            again = _("It is tried again by itself.") if one.breaker == "open" else _("A person has to resume it.")
            yield Worry(_("%(detector)s is not asked: %(why)s") % {"detector": one.title, "why": one.reason}, again)
    if stranded := sum(state.stranded for state in seen.states.values()):
        said = ngettext("%(n)d check is open for over a day.", "%(n)d checks are open for over a day.", stranded)
        yield Worry(said % {"n": stranded}, _("A detector that is paused for long may be why."))
    if dead := seen.states[AnalysisStatus.DEAD].count:
        said = ngettext("%(n)d check gave up.", "%(n)d checks gave up.", dead) % {"n": dead}
        yield Worry(said, _("See why under “Gave up”, and start them again."))
    if not seen.anchored_at and seen.head:
        said = _("The history's head was never written down outside this database.")
        yield Worry(said, _("Run manage.py audit_anchor from cron, to a place that the database cannot reach."))


def _callbacks() -> dict[str, list[tuple[str, int]]]:
    """Of each detector how often its callbacks got which answer, since counting began."""
    found: dict[str, list[tuple[str, int]]] = {}
    rows = MetricTotal.objects.filter(name="newsroom_webhook_received_total", value__gt=0).order_by("labels")
    for row in rows:
        labels = counting.labels(row.labels)
        word = str(RESULTS.get(labels.get("result", ""), labels.get("result", "")))
        found.setdefault(labels.get("provider", ""), []).append((word, int(row.value)))
    return found


@admin.register(Pipeline)
class PipelineAdmin(ReadOnlyMixin, AnyAdmin):
    """One page. Looking is for operators and for those who may start checks again; each button has its permission."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Pipeline | None = None) -> bool:
        return bool(request.user.has_perm(_OPERATE)) or may_redrive(request.user)

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("sweep/", inside(require_POST(self.sweep_view)), name="detection_pipeline_sweep"),
            path("redrive/", inside(require_POST(self.redrive_view)), name="detection_pipeline_redrive"),
            path("", inside(self.changelist_view), name="detection_pipeline_changelist"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The page; it changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        seen = look()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Operations"),
            "opts": self.opts,
            "seen": seen,
            "worries": list(worries(seen)),
            "lines": [Line(str(title), seen.states[status]) for status, title in STATES.items()],
            "callbacks": _callbacks(),
            "at": wording.moment(seen.now),
            "may_operate": request.user.has_perm(_OPERATE),
            "may_redrive": may_redrive(request.user),
        }
        return TemplateResponse(request, "admin/detection/pipeline/change_list.html", context)

    def sweep_view(self, request: HttpRequest) -> HttpResponse:
        """Ring for a sweep now; a worker does it."""
        if not request.user.has_perm(_OPERATE):
            raise PermissionDenied
        try:
            queue.wake("sweep", 0)
        except BrokerUnavailable as error:
            messages.error(request, str(error))
        else:
            messages.info(request, _("A worker sweeps. What it finds stands here in a moment."))
        return self._again()

    def redrive_view(self, request: HttpRequest) -> HttpResponse:
        """Start everything again that gave up and still counts, a few hundred at a time."""
        if not may_redrive(request.user):
            return denied(request)
        rows = Analysis.objects.present().filter(status=AnalysisStatus.DEAD, asset__detached_at=None)
        chosen = list(rows.select_related("asset").order_by("pk")[:REDRIVEN_AT_ONCE])
        if not chosen:
            messages.info(request, _("Nothing gave up."))
        redrive_each(request, chosen)
        return self._again()

    def _again(self) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:detection_pipeline_changelist"))
