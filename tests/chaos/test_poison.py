"""D01: a picture that takes its worker down each time ends as `dead` after as many tries as are allowed, no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from detection.testing import images
from tests.stories.house import House

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
TRIES = 3


def test_a_picture_that_kills_its_worker_each_time_is_given_up(tmp_path: Path) -> None:
    env = {
        "DETECTION_FIRST_BACKEND": "tests.chaos.poison.Poison",
        "DETECTION_LEASE": "3",
        "DETECTION_WATCHDOG": "5",
        "DETECTION_RETRY_BASE": "1",
        "DETECTION_MAX_ATTEMPTS": str(TRIES),
    }
    poisoned, well = tmp_path / "poisoned", tmp_path / "well"
    for number, folder in enumerate((poisoned, well)):
        folder.mkdir()
        (folder / "picture.jpg").write_bytes(images.photo_like(number, size=(96, 64)))
    query = "SELECT status, attempts, error_sentence FROM detection_analysis WHERE provider = ?"
    house_folder = tmp_path / "house"
    house_folder.mkdir()
    with House(house_folder, web=False, env=env) as house:
        house.manage("ingest", str(poisoned), "--story", "launch")
        house.eventually(lambda: house.sql(query, "first")[0]["status"] == "dead", within=60)
        [row] = house.sql(query, "first")
        assert row["attempts"] == TRIES
        assert "stopped in the middle" in row["error_sentence"]
        begun = "SELECT id FROM detection_auditevent WHERE action = 'analysis.scanning'"
        assert len(house.sql(begun)) == TRIES + 1  # and once by the embedded reader
        # The cluster is none the worse for it.
        house.manage("ingest", str(well), "--story", "launch", "--keep-inside")
        house.eventually(lambda: [one["status"] for one in house.sql(query, "provenance")] == ["complete"] * 2)
        assert house.manage_json("detection_status")["dead"] == 1
