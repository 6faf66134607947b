"""Which process of a worker is which: the bell, the leader of its cluster, and what django-q2 starts below it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from detection.testing.detector import SandboxDetector

WORKERS = 2
"""As many as Q_WORKERS says by default."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The processes of one `detection_worker`, all running."""

    bell: psutil.Process
    leader: psutil.Process
    sentinel: psutil.Process
    workers: tuple[psutil.Process, ...]
    monitor: psutil.Process
    pusher: psutil.Process

    @property
    def group(self) -> tuple[psutil.Process, ...]:
        return (self.leader, self.sentinel, *self.workers, self.monitor, self.pusher)

    def busy(self, detector: SandboxDetector) -> psutil.Process | None:
        """A worker that waits for this detector's answer at this moment."""
        ports = {call.caller_port for call in list(detector.calls) if not call.ended}
        for worker in self.workers:
            if any(one.laddr.port in ports for one in worker.net_connections("tcp4")):
                return worker
        return None


def cluster_of(bell: subprocess.Popen[bytes]) -> Cluster | None:
    """The cluster below this `detection_worker`; None while it starts."""
    try:
        outer = psutil.Process(bell.pid)
        [leader] = outer.children()
        [sentinel] = leader.children()
        # By the titles that django-q2 gives them where setproctitle is installed: those that were started anew stand
        # in no order.
        titled = [(one, " ".join(one.cmdline()).strip()) for one in sentinel.children()]
        [monitor] = [one for one, title in titled if title.endswith(" monitor")]
        [pusher] = [one for one, title in titled if title.endswith(" pusher")]
        workers = [one for one, title in titled if title.endswith(" idle") or " processing " in title]
    except (psutil.NoSuchProcess, psutil.ZombieProcess, ValueError):
        return None
    return Cluster(outer, leader, sentinel, tuple(workers), monitor, pusher) if len(workers) == WORKERS else None


def kill(process: psutil.Process) -> None:
    """Kill -9 of this one process of ours."""
    os.kill(process.pid, signal.SIGKILL)


def still_there(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that has, and that its new parent has not collected yet, counts as gone."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
