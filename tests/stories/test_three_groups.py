"""Three worker groups on one database: each scan is claimed once and paid for once, however many hands reach for it.

HOUSE_SCANS says how many pictures (60 where it is not set).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from detection.testing import images
from detection.testing.wire import Call
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
SCANS = int(os.environ.get("HOUSE_SCANS", "60"))
GROUPS = 3
SECONDS_A_SCAN = 1.0
"""What a machine with two busy cores may take."""
SHARE = 0.1
"""Of all processor time that the groups used, what each must have used at least to count as one that worked."""
AT_WORK = 6
"""Processes of a group that has started: the bell, the cluster, its pusher, its monitor and two workers at least."""
TABLES = ("detection_auditevent", "detection_auditseal")


@dataclass
class Run:
    """What is left to look at when all is done. Seconds of wall clock; processor seconds by group."""

    house: House
    taken_in: float
    lasted: float
    processor: dict[str, float]

    @property
    def analyses(self) -> list[dict[str, Any]]:
        return self.house.sql("SELECT * FROM detection_analysis")

    @property
    def calls(self) -> list[Call]:
        return [call for call in self.house.detector.calls if call.method == "POST"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A folder of pictures brought into a story while three groups are at work, till no check is left to do."""
    folder = tmp_path_factory.mktemp("in")
    for seed in range(SCANS):
        (folder / f"{seed:05d}.jpg").write_bytes(images.photo_like(seed, size=(64, 48)))
    with House(tmp_path_factory.mktemp("house"), web=False, groups=GROUPS) as house:
        # Long enough that a second submission of the same row would be seen beside the first.
        house.detector.will({"verdict": "likely_human", "confidence": 0.9, "delay": 0.1})
        patience = 60 + SCANS * SECONDS_A_SCAN
        house.eventually(lambda: all(len(family(one.pid)) >= AT_WORK for one in house.workers), within=60)
        before = {name: processor_seconds(one.pid) for name, one in house.processes.items()}
        began = time.monotonic()
        house.manage("ingest", str(folder), "--story", "launch", "--source", "agency", within=patience)
        taken_in = time.monotonic() - began
        left = "SELECT count(*) AS n FROM detection_analysis WHERE status NOT IN ('complete', 'dead', 'rejected')"
        house.eventually(lambda: not house.sql(left)[0]["n"], within=patience)
        lasted = time.monotonic() - began
        used = {name: processor_seconds(one.pid) - before[name] for name, one in house.processes.items()}
        yield Run(house, taken_in, lasted, used)


def family(pid: int) -> dict[int, float]:
    """A process and everything under it: the processor seconds of each, with what ended under it."""
    found = {}
    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for one in (leader, *leader.children(recursive=True)):
            with suppress(psutil.Error):
                found[one.pid] = float(sum(one.cpu_times()[:4]))  # its own and its children's, user and system
    return found


def processor_seconds(pid: int) -> float:
    return sum(family(pid).values())


def test_every_check_is_complete_after_one_try_and_at_most_one_call(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """D05."""
    with capsys.disabled():
        sys.stdout.write(
            f"\n{SCANS} scans on {run.house.database.vendor} by {GROUPS} groups: {run.lasted:.1f} s,"
            f" {SCANS / run.lasted:.1f} scans/s; taken in within {run.taken_in:.1f} s,"
            f" {sum(run.processor.values()) / SCANS:.2f} s of a processor a scan\n"
        )
    found = Counter((row["provider"], row["status"], row["attempts"], row["calls"]) for row in run.analyses)
    assert found == {("first", "complete", 1, 1): SCANS, ("provenance", "complete", 1, 1): SCANS}


def test_no_check_was_claimed_twice(run: Run) -> None:
    """D05. The history has one claim for each check: never a second one, be it at the same time or later."""
    events = run.house.sql("SELECT facts FROM detection_auditevent WHERE action = 'analysis.scanning'")
    claims = Counter(json.loads(event["facts"])["analysis"].replace("-", "") for event in events)
    assert claims == {row["public_id"]: 1 for row in run.analyses}


def test_the_detector_saw_each_picture_once_and_never_twice_at_a_time(run: Run) -> None:
    """C13."""
    by_reference = defaultdict(list)
    for call in run.calls:
        by_reference[call.fields["reference"]].append(call)
    overlapping = [
        reference
        for reference, calls in by_reference.items()
        for one, other in itertools.combinations(calls, 2)
        if one.at < other.ended and other.at < one.ended
    ]
    assert overlapping == []
    ours = {row["public_id"] for row in run.analyses if row["provider"] == "first"}
    assert {reference.replace("-", "") for reference in by_reference} == ours
    assert (len(run.calls), len({call.sha256 for call in run.calls}), run.house.detector.billed) == (SCANS,) * 3


def test_the_three_groups_shared_the_work(run: Run) -> None:
    assert len(run.processor) == GROUPS
    assert min(run.processor.values()) > SHARE * sum(run.processor.values()), run.processor


def test_the_history_is_whole_after_three_groups_wrote_it(run: Run) -> None:
    """G06."""
    verify = "from detection import audit; audit.seal_all(); print(audit.first_broken())"
    assert run.house.manage("shell", "-v0", "-c", verify).stdout.strip() == "None"
    events, seals = (run.house.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES)
    assert events == seals
