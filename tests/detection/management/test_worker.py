"""`detection_worker`: the bell and the sweep beside a cluster, and what they do when something stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from detection import pulse, queue, sweeping
from detection.conf import settings
from detection.management.commands import detection_worker
from detection.models import Analysis, Sweep, Worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


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

    monkeypatch.setattr(detection_worker, "SWEEP_AGAIN", 0.0)
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
    command.handle(no_cluster=True, cluster=False)
    assert Sweep.objects.exists()
    assert queue.waiting() == 1
    assert "ringing each second, sweeping every 60 s" in command.stdout._out.getvalue()  # type: ignore[attr-defined]


def test_it_does_not_start_a_cluster_that_lacks_a_key(command: detection_worker.Command, settings: Any) -> None:
    backend = "detection.providers.generic.GenericProvider"
    options = {"base_url": "https://detector.example"}
    settings.DETECTION_PROVIDERS = {"keyless": {"BACKEND": backend, "OPTIONS": options}}
    with pytest.raises(CommandError, match="api_key'] is empty.*Give it to the process that runs detection_worker"):
        command.handle(no_cluster=False, cluster=False)
    command.handle(no_cluster=True, cluster=False)
    assert Sweep.objects.exists()


def test_a_database_that_does_not_answer_is_asked_again(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D06."""
    sweep, answers = sweeping.sweep, iter([OperationalError("database is locked")])

    def once_locked(now: Any, **options: Any) -> Any:
        for error in answers:
            raise error
        return sweep(now, **options)

    monkeypatch.setattr(sweeping, "sweep", once_locked)
    monkeypatch.setattr(detection_worker.connections, "close_all", lambda: None)
    command.handle(no_cluster=True, cluster=False)
    assert "did not answer (database is locked)" in command.stderr._out.getvalue()  # type: ignore[attr-defined]
    assert Sweep.objects.exists()


def cluster_of(command: detection_worker.Command, code: str, *, first: str = "pass") -> subprocess.Popen[bytes]:
    """Some process in the place of a cluster, leader of its own group, that has said that it runs."""
    command.cluster = subprocess.Popen(
        [sys.executable, "-c", f"{first}; print(flush=True); {code}"],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert command.cluster.stdout is not None
    command.cluster.stdout.readline()
    command.cluster.stdout.close()
    return command.cluster


@pytest.fixture
def clusters(command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that the command starts as its clusters; the first one ends at once."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        started.append(cluster_of(command, "import time; time.sleep(60)"))
        if len(started) == 1:
            started[0].kill()
            started[0].wait()
        command.start_at = None
        command.watchdog = pulse.Watchdog(
            command.pulses / str(len(started)), patience=settings.WATCHDOG, now=time.monotonic()
        )
        command.watchdog.has_worked = True

    monkeypatch.setattr(command, "_start", start)
    return started


def test_a_cluster_that_ended_is_started_anew_and_ended_with_the_worker(
    command: detection_worker.Command, clusters: list[subprocess.Popen[bytes]]
) -> None:
    """D02."""
    command.handle(no_cluster=False, cluster=False)
    assert len(clusters) == 2
    assert all(cluster.poll() is not None for cluster in clusters)
    assert "the cluster ended; starting a new cluster" in command.stderr._out.getvalue()  # type: ignore[attr-defined]
    row = Worker.objects.get()
    assert (row.pid, row.restarts, row.restart_reason) == (os.getpid(), 1, "the cluster ended")
    assert row.ended_at
    assert row.busy_at is not None


def test_a_cluster_that_hangs_is_started_anew(
    command: detection_worker.Command, clusters: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command.stop_after = 4  # type: ignore[attr-defined]
    faults = iter(["", "work has waited"])
    monkeypatch.setattr(pulse.Watchdog, "fault", lambda *args, **kwargs: next(faults, ""))
    command.handle(no_cluster=False, cluster=False)
    assert len(clusters) == 3
    assert Worker.objects.get().restart_reason == "work has waited"


def test_a_round_that_fails_does_not_end_the_bell(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    sweep = sweeping.sweep

    def broken(now: Any, **options: Any) -> Any:
        monkeypatch.setattr(sweeping, "sweep", sweep)
        raise ValueError("a row that nobody thought of")

    monkeypatch.setattr(sweeping, "sweep", broken)
    command.handle(no_cluster=True, cluster=False)
    assert [record.getMessage() for record in logged] == ["A round of the bell failed; the next one comes in a second."]
    assert Sweep.objects.exists()


def test_workers_that_nobody_has_seen_for_a_week_are_forgotten(command: detection_worker.Command) -> None:
    long_ago = timezone.now() - timedelta(days=8)
    Worker.objects.create(name="old", host="old", pid=1, started_at=long_ago, seen_at=long_ago)
    command.handle(no_cluster=True, cluster=False)
    assert [row.pid for row in Worker.objects.all()] == [os.getpid()]
    assert str(Worker.objects.get()) == Worker.objects.get().name


def test_a_worker_that_cannot_report_says_so_and_works_on(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Worker, "save", locked)
    monkeypatch.setattr(detection_worker.connections, "close_all", lambda: None)
    command.handle(no_cluster=True, cluster=False)
    assert "could not report to the database" in command.stderr._out.getvalue()  # type: ignore[attr-defined]


def test_a_cluster_that_does_not_end_in_time_is_ended_with_its_group(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(queue, "task_seconds", lambda: 0.2)
    heeds_nobody = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    cluster = cluster_of(command, "import time; time.sleep(60)", first=heeds_nobody)
    command.watchdog = pulse.Watchdog(tmp_path, patience=20, now=0)
    command._end()
    assert cluster.poll() == -signal.SIGKILL
    assert "did not end in time" in command.stderr._out.getvalue()  # type: ignore[attr-defined]
    command._end()


def test_the_cluster_leads_a_group_of_its_own_and_has_a_folder_of_its_own(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []

    def popen(arguments: list[str], **options: Any) -> Any:
        seen.append({**options, "arguments": arguments})

    monkeypatch.setattr(detection_worker.subprocess, "Popen", popen)
    monkeypatch.setattr(detection_worker.connections, "close_all", lambda: None)
    command.pulses = tmp_path
    command._start()
    command._start()
    assert seen[0]["arguments"][0] == sys.executable
    assert seen[0]["arguments"][-5:] == ["-m", "django", "detection_worker", "--cluster", "--skip-checks"]
    assert seen[0]["env"]["PYTHONPATH"].split(os.pathsep) == sys.path
    assert seen[0]["start_new_session"]
    assert [one["env"][pulse.FOLDER] for one in seen] == [str(tmp_path / "0"), str(tmp_path / "1")]


def test_a_cluster_that_never_gets_to_work_is_given_longer_and_longer(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pauses = []
    for _start in range(9):
        command.watchdog = pulse.Watchdog(tmp_path, patience=20, now=0)
        command._renew("the cluster ended")
        assert command.start_at is not None
        pauses.append(round(command.start_at - time.monotonic()))
    assert pauses == [1, 3, 7, 15, 31, 60, 60, 60, 60]
    command.watchdog.has_worked = True
    command._renew("the cluster ended")
    assert command.start_at <= time.monotonic()


def test_the_folder_of_a_worker_that_was_killed_is_removed_by_the_next(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(detection_worker.tempfile, "tempdir", str(tmp_path))
    left, alive = tmp_path / f"detection-pulse-{gone.pid}-abc", tmp_path / f"detection-pulse-{os.getpid()}-abc"
    left.mkdir()
    alive.mkdir()
    command.handle(no_cluster=True, cluster=False)
    assert (left.exists(), alive.exists()) == (False, True)


def test_the_inner_process_runs_the_cluster_until_its_parent_is_gone(
    command: detection_worker.Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, parents = os.pipe()
    answers: list[bool] = []

    def run_cluster(is_over: Callable[[], bool]) -> bool:
        answers.append(is_over())
        os.close(parents)
        answers.append(is_over())
        return True

    monkeypatch.setattr(queue, "run_cluster", run_cluster)
    with os.fdopen(ours) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        command.handle(cluster=True)
        assert answers == [False, True]
        monkeypatch.setattr(queue, "run_cluster", lambda is_over: False)
        with pytest.raises(CommandError, match="sentinel died"):
            command.handle(cluster=True)
