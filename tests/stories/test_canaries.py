"""H01: a canary for each secret goes through uploads, answers, faults, events and pages, and is looked for everywhere.

Logs are at their most talkative. Looked at is everything that the house wrote: its whole folder byte by byte (logs,
rows, queue, cache, files), a dump of its database, each page that it served, and what its commands printed.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from detection import signing
from detection.signing import Scheme
from detection.testing import images
from tests.stories.house import House
from tests.test_acceptance import TESTS

pytestmark = pytest.mark.processes
ROOT = TESTS.parent


def canary(name: str) -> str:
    return f"CANARY-{name}-{uuid.uuid4().hex}"


SECRETS = {
    name: canary(name)
    for name in ("DJANGO_SECRET_KEY", "METRICS_TOKEN", "AUDIT_ANCHOR_KEY", "DEMO_PASSWORD", "DETECTION_FIRST_API_KEY")
}
SECRETS["DJANGO_SECRET_KEY"] += uuid.uuid4().hex
SIGNING = "whsec_" + base64.b64encode(uuid.uuid4().bytes * 2).decode()
FORGED = "whsec_" + base64.b64encode(uuid.uuid4().bytes * 2).decode()
DOOR = "/detection/webhooks/first/"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, env={"LOG_LEVEL": "DEBUG", "DETECTION_RETRY_BASE": "1", **SECRETS})
    of_alias = {"BACKEND": "generic", "BASE_URL": made.detector.url, "CALLBACKS": "on", "WEBHOOK_SECRETS": SIGNING}
    made.own_detectors = {"DETECTION_PROVIDERS": "first", **{f"DETECTION_FIRST_{k}": v for k, v in of_alias.items()}}
    made.more["PUBLIC_BASE_URL"] = made.url
    made.detector.events.secret = SIGNING
    with made:
        yield made


def forms() -> list[bytes]:
    found = []
    for secret in (*SECRETS.values(), SIGNING, SIGNING.removeprefix("whsec_")):
        coded = base64.b64encode(secret.encode()).decode().rstrip("=")
        found += [secret.encode(), quote(secret, safe="").encode(), coded.encode()]
    return found


def rows(house: House) -> bytes:
    """Every value of every table, as its own bytes. The file itself would show what was overwritten, too."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if house.database.vendor != "sqlite":
        tables = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    found = [
        value if isinstance(value, bytes) else str(value).encode()
        for table in house.sql(tables)
        for row in house.sql(f'SELECT * FROM "{table["name"]}"')
        for value in row.values()
    ]
    return b"\n".join(found)


def post(house: House, secret: str, body: bytes, event_id: str) -> int:
    key = signing.key_of(Scheme.STANDARD, secret)
    headers = signing.sign(Scheme.STANDARD, key, body, event_id=event_id, now=time.time())
    headers["Content-Type"] = "application/json"
    return requests.post(house.url + DOOR, data=body, headers=headers, timeout=30).status_code


def test_h01_no_secret_is_written_down_or_shown(house: House) -> None:
    key = SECRETS["DETECTION_FIRST_API_KEY"]
    echo = f"refused {key}, signed {SIGNING}"
    told = {"verdict": "likely_ai_generated", "confidence": 0.97, "model": key, "overlay": True}
    house.detector.will(
        {"http": 500, "message": echo, "code": key, "body": {"error": {"message": echo}, "api_key": key}},
        {**told, "generators": [{"name": key, "score": 0.5}]},
    )
    seen: list[bytes] = []
    pictures = house.folder / "in"
    pictures.mkdir()
    (pictures / "one.jpg").write_bytes(images.photo_like(1))
    told_by_ingest = house.manage_json("ingest", str(pictures), "--story", "launch")
    asset = told_by_ingest["photos"][0]["asset"]
    echoed = json.dumps({"type": "x", "data": {"request_id": key, "status": "complete", "model": echo}}).encode()
    assert [post(house, FORGED, echoed, "ev_1"), post(house, SIGNING, echoed, "ev_2")] == [401, 202]
    # The door does not know the detector's key; a worker takes out what its vendor repeated.
    tried = "SELECT count(*) AS n FROM detection_webhookdelivery WHERE tries > 0 OR state <> 'waiting'"
    house.eventually(lambda: house.sql(tried)[0]["n"])
    house.eventually(lambda: house.sql("SELECT id FROM detection_analysis WHERE verdict = 'likely_ai'"))

    dana = house.person("dana")
    [story] = house.sql("SELECT id FROM newsroom_story WHERE slug = 'launch'")
    pages = [
        "/", "/admin/", "/check/", f"/admin/detection/asset/{asset}/review/", "/admin/newsroom/photo/",
        f"/admin/newsroom/story/{story['id']}/change/", f"/admin/newsroom/story/{story['id']}/history/",
        f"/detection/assets/{asset}.json", f"/detection/media/{asset}/preview", "/nowhere/", "/health/ready",
        f"/detection/handed/{key}/", f"/metrics?token={SECRETS['METRICS_TOKEN']}", "/api/v1/openapi.json",
    ]  # fmt: skip
    seen += [dana.get(page).content for page in pages]
    wrong = {"Authorization": f"Bearer {SECRETS['METRICS_TOKEN']}", "X-Api-Key": key, "Cookie": f"sessionid={key}"}
    seen += [requests.get(house.url + page, headers=wrong, timeout=30).content for page in pages[:4]]
    for command in (
        ("detection_status", "--json"), ("detection_doctor", "--json"), ("detection_trace", asset),
        ("detection_provider", "status"), ("detection_provider", "test", "first"), ("audit_verify",), ("audit_anchor",),
        ("check", "--deploy"), ("dumpdata", "--indent", "1"),
    ):  # fmt: skip
        done = house.manage(*command, check=False)
        seen.append((done.stdout + done.stderr).encode())
    seen.append(rows(house))
    assert all(word in seen[-1] for word in (b"likely_ai", b"ev_2", b"[redacted]", b"analysis.complete"))

    files = [path for path in house.folder.rglob("*") if path.is_file() and "sqlite3" not in path.name]
    written = {path: path.read_bytes() for path in files}
    assert any(len(content) > 1000 for path, content in written.items() if path.suffix == ".log")
    for form in forms():
        assert [str(path) for path, content in written.items() if form in content] == [], form
        assert [content[:200] for content in seen if form in content] == [], form
