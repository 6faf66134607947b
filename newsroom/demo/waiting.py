"""Waiting, in the demo's launcher, for what its worker processes do; it reads rows and does none of the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import IO

from django.core.management.base import CommandError
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from detection.models import Analysis, Asset, StoredOverlay
from detection.vocabulary import AnalysisStatus
from newsroom.demo.processes import Children
from newsroom.demo.progress import Progress

STEP = 0.25
"""Seconds between two looks."""


def unfinished(now: datetime, *, until: datetime | None = None) -> QuerySet[Analysis]:
    """The analyses that have neither ended nor wait for a retry that is due later than `until` (default: now)."""
    later = Q(status=AnalysisStatus.RETRY_PENDING, next_attempt_at__gt=until or now)
    return Analysis.objects.present().live().exclude(later)


def loose_ends() -> bool:
    """Whether an overlay is still to be fetched, or a listener still to be told."""
    pending = StoredOverlay.objects.filter(status="pending").exists()
    return pending or Asset.objects.filter(announced_version__lt=F("standing_version")).exists()


class Watch:
    """Looks again and again, and notices when a process that should do the work has ended.

    `seconds`: for everything that is waited for, together.
    """

    def __init__(self, children: Children, out: IO[str], *, seconds: float) -> None:
        self._children, self._out = children, out
        self._deadline = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """The seconds left for everything."""
        return max(0.0, self._deadline - time.monotonic())

    def until(self, is_so: Callable[[], bool], *, seconds: float | None = None) -> bool:
        """Whether it was so within this time. Raises CommandError when a child process is lost."""
        deadline = time.monotonic() + min(self.remaining, self.remaining if seconds is None else seconds)
        while not is_so():
            self.check()
            if time.monotonic() >= deadline:
                return False
            time.sleep(STEP)
        return True

    def check(self) -> None:
        """Raises CommandError with what it last said, where a child process ended by itself."""
        lost = self._children.lost()
        if lost is not None:
            said = f" It last said: {lost.last_line()}" if lost.last_line() else ""
            raise CommandError(f"The demo's {lost.name} ended by itself.{said} More in {lost.log}.")

    def until_checked(self, title: str, *, only: Iterable[int] | None = None) -> bool:
        """Whether all pictures, or those with these asset ids, were checked in time; shows how far it is."""
        pictures = Asset.objects.filter(detached_at=None)
        if only is not None:
            pictures = pictures.filter(pk__in=list(only))
        total = pictures.count()
        horizon = timezone.now() + timedelta(seconds=self.remaining)

        def are_checked() -> bool:
            now = timezone.now()
            open_now = unfinished(now, until=max(now, horizon)).values("asset")
            left = pictures.filter(pk__in=open_now).count()
            progress.to(total - left)
            return not left and (only is not None or not loose_ends())

        with Progress(title, total, self._out) as progress:
            return self.until(are_checked)
