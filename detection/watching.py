"""How the pipeline stands at this moment, asked once for whoever shows it: the operations page and `/metrics`.

Only rows that are open are counted, by an index each, so that it costs the same with a thousand pictures and with a
million. What only grows is told by `tallies`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from detection import budgets, queue, switches
from detection.errors import BrokerUnavailable
from detection.models import (
    Analysis,
    Asset,
    AuditEvent,
    AuditSeal,
    ProviderSwitch,
    RateSlot,
    StoredOverlay,
    Sweep,
    WebhookDelivery,
    Worker,
)
from detection.models.deliveries import OPEN
from detection.providers import providers
from detection.tallies import STATES_SHOWN
from detection.vocabulary import AnalysisStatus, Priority, Signal

STRANDED = timedelta(hours=24)
"""What waits for longer is counted apart: one ancient row would hide that the news has begun to wait."""
HEARD_WITHIN = timedelta(minutes=1)
"""A worker that was not heard of for longer is taken for gone."""
ASKS_A_PERSON = (
    *(Signal.STRONG, Signal.SOME, Signal.DISAGREE, Signal.CONFLICT),
    *(Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED, Signal.CREDENTIALS_BROKEN),
)


@dataclass(slots=True)
class State:
    """The rows of one status. Ages in seconds; `oldest` is of those younger than a day and of no archive."""

    status: AnalysisStatus
    count: int = 0
    oldest: float = 0.0
    stranded: int = 0
    archive: int = 0
    by_provider: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detector:
    """One detector: `breaker` is closed, open (it is tried again by itself) or paused (until a person resumes it)."""

    alias: str
    title: str
    breaker: str
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    blocked_for: float = 0.0
    """Seconds for which it asked everybody to wait."""
    budget: budgets.Budget | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. Ages in seconds, None where there is nothing to be old."""

    now: datetime
    states: dict[AnalysisStatus, State]
    detectors: list[Detector]
    deliveries: dict[str, int]
    deliveries_oldest: float | None
    overlays_pending: int
    workers: list[Worker]
    workers_alive: int
    sweep: Sweep | None
    rings: int | None
    review_backlog: int
    review_oldest: float | None
    head: int
    unsealed: int
    anchored_at: datetime | None
    verified_at: datetime | None
    unannounced: int = 0

    @property
    def swept_ago(self) -> float | None:
        """Seconds since somebody swept."""
        return _age(self.sweep.ran_at if self.sweep else None, self.now)


def look(now: datetime | None = None) -> Picture:
    """The picture of this moment, in fourteen queries."""
    now = now or timezone.now()
    deliveries = WebhookDelivery.objects.filter(state__in=OPEN).order_by().values("state")
    open_ones = list(deliveries.annotate(n=Count("pk"), first=Min("received_at")))
    waiting = Asset.objects.filter(signal__in=ASKS_A_PERSON, conclusion="", detached_at=None)
    backlog = waiting.aggregate(n=Count("pk"), first=Min("standing_at"))
    workers = list(Worker.objects.filter(ended_at=None)[:50])
    last = AuditSeal.objects.order_by("-seq").values_list("seq", "event_id").first() or (0, 0)
    told = dict(
        AuditEvent.objects.filter(action__in=("audit.anchored", "audit.verified"))
        .order_by()
        .values_list("action")
        .annotate(at=Max("at"))
    )
    return Picture(
        now=now,
        states=_states(now),
        detectors=_detectors(now),
        deliveries={row["state"]: row["n"] for row in open_ones},
        deliveries_oldest=_age(min((row["first"] for row in open_ones), default=None), now),
        overlays_pending=StoredOverlay.objects.filter(status="pending").count(),
        workers=workers,
        workers_alive=sum(worker.seen_at >= now - HEARD_WITHIN for worker in workers),
        sweep=Sweep.objects.filter(name="sweep").first(),
        rings=_rings(),
        review_backlog=backlog["n"],
        review_oldest=_age(backlog["first"], now),
        head=last[0],
        unsealed=AuditEvent.objects.filter(pk__gt=last[1]).count(),
        anchored_at=told.get("audit.anchored"),
        verified_at=told.get("audit.verified"),
        unannounced=Asset.objects.unannounced().count(),
    )


def _age(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def _states(now: datetime) -> dict[AnalysisStatus, State]:
    found = {status: State(status) for status in STATES_SHOWN}
    is_news, is_young = ~Q(priority=Priority.LATER), Q(created_at__gte=now - STRANDED)
    rows = Analysis.objects.filter(status__in=STATES_SHOWN).order_by().values("status", "provider")
    each = rows.annotate(
        n=Count("pk"),
        first=Min("created_at", filter=is_news & is_young),
        stranded=Count("pk", filter=is_news & ~is_young),
        archive=Count("pk", filter=~is_news),
    )
    for row in each:
        state = found[AnalysisStatus(row["status"])]
        state.count += row["n"]
        state.archive += row["archive"]
        state.stranded += row["stranded"]
        state.oldest = max(state.oldest, _age(row["first"], now) or 0.0)
        state.by_provider[row["provider"]] = row["n"]
    # What gave up waits for nobody's work: how old it is says nothing of the pipeline.
    found[AnalysisStatus.DEAD].oldest = found[AnalysisStatus.DEAD].stranded = 0
    return found


def _detectors(now: datetime) -> list[Detector]:
    rows = {row.alias: row for row in ProviderSwitch.objects.all()}
    blocked = dict(RateSlot.objects.values_list("alias", "blocked_until"))
    spent = {one.alias: one for one in budgets.all_of(now)}
    everybody = rows.get(switches.ALL)
    found = []
    for alias in providers.aliases():
        provider, row = providers[alias], rows.get(alias)
        if not provider.is_embedded and everybody is not None and everybody.is_paused:
            row = everybody if row is None or not row.is_paused else row
        is_paused = row is not None and row.is_paused
        breaker, reason = "closed", ""
        if not provider.is_embedded and switches.held_by_setting(alias):
            breaker, reason = "paused", switches.setting_sentence()
        elif row is not None and is_paused:
            breaker, reason = "open" if row.paused_until else "paused", row.reason
        wait = max(0.0, float(blocked.get(alias, 0.0)) - now.timestamp())
        times: dict[str, Any] = {"since": row.changed_at, "until": row.paused_until} if row and is_paused else {}
        found.append(
            Detector(alias, provider.title, breaker, reason, blocked_for=wait, budget=spent.get(alias), **times)
        )
    return found


def _rings() -> int | None:
    try:
        return queue.waiting()
    except BrokerUnavailable:
        return None
