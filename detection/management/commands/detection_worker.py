"""The worker of the house: a django-q2 cluster, and the bell beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connections
from django.utils import timezone

from detection import queue, sweeping
from detection.conf import settings

GRACE = 30.0
"""Seconds that a cluster is given to end by itself before its process group is killed."""


class Command(BaseCommand):
    """Start a cluster, ring rows whose time has come each second, and sweep; Ctrl-C or SIGTERM ends both."""

    help = "Run the background work: a django-q2 cluster, and the bell and the sweep beside it."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-cluster", action="store_true", help="Only ring and sweep; clusters run elsewhere.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        cluster = None if options["no_cluster"] else self._start()
        self.stdout.write(f"detection_worker: ringing each second, sweeping every {settings.SWEEP} s.")
        try:
            cluster = self._watch(cluster)
        finally:
            self._end(cluster)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _start(self) -> subprocess.Popen[bytes]:
        """The cluster, as leader of a process group of its own, so that it can be ended by its leader alone."""
        connections.close_all()
        command = [sys.executable, sys.argv[0], "qcluster"]
        if not sys.argv[0].endswith(".py"):
            command = [sys.executable, "-m", "django", "qcluster"]
        return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)  # noqa: S603, our own command

    def _watch(self, cluster: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes] | None:
        """One round a second until told to stop; a cluster that ended is started anew."""
        next_sweep = 0.0
        while not self.stopping:
            if cluster is not None and cluster.poll() is not None:
                self.stderr.write("detection_worker: the cluster ended; starting it anew.")
                self._kill_group(cluster)
                cluster = self._start()
            try:
                now = timezone.now()
                if time.monotonic() >= next_sweep:
                    sweeping.sweep(now)
                    next_sweep = time.monotonic() + settings.SWEEP
                else:
                    queue.ring_due(now)
            except OperationalError as error:
                self.stderr.write(f"detection_worker: the database did not answer ({error}); trying again.")
                connections.close_all()
            time.sleep(1.0)
        return cluster

    def _end(self, cluster: subprocess.Popen[bytes] | None) -> None:
        if cluster is None:
            return
        if cluster.poll() is None:
            cluster.terminate()
            try:
                cluster.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.stderr.write("detection_worker: the cluster did not end in time; ending its group.")
        self._kill_group(cluster)

    def _kill_group(self, cluster: subprocess.Popen[bytes]) -> None:
        """What the leader left behind; it started all of it."""
        try:
            os.killpg(cluster.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        cluster.wait()
