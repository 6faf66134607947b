"""The primary detector is changed by the environment alone: one story, the same under each vendor's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from detection.testing import images
from detection.testing.detector import SandboxDetector
from tests.stories.house import House
from tests.stories.vendor import Vendor, body

pytestmark = pytest.mark.processes
STRONG, NOTHING = (
    {"verdict": "likely_ai_generated", "confidence": 0.97},
    {"verdict": "likely_human", "confidence": 0.97},
)


def generic(stack: ExitStack) -> dict[str, str]:
    """A detector of the generic contract."""
    detector = stack.enter_context(SandboxDetector())
    detector.will(STRONG, NOTHING, key="the-key")
    return {
        "DETECTION_PROVIDERS": "house",
        "DETECTION_HOUSE_BACKEND": "generic",
        "DETECTION_HOUSE_BASE_URL": detector.url,
        "DETECTION_HOUSE_API_KEY": "the-key",
    }


def sightengine(stack: ExitStack) -> dict[str, str]:
    """One call, answered at once, the key in the form."""
    answers = [body("sightengine", "success_ai.json"), body("sightengine", "success_human.json")]
    vendor = stack.enter_context(Vendor({"POST /1.0/check.json": answers}))
    return {
        "DETECTION_PROVIDERS": "house",
        "DETECTION_HOUSE_BACKEND": "sightengine",
        "DETECTION_HOUSE_BASE_URL": vendor.url,
        "DETECTION_HOUSE_API_KEY": "the-user:the-secret",
    }


def realitydefender(stack: ExitStack) -> dict[str, str]:
    """An address to put the picture at, then asking until the answer is there."""
    presigned = {
        **body("realitydefender", "presign_ok.json"),
        "response": {"signedUrl": "{url}/put/here?X-Amz-Signature=abc"},
    }
    asked = [
        body("realitydefender", "poll_analyzing.json"),
        {**body("realitydefender", "success_ai.json"), "heatmaps": {}},
        body("realitydefender", "success_human.json"),
    ]
    for answer in asked:
        answer["requestId"] = presigned["requestId"]
    routes = {
        "POST /api/files/aws-presigned": [presigned],
        "PUT /put/here": [{}],
        "GET /api/media/users/*": asked,
    }
    vendor = stack.enter_context(Vendor(routes))
    return {
        "DETECTION_PROVIDERS": "house",
        "DETECTION_HOUSE_BACKEND": "realitydefender",
        "DETECTION_HOUSE_BASE_URL": vendor.url,
        "DETECTION_HOUSE_API_KEY": "the-key",
        "DETECTION_HOUSE_ALLOWED_HOSTS": "127.0.0.1",
    }


def winston(stack: ExitStack) -> dict[str, str]:
    """It is sent no picture, but a link to one, which it fetches from the newsroom's own web server."""
    answers = [body("winston", "success_ai.json"), body("winston", "success_human.json")]
    vendor = stack.enter_context(Vendor({"POST /v2/image-detection": answers}, fetches="url"))
    return {
        "DETECTION_PROVIDERS": "house",
        "DETECTION_HOUSE_BACKEND": "winston",
        "DETECTION_HOUSE_BASE_URL": vendor.url,
        "DETECTION_HOUSE_API_KEY": "the-key",
    }


@pytest.fixture(params=[generic, sightengine, realitydefender, winston], ids=lambda make: make.__name__)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        house = House(tmp_path, stories=("held", "open"), detectors=request.param(stack))
        house.more["PUBLIC_BASE_URL"] = house.url
        yield stack.enter_context(house)


def test_a_held_and_an_open_story_come_out_alike(house: House, tmp_path: Path) -> None:
    held = ingest(house, tmp_path / "1", seed=1, story="held")
    assert house.eventually(lambda: signal_of(house, held), within=60) == "strong"
    opened = ingest(house, tmp_path / "2", seed=2, story="open")
    assert house.eventually(lambda: signal_of(house, opened), within=60) == "none_found"

    refused = house.manage("publish", "held", "--by", "dana", check=False)
    house.manage("publish", "open", "--by", "dana")

    assert refused.returncode == 1
    states = {row["slug"]: row["state"] for row in house.sql("SELECT slug, state FROM newsroom_story")}
    assert states == {"held": "draft", "open": "published"}
    rows = house.sql("SELECT provider, status, calls FROM detection_analysis WHERE provider = 'house'")
    assert [(row["status"], row["calls"]) for row in rows] == [("complete", 1), ("complete", 1)]


def ingest(house: House, folder: Path, *, seed: int, story: str) -> str:
    folder.mkdir()
    (folder / "picture.jpg").write_bytes(images.photo_like(seed=seed, size=(640, 480)))
    made: dict[str, Any] = house.manage_json("ingest", str(folder), "--story", story, "--source", "freelance")
    return str(made["photos"][0]["asset"]).replace("-", "")


def signal_of(house: House, asset: str) -> str:
    """The picture's signal once every check has ended; "" before."""
    query = (
        "SELECT s.signal FROM detection_asset s WHERE s.public_id = ? AND NOT EXISTS "
        "(SELECT 1 FROM detection_analysis a WHERE a.asset_id = s.id "
        "AND a.status NOT IN ('complete', 'dead', 'rejected', 'skipped'))"
    )
    found = house.sql(query, asset)
    return str(found[0]["signal"]) if found else ""
