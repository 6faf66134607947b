"""The history out of the browser: an archive that verifies, for those who may export alone, and itself an event."""

from __future__ import annotations

import csv
import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from detection import audit
from detection.admin import exports
from detection.history import exporting
from detection.models import Asset, AuditEvent
from tests.conftest import person

pytestmark = pytest.mark.django_db
PAGE = "/admin/detection/auditevent/export/"


@pytest.fixture
def told(asset: Asset, dana: Any, avery: Any, client: Any) -> Any:
    """An auditor before a history in which something was done on two desks."""
    audit.record("asset.released", asset=asset, by=dana, note="=HYPERLINK(1)", desk="news")
    audit.record("asset.released", asset=asset, by=dana, note="Seen.", desk="sport")
    audit.seal_all()
    client.force_login(avery)
    return client


def archive(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.streaming
    return zipfile.ZipFile(BytesIO(answer.getvalue()))


def test_g05_an_archive_holds_entries_and_manifest_and_verifies_without_the_database(told: Any, tmp_path: Path) -> None:
    answer = told.post(PAGE, {"format": "jsonl", "names": "on", "reason": "Yearly audit."})
    archive(answer).extractall(tmp_path)
    out = StringIO()
    call_command("audit_export", str(tmp_path / "history.jsonl"), "--check", stdout=out)
    assert "This export is whole" in out.getvalue()
    assert "Dana Example" in (tmp_path / "history.jsonl").read_text()
    manifest = json.loads((tmp_path / "history.jsonl.manifest.json").read_text())
    event = AuditEvent.objects.get(action="audit.exported")
    assert (manifest["export_event"], manifest["made_by"]) == (event.pk, "Avery Example")
    assert audit.entry_of(event).note == "Yearly audit."
    listed = told.get(PAGE).text
    assert "Yearly audit." in listed
    assert "Avery Example" in listed


def test_g05_a_table_of_one_desk_holds_no_formula_and_no_names(told: Any) -> None:
    today = str(timezone.localdate())
    given = {"format": "csv", "names": "on", "desk": "news", "since": today, "until": today}
    rows = list(csv.DictReader(StringIO(archive(told.post(PAGE, given)).read("history.csv").decode())))
    assert [row["note"] for row in rows if row["action"] == "asset.released"] == ["'=HYPERLINK(1)"]
    assert {row["desk"] for row in rows} == {"news"}
    nameless = archive(told.post(PAGE, {"format": "csv"})).read("history.csv").decode()
    assert "Dana" not in nameless


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "cannot be read"),
        ({"format": "xml"}, "cannot be read"),
        ({"format": "csv", "since": "yesterday"}, "cannot be read"),
        ({"format": "csv", "since": "2026-05-05", "until": "2026-05-04"}, "later than the last one"),
        ({"format": "csv", "until": "2020-01-01"}, "Nothing in the history fits this"),
        ({"format": "csv", "desk": "nowhere"}, "Nothing in the history fits this"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is(told: Any, given: dict[str, str], words: str) -> None:
    answer = told.post(PAGE, given)
    assert answer.status_code == 400
    assert words in answer.text
    assert 'role="alert"' in answer.text
    assert not AuditEvent.objects.filter(action="audit.exported").exists()


def test_more_than_a_browser_gets_names_the_command(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST", 1)
    answer = told.post(PAGE, {"format": "jsonl"})
    assert answer.status_code == 400
    assert "manage.py audit_export" in answer.text


def test_who_reads_the_history_and_may_not_export_it_is_refused_and_that_is_recorded(told: Any) -> None:
    told.force_login(person("otto", "view_audit"))
    assert told.post(PAGE, {"format": "jsonl"}).status_code == 403
    denied = AuditEvent.objects.get(action="gate.denied")
    assert denied.facts["permission"] == exporting.PERMISSION
    assert PAGE not in told.get("/admin/detection/auditevent/").text
    assert not AuditEvent.objects.filter(action="audit.exported").exists()


def test_an_archive_that_is_not_read_to_its_end_does_no_harm(told: Any) -> None:
    pieces = exporting.archive(exporting.begin("jsonl", exporting.Wanted()))
    next(pieces)
    pieces.close()
