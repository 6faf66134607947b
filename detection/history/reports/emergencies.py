"""What went out in an emergency, past the gate: on which desk and why, and whether somebody else looked in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from detection.history.reports import Period
from detection.models import GlassBreak

NEWEST = 50


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How many emergencies of one desk or reason, and what became of the review that each makes due within the hour."""

    word: str
    count: int
    in_time: int
    late: int
    overdue: int
    """Nobody has looked, and the time is over."""

    @property
    def due(self) -> int:
        """Nobody has looked yet, and the time is not over."""
        return self.count - self.in_time - self.late - self.overdue


@dataclass(frozen=True, slots=True)
class Emergencies:
    """The report. `newest`: the latest fifty, whoever they are by; who that was is for the page to show or not."""

    now: datetime
    by_desk: list[Reviewed]
    by_reason: list[Reviewed]
    newest: list[GlassBreak]

    @property
    def total(self) -> Reviewed:
        """All desks together."""
        rows = self.by_desk
        added = (sum(getattr(one, name) for one in rows) for name in ("count", "in_time", "late", "overdue"))
        return Reviewed("", *added)


def report(period: Period, *, now: datetime) -> Emergencies:
    """Three queries, whatever their number."""
    rows = GlassBreak.objects.filter(created_at__gte=period.begin, created_at__lt=period.end)
    newest = list(rows.order_by("-created_at", "-pk")[:NEWEST])
    return Emergencies(now, _grouped(rows, "desk", now), _grouped(rows, "reason_code", now), newest)


def _grouped(rows: QuerySet[GlassBreak], name: str, now: datetime) -> list[Reviewed]:
    was_reviewed = Q(reviewed_at__isnull=False)
    found = (
        rows.order_by()
        .values(name)
        .annotate(
            n=Count("pk"),
            in_time=Count("pk", filter=was_reviewed & Q(reviewed_at__lte=F("due_at"))),
            late=Count("pk", filter=was_reviewed & Q(reviewed_at__gt=F("due_at"))),
            overdue=Count("pk", filter=~was_reviewed & Q(due_at__lte=now)),
        )
        .order_by(name)
    )
    return [Reviewed(one[name], one["n"], one["in_time"], one["late"], one["overdue"]) for one in found]
