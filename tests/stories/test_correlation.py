"""I04, H09 with real processes: one upload under one id, from the browser to the detector and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from detection.testing.sender import SECRET
from tests.stories.house import House
from tests.stories.test_journey import STRONG, Draft

pytestmark = pytest.mark.processes
ID = "erin-uploads-0001"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, env={"LOG_FORMAT": "json", "LOG_LEVEL": "INFO", "DETECTION_CALLBACK_DEADLINE": "600"})
    options = {"BACKEND": "generic", "BASE_URL": made.detector.url, "API_KEY": "first", "WEBHOOK_SECRETS": SECRET}
    options["CALLBACKS"] = "on"
    made.own_detectors = {"DETECTION_PROVIDERS": "first", **{f"DETECTION_FIRST_{k}": v for k, v in options.items()}}
    made.more["PUBLIC_BASE_URL"] = made.url
    with made:
        yield made


def lines_of(house: House, name: str) -> list[dict[str, Any]]:
    """What one process logged under the id."""
    text = (house.folder / f"{name}.log").read_text(errors="replace")
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in found if line["correlation"] == ID]


def test_one_upload_carries_one_id_everywhere(house: House) -> None:
    """I04, H09."""
    ready = requests.get(f"{house.url}/health/ready", timeout=5)
    assert (ready.status_code, ready.json()["database"]) == (200, "ok")
    assert requests.get(f"{house.url}/health/live", timeout=5).text == "alive\n"
    erin, draft = house.person("erin"), Draft(house, "launch")
    erin.session.headers["X-Request-ID"] = ID
    draft.upload(erin, 1, {"accept": True, "after": 0.2, "then": STRONG})
    [call] = [call for call in house.detector.calls if call.method == "POST"]
    assert call.headers["x-request-id"] == ID
    assert "newsroom_story_change" in str([line.get("page") for line in lines_of(house, "web")])
    said = [line["message"] for line in lines_of(house, "worker-1")]
    assert any(message.startswith("The task scan begins") for message in said)
    assert any(message.startswith("An event of first came to the check") for message in said)
    query = "SELECT action FROM detection_auditevent WHERE CAST(facts AS TEXT) LIKE ?"
    actions = {row["action"] for row in house.sql(query, f"%{ID}%")}
    assert {"asset.seen", "analysis.requested", "analysis.awaiting_callback", "analysis.complete"} <= actions
    told = house.manage("detection_trace", ID).stdout
    assert "Event ev_" in told
    assert f"correlation {ID}" in told
