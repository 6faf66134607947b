"""Three standing reports, each a handful of grouped queries over a period: overrides, detectors, coverage.

None of them counts by photographer, source or uploader, and none ranks anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

FEW = 20
"""Under so many no percentage is told."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of one day to the end of another, in the installation's time zone."""

    first: date
    last: date

    @classmethod
    def usual(cls, today: date) -> Period:
        """The last ninety days."""
        return cls(today - timedelta(days=89), today)

    @property
    def begin(self) -> datetime:
        return datetime.combine(self.first, time.min, tzinfo=timezone.get_current_timezone())

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last, time.min, tzinfo=timezone.get_current_timezone()) + timedelta(days=1)

    def months(self) -> list[tuple[date, datetime, datetime]]:
        """The months that it touches: first day, and from when until when; of a longer period the last sixty."""
        begins = [self.first.replace(day=1)]
        while (following := (begins[-1] + timedelta(days=32)).replace(day=1)) <= self.last:
            begins.append(following)
        ends = [Period(day, day).begin for day in begins[1:]] + [self.end]
        return list(zip(begins, (Period(day, day).begin for day in begins), ends, strict=True))[-60:]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many; as a percentage only where there are enough of them to mean anything."""

    count: int
    of: int

    @property
    def percent(self) -> int | None:
        """Rounded; None under `FEW`."""
        return round(100 * self.count / self.of) if self.of >= FEW else None
