"""An editor hands a held picture to the desk chief: recorded, shown on the line, and gone when it no longer asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detection import audit, gate, scanning
from detection.errors import EvidenceChanged, NotPermitted, Refused
from detection.models import Asset, AuditEvent
from detection.testing.draining import drain
from detection.vocabulary import Level
from tests.conftest import asset_of
from tests.otherhost.models import Article

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
NOTE = "The reader's account is two days old."
WHY = {"reason_code": "original_seen", "note": "The photographer sent the raw files."}
Write = Callable[..., Article]


@pytest.fixture(autouse=True)
def _tiers(host: Callable[..., None]) -> None:
    """A title such as "ugc: crowd" gives the source."""
    host(plate={"source_tier": lambda one: one.title.partition(":")[0]})


@pytest.fixture
def held(looked_at: Callable[..., Asset]) -> Asset:
    return looked_at("ugc: crowd", verdict="likely_ai", ai_score=0.97)


def sendings() -> list[audit.Entry]:
    return [audit.entry_of(event) for event in AuditEvent.objects.filter(action="gate.sent_to_chief")]


def test_it_is_recorded_with_who_what_and_the_evidence_and_changes_no_level(
    held: Asset, article: Write, erin: Any, dana: Any
) -> None:
    story = article(held)
    gate.send_to_chief(story, held, by=erin, evidence=held.evidence, note=f" {NOTE} ")

    [event] = sendings()
    assert (event.label, event.actor_label, event.note) == ("Sent to the desk chief", "Erin Example", NOTE)
    assert (event.facts["evidence"], event.facts["level"]) == (held.evidence, "hold")
    [line] = gate.report(story, user=erin).lines
    assert line.level is Level.HOLD
    assert line.sent == gate.Sent("Erin Example", event.at, held.evidence, NOTE)
    assert line.actions == ("look", "replace"), "it isn't offered twice"
    assert gate.report(story, user=dana).lines[0].actions == ("look", "clear", "override", "replace")
    assert list(gate.sent_keys(Article)) == [{"subject_key": str(story.pk)}]


def test_the_note_is_personal_and_can_be_erased(held: Asset, article: Write, erin: Any) -> None:
    gate.send_to_chief(article(held), held, by=erin, evidence=held.evidence, note=NOTE)
    event = AuditEvent.objects.get(action="gate.sent_to_chief")
    assert NOTE not in str(event.facts)
    assert set(event.commitments) == {"actor", "note"}


def test_sending_twice_is_one_event(held: Asset, article: Write, erin: Any, dana: Any) -> None:
    story = article(held)
    for person in (erin, dana, erin):
        gate.send_to_chief(story, held, by=person, evidence=held.evidence)
    assert [event.actor_label for event in sendings()] == ["Erin Example"]


def test_another_story_with_the_same_picture_is_another_question(held: Asset, article: Write, erin: Any) -> None:
    gate.send_to_chief(article(held), held, by=erin, evidence=held.evidence)
    assert gate.report(article(held, title="Another")).lines[0].sent is None


def test_new_evidence_ends_it_and_it_can_be_sent_again(held: Asset, article: Write, erin: Any, scripted: Any) -> None:
    story = article(held)
    gate.send_to_chief(story, held, by=erin, evidence=held.evidence)
    scripted().will_return("likely_ai", ai_score=0.98, model="the next one")
    scanning.request_scan(held.picture(), by=erin, force=True)
    drain()
    again = asset_of(held.picture())

    assert again.evidence != held.evidence
    assert gate.report(story).lines[0].sent is None
    with pytest.raises(EvidenceChanged):
        gate.send_to_chief(story, again, by=erin, evidence=held.evidence)
    gate.send_to_chief(story, again, by=erin, evidence=again.evidence)
    assert len(sendings()) == 2
    sent = gate.report(story).lines[0].sent
    assert sent is not None
    assert sent.evidence == again.evidence


def test_it_waits_no_longer_once_somebody_has_cleared_it(held: Asset, article: Write, erin: Any, dana: Any) -> None:
    story = article(held)
    gate.send_to_chief(story, held, by=erin, evidence=held.evidence)
    given = gate.override(story, held, by=dana, evidence=held.evidence, **WHY)
    assert gate.report(story).lines[0].sent is None
    with pytest.raises(Refused, match="Cleared for this story by Dana"):
        gate.send_to_chief(story, held, by=erin, evidence=held.evidence)
    gate.revoke(given, by=dana, reason="Too early.")
    assert gate.report(story).lines[0].sent is not None, "the question is the same one"


@pytest.mark.parametrize("title", ["staff: crowd", "ugc: crowd"])
def test_only_what_a_chief_must_clear_is_sent(
    looked_at: Callable[..., Asset], article: Write, erin: Any, title: str
) -> None:
    score = 0.97 if title.startswith("staff") else 0.7
    asset = looked_at(title, verdict="likely_ai", ai_score=score)
    assert gate.report(article(asset)).level is Level.ACKNOWLEDGE
    with pytest.raises(Refused, match="nothing for the desk chief"):
        gate.send_to_chief(article(asset), asset, by=erin, evidence=asset.evidence)
    assert sendings() == []


def test_a_stranger_sends_nothing_and_the_attempt_is_recorded(held: Asset, article: Write, sam: Any) -> None:
    with pytest.raises(NotPermitted):
        gate.send_to_chief(article(held), held, by=sam, evidence=held.evidence)
    assert sendings() == []
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == "detection.review_analysis"


def test_a_story_without_a_hold_is_not_asked_about(
    looked_at: Callable[..., Asset], article: Write, statements: Callable[..., Any]
) -> None:
    story = article(looked_at("staff: crowd", verdict="likely_human", ai_score=0.02))
    with statements() as sent:
        gate.report(story)
    assert not [one for one in sent if "gate.sent_to_chief" in one]
    with statements() as sent:
        gate.report(article(looked_at("ugc: crowd", seed=2, verdict="likely_ai", ai_score=0.97)))
    assert [one for one in sent if "gate.sent_to_chief" in one], "a hold is"
