"""What people write down about a picture: recorded with its author and the evidence, and it decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detection import audit, gate, noting, registry, scanning
from detection.errors import EvidenceChanged, NotPermitted, Refused
from detection.models import Asset, AuditEvent, Note
from detection.testing.draining import drain
from detection.vocabulary import Level, NoteKind
from tests.otherhost.models import Article

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
SAW = {NoteKind.ORIGINAL_SEEN: " The raw file, by post. ", NoteKind.GEOLOCATION: "", NoteKind.NOTE: "  "}


@pytest.fixture
def asset(looked_at: Callable[..., Asset], host: Callable[..., None]) -> Asset:
    host(plate={"source_tier": lambda one: "ugc"})
    return looked_at(verdict="likely_ai", ai_score=0.97)


def test_each_thing_is_a_row_and_an_event_and_moves_no_level(
    asset: Asset, article: Callable[..., Article], erin: Any
) -> None:
    """C11."""
    story = article(asset)
    noting.note(asset, SAW, by=erin, evidence=asset.evidence, subject=story)

    found = [(one.kind, one.text, one.author_label, one.evidence, one.desk) for one in noting.known(asset)]
    desk = registry.publishable_type(story).desk_of(story)
    assert found == [
        ("geolocation", "", "Erin Example", asset.evidence, desk),
        ("original_seen", "The raw file, by post.", "Erin Example", asset.evidence, desk),
    ]
    events = [one for one in audit.history(asset=asset) if one.action == "review.noted"]
    assert [(one.facts["noted"], one.note) for one in events] == [
        ("geolocation", ""),
        ("original_seen", "The raw file, by post."),
    ]
    assert "by post" not in str([event.facts for event in AuditEvent.objects.all()]), "words are personal"
    assert gate.report(story).lines[0].level is Level.HOLD
    assert str(Note.objects.first()) == "geolocation by Erin Example"


def test_nothing_is_recorded_without_a_tick_or_a_word(asset: Asset, erin: Any) -> None:
    with pytest.raises(Refused, match="Tick what was done"):
        noting.note(asset, {NoteKind.NOTE: " ", NoteKind.SOURCE_ANSWERED: ""}, by=erin, evidence=asset.evidence)
    assert not Note.objects.exists()


def test_a_stranger_notes_nothing_and_the_attempt_is_recorded(asset: Asset, sam: Any) -> None:
    """F08."""
    with pytest.raises(NotPermitted):
        noting.note(asset, SAW, by=sam, evidence=asset.evidence)
    assert not Note.objects.exists()
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == "detection.review_analysis"


def test_evidence_that_changed_and_a_picture_that_left_the_story_record_nothing(
    asset: Asset, article: Callable[..., Article], erin: Any
) -> None:
    with pytest.raises(EvidenceChanged):
        noting.note(asset, SAW, by=erin, evidence="0" * 64)
    with pytest.raises(Refused, match="not part of this story"):
        noting.note(asset, SAW, by=erin, evidence=asset.evidence, subject=article(title="Another"))
    assert not Note.objects.exists()


def test_what_was_seen_of_one_file_is_not_said_of_the_next(asset: Asset, erin: Any) -> None:
    noting.note(asset, SAW, by=erin, evidence=asset.evidence)
    scanning.request_scan(asset.picture(), by=erin, force=True)
    drain()
    asset.refresh_from_db()
    assert noting.known(asset) == []
    assert Note.objects.count() == 2
