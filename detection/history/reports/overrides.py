"""How often a hold was overridden, by desk and role, why, and how often that was taken back later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from detection.history.reports import Period, Share
from detection.models import Override, Review
from detection.vocabulary import Conclusion

_CONFIRMED = [one.value for one in Conclusion if one.says_ai]


@dataclass(frozen=True, slots=True)
class Group:
    """One line: what it is about, how many overrides, and how many of them were later reversed."""

    words: tuple[str, ...]
    count: int
    reversed: int

    @property
    def share(self) -> Share:
        return Share(self.reversed, self.count)


@dataclass(frozen=True, slots=True)
class Overrides:
    """The report. `months`: (first day, count)."""

    total: int
    reversed: int
    by_desk: list[Group]
    by_reason: list[Group]
    months: list[tuple[date, int]]


def _of(period: Period) -> QuerySet[Any]:
    """Reversed: revoked before its end, or the picture was confirmed as AI afterwards."""
    later = Review.objects.filter(
        asset=OuterRef("asset"), created_at__gt=OuterRef("created_at"), conclusion__in=_CONFIRMED, reversed_by=None
    )
    rows = Override.objects.filter(created_at__gte=period.begin, created_at__lt=period.end)
    return rows.annotate(was_contradicted=Exists(later)).order_by()


def report(period: Period) -> Overrides:
    """Three queries, whatever their number."""
    rows = _of(period)
    by_desk = _grouped(rows, "desk", "author_role")
    return Overrides(
        total=sum(one.count for one in by_desk),
        reversed=sum(one.reversed for one in by_desk),
        by_desk=by_desk,
        by_reason=_grouped(rows, "reason_code"),
        months=_months(period),
    )


def _months(period: Period) -> list[tuple[date, int]]:
    """Months in which anything was overridden."""
    bounds = period.months()
    columns = {
        f"n{number}": Count("pk", filter=Q(created_at__gte=begin, created_at__lt=end))
        for number, (_first, begin, end) in enumerate(bounds)
    }
    rows = Override.objects.filter(created_at__gte=period.begin, created_at__lt=period.end)
    found = rows.order_by().aggregate(**columns)
    return [(first, found[f"n{number}"]) for number, (first, *_) in enumerate(bounds) if found[f"n{number}"]]


def by_name(period: Period) -> list[Group]:
    """By who gave them, in the order of names; for readers of the whole history, and never ranked."""
    return sorted(_grouped(_of(period), "author_label", "desk"), key=lambda one: one.words)


def _grouped(rows: QuerySet[Any], *fields: str) -> list[Group]:
    is_reversed = Q(revoked_at__isnull=False) | Q(was_contradicted=True)
    found: Iterable[dict[str, Any]] = rows.values(*fields).annotate(n=Count("pk"), r=Count("pk", filter=is_reversed))
    groups = [Group(tuple(str(one[name] or "") for name in fields), one["n"], one["r"]) for one in found]
    return sorted(groups, key=lambda one: one.words)
