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
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections
from django.utils import timezone

from detection import checks, pulse, queue, sweeping
from detection.conf import settings
from detection.errors import BrokerUnavailable
from detection.models import Worker, moments
from detection.providers import providers

logger = logging.getLogger("detection")

REPORT_EVERY = 5.0
SWEEP_AGAIN = 5.0
"""Seconds after which a sweep that failed is tried again."""
LONGEST_PAUSE = 60.0
"""Seconds between two starts of a cluster that never gets to its first task, at most."""
KEEP_WORKERS = timedelta(days=7)
PREFIX = "detection-pulse-"


class Command(BaseCommand):
    """Start a cluster, ring rows whose time has come each second, sweep and watch; Ctrl-C or SIGTERM ends it all."""

    help = "Run the background work: a django-q2 cluster, with the bell, the sweep and the watchdog beside it."
    requires_system_checks = "__all__"
    cluster: subprocess.Popen[bytes] | None = None
    watchdog: pulse.Watchdog
    pulses: Path
    start_at: float | None = None
    """When to start a cluster, by `time.monotonic`; None while one runs, or none is wanted."""
    starts = failed_starts = 0
    row: Worker | None = None
    queue = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-cluster", action="store_true", help="Only ring and sweep; clusters run elsewhere.")
        parser.add_argument("--queue", default="", help="Work only this named queue of a detector, not everybody's.")
        parser.add_argument("--cluster", action="store_true", help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        if options["cluster"]:
            self._run_cluster()
            return
        self.queue = options.get("queue") or ""
        if self.queue and self.queue not in (known := providers.queues()):
            names = ", ".join(known) or "none; set DETECTION_<ALIAS>_QUEUE, or the option queue"
            raise CommandError(f"No detector has a queue called {self.queue}. There is: {names}.")
        if not options["no_cluster"] and (missing := checks.check_keys()):
            raise CommandError("\n".join(f"{one.msg} {one.hint}" for one in missing))
        for one in checks.check_worker_privileges():
            self.stderr.write(f"{one.msg} {one.hint}")
        _remove_leavings()
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
            self.pulses = Path(folder)
            self.start_at = None if options["no_cluster"] else 0.0
            self.stdout.write(f"detection_worker: ringing each second, sweeping every {settings.SWEEP} s.")
            self.stdout.flush()
            try:
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
        """A cluster with a folder of its own, so that nothing an earlier one left there speaks for it, or against."""
        connections.close_all()
        folder = self.pulses / str(self.starts)
        self.starts, self.start_at = self.starts + 1, None
        start_up = pulse.START_UP * 2 ** min(self.failed_starts, 4)
        now, patience = time.monotonic(), settings.WATCHDOG
        self.watchdog = pulse.Watchdog(folder, patience=patience, now=now, start_up=start_up)
        queued = {"Q_CLUSTER_NAME": self.queue} if self.queue else {}
        # Not by sys.argv: this may be manage.py, `python -m django`, or a host's own script.
        command = [sys.executable, *(f"-W{option}" for option in sys.warnoptions), "-m", "django"]
        self.cluster = subprocess.Popen(  # noqa: S603, our own command
            [*command, "detection_worker", "--cluster", "--skip-checks"],
            start_new_session=True,
            stdin=subprocess.PIPE,
            env={**os.environ, **queued, pulse.FOLDER: str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def _watch(self) -> None:
        """One round a second until told to stop. No round's trouble ends the bell: there is nobody else to ring."""
        next_sweep = next_report = spare_until = 0.0
        complaint = ""
        while not self.stopping:
            clock = time.monotonic()
            is_sweep = clock >= next_sweep
            if is_sweep:
                next_sweep = clock + SWEEP_AGAIN
            try:
                self._keep_cluster(clock)
                if clock >= next_report:
                    self._report()
                    next_report = clock + REPORT_EVERY
                now = moments.now()
                look = sweeping.sweep if is_sweep else sweeping.tick
                look(now, free=clock >= spare_until)
                if is_sweep:
                    next_sweep = clock + settings.SWEEP
                self._mind_cluster(now)
                complaint = ""
            except BrokerUnavailable as error:
                complaint = self._complain(f"{error} Trying again.", complaint)
            except Error as error:
                complaint = self._complain(f"the database did not answer ({error}); trying again.", complaint)
                connections.close_all()
                # Workers could not renew their claims either: let those that live do so first.
                spare_until = time.monotonic() + settings.LEASE / 2
            except Exception:
                logger.exception("A round of the bell failed; the next one comes in a second.")
            time.sleep(1.0)

    def _keep_cluster(self, clock: float) -> None:
        """Start a cluster that is due, and see whether the present one still runs."""
        if self.start_at is not None and clock >= self.start_at:
            self._start()
        elif self.cluster is not None and self.cluster.poll() is not None:
            self._renew("the cluster ended")

    def _mind_cluster(self, now: datetime) -> None:
        if self.cluster is None:
            return
        if fault := self.watchdog.fault(time.monotonic(), work_waits=queue.work_waits(now, self.queue)):
            self._renew(fault)

    def _complain(self, sentence: str, before: str) -> str:
        """Say it once, not each second of an outage."""
        if sentence != before:
            self.stderr.write(f"detection_worker: {sentence}")
        return sentence

    def _renew(self, why: str) -> None:
        """Kill the whole group of a cluster that ended or hangs, and start a new one: at once where it had worked.

        One that never got to its first task is given longer, and longer pauses: it may be the machine, or a setting.
        """
        self.failed_starts = 0 if self.watchdog.has_worked else self.failed_starts + 1
        pause = min(2.0**self.failed_starts - 1, LONGEST_PAUSE)
        self.stderr.write(f"detection_worker: {why}; starting a new cluster{f' in {pause:.0f} s' * bool(pause)}.")
        self._kill_group()
        self.start_at = time.monotonic() + pause
        self._report(fault=why)

    def _report(self, *, fault: str = "", ended: bool = False) -> None:
        """Say in the database that this worker lives; what fails here is no reason to stop working."""
        now = timezone.now()
        try:
            if self.row is None:
                Worker.objects.filter(seen_at__lt=now - KEEP_WORKERS).delete()
                host, pid = socket.gethostname()[:60], os.getpid()
                name = f"{host}:{pid} {now:%Y-%m-%d %H:%M:%S}"
                self.row = Worker(name=name, host=host, pid=pid, queue=self.queue, started_at=now)
            row = self.row
            row.seen_at, row.ended_at = now, now if ended else None
            if self.cluster is not None and (worked := self.watchdog.seconds_since_work(time.monotonic())) is not None:
                row.busy_at = now - timedelta(seconds=worked)
            if fault:
                row.restarts, row.restart_reason, row.restarted_at = row.restarts + 1, fault[:200], now
            row.save()
        except Error as error:
            self.stderr.write(f"detection_worker: could not report to the database ({error}).")
            connections.close_all()

    def _end(self) -> None:
        """End the cluster by its leader alone, and whatever is left of its group after the time a task may take."""
        if self.cluster is None:
            return
        if self.cluster.poll() is None:
            with contextlib.suppress(OSError):
                (self.watchdog.folder / pulse.CLOSING).touch()
            self.cluster.terminate()
            try:
                self.cluster.wait(queue.task_seconds())
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
        self.cluster = None


def _remove_leavings() -> None:
    """The folders of workers that were killed; nobody else removes them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another user's, and alive
