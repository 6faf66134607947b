"""Signs of life: a claim lasts as long as its worker lives, and a cluster that hangs is told from one that is idle."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_q.signals import post_execute, post_execute_in_worker, pre_execute

from detection import pulse
from detection.models import Analysis
from detection.pulse import Beat, Watchdog
from tests.conftest import asset_of

NOW = 1_000_000.0
PATIENCE = 20.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(pulse.FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def watchdog(folder: Path) -> Watchdog:
    """Of a cluster that has been running for an hour."""
    made = Watchdog(folder, patience=PATIENCE, now=NOW - 3600)
    for kind in Beat:
        seen(folder, kind, NOW - 600)
    return made


def seen(folder: Path, kind: Beat, at: float) -> None:
    (folder / kind).touch()
    os.utime(folder / kind, (at, at))


def test_an_idle_cluster_with_nothing_to_do_is_well(watchdog: Watchdog) -> None:
    assert watchdog.fault(NOW, work_waits=False, rings=0) == ""


def test_work_that_waits_while_no_task_runs_is_a_fault(watchdog: Watchdog) -> None:
    assert "no task runs" in watchdog.fault(NOW, work_waits=True, rings=0)


def test_work_that_waits_behind_running_tasks_is_a_backlog(watchdog: Watchdog, folder: Path) -> None:
    seen(folder, Beat.WORKED, NOW - PATIENCE + 1)
    assert watchdog.fault(NOW, work_waits=True, rings=500) == ""


def test_rings_that_lie_in_the_broker_for_longer_than_the_patience_are_a_fault(watchdog: Watchdog) -> None:
    assert watchdog.fault(NOW, work_waits=False, rings=1) == ""
    assert watchdog.fault(NOW + PATIENCE, work_waits=False, rings=1) == ""
    assert "no task runs" in watchdog.fault(NOW + PATIENCE + 1, work_waits=False, rings=1)


def test_a_broker_that_was_empty_in_between_starts_the_wait_anew(watchdog: Watchdog) -> None:
    watchdog.fault(NOW, work_waits=False, rings=1)
    watchdog.fault(NOW + 10, work_waits=False, rings=0)
    assert watchdog.fault(NOW + PATIENCE + 1, work_waits=False, rings=1) == ""


def test_a_cluster_that_starts_is_given_time(folder: Path) -> None:
    fresh = Watchdog(folder, patience=4.0, now=NOW)
    assert fresh.fault(NOW + pulse.START_UP, work_waits=True, rings=9) == ""
    assert fresh.fault(NOW + pulse.START_UP + 1, work_waits=True, rings=9) != ""


def test_what_an_earlier_cluster_did_in_the_same_folder_does_not_count(folder: Path) -> None:
    seen(folder, Beat.WORKED, NOW - 1)
    fresh = Watchdog(folder, patience=PATIENCE, now=NOW)
    assert fresh.fault(NOW + PATIENCE + 1, work_waits=True, rings=0) == ""


def test_finished_tasks_that_nobody_records_are_a_fault(watchdog: Watchdog, folder: Path) -> None:
    """The cluster's monitor was killed: tasks run on, and each is handed out again and again."""
    for second in range(int(PATIENCE) + 3):
        seen(folder, Beat.WORKED, NOW + second)
        seen(folder, Beat.ENDED, NOW + second)
        fault = watchdog.fault(NOW + second, work_waits=False, rings=0)
        assert ("recorded" in fault) == (second > PATIENCE + 1)


def test_a_monitor_that_is_always_a_little_behind_is_well(watchdog: Watchdog, folder: Path) -> None:
    for second in range(60):
        seen(folder, Beat.ENDED, NOW + second)
        seen(folder, Beat.RECORDED, NOW + second - 0.5)
        assert watchdog.fault(NOW + second, work_waits=False, rings=0) == ""


def test_tasks_of_a_cluster_beat_as_they_begin_run_and_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY", 0.02)
    pre_execute.send(sender="test", func=None, task={})
    seen(folder, Beat.WORKED, NOW)
    assert wait_until(lambda: (folder / Beat.WORKED).stat().st_mtime > NOW)
    assert not (folder / Beat.ENDED).exists()
    post_execute_in_worker.send(sender="test", func=None, task={})
    assert (folder / Beat.ENDED).exists()
    assert not (folder / Beat.RECORDED).exists()
    post_execute.send(sender="test", task={})
    assert (folder / Beat.RECORDED).exists()
    assert wait_until(lambda: not beating())


def test_a_task_that_outlives_every_limit_is_no_sign_of_life(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "EVERY", 0.02)
    pulse.task_began(at_most=0.05)
    assert wait_until(lambda: not beating())


def test_a_beat_without_a_listener_or_a_folder_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pulse.FOLDER, raising=False)
    pulse.task_began(at_most=1)
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
