"""The sandbox detector over real HTTP, and the command that serves it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import requests
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image, ImageDraw

from detection.management.commands.sandbox_detector import Command
from detection.testing.detector import SandboxDetector

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def detector() -> Iterator[SandboxDetector]:
    with SandboxDetector() as running:
        yield running


def send(
    detector: SandboxDetector, content: bytes = b"picture", key: str = "first", **headers: str
) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{detector.url}/v1/analyze-file",
            files={"file": ("a.jpg", content, "image/jpeg")},
            data={"reference": "ref-1"},
            headers={"Authorization": f"Bearer {key}", **headers},
            timeout=5,
        )


def ask(detector: SandboxDetector, path: str, key: str = "first") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(detector.url + path, headers={"Authorization": f"Bearer {key}"}, timeout=5)


def busy_picture(size: tuple[int, int] = (600, 300)) -> bytes:
    """Grey, with lines in its right half."""
    image = Image.new("RGB", size, (128, 128, 128))
    draw = ImageDraw.Draw(image)
    for step in range(0, 120, 4):
        draw.line([(430 + step, 80), (550 - step, 220)], fill=(step * 2, 255, 0))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def test_without_a_script_it_is_uncertain_and_says_who_it_is(detector: SandboxDetector) -> None:
    told = send(detector).json()

    assert (told["status"], told["verdict"], told["model"]) == ("complete", "uncertain", "sandbox-detector")
    assert (told["reference"], "confidence" in told, "ai_score" in told) == ("ref-1", False, False)


def test_the_most_exact_entry_of_the_script_wins() -> None:
    sha256 = hashlib.sha256(b"known").hexdigest()
    script = {
        "first": {sha256: {"verdict": "likely_ai"}, "*": {"verdict": "likely_human"}},
        "*": {"*": {"verdict": "partly_ai_generated"}},
    }
    with SandboxDetector(script=script) as detector:
        said = [
            send(detector, content, key).json()["verdict"]
            for content, key in [(b"known", "first"), (b"other", "first"), (b"known", "second")]
        ]

    assert said == ["likely_ai", "likely_human", "partly_ai_generated"]


def test_a_list_is_used_one_after_another_and_its_last_answer_stays(detector: SandboxDetector) -> None:
    detector.will({"http": 429, "retry_after": 5}, {"http": 500}, {"verdict": "likely_ai"})

    answers = [send(detector) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [429, 500, 200, 200]
    assert answers[0].headers["Retry-After"] == "5"
    assert answers[0].json()["error"]["retryable"] is True


def test_a_gateways_page_and_a_made_up_body_can_be_sent(detector: SandboxDetector) -> None:
    detector.will({"html": True}, {"http": 200, "body": {"odd": 1}}, {"http": 200, "body": "plain"})

    answers = [send(detector) for _ in range(3)]

    assert answers[0].headers["Content-Type"] == "text/html"
    assert answers[1].json() == {"odd": 1}
    assert answers[2].text == "plain"


def test_an_accepted_analysis_ends_when_its_time_has_come(detector: SandboxDetector) -> None:
    detector.will(
        {"accept": True, "after": 600, "then": {"verdict": "likely_ai"}},
        {"accept": True, "after": 0, "then": {"failed": {"code": "blurred", "message": "No.", "retryable": False}}},
    )

    first, second = send(detector), send(detector)
    waits = ask(detector, f"/v1/analyses/{first.json()['request_id']}").json()
    ended = ask(detector, f"/v1/analyses/{second.json()['request_id']}").json()

    assert (first.status_code, waits["status"]) == (202, "processing")
    assert (ended["status"], ended["error"]["code"]) == ("failed", "blurred")


def test_one_idempotency_key_makes_one_analysis_a_bearer_key(detector: SandboxDetector) -> None:
    once = {"Idempotency-Key": "k-1"}

    ids = [send(detector, key=key, **once).json()["request_id"] for key in ("first", "first", "second")]

    assert ids[0] == ids[1] != ids[2]
    assert detector.billed == 2


def test_a_refusal_is_not_remembered_under_the_idempotency_key(detector: SandboxDetector) -> None:
    detector.will({"http": 503}, {"verdict": "likely_ai"})
    once = {"Idempotency-Key": "k-1"}

    assert [send(detector, **once).status_code for _ in range(2)] == [503, 200]


def test_silence_closes_the_connection_and_bills_nothing(detector: SandboxDetector) -> None:
    detector.will({"silence": True})

    with pytest.raises(requests.ConnectionError):
        send(detector)

    assert (detector.billed, detector.calls[0].status) == (0, 0)


def test_analyses_are_found_by_reference_newest_first_and_only_by_their_own_key(detector: SandboxDetector) -> None:
    made = [send(detector).json()["request_id"] for _ in range(2)]

    found = ask(detector, "/v1/analyses?reference=ref-1").json()["analyses"]

    assert [one["request_id"] for one in found] == made[::-1]
    assert ask(detector, "/v1/analyses?reference=ref-1", key="second").json() == {"analyses": []}
    assert ask(detector, f"/v1/analyses/{made[0]}", key="second").status_code == 404


@pytest.mark.parametrize(("key", "status"), [("first", 200), ("wrong", 401), ("", 401)])
def test_the_account_answers_to_a_good_key(detector: SandboxDetector, key: str, status: int) -> None:
    assert ask(detector, "/v1/account", key=key).status_code == status
    assert send(detector, key=key).status_code == status


def test_an_overlay_has_the_pictures_shape_lies_on_its_busiest_part_and_is_always_the_same(
    detector: SandboxDetector,
) -> None:
    detector.will({"verdict": "partly_ai_generated", "overlay": True})
    url = send(detector, busy_picture()).json()["overlay"]["url"]
    path = url.removeprefix(detector.url)

    first, again = ask(detector, path), ask(detector, path)

    overlay = Image.open(io.BytesIO(first.content))
    assert (overlay.format, overlay.mode, overlay.size) == ("PNG", "RGBA", (600, 300))
    alpha = overlay.getchannel("A")
    assert alpha.getpixel((490, 150)) > 100  # type: ignore[operator]
    assert alpha.getpixel((60, 150)) == 0
    assert first.content == again.content


@pytest.mark.parametrize("content", [b"no picture at all", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_has_no_overlay(detector: SandboxDetector, content: bytes) -> None:
    detector.will({"verdict": "likely_ai", "overlay": True})
    send(detector, content)

    assert ask(detector, "/overlays/an_000001.png").status_code == 404


def test_a_file_of_another_type_or_without_content_is_refused_and_bills_nothing(detector: SandboxDetector) -> None:
    detector.will({"verdict": "likely_ai"})
    with requests.Session() as session:
        session.trust_env = False
        told = [
            session.post(
                f"{detector.url}/v1/analyze-file",
                files={"file": ("a", content, media_type)},
                headers={"Authorization": "Bearer first"},
                timeout=5,
            )
            for content, media_type in [(b"text", "text/plain"), (b"", "image/jpeg"), (b"picture", "image/heic")]
        ]

    assert [one.status_code for one in told] == [415, 400, 200]
    assert told[0].json()["error"] | {"message": ""} == {
        "code": "unsupported_type",
        "message": "",
        "retryable": False,
    }
    assert detector.billed == 1


def test_the_journal_knows_what_came_in(detector: SandboxDetector) -> None:
    send(detector, b"\r\n--picture\r\n\x00\xff")

    call = detector.calls[0]
    assert (call.method, call.path, call.status, call.key) == ("POST", "/v1/analyze-file", 200, "first")
    assert (call.filename, call.media_type, call.fields) == ("a.jpg", "image/jpeg", {"reference": "ref-1"})
    assert call.sha256 == hashlib.sha256(b"\r\n--picture\r\n\x00\xff").hexdigest()
    assert call.size > 100
    assert call.at > 0


def test_a_submitted_link_is_looked_up_as_text_and_not_fetched(detector: SandboxDetector) -> None:
    detector.will({"verdict": "likely_ai"}, sha256="http://127.0.0.1:1/a.jpg")
    with requests.Session() as session:
        session.trust_env = False
        told = session.post(
            f"{detector.url}/v1/analyze",
            json={"image_url": "http://127.0.0.1:1/a.jpg", "reference": "ref-9"},
            headers={"Authorization": "Bearer first"},
            timeout=5,
        ).json()

    assert (told["verdict"], told["reference"]) == ("likely_ai", "ref-9")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([], "A script is"),
        ({"first": []}, "A script is"),
        ({"first": {"*": "likely_ai"}}, "first / \\*"),
        ({"first": {"*": []}}, "first / \\*"),
        ({"first": {"*": {"verdikt": "likely_ai"}}}, "verdikt"),
        ({"first": {"*": {"http": "429"}}}, "http"),
        ({"first": {"*": [{"accept": True, "then": {"afterr": 1}}]}}, "afterr"),
    ],
)
def test_a_script_with_a_mistake_is_refused_with_its_place(script: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        SandboxDetector(script=script)

    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    with pytest.raises(CommandError, match=says):
        call_command(Command(), "--port", "0", "--script", str(path))


def test_a_script_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing\.json"):
        call_command(Command(), "--script", str(tmp_path / "missing.json"))


def test_a_port_that_is_taken_is_refused_by_number(detector: SandboxDetector) -> None:
    port = detector.url.rpartition(":")[2]

    with pytest.raises(CommandError, match=f"Port {port} cannot be used"):
        call_command(Command(), "--port", port)


@pytest.mark.processes
def test_the_command_says_where_it_listens_and_stops_cleanly_at_ctrl_c(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"*": {"*": {"verdict": "likely_ai"}}}))
    command = [sys.executable, "-m", "django", "sandbox_detector", "--port", "0", "--script", str(script)]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings_bare", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout
            said = running.stdout.readline()
            url = said.split("http://")[1].split(". ")[0]
            with requests.Session() as session:
                session.trust_env = False
                good = session.get(f"http://{url}/v1/account", headers={"Authorization": "Bearer a"}, timeout=5)
            running.send_signal(signal.SIGINT)
            rest, errors = running.communicate(timeout=10)
        finally:
            running.kill()

    assert good.status_code == 200
    assert (running.returncode, rest.strip(), errors) == (0, "Stopped.", "")


def test_the_first_polls_get_what_the_script_has_for_them(detector: SandboxDetector) -> None:
    polls = [{"http": 500}, {"html": True}, {"http": 404, "code": "not_found"}]
    detector.will({"accept": True, "polls": polls, "then": {"verdict": "likely_ai"}})
    address = f"/v1/analyses/{send(detector).json()['request_id']}"

    said = [ask(detector, address) for _poll in range(5)]

    assert [answer.status_code for answer in said] == [500, 200, 404, 200, 200]
    assert said[1].headers["Content-Type"] == "text/html"
    assert [answer.json().get("verdict") for answer in said[3:]] == ["likely_ai", "likely_ai"]


def test_a_poll_can_be_left_without_an_answer(detector: SandboxDetector) -> None:
    detector.will({"accept": True, "polls": [{"silence": True}]})
    address = f"/v1/analyses/{send(detector).json()['request_id']}"

    with pytest.raises(requests.ConnectionError):
        ask(detector, address)
    assert ask(detector, address).status_code == 200


def test_a_reset_is_no_end_in_order(detector: SandboxDetector) -> None:
    detector.will({"reset": True}, {"verdict": "likely_ai"})

    with pytest.raises(requests.ConnectionError, match="reset"):
        send(detector)
    assert (detector.billed, send(detector).json()["verdict"]) == (0, "likely_ai")


def test_an_answer_that_is_lost_is_lost_after_the_seconds_that_the_script_says(detector: SandboxDetector) -> None:
    detector.will({"drop_after_store": 0.2})
    began = monotonic()

    with pytest.raises(requests.ConnectionError):
        send(detector)
    assert (detector.billed, 0.15 < monotonic() - began < 3) == (1, True)


def test_an_unknown_word_for_a_poll_is_refused() -> None:
    with pytest.raises(ValueError, match="slience"):
        SandboxDetector(script={"*": {"*": {"accept": True, "polls": [{"slience": True}]}}})


def test_above_what_it_allows_it_refuses_and_not_a_moment_longer(detector: SandboxDetector) -> None:
    detector.allows = (2, 0.5)
    assert [send(detector, content).status_code for content in (b"1", b"2", b"3")] == [200, 200, 429]
    until = monotonic() + 5
    while (again := send(detector, b"3")).status_code == 429 and monotonic() < until:
        sleep(0.05)
    assert again.status_code == 200
    assert "Retry-After" not in again.headers


def test_during_an_outage_every_call_fails_alike(detector: SandboxDetector) -> None:
    detector.down = 503
    assert send(detector).status_code == 503
    assert ask(detector, "/v1/account").status_code == 503
    detector.down = 0
    assert (send(detector).status_code, detector.billed) == (200, 1)
