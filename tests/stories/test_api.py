"""A program at the API of real processes: a token from the command line, an upload that comes four times at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from detection.testing import images
from tests.stories.house import House

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), groups=1) as opened:
        yield opened


def test_four_uploads_at_once_with_one_key_are_one_picture_that_the_gate_holds(house: House) -> None:
    """F01: by a service, whose uploads are checked by the workers and whose wish to publish the gate refuses."""
    house.detector.will({"verdict": "likely_ai_generated", "confidence": 0.97}, key="first")
    token = house.manage("api_token", "erin", "--service").stdout.strip()
    story = f"{house.url}/api/v1/stories/launch"
    headers = {"Authorization": f"Bearer {token}"}
    content = images.photo_like(seed=5, size=(320, 240))

    def upload(_number: int) -> requests.Response:
        files = {"file": ("wire.jpg", content, "image/jpeg")}
        return requests.post(f"{story}/pictures", files=files, headers=headers | {"Idempotency-Key": "k"}, timeout=60)

    with ThreadPoolExecutor(4) as together:
        found = list(together.map(upload, range(4)))
    assert {(one.status_code, one.content) for one in found} == {(201, found[0].content)}
    assert sorted(one.headers.get("Idempotent-Replayed", "first") for one in found) == ["first", *["true"] * 3]
    assert house.sql("SELECT count(*) AS n FROM newsroom_photo")[0]["n"] == 1
    picture = house.url + found[0].json()["href"]

    def is_read() -> bool:
        return bool(requests.get(picture, headers=headers, timeout=30).json()["analysisStatus"] == "complete")

    house.eventually(is_read)
    refusal = requests.post(f"{story}/publish", headers=headers, timeout=30)
    assert (refusal.status_code, refusal.json()["level"], refusal.json()["who_can_clear"]) == (409, "hold", ["Dana"])
    assert refusal.json()["actions"] == ["look", "replace"]
    assert house.sql("SELECT state FROM newsroom_story WHERE slug = ?", "launch") == [{"state": "draft"}]
