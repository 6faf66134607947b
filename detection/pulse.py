"""Signs of life, by which a busy process is told from a stuck one. The worker's watchdog and the sweep read them.

A *claim* is renewed in its row while a worker works on it, so that a lease can be short and a dead worker's picture
is not kept waiting. A *cluster* touches three files as its tasks begin, end and are recorded: django-q2's processes
may hang for ever while all of them look alive (https://github.com/django-q2/django-q2/issues/23), so only progress
proves anything. Files, not rows: they beat while the database is down, and cost it nothing.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from django.db import Error, connections

from detection.conf import settings
from detection.models import Analysis, moments

FOLDER = "DETECTION_PULSE"
"""The variable by which a worker tells its cluster where to beat; without it nobody listens."""
CLOSING = "closing"
"""The file by which a worker tells its cluster that it is to end: scans that have not begun are left to others."""
EVERY = 2.0
"""Seconds between two beats of a task that is running."""
ORPHANED = 3.0
"""Seconds that the rest of a cluster outlives its leader; the worker, where it lives, ends it within one."""
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


def is_closing() -> bool:
    """Whether this process belongs to a cluster that was told to end."""
    folder = os.environ.get(FOLDER)
    return folder is not None and Path(folder, CLOSING).exists()


_task_over = threading.Event()


def task_began() -> None:
    """A task of this process, ours or the host's, has begun: beat until `task_ended`, however long it may take.

    A task that overruns its time is ended by django-q2's guard, and its beat with it.
    """
    global _task_over
    _task_over = threading.Event()
    beat(Beat.WORKED)
    if os.environ.get(FOLDER):
        _repeat(lambda: beat(Beat.WORKED), every=EVERY, at_most=math.inf, over=_task_over)


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
            if not mine.update(lease_until=moments.now() + timedelta(seconds=settings.LEASE)):
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


_writing: int | None = None
_reading = -1


def end_forks_with_me(*, after: float = ORPHANED) -> None:
    """From now on, whatever is forked from this process, and from those, ends `after` seconds after this process.

    However this process ends: the forks hold one end of a pipe, and a thread in each waits for the other end to close.
    A cluster whose leader was killed would otherwise work on without a guard, where the worker that would have ended
    it was killed too. What Python does not fork (on macOS, by default) is not bound.
    """
    global _writing, _reading
    _reading, _writing = os.pipe()

    def wait() -> None:
        os.read(_reading, 1)
        time.sleep(after)
        os.kill(os.getpid(), signal.SIGKILL)

    def bind() -> None:
        global _writing
        if _writing is not None:
            os.close(_writing)
            _writing = None
        threading.Thread(target=wait, name="detection-orphaned", daemon=True).start()

    os.register_at_fork(after_in_child=bind)


class Watchdog:
    """Judges from outside whether one cluster gets on. Give each cluster a folder of its own to beat into.

    `patience`: seconds that work may wait while no task runs, and that ended tasks may stay unrecorded. `start_up`:
    seconds that it may take until its first task. `now`, here and below, by `time.monotonic`: only changes of the
    files are heeded, never their times, so that no step of the clock looks like a fault.
    """

    def __init__(self, folder: Path, *, patience: float, now: float, start_up: float = START_UP) -> None:
        self.folder, self.patience = folder, patience
        self.has_worked = False
        self._alive_at = now + max(0.0, start_up - patience)
        self._looked_at = self._worked_at = now
        self._waits_since: float | None = None
        self._unrecorded_since: float | None = None
        self._unrecorded = 0
        self._last = self._prepare()

    def _prepare(self) -> dict[Beat, int]:
        """Make the files, so that a beat needs no room on a disk that is full; what stands in them now is no sign."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            for kind in Beat:
                (self.folder / kind).touch()
        return {kind: self._time(kind) for kind in Beat}

    def _time(self, kind: Beat) -> int:
        try:
            return (self.folder / kind).stat().st_mtime_ns
        except OSError:
            return 0

    def fault(self, now: float, *, work_waits: bool) -> str:
        """The sentence that says what hangs, or "". Ask about once a second.

        `work_waits`: something that was rung waits for a worker. Only what was seen to wait at every look, for as
        long as the patience, is held against the cluster: after a gap (the database was away, the machine slept) the
        wait begins anew. Where nothing can be told, for the files are gone, it is well.
        """
        if now - self._looked_at > max(5.0, self.patience / 2):
            self._waits_since = self._unrecorded_since = None
        self._looked_at = now
        changed = self._changes()
        if changed is None:
            return ""
        if changed & {Beat.WORKED, Beat.ENDED}:
            self._alive_at, self._worked_at, self.has_worked = now, now, True
        if Beat.RECORDED in changed:
            self._unrecorded, self._unrecorded_since = 0, None
        elif Beat.ENDED in changed:
            self._unrecorded += 1
        # A single one may just have been ended, or have a result that no process can hand to another.
        if self._unrecorded > 1 and self._unrecorded_since is None:
            self._unrecorded_since = now
        self._waits_since = (self._waits_since or now) if work_waits else None
        if self._waits_since is not None and now - max(self._waits_since, self._alive_at) > self.patience:
            return f"work has waited for over {self.patience:.0f} s and no task runs"
        if self._unrecorded_since is not None and now - self._unrecorded_since > self.patience:
            return f"finished tasks have not been recorded for over {self.patience:.0f} s"
        return ""

    def seconds_since_work(self, now: float) -> float | None:
        """How long ago a task was seen to run; None for never."""
        return max(0.0, now - self._worked_at) if self.has_worked else None

    def _changes(self) -> set[Beat] | None:
        times = {kind: self._time(kind) for kind in Beat}
        if not all(times.values()):
            self._last = self._prepare()
            return None
        changed = {kind for kind in Beat if times[kind] != self._last[kind]}
        self._last = times
        return changed
