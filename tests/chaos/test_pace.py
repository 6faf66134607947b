"""How fast a detector is really asked, by its own journal: real workers, one limit, an outage, a kill switch.

PACE_SCANS says how many pictures (60 where it is not set; 500 is the full size), PACE_OUTAGE the seconds of the outage.
Pictures are read before the detector is let loose, so that the limit sets the pace and not this machine's processors.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from detection.testing import images
from detection.testing.detector import SandboxDetector
from detection.testing.wire import Call
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
SCANS = int(os.environ.get("PACE_SCANS", "60"))
OUTAGE = float(os.environ.get("PACE_OUTAGE", "10"))
GROUPS, WORKERS = 2, 4
A_SECOND = 5
UNFINISHED = "SELECT count(*) AS n FROM detection_analysis WHERE status NOT IN ('complete', 'dead', 'rejected')"
HUMAN = {"verdict": "likely_human", "confidence": 0.9}


@contextmanager
def waiting(
    folder: Path,
    scans: int,
    *,
    allows: tuple[int, float] | None = None,
    answer: dict[str, Any] | None = None,
    **env: str,
) -> Iterator[House]:
    """A house in which `scans` pictures have been read and wait for the detector, which is paused."""
    pictures = folder / "in"
    pictures.mkdir()
    for seed in range(scans):
        (pictures / f"{seed:05d}.jpg").write_bytes(images.photo_like(seed, size=(64, 48)))
    detector = SandboxDetector(allows=allows).will(answer or HUMAN)
    detectors = {
        "DETECTION_PROVIDERS": "first",
        "DETECTION_FIRST_BACKEND": "generic",
        "DETECTION_FIRST_BASE_URL": detector.url,
        "DETECTION_FIRST_API_KEY": "first",
        **env,
    }
    house_folder = folder / "house"
    house_folder.mkdir()
    with House(house_folder, web=False, groups=GROUPS, detectors=detectors, detector=detector) as house:
        house.manage("detection_provider", "pause", "first", "--reason", "Until all are here.")
        house.manage("ingest", str(pictures), "--story", "launch", "--source", "agency", within=60 + scans)
        read = "SELECT count(*) AS n FROM detection_analysis WHERE provider = 'provenance' AND status = 'complete'"
        house.eventually(lambda: house.sql(read)[0]["n"] == scans, within=60 + 2 * scans)
        assert house.detector.calls == []
        yield house


def let_loose(house: House) -> None:
    house.manage("detection_provider", "resume", "first", "--reason", "All are here.")


def drained(house: House, *, within: float) -> None:
    house.eventually(lambda: not house.sql(UNFINISHED)[0]["n"], within=within)


def sent(house: House) -> list[Call]:
    return [call for call in list(house.detector.calls) if call.method == "POST"]


def most_within(calls: list[Call], seconds: float) -> int:
    """The most calls that began within any stretch of so many seconds."""
    times = sorted(call.at for call in calls)
    return max((sum(1 for at in times if first <= at < first + seconds) for first in times), default=0)


def statuses(house: House) -> Counter[str]:
    return Counter(row["status"] for row in house.sql("SELECT status FROM detection_analysis WHERE provider = 'first'"))


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print what was measured, also where the test passes."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return say


def test_four_workers_keep_to_five_calls_a_second(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """E05, and the end of E11: what waited for the switch drains under the limiter."""
    rate = f"{A_SECOND}/s"
    with waiting(tmp_path, SCANS, allows=(A_SECOND + 1, 1.0), DETECTION_FIRST_RATE=rate) as house:
        let_loose(house)
        drained(house, within=60 + SCANS)
        calls = sent(house)
        took = calls[-1].at - calls[0].at
        ideal = (SCANS - 1) / A_SECOND
        most = most_within(calls, 1.0)
        refusals = sum(call.status == 429 for call in calls)
        tell(
            f"{SCANS} scans at {rate} by {WORKERS} workers on {house.database.vendor}: {took:.1f} s, ideally"
            f" {ideal:.1f};"
            f" at most {most} calls in a second; {refusals} refusals"
        )
        assert statuses(house) == {"complete": SCANS}
        assert (len(calls), refusals) == (SCANS, 0)
        assert most <= A_SECOND + 1
        assert took <= 1.2 * ideal


def test_a_detector_that_refuses_without_saying_how_long_is_refusing_seldom(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """E04: 30 a minute are allowed, and we were told nothing of it."""
    scans, allowed, seconds = (75, 30, 60.0) if SCANS >= 500 else (24, 10, 20.0)
    with waiting(tmp_path, scans, allows=(allowed, seconds), DETECTION_FIRST_RATE="100/s") as house:
        let_loose(house)
        drained(house, within=600)
        calls = sent(house)
        refusals = sum(call.status == 429 for call in calls)
        tell(
            f"{scans} scans where {allowed} in {seconds:.0f} s are allowed: {refusals} refusals,"
            f" {calls[-1].at - calls[0].at:.0f} s"
        )
        assert statuses(house) == {"complete": scans}
        assert refusals <= scans / 2.5
        [found] = house.sql("SELECT sum(faults) AS n FROM detection_analysis WHERE provider = 'first'")
        assert found["n"] == refusals
        [paused] = house.sql("SELECT count(*) AS n FROM detection_auditevent WHERE action = 'provider.paused'")
        assert paused["n"] == 1, "only by the hand that let them wait"


def test_an_outage_costs_few_calls_and_no_scan_and_is_told_once(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """E06."""
    with waiting(tmp_path, SCANS, DETECTION_FIRST_RATE=f"{A_SECOND}/s") as house:
        pauses = "SELECT count(*) AS n FROM detection_auditevent WHERE action = 'provider.paused'"
        before = house.sql(pauses)[0]["n"]
        house.detector.down = 503
        let_loose(house)
        house.eventually(lambda: sent(house), within=30)
        time.sleep(OUTAGE)
        house.detector.down = 0
        down = len(sent(house))
        recovered = time.monotonic()
        drained(house, within=OUTAGE + 60 + SCANS)
        calls = sent(house)
        after = [call for call in calls[down:] if call.status == 200]
        most = most_within(calls[down:], 1.0)
        tell(
            f"outage of {OUTAGE:.0f} s with {SCANS} waiting: {down} calls while it lasted, the first answer"
            f" {after[0].at - recovered:.1f} s after it, the last {after[-1].at - recovered:.1f} s;"
            f" at most {most} in a second"
        )
        assert statuses(house) == {"complete": SCANS}
        assert down <= 3 + WORKERS + OUTAGE / 15
        assert most <= A_SECOND + 1
        assert house.sql(pauses)[0]["n"] == before + 1
        log = "".join((house.folder / f"worker-{group}.log").read_text() for group in (1, 2))
        assert log.count("The detector first is paused") == 1


def test_a_pause_by_hand_ends_all_calls_within_five_seconds(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """E07, E11. At 1/s workers sleep for their turn when the pause comes; they look again before they call."""
    with waiting(tmp_path, 24, DETECTION_FIRST_RATE="1/s", answer={**HUMAN, "delay": 0.2}) as house:
        let_loose(house)
        house.eventually(lambda: len(sent(house)) >= 4, within=30)
        began = time.monotonic()
        house.manage("detection_provider", "pause", "first", "--reason", "Election night.")
        commanded = time.monotonic()
        time.sleep(12)
        late = [call.at - began for call in sent(house) if call.at > began]
        tell(
            f"pause by command, which took {commanded - began:.1f} s: last call {max(late, default=0):.1f} s after"
            " it began"
        )
        assert max(late, default=0.0) <= 5.0
        assert not [call for call in sent(house) if call.at > commanded + 1.0]
        held = statuses(house)
        assert held["complete"] == len(sent(house))
        assert held["pending_scan"] + held["retry_pending"] == 24 - held["complete"]
        assert not house.sql("SELECT 1 FROM detection_analysis WHERE provider = 'first' AND attempts > calls")
        let_loose(house)
        drained(house, within=90)
        assert statuses(house) == {"complete": 24}


def test_a_cap_holds_over_all_workers(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """Two pictures in hand at most, of four workers; each takes the detector half a second."""
    with waiting(tmp_path, 16, DETECTION_FIRST_CONCURRENCY="2", answer={**HUMAN, "delay": 0.5}) as house:
        let_loose(house)
        drained(house, within=90)
        calls = sent(house)
        most = max(sum(1 for other in calls if other.at <= call.at < other.ended) for call in calls)
        tell(f"a cap of 2: at most {most} at a time, {calls[-1].ended - calls[0].at:.1f} s for 16 of half a second")
        assert most <= 2
        assert statuses(house) == {"complete": 16}
