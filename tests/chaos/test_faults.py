"""What befalls a worker's processes, each really tried: no scan is lost, none is applied twice, none is stuck.

Short timers by default, so that the whole file takes minutes; CHAOS_TIMERS=default tries it with the real ones.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from detection.testing import images
from tests.chaos.processes import Cluster, cluster_of, kill, still_there
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]

ARE_REAL = os.environ.get("CHAOS_TIMERS") == "default"
TIMERS: dict[str, str] = {} if ARE_REAL else {"DETECTION_LEASE": "4", "DETECTION_WATCHDOG": "8"}
STUCK = 60.0
"""Seconds after a fault by which every scan must have ended."""
PICTURES = 6
ANSWER = {"verdict": "likely_human", "confidence": 0.93, "delay": 0.7}


class Trial:
    """One house; one fault after the other is done to it, and it must recover from each."""

    def __init__(self, house: House, table: Callable[..., None], folder: Path) -> None:
        self.house, self.table, self.folder = house, table, folder
        self.seeds = iter(range(10_000))

    @property
    def renewed(self) -> int:
        """How often the watchdog started a new cluster."""
        groups = self.house.manage_json("detection_status")["workers"]["groups"]
        return sum(group["restarts"] for group in groups)

    @property
    def cluster(self) -> Cluster:
        """Its processes, once all of them run."""
        return self.house.eventually(lambda: cluster_of(self.house.processes["worker-1"]), within=STUCK)

    def upload(self) -> list[str]:
        """Bring new pictures in; the public ids of their assets."""
        batch = self.folder / f"batch-{next(self.seeds)}"
        batch.mkdir()
        for number in range(PICTURES):
            picture = images.photo_like(next(self.seeds), size=(96, 64))
            (batch / f"{number}.jpg").write_bytes(picture)
        taken = self.house.manage_json("ingest", str(batch), "--story", "launch")
        return [photo["asset"].replace("-", "") for photo in taken["photos"]]

    def scans(self, assets: list[str]) -> list[dict[str, Any]]:
        marks = ", ".join("?" * len(assets))
        return self.house.sql(
            "SELECT n.provider, n.status, n.calls, n.attempts, n.completed_at FROM detection_analysis n "
            f"JOIN detection_asset s ON s.id = n.asset_id WHERE s.public_id IN ({marks})",
            *assets,
        )

    def all_ended(self, assets: list[str]) -> bool:
        return all(scan["status"] == "complete" for scan in self.scans(assets))

    def busy(self) -> tuple[Cluster, psutil.Process]:
        """The cluster and a worker of it in the middle of a call."""

        def found() -> tuple[Cluster, psutil.Process] | None:
            cluster = self.cluster
            worker = cluster.busy(self.house.detector)
            return (cluster, worker) if worker else None

        return self.house.eventually(found, within=STUCK)

    def run(self, name: str, fault: Callable[[], None], *, is_idle: bool = False) -> None:
        """Do the fault, before an upload or in the middle of the work; then see that each scan ends, once."""
        self.cluster  # noqa: B018 — waits till all processes run
        if is_idle:
            time.sleep(3)  # till what follows the last answers is done too
        billed = self.house.detector.billed
        assets = [] if is_idle else self.upload()
        at = datetime.now(UTC)
        fault()
        assets = assets or self.upload()
        self.house.eventually(lambda: self.all_ended(assets), within=STUCK + 5)
        self.judge(name, assets, at, billed)

    def judge(self, name: str, assets: list[str], at: datetime, billed: int) -> None:
        scans = self.scans(assets)
        assert len(scans) == 2 * PICTURES
        lost = sum(scan["status"] != "complete" for scan in scans)
        ended = [datetime.fromisoformat(scan["completed_at"]).replace(tzinfo=UTC) for scan in scans]
        slowest = max((moment - at).total_seconds() for moment in ended)
        events = self.house.sql(
            "SELECT s.public_id, COUNT(*) AS n FROM detection_auditevent e JOIN detection_asset s ON s.id = e.asset_id "
            f"WHERE e.action = 'analysis.complete' AND s.public_id IN ({', '.join('?' * len(assets))}) "
            "GROUP BY s.public_id",
            *assets,
        )
        assert len(events) == PICTURES
        twice = sum(row["n"] - 2 for row in events)
        again = sum(scan["calls"] for scan in scans if scan["provider"] == "first") - PICTURES
        self.table(name, self.house.database.vendor, len(scans), lost, twice, again, f"{slowest:.1f} s")
        assert (lost, twice) == (0, 0)
        assert self.house.detector.billed - billed == PICTURES
        assert slowest < STUCK


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory, table: Callable[..., None]) -> Iterator[Trial]:
    with House(tmp_path_factory.mktemp("house"), web=False, env=TIMERS) as house:
        house.detector.will(ANSWER)
        yield Trial(house, table, tmp_path_factory.mktemp("pictures"))


def test_a_killed_busy_worker(trial: Trial) -> None:
    """D02."""
    trial.run("kill -9 a busy worker", lambda: kill(trial.busy()[1]))


def test_a_killed_idle_worker(trial: Trial) -> None:
    """The fault that hangs a cluster for ever while all its processes look alive."""
    trial.run("kill -9 an idle worker", lambda: kill(trial.cluster.workers[0]), is_idle=True)


def test_all_idle_workers_killed(trial: Trial) -> None:
    trial.run("kill -9 all idle workers", lambda: [kill(one) for one in trial.cluster.workers] and None, is_idle=True)


def test_a_killed_idle_monitor(trial: Trial) -> None:
    """Tasks run on without one, but each is handed out again and again: the cluster must be renewed."""
    renewed = trial.renewed
    trial.run("kill -9 the idle monitor", lambda: kill(trial.cluster.monitor), is_idle=True)
    trial.house.eventually(lambda: trial.renewed > renewed, within=STUCK)
    # And once only: what the dead monitor left unrecorded must not be held against the new cluster.
    time.sleep(3 * float(TIMERS.get("DETECTION_WATCHDOG", 20)))
    assert trial.renewed == renewed + 1


def test_no_fault_at_all(trial: Trial) -> None:
    """A healthy cluster, with a backlog and then with nothing to do, is left alone."""
    renewed = trial.renewed
    trial.run("none", lambda: None)
    time.sleep(2 * float(TIMERS.get("DETECTION_WATCHDOG", 20)))
    assert trial.renewed == renewed


def test_a_killed_busy_monitor(trial: Trial) -> None:
    trial.run("kill -9 the monitor at work", lambda: kill(trial.busy()[0].monitor))


def test_a_killed_pusher(trial: Trial) -> None:
    trial.run("kill -9 the pusher", lambda: kill(trial.busy()[0].pusher))


def test_a_killed_sentinel(trial: Trial) -> None:
    trial.run("kill -9 the sentinel", lambda: kill(trial.busy()[0].sentinel))


def test_a_killed_leader(trial: Trial) -> None:
    trial.run("kill -9 the cluster's leader", lambda: kill(trial.busy()[0].leader))


def test_a_killed_group(trial: Trial) -> None:
    trial.run("kill -9 the whole group", lambda: os.killpg(trial.busy()[0].leader.pid, signal.SIGKILL))


def test_a_killed_bell_that_its_process_manager_starts_again(trial: Trial) -> None:
    """The orphaned cluster ends by itself, so that no unguarded one works beside the new one."""

    def fault() -> None:
        cluster, _busy = trial.busy()
        trial.house.kill("worker-1")
        trial.house.start_worker("worker-1")
        trial.house.eventually(lambda: not still_there(cluster.group), within=STUCK)

    trial.run("kill -9 the bell, restarted", fault)


def test_a_worker_told_to_stop(trial: Trial) -> None:
    """D08."""

    def fault() -> None:
        cluster, _busy = trial.busy()
        assert trial.house.stop("worker-1") == 0
        assert still_there(cluster.group) == []
        trial.house.start_worker("worker-1")

    trial.run("SIGTERM to the bell, restarted", fault)


def test_every_process_told_to_stop_at_once(trial: Trial) -> None:
    """What systemd does unless told otherwise; django-q2 alone would hang."""

    def fault() -> None:
        cluster, _busy = trial.busy()
        for process in (cluster.bell, *cluster.group):
            process.terminate()
        assert trial.house.processes["worker-1"].wait(15) == 0
        assert still_there(cluster.group) == []
        trial.house.start_worker("worker-1")

    trial.run("SIGTERM to every process, restarted", fault)


def test_a_worker_that_stands_still_past_its_lease(trial: Trial) -> None:
    """D03: it wakes when another has long finished its scan, and changes nothing."""
    stopped: list[psutil.Process] = []

    def fault() -> None:
        _cluster, busy = trial.busy()
        busy.suspend()
        stopped.append(busy)

    try:
        trial.run("SIGSTOP of a busy worker past its lease", fault)
    finally:
        for process in stopped:
            process.resume()
    time.sleep(2)
    twice = trial.house.sql(
        "SELECT asset_id FROM detection_auditevent WHERE action = 'analysis.complete' "
        "GROUP BY asset_id HAVING COUNT(*) > 2"
    )
    assert twice == []


@pytest.mark.skipif(
    ARE_REAL, reason="a detector that takes longer than the real lease is cut off by the call's own limit"
)
def test_a_detector_that_takes_longer_than_the_lease(trial: Trial) -> None:
    """No fault at all: the worker that waits renews its claim, and nobody takes the scan from it."""
    picture = images.photo_like(next(trial.seeds), size=(96, 64))
    slow = {**ANSWER, "delay": 2.5 * float(TIMERS["DETECTION_LEASE"])}
    trial.house.detector.will(slow, sha256=hashlib.sha256(picture).hexdigest())
    (trial.folder / "slow").mkdir()
    (trial.folder / "slow" / "picture.jpg").write_bytes(picture)
    taken = trial.house.manage_json("ingest", str(trial.folder / "slow"), "--story", "launch")
    assets = [taken["photos"][0]["asset"].replace("-", "")]
    trial.house.eventually(lambda: trial.all_ended(assets), within=STUCK)
    assert [(scan["attempts"], scan["calls"]) for scan in trial.scans(assets)] == [(1, 1), (1, 1)]


def test_rings_that_were_deleted(trial: Trial) -> None:
    """D09."""
    forget = "from django_q.models import OrmQ; OrmQ.objects.all().delete()"
    trial.run("rings deleted from the queue", lambda: trial.house.manage("shell", "-v0", "-c", forget) and None)


def test_a_secret_key_that_changed_while_rings_waited(trial: Trial) -> None:
    """H05: what was signed with another key is thrown away unread."""

    def fault() -> None:
        assert trial.house.stop("worker-1") == 0
        key = "another-key-for-journeys-and-nothing-else-9876543210"
        trial.house.more["DJANGO_SECRET_KEY"] = key
        trial.house.start_worker("worker-1")

    trial.run("SECRET_KEY changed while rings wait", fault)
