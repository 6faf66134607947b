"""Everything about one picture on paper: bound to the chain, verifiable without a database, and readable."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import transaction

from detection import audit, gate, reviewing
from detection.history import erasing
from detection.history.dossier import proving
from detection.models import Asset, AuditEvent, EvidenceView, StoredOverlay
from detection.testing import images
from detection.vocabulary import Conclusion

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def full(looked_at: Callable[..., Asset], article: Callable[..., Any], dana: Any, plate: Callable[..., Any]) -> Asset:
    """A picture with an answer, an overlay, a conclusion, and a story that went out; and others in the same chain."""
    asset = looked_at("Harbour at “dawn” <b>Łódź</b>", verdict="likely_ai", ai_score=0.95, model="wild-3.1")
    plate("Another", seed=9)
    overlay = StoredOverlay(
        analysis=asset.analyses.get(provider="first"), kind="heatmap", status="ready", sha256="ab" * 32
    )
    overlay.file.save("o.png", ContentFile(images.photo_like(4, size=(64, 48), format="PNG")))
    story = article(asset, title="The cup & the saucer")
    reviewing.decide(
        asset,
        Conclusion.ACCEPTED,
        by=dana,
        evidence=asset.evidence,
        subject=story,
        note="Original seen at the desk.",
        reason_code="original_seen",
    )
    with transaction.atomic():
        gate.authorise(story, by=dana)
    asset.refresh_from_db()
    return asset


@pytest.fixture
def file(full: Asset, tmp_path: Path) -> Path:
    path = tmp_path / "dossier.json"
    run("dossier", str(full.public_id), str(path), "--reason", "Letter of 4 May.")
    return path


def test_a_dossier_holds_what_a_lawyer_asks_for(file: Path, full: Asset) -> None:
    made = json.loads(file.read_text())
    assert made["picture"]["sha256"] == full.sha256
    assert made["file_now"] == {"state": "the recorded one", "sha256": full.sha256}
    assert [one["sha256"] for one in made["overlays"]] == ["ab" * 32]
    assert ("likely_ai", "wild-3.1") in [(one["verdict"], one["model"]) for one in made["checks"]]
    assert [(one["author_label"], one["note"]) for one in made["conclusions"]] == [
        ("Dana Example", "Original seen at the desk.")
    ]
    assert [one["subject_label"] for one in made["published"]] == ["The cup & the saucer"]
    actions = [json.loads(entry["event"])["action"] for entry in made["events"]]
    assert {"asset.seen", "analysis.complete", "review.concluded", "gate.passed", "audit.dossier_made"} <= set(actions)
    event = AuditEvent.objects.get(action="audit.dossier_made")
    assert (event.facts["sha256"], audit.entry_of(event).note) == (proving.digest(made), "Letter of 4 May.")


def test_it_verifies_by_itself_against_anchors_and_against_the_picture(
    file: Path, full: Asset, tmp_path: Path, django_assert_num_queries: Callable[..., Any]
) -> None:
    anchors, original = tmp_path / "anchors", tmp_path / "picture.jpg"
    run("audit_anchor", "--to", str(anchors))
    with full.picture().picture.open() as picture:
        original.write_bytes(picture.read())
    with django_assert_num_queries(0):
        said = run("dossier_verify", str(file), "--anchor", str(anchors), "--original", str(original))
    assert "This dossier stands: Harbour" in said
    assert "1 anchors agree" in said
    assert "is the file that was judged" in said


def test_without_the_key_it_says_that_nobody_looked_who_signed(file: Path, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_ANCHOR_KEY = ""
    assert "no key was given" in run("dossier_verify", str(file))
    with pytest.raises(CommandError, match="give --key-file"):
        run("dossier_verify", str(file), "--anchor", str(file))
    other = tmp_path / "key"
    other.write_text("another-key-that-signed-nothing-here")
    with pytest.raises(CommandError, match="not signed by this key"):
        run("dossier_verify", str(file), "--key-file", str(other))


def _event(made: dict[str, Any]) -> None:
    made["events"][0]["event"] = made["events"][0]["event"].replace("asset.seen", "asset.gone")


def _moved(made: dict[str, Any]) -> None:
    made["events"][0]["entry"] += 1


def _name(made: dict[str, Any]) -> None:
    entry = next(one for one in made["events"] if "actor" in one["personal"])
    entry["personal"]["actor"][1] = "Sam Example"


def _score(made: dict[str, Any]) -> None:
    made["checks"][0]["ai_score"] = 0.05


def _head(made: dict[str, Any]) -> None:
    made["chain"]["root"] = "00" * 32


def _left_out(made: dict[str, Any]) -> None:
    made["conclusions"] = []


SPOILED = {
    _event: "is not what was sealed",
    _moved: "does not stand in this chain",
    _name: "is not the one that was recorded",
    _score: "not what was recorded when the dossier was made",
    _head: "not signed by this key",
    _left_out: "not what was recorded when the dossier was made",
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_whatever_was_changed_in_it_is_found(file: Path, spoil: Any) -> None:
    made = json.loads(file.read_text())
    spoil(made)
    file.write_text(json.dumps(made))
    with pytest.raises(CommandError, match="does NOT stand") as told:
        run("dossier_verify", str(file))
    assert SPOILED[spoil] in str(told.value)


def test_another_picture_or_another_chain_is_refused(file: Path, full: Asset, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(b"another")
    with pytest.raises(CommandError, match="is not the file that was judged"):
        run("dossier_verify", str(file), "--original", str(other))


@pytest.mark.parametrize("gone", [False, True])
def test_the_paper_can_be_read_also_when_everything_is_gone(full: Asset, dana: Any, tmp_path: Path, gone: bool) -> None:
    """G11. Its pages turned into pictures, and its words read back."""
    if gone:
        StoredOverlay.objects.get().file.delete(save=False)
        for story in full.picture().articles.all():
            story.delete()
        full.picture().delete()
        dana.delete()
    path = tmp_path / "dossier.pdf"
    run("dossier", str(full.public_id), str(path))
    paper = pypdfium2.PdfDocument(path)
    text = "".join(page.get_textpage().get_text_range() for page in paper)
    assert "Harbour at" in text
    assert "Strong signs of AI generation" in text
    assert "Dana Example" in text
    assert "The cup & the saucer" in text
    assert "dossier_verify" in text.replace("\r\n", " ")
    first = paper[0].render(scale=1).to_pil().convert("L")
    assert len(first.getcolors(100_000) or ()) > 20
    paper.close()


def test_the_page_makes_both_and_is_for_those_who_may_export(full: Asset, avery: Any, erin: Any, client: Any) -> None:
    address = f"/admin/detection/asset/{full.public_id}/dossier/"
    client.force_login(avery)
    assert "File to verify" in client.get(address).text
    made = client.post(address, {"format": "json", "reason": "Letter."})
    assert proving.digest(made.json()) == AuditEvent.objects.get(action="audit.dossier_made").facts["sha256"]
    assert client.post(address, {"format": "pdf"}).content.startswith(b"%PDF")
    assert EvidenceView.objects.filter(what="dossier", viewer=avery.pk).count() == 1
    assert client.post(address, {"format": "docx"}).status_code == 400
    client.force_login(erin)
    assert client.get(address).status_code == 403
    assert AuditEvent.objects.filter(action="gate.denied").count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dossier", "x", "a.json"], "There is no picture x"),
        (["dossier", "x", "a.txt"], "ends in .json or .pdf"),
        (["dossier", "x", "pyproject.toml.pdf"], "There is no picture"),
        (["dossier_verify", "/nowhere.json"], "cannot be read"),
        (["dossier_verify", "pyproject.toml"], "is no dossier"),
        (["dossier_verify", "tests/__init__.py"], "is no dossier"),
    ],
)
def test_what_cannot_be_done_is_said(db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_every_column_that_holds_a_name_is_known_to_erasing() -> None:
    """G08. A model that keeps who did something is added to the places, or this fails."""
    known = {(place.model.lower(), column) for place in erasing.PLACES for column in place.columns}
    found = {
        (model._meta.label_lower, field.name)
        for model in apps.get_models()
        if model._meta.app_label in ("detection", "newsroom") and not model._meta.proxy
        for field in model._meta.get_fields()
        if field.name in ("author_label", "viewer_label") or field.name.endswith("_by_label")
    }
    assert found - known == set()
