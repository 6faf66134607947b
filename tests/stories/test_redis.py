"""Redis as the broker. It forgets: rings are lost with it, and the rows still ring again until each scan has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detection.testing import images
from tests.stories.house import House
from tests.stories.servers import OwnRedis
from tests.stories.test_journey import form_fields

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
CLEAR = {"verdict": "likely_human", "confidence": 0.9}
LOST = 60.0
"""Seconds within which a scan has to end whose ring was lost."""
DOWN = 15.0
"""Seconds without Redis: long enough for the bell to try again what went nowhere, and fail."""
IN_ONE_TRANSACTION = """
from django.core.files.base import ContentFile
from django.db import transaction
from detection import queue
from newsroom.models import Story
from newsroom.uploads import receive
with transaction.atomic():
    receive(ContentFile(open({path!r}, "rb").read(), name="in.jpg"), by=None, story=Story.objects.get(slug="launch"))
    print(queue.rides_along(), queue.waiting())
    transaction.set_rollback({back})
print(queue.waiting())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), broker="redis", web=False) as opened:
        opened.detector.will(CLEAR)
        yield opened


def ingest(house: House, folder: Path, *seeds: int) -> list[str]:
    """Bring pictures in; the keys of their handles."""
    folder.mkdir()
    for seed in seeds:
        (folder / f"{seed}.jpg").write_bytes(images.photo_like(seed, size=(64, 48)))
    made = house.manage_json("ingest", str(folder), "--story", "launch", "--source", "agency")
    return [photo["asset"].replace("-", "") for photo in made["photos"]]


def checks(house: House, asset: str) -> list[dict[str, Any]]:
    query = "SELECT a.* FROM detection_analysis a JOIN detection_asset s ON s.id = a.asset_id WHERE s.public_id = ?"
    return house.sql(query, asset)


def are_complete(house: House, *assets: str) -> bool:
    return all(row["status"] == "complete" for asset in assets for row in checks(house, asset))


def upload_within(house: House, folder: Path, *, back: bool) -> list[str]:
    """An upload in a transaction; what was printed inside it and after it."""
    path = folder / f"{back}.jpg"
    path.write_bytes(images.photo_like(50 + back, size=(64, 48)))
    return house.manage("shell", "-v0", "-c", IN_ONE_TRANSACTION.format(path=str(path), back=back)).stdout.split()


def test_a_picture_that_comes_in_is_scanned_soon(house: House, tmp_path: Path) -> None:
    [asset] = ingest(house, tmp_path / "in", 1)
    house.eventually(lambda: are_complete(house, asset), within=20)
    assert sorted((row["provider"], row["attempts"], row["calls"]) for row in checks(house, asset)) == [
        ("first", 1, 1),
        ("provenance", 1, 1),
    ]


def test_a_ring_goes_out_after_the_commit_and_a_rolled_back_upload_rings_nobody(house: House, tmp_path: Path) -> None:
    """D10."""
    house.stop("worker-1")
    before = house.sql("SELECT count(*) AS n FROM detection_asset")[0]["n"]
    assert upload_within(house, tmp_path, back=True) == ["False", "0", "0"]
    assert house.sql("SELECT count(*) AS n FROM detection_asset")[0]["n"] == before
    assert upload_within(house, tmp_path, back=False) == ["False", "0", "2"]
    house.start_worker("worker-1")
    left = "SELECT count(*) AS n FROM detection_analysis WHERE status <> 'complete'"
    house.eventually(lambda: not house.sql(left)[0]["n"], within=20)


def test_rings_that_redis_forgot_are_rung_again(house: House, tmp_path: Path) -> None:
    """D09."""
    assert house.redis is not None
    house.stop("worker-1")
    assets = ingest(house, tmp_path / "in", 2, 3, 4)
    assert house.redis.client.dbsize() > 0
    house.redis.client.flushdb()
    house.start_worker("worker-1")
    house.eventually(lambda: are_complete(house, *assets), within=LOST)
    assert {(row["attempts"], row["calls"]) for asset in assets for row in checks(house, asset)} == {(1, 1)}


def test_an_upload_stands_while_redis_is_down_and_its_scan_ends_after_redis_is_back(tmp_path: Path) -> None:
    with OwnRedis(tmp_path) as redis, House(tmp_path, broker="redis", env={"REDIS_URL": redis.url}) as house:
        house.detector.will(CLEAR)
        erin = house.person("erin")
        story = f"/admin/newsroom/story/{house.sql('SELECT id FROM newsroom_story')[0]['id']}/change/"
        fields = form_fields(erin.get(story).text) | {"their_tier": "freelance"}
        redis.stop()
        content = images.photo_like(7)
        answer = erin.post(story, files=[("new_pictures", ("launch.jpg", content, "image/jpeg"))], **fields)
        assert answer.status_code == 200, answer.text[:500]
        [asset] = house.sql("SELECT public_id FROM detection_asset")
        assert {row["status"] for row in checks(house, asset["public_id"])} == {"pending_scan"}
        assert erin.get(story).status_code == 200
        time.sleep(DOWN)
        assert house.workers[0].poll() is None
        redis.start()
        house.eventually(lambda: are_complete(house, asset["public_id"]), within=LOST)
