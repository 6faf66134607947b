"""The history as a file: whole, verifiable by itself, harmless in a spreadsheet, and itself an event."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from detection import audit
from detection.history import access, exporting, viewing
from detection.models import Asset, AuditEvent, AuditSeal, EvidenceView

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("audit_export", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def path(asset: Asset, dana: Any, tmp_path: Path) -> Path:
    audit.record("asset.released", asset=asset, by=dana, note="=HYPERLINK(1)", desk="news")
    return tmp_path / "history.jsonl"


def test_an_export_is_whole_with_a_manifest_and_verifies_without_the_database(path: Path, dana: Any) -> None:
    """G05."""
    run(str(path), "--reason", "Yearly audit.")
    manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
    rows = path.read_bytes().splitlines(keepends=True)
    assert manifest["count"] == len(rows) == AuditSeal.objects.count()
    assert manifest["last_hash"] == AuditSeal.objects.order_by("-seq")[0].hash
    assert "is whole" in run(str(path), "--check")
    event = AuditEvent.objects.get(action="audit.exported")
    assert (event.facts["format"], audit.entry_of(event).note) == ("jsonl", "Yearly audit.")
    assert event.pk == manifest["export_event"]
    assert "Dana Example" in path.read_text()


@pytest.mark.parametrize("spoiled", ["a name", "an event", "a line less", "no json"])
def test_an_export_that_was_changed_is_refused(path: Path, spoiled: str) -> None:
    """G05."""
    run(str(path))
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    changed = {
        "a name": text.replace("Dana Example", "Sam Example"),
        "an event": text.replace("asset.released", "asset.detached"),
        "a line less": "".join(lines[:-1]),
        "no json": "x\n" + "".join(lines[1:]),
    }[spoiled]
    path.write_text(changed)
    with pytest.raises(CommandError, match="NOT whole"):
        run(str(path), "--check")


def test_a_table_holds_no_formula_and_no_name_where_none_was_wanted(path: Path) -> None:
    """G05."""
    run(str(path), "--format", "csv")
    rows = list(csv.DictReader(StringIO(path.read_text())))
    assert {row["note"] for row in rows} >= {"'=HYPERLINK(1)"}
    assert [row for row in rows if row["actor"] == "Dana Example"]
    other = path.with_name("nameless.csv")
    run(str(other), "--format", "csv", "--without-names")
    assert "Dana" not in other.read_text()
    with pytest.raises(CommandError, match="compare its sha256"):
        run(str(path), "--check")


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\ta", "\ra"])
def test_a_cell_that_begins_like_a_formula_is_none(cell: str) -> None:
    assert exporting.neutral(cell) == f"'{cell}"
    assert exporting.neutral("1=1") == "1=1"


def test_a_part_may_be_exported_and_a_part_is_whole_too(path: Path) -> None:
    today = timezone.localdate()
    run(str(path), "--since", str(today), "--until", str(today))
    assert "is whole" in run(str(path), "--check")
    none = path.with_name("none.jsonl")
    run(str(none), "--until", str(today - timedelta(days=1)))
    assert none.read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say where to write"),
        (["{path}", "--since", "yesterday"], "yesterday is no day"),
        (["{path}", "--since", "2026-02-31"], "2026-02-31 is no day"),
        (["{path}", "--by", "nobody"], "no user called nobody"),
        (["{path}", "--by", "sam"], "do not have permission|may not|not allowed|permission"),
        (["/nowhere/history.jsonl"], "cannot be written"),
        (["/nowhere/history.jsonl", "--check"], "cannot be read"),
        (["--access", "2026-05-04", "--by", "sam"], "permission|may not"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, sam: Any, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*[one.format(path=path) for one in arguments])


def test_nothing_is_written_over(path: Path, avery: Any) -> None:
    run(str(path), "--by", "avery")
    with pytest.raises(CommandError, match="is there already"):
        run(str(path))


def test_who_could_override_on_a_day_is_told_by_the_events_of_that_time(dana: Any, clock: Any) -> None:
    """G05. Rights that came and went, by a person, by a group, and with the account."""
    today = timezone.localdate()
    chiefs = Group.objects.create(name="Night chiefs")
    chiefs.permissions.add(Permission.objects.get(codename="override_hold"))
    clock.move(days=1)
    dana.user_permissions.clear()  # day 1
    clock.move(days=2)
    dana.groups.add(chiefs)  # day 3
    clock.move(days=2)
    dana.is_active = False
    dana.save()  # day 5
    clock.move(days=2)
    chiefs.permissions.clear()
    dana.delete()  # day 7
    held = [bool([one.name for one in access.on(today + timedelta(days=day))]) for day in range(8)]
    # On the day on which a right went, it was held until then.
    assert held == [True, True, False, True, True, True, False, False]
    said = run("--access", str(today))
    assert "Dana Example" in said
    assert "1 people held override_hold" in said
    assert AuditEvent.objects.filter(action="audit.exported", facts__format="access").exists()


def test_a_change_of_rights_names_who_made_it_where_that_is_known(dana: Any, sam: Any) -> None:
    access.stamp(sam, dana)
    sam.user_permissions.add(Permission.objects.get(codename="override_hold"))
    event = AuditEvent.objects.filter(action="access.changed").latest("pk")
    assert event.actor_id == dana.pk
    assert event.facts["can"] == {"override_hold": [["*", None]]}
    assert "Sam" not in json.dumps(event.facts)
    before = AuditEvent.objects.count()
    sam.save(update_fields=["last_login"])
    sam.save()
    assert AuditEvent.objects.count() == before


def test_a_look_at_the_evidence_is_noted_once_while_it_goes_on(
    asset: Asset, dana: Any, clock: Any, client: Any, django_assert_num_queries: Callable[..., Any]
) -> None:
    address = f"/admin/detection/asset/{asset.public_id}/review/"
    client.force_login(dana)
    for _ in range(3):
        assert client.get(address).status_code == 200
    view = EvidenceView.objects.get()
    assert (view.viewer_id, view.what, view.evidence) == (dana.pk, "review", asset.evidence)
    assert str(view) == "Dana Example · review"
    clock.move(minutes=11)
    viewing.note(asset, by=dana)
    assert EvidenceView.objects.count() == 2
