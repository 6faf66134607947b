"""D06: the database goes away in the middle of the work, and comes back: nothing is lost, nothing recorded twice."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from detection.testing import images
from tests.chaos.postgres import OwnPostgres
from tests.stories.house import House
from tests.stories.servers import SqliteDatabase

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
PICTURES = 6
AWAY = 25.0
"""Seconds: longer than SQLite's busy time-out of 20 s, so that transactions really fail."""


def upload(house: House, folder: Path) -> None:
    folder.mkdir()
    for number in range(PICTURES):
        (folder / f"{number}.jpg").write_bytes(images.photo_like(number, size=(96, 64)))
    house.manage("ingest", str(folder), "--story", "launch")


def all_ended_once(house: House) -> bool:
    scans = house.sql("SELECT status FROM detection_analysis")
    return len(scans) == 2 * PICTURES and all(scan["status"] == "complete" for scan in scans)


def see_them_end(house: House, name: str, table: Callable[..., None], *, since: float) -> None:
    house.eventually(lambda: all_ended_once(house), within=AWAY + 60)
    took = time.monotonic() - since
    events = house.sql("SELECT COUNT(*) AS n FROM detection_auditevent WHERE action = 'analysis.complete'")[0]["n"]
    again = sum(row["calls"] for row in house.sql("SELECT calls FROM detection_analysis WHERE provider = 'first'"))
    lost_twice = (0, events - 2 * PICTURES)
    table(name, house.database.vendor, 2 * PICTURES, *lost_twice, again - PICTURES, f"{took:.1f} s")
    assert lost_twice == (0, 0)
    assert house.detector.billed == PICTURES


def test_a_database_that_is_locked_for_long(tmp_path: Path, table: Callable[..., None]) -> None:
    env = {"DETECTION_LEASE": "6"}
    with House(tmp_path, web=False, env=env, database=SqliteDatabase(tmp_path)) as house:
        house.detector.will({"verdict": "likely_human", "confidence": 0.9, "delay": 0.7})
        upload(house, tmp_path / "pictures")
        house.eventually(lambda: house.detector.calls)
        since = time.monotonic()
        with closing(sqlite3.connect(tmp_path / "house.sqlite3", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(AWAY)
            other.execute("ROLLBACK")
        see_them_end(house, f"database locked for {AWAY:.0f} s", table, since=since)


def test_a_database_that_is_stopped_and_started(tmp_path: Path, table: Callable[..., None]) -> None:
    env = {"DETECTION_LEASE": "6"}
    with OwnPostgres() as server, House(tmp_path, web=False, env=env, database=server.database()) as house:
        house.detector.will({"verdict": "likely_human", "confidence": 0.9, "delay": 0.7})
        upload(house, tmp_path / "pictures")
        house.eventually(lambda: house.detector.calls)
        since = time.monotonic()
        server.stop()
        time.sleep(5)
        server.start()
        see_them_end(house, "database stopped for 5 s", table, since=since)
