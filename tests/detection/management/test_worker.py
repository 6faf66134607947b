"""`detection_worker`: the bell and the sweep beside a cluster, and what they do when something stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError

from detection import queue, sweeping
from detection.management.commands import detection_worker
from detection.models import Analysis, Sweep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[detection_worker.Command]:
    """The command with a second that takes no time, and which is told to stop after some rounds."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = detection_worker.Command(stdout=StringIO(), stderr=StringIO())
    rounds = iter(range(100))
    made.stop_after = 3  # type: ignore[attr-defined]

    def second(seconds: float) -> None:
        if next(rounds) + 1 >= made.stop_after:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(detection_worker, "time", SimpleNamespace(sleep=second, monotonic=time.monotonic))
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_sweeps_once_and_rings_each_second_until_it_is_told_to_stop(
    command: detection_worker.Command, plate: Callable[..., Any]
) -> None:
    plate()
    queue.take_all()
    Analysis.objects.update(rung_at=None)
    command.handle(no_cluster=True)
    assert Sweep.objects.exists()
    assert queue.waiting() == 1
    assert "ringing each second, sweeping every 60 s" in command.stdout._out.getvalue()  # type: ignore[attr-defined]


def test_a_database_that_does_not_answer_is_asked_again(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D06."""
    sweep, answers = sweeping.sweep, iter([OperationalError("database is locked")])

    def once_locked(now: Any) -> Any:
        for error in answers:
            raise error
        return sweep(now)

    monkeypatch.setattr(sweeping, "sweep", once_locked)
    monkeypatch.setattr(detection_worker.connections, "close_all", lambda: None)
    command.handle(no_cluster=True)
    assert "did not answer (database is locked)" in command.stderr._out.getvalue()  # type: ignore[attr-defined]
    assert Sweep.objects.exists()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(SLEEPER, start_new_session=True)


def test_a_cluster_that_ended_is_started_anew_and_ended_with_the_worker(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D02."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(sleeper())
        if len(started) == 1:
            started[0].kill()
            started[0].wait()
        return started[-1]

    monkeypatch.setattr(command, "_start", start)
    command.handle(no_cluster=False)
    assert len(started) == 2
    assert all(cluster.poll() is not None for cluster in started)
    assert "starting it anew" in command.stderr._out.getvalue()  # type: ignore[attr-defined]


def test_a_cluster_that_does_not_end_in_time_is_ended_with_its_group(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detection_worker, "GRACE", 0.2)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    cluster = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True, stdout=subprocess.PIPE)
    assert cluster.stdout is not None
    cluster.stdout.readline()
    cluster.stdout.close()
    command._end(cluster)
    assert cluster.poll() == -signal.SIGKILL
    assert "did not end in time" in command.stderr._out.getvalue()  # type: ignore[attr-defined]
    command._end(cluster)


@pytest.mark.parametrize(("program", "expected"), [("manage.py", "manage.py"), ("/usr/bin/pytest", "-m")])
def test_the_cluster_leads_a_group_of_its_own(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, program: str, expected: str
) -> None:
    seen: dict[str, Any] = {}

    def popen(arguments: list[str], **options: Any) -> Any:
        seen.update(options, arguments=arguments)

    monkeypatch.setattr(detection_worker.subprocess, "Popen", popen)
    monkeypatch.setattr(detection_worker.connections, "close_all", lambda: None)
    monkeypatch.setattr(sys, "argv", [program])
    command._start()
    assert seen["arguments"][0] == sys.executable
    assert seen["arguments"][1] == expected
    assert seen["arguments"][-1] == "qcluster"
    assert seen["start_new_session"]
