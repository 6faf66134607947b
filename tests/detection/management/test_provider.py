"""`detection_provider`: what is configured, pause and resume, and a test of the credentials."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection import switches
from detection.errors import AuthFailed
from detection.models import AuditEvent

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


def test_a_test_asks_each_detector(scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("test").splitlines()
    assert [line.split(":")[0] for line in told] == ["first", "second"]
    assert "answers what it is told" in told[0]

    def refused() -> str:
        raise AuthFailed("The key was refused.")

    monkeypatch.setattr(scripted(), "check", refused)
    with pytest.raises(CommandError, match="1 of the tested detectors did not answer well"):
        run("test")
    with pytest.raises(CommandError):
        run("test", "first")
