"""A real detector over real HTTP, real workers: each kind of answer ends as it should, soon after it is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detection.testing import images
from tests.stories.house import GROUPS, House

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), web=False, groups=GROUPS) as opened:
        yield opened


def ask(house: House, seed: int, *answers: dict[str, Any], folder: Path) -> tuple[int, str]:
    """Script the detector for one picture and ingest it; the analysis's key, and the file's sha256."""
    import hashlib

    content = images.photo_like(seed=seed)
    sha256 = hashlib.sha256(content).hexdigest()
    house.detector.will(*answers, key="first", sha256=sha256)
    (folder / f"{seed}.jpg").write_bytes(content)
    made = house.manage_json("ingest", str(folder), "--story", "launch", "--source", "agency")
    assert made["photos"][0]["error"] in (None, "")
    asset = made["photos"][0]["asset"].replace("-", "")
    rows = house.sql(
        "SELECT a.id FROM detection_analysis a JOIN detection_asset s ON s.id = a.asset_id "
        "WHERE s.public_id = ? AND a.provider = 'first'",
        asset,
    )
    return rows[0]["id"], sha256


def row(house: House, pk: int) -> dict[str, Any]:
    return house.sql("SELECT * FROM detection_analysis WHERE id = ?", pk)[0]


def calls(house: House, sha256: str) -> list[Any]:
    """The submissions of this very file, in order, from the detector's own journal."""
    return [call for call in house.detector.calls if getattr(call, "sha256", None) == sha256]


def test_a_likely_ai_answer_is_recorded_and_the_picture_is_strong(house: House, tmp_path: Path) -> None:
    pk, _sha256 = ask(house, 1, {"verdict": "likely_ai_generated", "confidence": 0.97}, folder=tmp_path)
    house.eventually(lambda: row(house, pk)["status"] == "complete", within=10)
    found = row(house, pk)
    assert (found["verdict"], found["ai_score"], found["calls"]) == ("likely_ai", 0.97, 1)
    assert house.sql("SELECT signal FROM detection_asset WHERE id = ?", found["asset_id"])[0]["signal"] == "strong"


def test_it_waits_as_long_as_a_429_asks_and_then_succeeds(house: House, tmp_path: Path) -> None:
    """E04."""
    good = {"verdict": "likely_human", "confidence": 0.9}
    pk, _sha256 = ask(house, 2, {"http": 429, "retry_after": 3}, good, folder=tmp_path)
    house.eventually(lambda: row(house, pk)["error_class"] == "rate_limited" or row(house, pk)["status"] == "complete")
    house.eventually(lambda: row(house, pk)["status"] == "complete", within=3 + 2 + 10)
    found = row(house, pk)
    assert (found["verdict"], found["calls"], found["attempts"]) == ("likely_human", 2, 1)


def test_two_faults_of_the_vendor_cost_no_attempt(house: House, tmp_path: Path) -> None:
    """E01."""
    pk, _sha256 = ask(
        house, 3, {"http": 500}, {"http": 500}, {"verdict": "likely_human", "confidence": 0.8}, folder=tmp_path
    )
    house.eventually(lambda: row(house, pk)["status"] == "complete", within=2 + 4 + 10)
    found = row(house, pk)
    assert (found["calls"], found["attempts"], found["faults"]) == (3, 1, 2)


def test_an_accepted_scan_is_asked_for_until_it_is_complete(house: House, tmp_path: Path) -> None:
    later = {"accept": True, "after": 2.0, "then": {"verdict": "likely_ai_generated", "confidence": 0.95}}
    pk, _sha256 = ask(house, 4, later, folder=tmp_path)
    house.eventually(lambda: row(house, pk)["status"] in ("awaiting_callback", "complete"), within=10)
    house.eventually(lambda: row(house, pk)["status"] == "complete", within=2 + 5 + 10)
    found = row(house, pk)
    assert (found["verdict"], found["calls"]) == ("likely_ai", 1)


def test_a_web_page_instead_of_an_answer_goes_to_a_person(house: House, tmp_path: Path) -> None:
    """E08."""
    pk, _sha256 = ask(house, 5, {"html": True}, folder=tmp_path)
    house.eventually(lambda: row(house, pk)["status"] == "dead", within=10)
    found = row(house, pk)
    assert (found["error_class"], found["calls"]) == ("schema", 1)
    assert found["error_sentence"].endswith(".")
    asset = house.sql("SELECT signal, why FROM detection_asset WHERE id = ?", found["asset_id"])[0]
    assert asset == {"signal": "could_not_check", "why": "failed"}
    # An answer of unknown shape stops the calls; the other tests ask the same detector.
    house.manage("detection_provider", "resume", "first", "--reason", "It was a test.")
