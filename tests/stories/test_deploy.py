"""A new version or a new key while pictures wait: nothing is lost, and nothing is sent to the detector again."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from detection.testing import images
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
PICTURES = 16
NEW_KEY = "another-key-for-journeys-and-nothing-else-9876543210fedcba"
OUTCOME = "SELECT provider, status, attempts, calls FROM detection_analysis"


def ingest(house: House, folder: Path, count: int) -> None:
    folder.mkdir()
    for seed in range(count):
        (folder / f"{seed}.jpg").write_bytes(images.photo_like(seed, size=(64, 48)))
    house.manage("ingest", str(folder), "--story", "launch", "--source", "agency")


def outcome(house: House) -> Counter[tuple[str, str, int, int]]:
    return Counter(tuple(row.values()) for row in house.sql(OUTCOME))  # type: ignore[arg-type]


def once(count: int) -> dict[tuple[str, str, int, int], int]:
    return {("first", "complete", 1, 1): count, ("provenance", "complete", 1, 1): count}


def test_groups_that_are_replaced_one_by_one_finish_what_they_hold(tmp_path: Path) -> None:
    """D08. As a process manager does it: SIGTERM to the worker alone, and a new one once it has ended."""
    (tmp_path / "house").mkdir()
    with House(tmp_path / "house", web=False, groups=2) as house:
        house.detector.will({"verdict": "likely_human", "confidence": 0.9, "delay": 0.5})
        ingest(house, tmp_path / "in", PICTURES)
        house.eventually(lambda: house.detector.calls, within=30)
        for name in ("worker-1", "worker-2"):
            began = time.monotonic()
            assert house.stop(name) == 0
            assert time.monotonic() - began < 30
            house.start_worker(name)
        house.eventually(lambda: outcome(house) == once(PICTURES), within=60)
        assert house.detector.billed == PICTURES


def test_rings_that_a_changed_key_made_unreadable_are_rung_again(tmp_path: Path) -> None:
    """django-q2 throws them away with a line in its log; the rows are still there."""
    (tmp_path / "house").mkdir()
    with House(tmp_path / "house", web=False) as house:
        house.detector.will({"verdict": "likely_human", "confidence": 0.9})
        house.stop("worker-1")
        ingest(house, tmp_path / "in", 3)
        assert house.sql("SELECT count(*) AS n FROM django_q_ormq")[0]["n"] == 6
        house.start_worker("worker-1", DJANGO_SECRET_KEY=NEW_KEY)
        house.eventually(lambda: outcome(house) == once(3), within=60)
