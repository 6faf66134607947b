"""`detection_provider`: what is configured, pause and resume, and a test of the credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection import switches
from detection.errors import AuthFailed, ImageRefused
from detection.models import Analysis, AuditEvent
from detection.results import KeyCheck
from detection.testing import images

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_provider", *arguments, stdout=out)
    return out.getvalue()


def test_status_lists_every_detector() -> None:
    assert run("status") == "first (Scripted detector): on\nsecond (Scripted detector): on\n"
    assert run("status", "second") == "second (Scripted detector): on\n"


def test_pause_and_resume_are_recorded_with_their_reason() -> None:
    """E07, E11."""
    assert run("pause", "first", "--reason", "The bill.") == "first (Scripted detector): paused: The bill.\n"
    assert switches.is_paused("first")
    assert run("resume", "first") == "first (Scripted detector): on\n"
    assert not switches.is_paused("first")
    assert AuditEvent.objects.count() == 2


def test_without_an_alias_all_are_meant() -> None:
    assert run("pause", "--reason", "Election night.").startswith("All detectors are paused: Election night.")
    assert switches.is_paused("second")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "thrid"), "No detector is called thrid. Configured: first, second."),
        (("pause", "first"), "Say why with --reason"),
        (("explode",), "invalid choice"),
    ],
)
def test_bad_input_is_a_sentence(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)


@pytest.fixture
def refused(pixels_only: None, scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first detector refuses the key."""

    def check() -> KeyCheck:
        raise AuthFailed("The key was refused.")

    monkeypatch.setattr(scripted(), "check", check)


def failing(*arguments: str, said: str = "1 of the tested detectors did not answer well.") -> str:
    """What is printed by a call that ends with 1."""
    out = StringIO()
    with pytest.raises(CommandError, match=said):
        call_command("detection_provider", *arguments, stdout=out)
    return out.getvalue()


def test_a_test_asks_each_detector_and_changes_nothing() -> None:
    told = run("test").splitlines()
    assert [line.split(":")[0] for line in told] == ["first", "second"]
    assert re.fullmatch(r"first: Scripted detector answers what it is told\. \(\d+ ms\)", told[0])
    assert run("test", "second").startswith("second: ")
    assert not AuditEvent.objects.exists()


@pytest.mark.usefixtures("refused")
def test_one_that_fails_is_named_and_the_others_are_asked_all_the_same() -> None:
    told = failing("test").splitlines()
    assert told[0].startswith("first: FAILED: The key was refused. (")
    assert told[1].startswith("second: Scripted detector answers")
    failing("test", "first")
    assert run("test", "second")
    assert not switches.is_paused("first")


def test_what_is_left_of_the_plan_is_told(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    said = KeyCheck(sentence="The key is good.", remaining=1_200_000.0, unit="credits")
    monkeypatch.setattr(scripted(), "check", lambda: said)
    assert run("test", "first").startswith("first: The key is good. 1200000 credits are left. (")


def test_a_paused_detector_is_asked_all_the_same_and_said_to_be_paused() -> None:
    switches.pause("*", reason="Election night.")
    for line in run("test").splitlines():
        assert line.endswith("ms) It is paused: Election night.")


def test_one_that_is_wrongly_configured_is_a_sentence(settings: Any) -> None:
    backend = "detection.providers.generic.GenericProvider"
    settings.DETECTION_PROVIDERS = {"first": {"BACKEND": backend, "OPTIONS": {"base_url": "https://a.example"}}}
    assert "'api_key'] is empty" in failing("test", "first")


@pytest.mark.usefixtures("refused")
def test_json_is_a_list_with_one_object_a_detector() -> None:
    switches.pause("second", reason="The bill.")
    told = json.loads(failing("test", "--json"))
    assert [one.pop("milliseconds") >= 0 for one in told] == [True, True]
    assert told == [
        {
            "alias": "first",
            "ok": False,
            "paused": False,
            "sentence": "The key was refused.",
            "error_class": "auth",
            "remaining": None,
            "unit": "",
        },
        {
            "alias": "second",
            "ok": True,
            "paused": True,
            "sentence": "Scripted detector answers what it is told.",
            "error_class": "",
            "remaining": None,
            "unit": "",
        },
    ]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "harbour.jpg"
    path.write_bytes(images.photo_like(5))
    return str(path)


def test_with_a_file_one_picture_is_sent_to_each(file: str, scripted: Callable[..., Any]) -> None:
    scripted().will_return(verdict="likely_ai", ai_score=0.93)
    told = run("test", "--image", file).splitlines()
    assert "may be billed" in told[0]
    assert told[1].startswith("first: Likely AI-generated, estimate 93 of 99, model scripted-1, request first-1. (")
    assert told[2].startswith("second: Inconclusive, ")
    assert len(scripted().calls) == 1
    assert not Analysis.objects.exists()
    [one] = json.loads(run("test", "first", "--image", file, "--json"))
    assert (one["verdict"], one["score"], one["model"]) == ("uncertain", None, "scripted-1")
    assert one["request_id"] == "first-2"


def test_a_picture_that_was_refused_ends_it_with_one(file: str, scripted: Callable[..., Any]) -> None:
    scripted().will_fail(ImageRefused("Too blurred."))
    assert "first: FAILED: Too blurred. (" in failing("test", "first", "--image", file)
    switches.pause("first", reason="The bill.")
    [one] = json.loads(failing("test", "first", "--image", file, "--json"))
    assert (one["paused"], one["verdict"], one["request_id"]) == (True, None, "")
    assert one["sentence"] == "It is paused, so nothing was sent: The bill."


def test_a_file_that_cannot_be_used_is_a_sentence_and_nothing_is_sent(
    tmp_path: Path, scripted: Callable[..., Any], configure: Callable[..., None]
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("No picture.")
    failing("test", "--image", str(text), said="notes.jpg: .*\\.$")
    failing("test", "--image", str(tmp_path / "gone.jpg"), said="gone.jpg cannot be opened: No such file")
    failing("test", "--image", str(tmp_path), said="cannot be opened: Is a directory")
    failing("test", "--image", "a\0b", said="cannot be opened: its name is not valid")
    configure(MAX_BYTES=2)
    failing("test", "--image", str(text), said="is larger than 0 MB")
    assert scripted().calls == []


@pytest.mark.parametrize("option", [("--json",), ("--image", "a.jpg")])
def test_options_of_the_test_belong_to_no_other_verb(option: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="belong to the verb test"):
        run("status", *option)


def test_what_the_setting_pauses_is_shown_and_not_resumed(configure: Callable[..., None]) -> None:
    """E11."""
    configure(PAUSED="first")
    told = run("status")
    assert "first (Scripted detector): paused: Paused by the setting PAUSED" in told
    assert "second (Scripted detector): on" in told
    with pytest.raises(CommandError, match="DETECTION_PAUSED"):
        run("resume", "first")
    configure(PAUSED="*")
    assert run("status").startswith("All detectors are paused: Paused by the setting PAUSED")
