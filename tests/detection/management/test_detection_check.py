from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.management.commands import detection_check
from detection.testing import images
from detection.testing.credentials import Authority, tampered

PHOTO = images.photo_like()
KEYS = ["file", "signal", "why", "credentials", "declared", "evidence", "rejected", "sha256"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = Authority.new("Agency", signer="Agency desk")
    signed = authority.sign(PHOTO, "image/jpeg", source_type="trainedAlgorithmicMedia")
    files = {
        "plain.jpg": PHOTO,
        "ai.jpg": images.with_xmp_source_type(PHOTO),
        "edited.jpg": images.with_xmp_source_type(PHOTO, "compositeSynthetic"),
        "signed.jpg": signed,
        "broken.jpg": tampered(signed),
        "cut.jpg": images.truncated(PHOTO),
        "cut-ai.jpg": images.truncated(images.with_xmp_source_type(PHOTO)),
        "empty.jpg": b"",
        "text.jpg": b"hello",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "root.pem").write_text(authority.root_pem)
    return tmp_path


def run(*arguments: object) -> tuple[str, str]:
    """What the command printed, and its last words if its exit code is 1."""
    printed = io.StringIO()
    try:
        call_command("detection_check", *map(str, arguments), stdout=printed)
    except CommandError as error:
        return printed.getvalue(), str(error)
    return printed.getvalue(), ""


def answers(*arguments: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--json")[0])
    return found


@pytest.mark.parametrize(
    ("name", "signal", "why", "code", "state"),
    [
        ("plain.jpg", "nothing_declared", "", None, "none"),
        ("ai.jpg", "declared_ai", "", None, "none"),
        ("edited.jpg", "declared_ai_edited", "", None, "none"),
        ("signed.jpg", "declared_ai", "", None, "untrusted"),
        ("broken.jpg", "credentials_broken", "", None, "broken"),
        ("cut.jpg", "could_not_check", "unreadable", "truncated", "none"),
        ("cut-ai.jpg", "declared_ai", "", "truncated", "none"),
        ("empty.jpg", "could_not_check", "unreadable", "empty", "none"),
        ("text.jpg", "could_not_check", "unreadable", "unsupported", "none"),
        ("lists", "could_not_check", "unreadable", "folder", "none"),
        ("nowhere.jpg", "could_not_check", "unreadable", "missing", "none"),
        ("\0", "could_not_check", "unreadable", "missing", "none"),
    ],
)
def test_each_kind_of_file_gets_its_word(
    folder: Path, name: str, signal: str, why: str, code: str | None, state: str
) -> None:
    (answer,) = answers(folder / name)
    assert list(answer) == KEYS
    assert (answer["signal"], answer["why"], answer["credentials"]["state"]) == (signal, why, state)
    assert (answer["rejected"] or {}).get("code") == code
    path = folder / name
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if "\0" not in name and path.is_file() else ""
    assert answer["sha256"] == digest


def test_files_are_answered_in_the_order_given_and_one_bad_one_stops_nobody(folder: Path) -> None:
    names = ["ai.jpg", "nowhere.jpg", "plain.jpg", "lists", "edited.jpg"]
    found = answers(*(folder / name for name in names))
    assert [Path(answer["file"]).name for answer in found] == names
    assert run(*(folder / name for name in names))[1] == "2 of 5 could not be checked; the reason stands with each."
    assert run(folder / "ai.jpg", folder / "plain.jpg")[1] == ""


def test_what_is_declared_is_told_with_its_raw_key_and_value(folder: Path) -> None:
    (answer,) = answers(folder / "ai.jpg")
    (declared,) = answer["declared"]
    assert declared == {
        "says": "ai",
        "key": "Iptc4xmpExt:DigitalSourceType",
        "value": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    }
    assert answer["evidence"][0]["strength"] == "B"


def test_a_broken_credentials_words_are_evidence_and_not_a_declaration(folder: Path) -> None:
    (answer,) = answers(folder / "broken.jpg")
    assert answer["declared"] == []
    assert any(item["says"] == "ai" for item in answer["evidence"])
    assert "assertion.dataHash.mismatch" in answer["credentials"]["codes"]


def test_a_trust_list_may_be_named(folder: Path) -> None:
    (answer,) = answers(folder / "signed.jpg", "--trust-lists", folder / "lists")
    assert answer["credentials"] == {"state": "trusted", "signer": "Agency desk", "codes": []}


def test_a_trust_list_that_is_not_there_is_refused_before_anything_is_read(folder: Path) -> None:
    printed, refusal = run(folder / "signed.jpg", "--trust-lists", folder / "no")
    assert (printed, "which is not a folder" in refusal) == ("", True)


def test_the_plain_answer_puts_the_word_first_and_never_says_more_than_it_knows(folder: Path) -> None:
    printed, _ = run(folder / "ai.jpg", folder / "plain.jpg", folder / "cut.jpg")
    assert printed.startswith("Declares AI generation: ")
    assert "[B] Iptc4xmpExt:DigitalSourceType = http://cv.iptc.org" in printed
    assert "The file declares no AI use." in printed
    assert "This file is cut off" in printed
    assert not any(word in printed.lower() for word in ("fake", "human", "real ", "authentic", "verified"))


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    hostile = images.with_exif(PHOTO, {0x0131: "evil\x1b[2J\r"})
    path = tmp_path / "a\x1bb.jpg"
    path.write_bytes(hostile)
    printed, _ = run(path)
    assert "\x1b" not in printed
    assert "\r" not in printed
    assert "evil" in printed


def test_a_wrong_extension_is_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PHOTO)
    assert "ends in .png, but this is a JPEG picture." in run(path)[0]


def test_it_needs_no_database_and_no_system_checks() -> None:
    assert detection_check.Command.requires_system_checks == []
    assert not detection_check.Command.requires_migrations_checks
