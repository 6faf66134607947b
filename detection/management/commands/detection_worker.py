"""The worker of the house: a django-q2 cluster, the bell that rings its rows, and the watchdog beside it.

Two processes of this command. The outer one rings, sweeps and watches; it starts the inner one (`--cluster`) as
leader of a process group of its own and ends it by that leader alone, for a signal to the whole group would hang it.
The inner one runs the cluster and ends with its parent: their pipe closes when the parent dies, however it dies.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections
from django.utils import timezone

from detection import pulse, queue, sweeping
from detection.conf import settings
from detection.errors import BrokerUnavailable
from detection.models import Worker

logger = logging.getLogger("detection")

GRACE = 30.0
"""Seconds that a cluster is given to end by itself before its process group is killed."""
REPORT_EVERY = 5.0
KEEP_WORKERS = timedelta(days=7)


class Command(BaseCommand):
    """Start a cluster, ring rows whose time has come each second, sweep and watch; Ctrl-C or SIGTERM ends it all."""

    help = "Run the background work: a django-q2 cluster, with the bell, the sweep and the watchdog beside it."
    requires_system_checks = "__all__"
    cluster: subprocess.Popen[bytes] | None = None
    watchdog: pulse.Watchdog
    row: Worker | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-cluster", action="store_true", help="Only ring and sweep; clusters run elsewhere.")
        parser.add_argument("--cluster", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        if options["cluster"]:
            self._run_cluster()
            return
        with tempfile.TemporaryDirectory(prefix="detection-pulse-") as folder:
            self.folder = Path(folder)
            self.has_cluster = not options["no_cluster"]
            self.stdout.write(f"detection_worker: ringing each second, sweeping every {settings.SWEEP} s.")
            self.stdout.flush()
            try:
                if self.has_cluster:
                    self._start()
                self._watch()
            finally:
                self._end()
                self._report(ended=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    # The inner process.

    def _run_cluster(self) -> None:
        parent = sys.stdin.fileno()

        def is_over() -> bool:
            readable, _, _ = select.select([parent], [], [], 0)
            return self.stopping or bool(readable and not os.read(parent, 1))

        if not queue.run_cluster(is_over):
            raise CommandError("The cluster's sentinel died.")

    # The outer process.

    def _start(self) -> None:
        connections.close_all()
        command = [sys.executable, sys.argv[0], "detection_worker", "--cluster"]
        if not sys.argv[0].endswith(".py"):
            command = [sys.executable, "-m", "django", *command[2:]]
        self.cluster = subprocess.Popen(  # noqa: S603, our own command
            command,
            start_new_session=True,
            stdin=subprocess.PIPE,
            env={**os.environ, pulse.FOLDER: str(self.folder)},
        )
        self.watchdog = pulse.Watchdog(self.folder, patience=settings.WATCHDOG, now=time.time())

    def _watch(self) -> None:
        """One round a second until told to stop. No round's trouble ends the bell: there is nobody else to ring."""
        next_sweep = next_report = 0.0
        complaint = ""
        while not self.stopping:
            now, clock = timezone.now(), time.monotonic()
            try:
                if self.cluster is not None and self.cluster.poll() is not None:
                    self._renew("the cluster ended")
                if clock >= next_report:
                    self._report()
                    next_report = clock + REPORT_EVERY
                if clock >= next_sweep:
                    sweeping.sweep(now)
                    next_sweep = time.monotonic() + settings.SWEEP
                else:
                    sweeping.tick(now)
                if self.cluster is not None:
                    waits, rings = queue.is_left_lying(now), queue.waiting()
                    if fault := self.watchdog.fault(time.time(), work_waits=waits, rings=rings):
                        self._renew(fault)
                complaint = ""
            except BrokerUnavailable as error:
                complaint = self._complain(f"{error} Trying again.", complaint)
                if clock >= next_sweep:  # all but the ringing was swept
                    next_sweep = clock + settings.SWEEP
            except Error as error:
                complaint = self._complain(f"the database did not answer ({error}); trying again.", complaint)
                connections.close_all()
            except Exception:
                logger.exception("A round of the bell failed; the next one comes in a second.")
            time.sleep(1.0)

    def _complain(self, sentence: str, before: str) -> str:
        """Say it once, not each second of an outage."""
        if sentence != before:
            self.stderr.write(f"detection_worker: {sentence}")
        return sentence

    def _renew(self, why: str) -> None:
        """Kill the whole group of a cluster that ended or hangs, and start a new one."""
        self.stderr.write(f"detection_worker: {why}; starting a new cluster.")
        self._kill_group()
        self._start()
        self._report(fault=why)

    def _report(self, *, fault: str = "", ended: bool = False) -> None:
        """Say in the database that this worker lives; what fails here is no reason to stop working."""
        now = timezone.now()
        try:
            if self.row is None:
                Worker.objects.filter(seen_at__lt=now - KEEP_WORKERS).delete()
                host, pid = socket.gethostname()[:60], os.getpid()
                name = f"{host}:{pid} {now:%Y-%m-%d %H:%M:%S}"
                self.row = Worker(name=name, host=host, pid=pid, started_at=now)
            row, worked = self.row, self.watchdog.last(pulse.Beat.WORKED) if self.cluster is not None else 0.0
            row.seen_at, row.ended_at = now, now if ended else None
            row.busy_at = datetime.fromtimestamp(worked, UTC) if worked else row.busy_at
            if fault:
                row.restarts, row.restart_reason = row.restarts + 1, fault[:200]
            row.save()
        except Error as error:
            self.stderr.write(f"detection_worker: could not report to the database ({error}).")
            connections.close_all()

    def _end(self) -> None:
        """End the cluster by its leader alone, and whatever is left of its group after a grace."""
        if self.cluster is None:
            return
        if self.cluster.poll() is None:
            self.cluster.terminate()
            try:
                self.cluster.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.stderr.write("detection_worker: the cluster did not end in time; ending its group.")
        self._kill_group()

    def _kill_group(self) -> None:
        """What the leader left behind; it started all of it."""
        if self.cluster is None:
            return
        # Nobody is left, or (on macOS) only those that have already ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.cluster.pid, signal.SIGKILL)
        self.cluster.wait()
        if self.cluster.stdin is not None:
            self.cluster.stdin.close()
