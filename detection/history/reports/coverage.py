"""Which pictures went out that no detector had looked at, and why; and which of them nobody has looked at since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet

from detection.history.reports import Period, Share
from detection.models import Passage
from detection.vocabulary import Signal, Why

UNCHECKED = [Signal.NOT_CHECKED.value, Signal.COULD_NOT_CHECK.value, Signal.NOTHING_DECLARED.value]
NEWEST = 50


@dataclass(frozen=True, slots=True)
class Reason:
    """Why pictures went out unchecked: signal and why, on one desk, and how many of them still are."""

    signal: str
    why: str
    count: int
    still: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """The report. `months`: (first day, published, unchecked). `newest`: passages that are unchecked still."""

    published: int
    unchecked: int
    still: int
    reasons: list[Reason]
    by_desk: list[tuple[str, int, int]]
    months: list[tuple[date, int, int]]
    newest: list[Passage]

    @property
    def share(self) -> Share:
        return Share(self.unchecked, self.published)


def report(period: Period) -> Coverage:
    """Four queries, whatever their number."""
    rows: QuerySet[Passage] = Passage.objects.filter(at__gte=period.begin, at__lt=period.end).order_by()
    is_unchecked = Q(signal__in=UNCHECKED)
    by_desk = list(
        rows.values("desk")
        .annotate(n=Count("pk"), u=Count("pk", filter=is_unchecked))
        .order_by("desk")
        .values_list("desk", "n", "u")
    )
    reasons = _reasons(rows.filter(is_unchecked))
    return Coverage(
        published=sum(one[1] for one in by_desk),
        unchecked=sum(one[2] for one in by_desk),
        still=sum(one.still for one in reasons),
        reasons=reasons,
        by_desk=by_desk,
        months=_months(rows, period, is_unchecked),
        newest=list(_still(rows).select_related("asset").order_by("-at")[:NEWEST]),
    )


def _months(rows: QuerySet[Passage], period: Period, is_unchecked: Q) -> list[tuple[date, int, int]]:
    """Months in which anything went out. By bounds, for what cuts a moment to its month is slow on SQLite."""
    columns = {}
    for number, (_first, begin, end) in enumerate(period.months()):
        in_month = Q(at__gte=begin, at__lt=end)
        columns[f"n{number}"] = Count("pk", filter=in_month)
        columns[f"u{number}"] = Count("pk", filter=in_month & is_unchecked)
    found = rows.aggregate(**columns)
    told = [(first, found[f"n{number}"], found[f"u{number}"]) for number, (first, *_) in enumerate(period.months())]
    return [one for one in told if one[1]]


_STILL = Q(asset=None) | Q(asset__signal__in=UNCHECKED)


def _still(rows: QuerySet[Passage]) -> QuerySet[Passage]:
    return rows.filter(signal__in=UNCHECKED).filter(_STILL)


def _reasons(rows: QuerySet[Passage]) -> list[Reason]:
    found = rows.values("signal", "why").annotate(n=Count("pk"), s=Count("pk", filter=_STILL)).order_by("signal", "why")
    return [Reason(one["signal"], one["why"] or Why.QUEUED.value, one["n"], one["s"]) for one in found]
