"""D01: a picture that takes its worker down each time ends as `dead` after as many tries as are allowed, no more."""

from __future__ import annotations

import time
from collections.abc import Callable
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


@pytest.mark.parametrize(
    ("adapter", "fault"),
    [
        ("Slow", "a task longer than its time-out"),
        ("Stuck", "the same, and it can't be interrupted"),
        ("Raising", "an exception in an adapter"),
    ],
)
def test_a_check_that_goes_wrong_once_is_tried_again(
    tmp_path: Path, table: Callable[..., None], adapter: str, fault: str
) -> None:
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.chaos.short_tasks",
        "DETECTION_FIRST_BACKEND": f"tests.chaos.poison.{adapter}",
        "DETECTION_LEASE": "4",
    }
    pictures, folder = tmp_path / "pictures", tmp_path / "house"
    pictures.mkdir()
    folder.mkdir()
    (pictures / "picture.jpg").write_bytes(images.photo_like(3, size=(96, 64)))
    query = "SELECT status, attempts FROM detection_analysis WHERE provider = 'first'"
    with House(folder, web=False, env=env) as house:
        began = time.monotonic()
        house.manage("ingest", str(pictures), "--story", "launch")
        house.eventually(lambda: house.sql(query)[0]["status"] == "complete", within=60)
        took = time.monotonic() - began
        assert house.sql(query) == [{"status": "complete", "attempts": 2}]
        events = house.sql("SELECT id FROM detection_auditevent WHERE action = 'analysis.complete'")
        assert len(events) == 2
        table(fault, house.database.vendor, 2, 0, 0, 0, f"{took:.1f} s")
