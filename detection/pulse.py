"""Signs of life, by which a busy process is told from a stuck one. The worker's watchdog and the sweep read them.

A *claim* is renewed in its row while a worker works on it, so that a lease can be short and a dead worker's picture
is not kept waiting. A *cluster* touches three files as its tasks begin, end and are recorded: django-q2's processes
may hang for ever while all of them look alive (https://github.com/django-q2/django-q2/issues/23), so only progress
proves anything. Files, not rows: they beat while the database is down, and cost it nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from django.db import Error, connections
from django.utils import timezone

from detection.conf import settings
from detection.models import Analysis

FOLDER = "DETECTION_PULSE"
"""The variable by which a worker tells its cluster where to beat; without it nobody listens."""
EVERY = 2.0
"""Seconds between two beats of a task that is running."""
START_UP = 30.0
"""Seconds a cluster may take until its first task, however short the patience."""


class Beat(StrEnum):
    """What a file's time of change tells."""

    WORKED = "worked"
    """A task was running then."""
    ENDED = "ended"
    """A worker finished a task then."""
    RECORDED = "recorded"
    """The cluster's monitor took note of a finished task then."""


def beat(kind: Beat) -> None:
    """Touch one sign of life; never raises, for a full disk must not end a task."""
    folder = os.environ.get(FOLDER)
    if folder:
        with contextlib.suppress(OSError):
            Path(folder, kind).touch()


_task_over = threading.Event()


def task_began(*, at_most: float) -> None:
    """A task of this process, ours or the host's, has begun: beat until `task_ended`, or `at_most` seconds long."""
    global _task_over
    _task_over = threading.Event()
    beat(Beat.WORKED)
    if os.environ.get(FOLDER):
        _repeat(lambda: beat(Beat.WORKED), every=EVERY, at_most=at_most, over=_task_over)


def task_ended() -> None:
    """The task of this process is over, well or not."""
    _task_over.set()
    beat(Beat.WORKED)
    beat(Beat.ENDED)


@contextmanager
def renewing(analysis: Analysis, lease: uuid.UUID, *, at_most: float) -> Iterator[None]:
    """Keep the lease alive for the length of the block, at most `at_most` seconds: longer is not busy but stuck.

    Nobody learns of a renewal that fails: the lease then ends, another worker takes the row, and this one's writes
    no longer find their token.
    """

    def renew() -> None:
        with contextlib.suppress(Error):
            mine = Analysis.objects.filter(pk=analysis.pk, lease_token=lease)
            if not mine.update(lease_until=timezone.now() + timedelta(seconds=settings.LEASE)):
                over.set()
        connections.close_all()

    over = threading.Event()
    thread = _repeat(renew, every=settings.LEASE / 3, at_most=at_most, over=over)
    try:
        yield
    finally:
        over.set()
        # A renewal on its way must not come after whatever the caller does next.
        thread.join(5.0)


def _repeat(act: Callable[[], None], *, every: float, at_most: float, over: threading.Event) -> threading.Thread:
    until = time.monotonic() + at_most

    def run() -> None:
        while not over.wait(every) and time.monotonic() < until:
            act()

    thread = threading.Thread(target=run, name="detection-pulse", daemon=True)
    thread.start()
    return thread


class Watchdog:
    """Judges from outside whether the cluster that beats into `folder` gets on.

    `patience`: seconds that work may wait while no task runs, and that an ended task may stay unrecorded.
    """

    def __init__(self, folder: Path, *, patience: float, now: float) -> None:
        self.folder, self.patience, self.started = folder, patience, now
        self._rings_since: float | None = None
        self._unrecorded_since: float | None = None
        self._recorded = 0.0

    def last(self, kind: Beat) -> float:
        """When this was last seen, in seconds since the epoch; 0 for never."""
        try:
            return (self.folder / kind).stat().st_mtime
        except OSError:
            return 0.0

    def fault(self, now: float, *, work_waits: bool, rings: int) -> str:
        """The sentence that says what hangs, or "". Ask about once a second.

        `work_waits`: a rung row was left lying for longer than the patience. `rings`: how many wait in the broker.
        """
        self._rings_since = None if not rings else self._rings_since or now
        ended, recorded = self.last(Beat.ENDED), self.last(Beat.RECORDED)
        if recorded >= ended or recorded != self._recorded:
            self._unrecorded_since = None
        elif self._unrecorded_since is None:
            self._unrecorded_since = now
        self._recorded = recorded
        worked = self.last(Beat.WORKED)
        alive_at = worked if worked > self.started else self.started + max(0.0, START_UP - self.patience)
        waits = work_waits or (self._rings_since is not None and now - self._rings_since > self.patience)
        if waits and now - alive_at > self.patience:
            return f"work has waited for over {self.patience:.0f} s and no task runs"
        if self._unrecorded_since is not None and now - self._unrecorded_since > self.patience:
            return f"finished tasks have not been recorded for over {self.patience:.0f} s"
        return ""
