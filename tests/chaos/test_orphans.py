"""Two at once: when a bell is killed together with what it would have ended, nothing of its cluster works on for ever.

An orphaned cluster that hangs goes on taking rings from the broker, and nobody runs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.processes import Cluster, cluster_of, kill, still_there
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
TASKS_TAKE = 4.0
"""Seconds at most, by `tests.chaos.short_tasks`."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, web=False, env={"DJANGO_SETTINGS_MODULE": "tests.chaos.short_tasks"}) as running:
        yield running


def ended(house: House, name: str, table: Callable[..., None], fault: Callable[[Cluster], None]) -> None:
    """Do the fault to a cluster that has just started, and see that all of it is gone soon."""
    cluster: Cluster = house.eventually(lambda: cluster_of(house.processes["worker-1"]))
    time.sleep(1)  # till all of them wait for work
    fault(cluster)
    began = time.monotonic()
    house.eventually(lambda: not still_there(cluster.group), within=TASKS_TAKE + 15)
    table(name, house.database.vendor, 0, 0, 0, 0, f"all gone after {time.monotonic() - began:.1f} s")


def test_a_leader_and_its_bell_killed_at_the_same_moment(house: House, table: Callable[..., None]) -> None:
    def fault(cluster: Cluster) -> None:
        house.processes["worker-1"].kill()
        kill(cluster.leader)

    ended(house, "kill -9 bell and leader at once", table, fault)


def test_a_sentinel_and_its_bell_killed_at_the_same_moment(house: House, table: Callable[..., None]) -> None:
    def fault(cluster: Cluster) -> None:
        house.processes["worker-1"].kill()
        kill(cluster.sentinel)

    ended(house, "kill -9 bell and sentinel at once", table, fault)


def test_a_cluster_that_hangs_does_not_outlive_its_bell(house: House, table: Callable[..., None]) -> None:
    """A worker that dies while it waits leaves a lock behind; django-q2's own stop then waits for ever."""

    def fault(cluster: Cluster) -> None:
        for worker in cluster.workers:
            kill(worker)
        house.processes["worker-1"].kill()

    ended(house, "kill -9 idle workers, then the bell", table, fault)
