"""Signs of life: a claim lasts as long as its worker lives, and a cluster that hangs is told from one that is idle."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.utils import timezone
from django_q.signals import post_execute, post_execute_in_worker, pre_execute

from detection import pulse, tasks
from detection.models import Analysis
from detection.pulse import Beat, Watchdog
from tests.conftest import asset_of

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20.0
SECOND = 1_000_000_000


class Seen:
    """A cluster and its watchdog, asked once a second; `beat` says what its tasks did in each."""

    def __init__(self, folder: Path, *, has_worked: bool = True) -> None:
        self.folder, self.now = folder, 5000.0
        self.watchdog = Watchdog(folder, patience=PATIENCE, now=self.now)
        if has_worked:
            self.now += 3600
            self.go(1, beat=(Beat.WORKED, Beat.ENDED, Beat.RECORDED))
            self.go(100)

    def go(self, seconds: int, *, beat: tuple[Beat, ...] = (), work_waits: bool = False, step: float = 1.0) -> str:
        """Let so many seconds pass; the first fault that is told, or ""."""
        for _second in range(seconds):
            self.now += step
            for kind in beat:
                path = self.folder / kind
                later = path.stat().st_mtime_ns + SECOND
                os.utime(path, ns=(later, later))
            if fault := self.watchdog.fault(self.now, work_waits=work_waits):
                return fault
        return ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(pulse.FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def idle(folder: Path) -> Seen:
    """A cluster that has been running for an hour, and has had nothing to do for a while."""
    return Seen(folder)


def test_an_idle_cluster_with_nothing_to_do_is_well(idle: Seen) -> None:
    assert idle.go(3600) == ""


def test_work_that_waits_while_no_task_runs_is_a_fault_after_the_patience(idle: Seen) -> None:
    assert idle.go(int(PATIENCE) + 1, work_waits=True) == ""
    assert "no task runs" in idle.go(1, work_waits=True)


def test_work_that_waits_behind_running_tasks_is_a_backlog(idle: Seen) -> None:
    assert idle.go(3600, work_waits=True, beat=(Beat.WORKED,)) == ""


def test_work_that_was_taken_in_between_starts_the_wait_anew(idle: Seen) -> None:
    for _round in range(10):
        assert idle.go(int(PATIENCE) - 1, work_waits=True) == ""
        idle.go(1)


def test_what_was_not_watched_is_not_held_against_a_cluster(idle: Seen) -> None:
    """The database was away, the machine slept, a sweep took long: nobody looked, so nobody knows."""
    idle.go(int(PATIENCE), work_waits=True)
    assert idle.go(1, work_waits=True, step=3600.0) == ""
    assert idle.go(int(PATIENCE), work_waits=True) == ""
    assert idle.go(1, work_waits=True) != ""


def test_a_cluster_that_starts_is_given_time(folder: Path) -> None:
    fresh = Seen(folder, has_worked=False)
    assert fresh.go(int(pulse.START_UP), work_waits=True) == ""
    assert not fresh.watchdog.has_worked
    assert fresh.watchdog.seconds_since_work(fresh.now) is None
    assert fresh.go(1, work_waits=True) != ""


def test_what_an_earlier_cluster_left_in_the_folder_does_not_count(folder: Path) -> None:
    """Or one killed monitor would cost every later cluster its life."""
    before = Seen(folder)
    before.go(5, beat=(Beat.WORKED, Beat.ENDED))
    assert Seen(folder, has_worked=False).go(3600) == ""


def test_finished_tasks_that_nobody_records_are_a_fault(idle: Seen) -> None:
    """The cluster's monitor was killed: tasks run on, and each is handed out again and again."""
    assert "recorded" in idle.go(int(PATIENCE) + 3, beat=(Beat.WORKED, Beat.ENDED))


def test_one_task_whose_end_is_never_recorded_is_no_proof(idle: Seen) -> None:
    """Its result may be one that can't be handed from process to process."""
    idle.go(1, beat=(Beat.WORKED, Beat.ENDED))
    assert idle.go(600) == ""


def test_a_monitor_that_is_always_a_little_behind_is_well(idle: Seen) -> None:
    for _round in range(30):
        assert idle.go(2, beat=(Beat.WORKED, Beat.ENDED)) == ""
        assert idle.go(1, beat=(Beat.RECORDED,)) == ""


def test_a_folder_that_was_cleaned_away_is_made_again_and_held_against_nobody(idle: Seen) -> None:
    shutil.rmtree(idle.folder)
    assert idle.go(1, work_waits=True) == ""
    assert (idle.folder / Beat.WORKED).exists()
    assert idle.go(600, work_waits=True, beat=(Beat.WORKED,)) == ""


def test_it_tells_when_a_task_last_ran(idle: Seen) -> None:
    assert idle.watchdog.seconds_since_work(idle.now) == 100.0


def test_tasks_of_a_cluster_beat_as_they_begin_run_and_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY", 0.02)
    pre_execute.send(sender="test", func=None, task={})
    os.utime(folder / Beat.WORKED, (1000, 1000))
    assert wait_until(lambda: (folder / Beat.WORKED).stat().st_mtime > 1000)
    assert not (folder / Beat.ENDED).exists()
    post_execute_in_worker.send(sender="test", func=None, task={})
    assert (folder / Beat.ENDED).exists()
    assert not (folder / Beat.RECORDED).exists()
    post_execute.send(sender="test", task={})
    assert (folder / Beat.RECORDED).exists()
    assert wait_until(lambda: not beating())


def test_a_cluster_that_is_to_end_begins_no_scan(
    folder: Path, db: None, pixels_only: None, plate: Callable[..., Any]
) -> None:
    row = asset_of(plate()).analyses.get()
    (folder / pulse.CLOSING).touch()
    tasks.scan(row.pk)
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("pending_scan", 0)
    (folder / pulse.CLOSING).unlink()
    tasks.scan(row.pk)
    row.refresh_from_db()
    assert row.attempts == 1


def test_a_beat_without_a_listener_or_a_folder_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pulse.FOLDER, raising=False)
    pulse.task_began()
    pulse.task_ended()
    assert not beating()
    monkeypatch.setenv(pulse.FOLDER, str(tmp_path / "gone"))
    pulse.beat(Beat.WORKED)


def beating() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "detection-pulse"]


def wait_until(question: Callable[[], Any]) -> bool:
    until = time.monotonic() + 5
    while not question():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def claimed(committed_db: None, pixels_only: None, plate: Callable[..., Any]) -> Analysis:
    found = asset_of(plate()).analyses.get()
    now = timezone.now()
    assert found.claim(until=now + timedelta(seconds=1), now=now)
    return found


def lease_until(row: Analysis) -> Any:
    return Analysis.objects.values_list("lease_until", flat=True).get(pk=row.pk)


@pytest.mark.django_db(transaction=True)
def test_a_claim_is_renewed_while_its_worker_works(claimed: Analysis, configure: Callable[..., None]) -> None:
    configure(LEASE=3)
    first, lease = lease_until(claimed), claimed.lease_token
    assert lease is not None
    with pulse.renewing(claimed, lease, at_most=60):
        assert wait_until(lambda: lease_until(claimed) > first)
    assert not beating()


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_another_took_over_is_not_renewed(claimed: Analysis, configure: Callable[..., None]) -> None:
    """D03."""
    configure(LEASE=3)
    lease, other = claimed.lease_token, "11111111-1111-1111-1111-111111111111"
    assert lease is not None
    Analysis.objects.filter(pk=claimed.pk).update(lease_token=other)
    first = lease_until(claimed)
    with pulse.renewing(claimed, lease, at_most=60):
        assert wait_until(lambda: not beating())
    assert lease_until(claimed) == first


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_stuck_loses_its_claim(claimed: Analysis, configure: Callable[..., None]) -> None:
    """D01."""
    configure(LEASE=3)
    first, lease = lease_until(claimed), claimed.lease_token
    assert lease is not None
    with pulse.renewing(claimed, lease, at_most=0.5):
        assert wait_until(lambda: not beating())
    assert lease_until(claimed) == first


FAMILY = """
import os, time
import django
django.setup()
from detection import pulse
pulse.end_forks_with_me(after=0.2)
for generation in range(2):
    if os.fork():
        break
os.write(1, b"%d\\n" % os.getpid())  # whole, whoever else writes
time.sleep(20)
"""


def test_what_was_forked_from_a_leader_ends_soon_after_it_and_not_before() -> None:
    """Its children and theirs; the middle one is killed first, so that nobody is left to pass anything on."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", FAMILY]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdout is not None
        pids = {int(leader.stdout.readline()) for _one in range(3)}
        below = [psutil.Process(pid) for pid in pids - {leader.pid}]
        middle, last = sorted(below, key=lambda one: one.ppid() != leader.pid)
        try:
            middle.kill()
            time.sleep(1)
            assert last.is_running()
            leader.kill()
            _gone, left = psutil.wait_procs([last], timeout=5)
            assert left == [] or left[0].status() == psutil.STATUS_ZOMBIE
        finally:
            for one in (leader, *below):
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    one.kill()
