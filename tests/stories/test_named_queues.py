"""A detector that is slow, with a queue and a worker of its own, starves nobody: not the others, not callbacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection.testing import images
from tests.stories.house import House

pytestmark = pytest.mark.processes
PICTURES = 4
SLOW = 6.0
"""Seconds of one answer: the slow detector's pictures, one after the other, take over twenty."""
LEFT = "SELECT count(*) AS n FROM detection_analysis WHERE provider = ? AND status <> 'complete'"


def test_others_end_while_the_slow_one_has_hardly_begun(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for seed in range(PICTURES):
        (folder / f"{seed}.jpg").write_bytes(images.photo_like(seed, size=(64, 48)))
    env = {"DETECTION_FIRST_QUEUE": "slow", "Q_WORKERS": "1"}
    with House(tmp_path / "house", web=False, env=env) as house:
        house.detector.will({"verdict": "likely_human", "confidence": 0.9, "delay": SLOW}, key="first")
        house.start("worker-slow", "manage.py", "detection_worker", "--queue", "slow")
        house.manage("ingest", str(folder), "--story", "launch", "--source", "agency")
        house.eventually(lambda: not house.sql(LEFT, "provenance")[0]["n"], within=60)
        assert house.sql(LEFT, "first")[0]["n"] >= PICTURES - 2
        house.eventually(lambda: not house.sql(LEFT, "first")[0]["n"], within=60)
        groups = house.manage_json("detection_status")["workers"]["groups"]
        assert sorted(group["queue"] for group in groups) == ["", "slow"]
        looked = house.manage("detection_doctor", check=False).stdout
        assert "Nobody works the queue" not in looked
