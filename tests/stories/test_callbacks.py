"""A01, A02, A14, A15, A16, A18, A19, A20, A21 with real processes: a detector that calls back over HTTP on loopback."""

from __future__ import annotations

import base64
import json
import socket
import statistics
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from detection.testing import images
from detection.testing.sender import SECRET
from tests.stories.house import House

pytestmark = pytest.mark.processes
DOOR = "/detection/webhooks/first/"
LATER = {"accept": True, "after": 0.2, "then": {"verdict": "likely_ai_generated", "confidence": 0.97}}
NEW = "whsec_" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One detector that calls back, with the sandbox's own secret; polls would come after ten minutes."""
    made = House(tmp_path, env={"DETECTION_CALLBACK_DEADLINE": "600"})
    made.own_detectors = {"DETECTION_PROVIDERS": "first", **_of_alias(made)}
    made.more["PUBLIC_BASE_URL"] = made.url
    with made:
        yield made


def _of_alias(house: House, secrets: str = SECRET) -> dict[str, str]:
    settings = {"BACKEND": "generic", "BASE_URL": house.detector.url, "API_KEY": "first", "CALLBACKS": "on"}
    settings["WEBHOOK_SECRETS"] = secrets
    return {f"DETECTION_FIRST_{name}": value for name, value in settings.items()}


def upload(house: House, seed: int = 1) -> str:
    """Bring one picture in; the public id of its check."""
    folder = house.folder / f"in-{uuid.uuid4().hex}"
    folder.mkdir()
    (folder / "picture.jpg").write_bytes(images.photo_like(seed))
    told = house.manage_json("ingest", str(folder), "--story", "launch")
    [photo] = told["photos"]
    [row] = house.sql(
        "SELECT a.public_id FROM detection_analysis a JOIN detection_asset s ON s.id = a.asset_id "
        "WHERE a.provider = 'first' AND s.public_id = ?",
        uuid.UUID(photo["asset"]).hex if house.database.vendor == "sqlite" else photo["asset"],
    )
    return str(uuid.UUID(row["public_id"]))


def row(house: House, public_id: str) -> dict[str, Any]:
    key = uuid.UUID(public_id).hex if house.database.vendor == "sqlite" else public_id
    return house.sql("SELECT * FROM detection_analysis WHERE public_id = ?", key)[0]


def deliveries(house: House) -> list[dict[str, Any]]:
    return house.sql("SELECT state, repeats, conflicts, event_id, slot FROM detection_webhookdelivery ORDER BY id")


def is_complete(house: House, public_id: str) -> bool:
    return bool(row(house, public_id)["status"] == "complete")


def ends(house: House) -> int:
    """How many answers the history says came by an event."""
    query = "SELECT COUNT(*) AS n FROM detection_auditevent WHERE action = ? AND CAST(facts AS TEXT) LIKE ?"
    return int(house.sql(query, "analysis.complete", '%"callback"%')[0]["n"])


def signed(body: bytes, event_id: str, secret: str = SECRET) -> dict[str, str]:
    """By the packaged library, an independent sender."""
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(event_id, now, body.decode())
    moment = str(int(now.timestamp()))
    named = {"webhook-id": event_id, "webhook-timestamp": moment, "webhook-signature": signature}
    return {**named, "Content-Type": "application/json"}


def event(public_id: str, **data: Any) -> bytes:
    told = {"request_id": "an_000001", "reference": public_id, "status": "complete", "verdict": "likely_ai_generated"}
    return json.dumps({"type": "image.analysis.completed", "data": {**told, "confidence": 0.97, **data}}).encode()


def post(house: House, body: bytes, headers: dict[str, str]) -> requests.Response:
    return requests.post(house.url + DOOR, data=body, headers=headers, timeout=20)


def test_a_detector_calls_back_and_the_verdict_is_there(house: House) -> None:
    """A01, A19, A21, A08 and lost, doubled and forged ones."""
    detector = house.detector
    detector.will(
        LATER,
        # Long enough that the submission is answered by 202, however long the door takes for the event before it.
        {**LATER, "after": 20, "event": {"early": True}},
        {**LATER, "event": {"times": 3, "processing_after": True}},
        {**LATER, "event": {"forged": True}},
    )
    plain, early, doubled, forged = (upload(house, seed) for seed in (1, 2, 3, 4))
    house.eventually(lambda: all(is_complete(house, one) for one in (plain, early, doubled)), within=30)
    house.eventually(lambda: len(detector.events.sent) == 7, within=20)
    answers = {sent.event_id: sent.answers for sent in detector.events.sent}
    by_reference = {stored.reference: name for name, stored in detector._stored.items()}
    assert answers[f"ev_{by_reference[plain]}"] == [202]
    assert answers[f"ev_{by_reference[forged]}"] == [401]
    again = [sent.answers for sent in detector.events.sent if sent.event_id == f"ev_{by_reference[doubled]}"]
    assert sorted(again) == [[200], [200], [202]]
    assert row(house, forged)["status"] == "awaiting_callback"
    house.eventually(lambda: "waiting" not in [one["state"] for one in deliveries(house)], within=20)
    assert sorted(one["state"] for one in deliveries(house)) == ["applied", "applied", "applied", "ignored"]
    assert ends(house) == 3
    status = house.manage_json("detection_status")
    assert status["deliveries"] == {"applied": 3, "ignored": 1}


def test_fifty_at_once_and_a_door_that_answers_fast(house: House) -> None:
    """A01, A02: all 2xx, one verdict, one entry, and the counter says 49."""
    house.detector.will({**LATER, "event": {"lost": True}})
    public_id = upload(house)
    house.eventually(lambda: row(house, public_id)["status"] == "awaiting_callback", within=30)
    body = event(public_id)
    headers = signed(body, "ev_fifty")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _number: post(house, body, headers).status_code, range(50)))
    assert sorted(set(answers)) == [200, 202]
    assert answers.count(202) == 1
    house.eventually(lambda: is_complete(house, public_id), within=20)
    [kept] = deliveries(house)
    assert (kept["state"], kept["repeats"], kept["conflicts"]) == ("applied", 49, 0)
    begun = time.monotonic()
    assert post(house, body, signed(body, "ev_fifty")).status_code == 200
    assert time.monotonic() - begun < 1.0


def test_too_much_is_refused_unread_and_bad_ones_leave_nothing(house: House) -> None:
    """A14, A15: by sockets of our own, for a client would send the body whatever it was told."""

    def answered(head: str, body: bytes = b"") -> tuple[str, float]:
        with closing(socket.create_connection(("127.0.0.1", house.port), timeout=10)) as one:
            begun = time.monotonic()
            request = f"POST {DOOR} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{head}\r\n\r\n"
            one.sendall(request.encode() + body)
            found = one.recv(200)
            return found.split(b"\r\n")[0].decode(), time.monotonic() - begun

    answered("Content-Length: 2", b"{}")
    for head, status in (("Content-Length: 65537", "413"), ("Transfer-Encoding: chunked", "411")):
        line, seconds = min((answered(head) for _time in range(3)), key=lambda found: found[1])
        assert status in line
        assert seconds < 0.1
    size = _bytes_of_database(house)
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda number: post(house, b"{}", signed(b"{}", f"x{number}", NEW)).status_code, range(2000))
        )
    assert set(found) == {401, 429}
    assert deliveries(house) == []
    assert _bytes_of_database(house) - size < 1_000_000


def _bytes_of_database(house: House) -> int:
    if house.database.vendor != "sqlite":
        return int(house.sql("SELECT pg_database_size(current_database()) AS n")[0]["n"])
    return sum(one.stat().st_size for one in house.folder.glob("house.sqlite3*"))


def test_secrets_are_changed_while_events_come(house: House) -> None:
    """A18: old, both and new; the web server is started again between, and no verdict is lost."""
    house.detector.will({**LATER, "event": {"lost": True}})
    ids = [upload(house, seed) for seed in (1, 2)]
    house.eventually(lambda: all(row(house, one)["status"] == "awaiting_callback" for one in ids), within=30)

    def restarted(secrets: str) -> None:
        house.own_detectors = {"DETECTION_PROVIDERS": "first", **_of_alias(house, secrets)}
        house.stop("web")
        house.start_web()
        house.eventually(house.answers, within=30)

    bodies = [event(one, request_id=row(house, one)["provider_reference"]) for one in ids]
    restarted(f"{NEW},{SECRET}")
    found = [
        post(house, bodies[0], signed(bodies[0], "old", SECRET)),
        post(house, bodies[1], signed(bodies[1], "new", NEW)),
    ]
    assert [one.status_code for one in found] == [202, 202]
    restarted(NEW)
    assert post(house, bodies[0], signed(bodies[0], "late", SECRET)).status_code == 401
    house.eventually(lambda: all(is_complete(house, one) for one in ids), within=20)
    assert [one["slot"] for one in deliveries(house)] == [1, 0]


def test_the_web_server_dies_right_after_it_said_yes(house: House) -> None:
    """A20."""
    house.detector.will({**LATER, "event": {"lost": True}})
    public_id = upload(house)
    house.eventually(lambda: row(house, public_id)["status"] == "awaiting_callback", within=30)
    assert post(house, event(public_id), signed(event(public_id), "ev_1")).status_code == 202
    house.kill("web")
    house.eventually(lambda: is_complete(house, public_id), within=20)
    assert [one["state"] for one in deliveries(house)] == ["applied"]


def test_an_event_that_never_comes_is_asked_for(tmp_path: Path) -> None:
    """A21: and when it comes after all, it changes nothing."""
    made = House(tmp_path, env={"DETECTION_CALLBACK_DEADLINE": "3"})
    made.own_detectors = {"DETECTION_PROVIDERS": "first", **_of_alias(made)}
    made.more["PUBLIC_BASE_URL"] = made.url
    with made as house:
        house.detector.will({**LATER, "event": {"delay": 15}})
        public_id = upload(house)
        house.eventually(lambda: is_complete(house, public_id), within=14)
        before = row(house, public_id)
        assert deliveries(house) == []
        house.eventually(lambda: [one["state"] for one in deliveries(house)] == ["ignored"], within=30)
        assert row(house, public_id) == before


def test_slow_bodies_keep_no_editor_out(tmp_path: Path) -> None:
    """A16: 50 connections that send headers and then nothing; served by threads, as docs/howto/callbacks.md says."""
    made = House(tmp_path, env={"GUNICORN_CMD_ARGS": "-k gthread --threads 64"}, groups=0)
    made.own_detectors = {"DETECTION_PROVIDERS": "first", **_of_alias(made)}
    made.more["PUBLIC_BASE_URL"] = made.url
    head = f"POST {DOOR} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n".encode()
    with made as house:
        silent = [socket.create_connection(("127.0.0.1", house.port), timeout=5) for _number in range(50)]
        for one in silent:
            one.sendall(head.replace(b"Host: x", b"Host: 127.0.0.1"))
        took = []
        for _page in range(10):
            begun = time.monotonic()
            assert requests.get(f"{house.url}/admin/login/", timeout=10).status_code == 200
            took.append(time.monotonic() - begun)
        for one in silent:
            one.close()
        assert statistics.median(took) < 2.0
