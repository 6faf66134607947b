"""A person looks at a picture: claims it, concludes on the evidence that was seen, or takes that back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detection import audit, gate, reviewing, signals
from detection.errors import NotPermitted, Refused
from detection.models import Asset, AuditEvent, Claim, PolicyVersion, Review
from detection.policy import DEFAULT
from detection.vocabulary import Conclusion, Level
from tests.conftest import Clock, asset_of
from tests.otherhost.models import Article

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
NOTE = "The photographer sent the raw files."


@pytest.fixture
def asset(looked_at: Callable[..., Asset]) -> Asset:
    return looked_at(verdict="likely_ai", ai_score=0.97)


@pytest.fixture
def ugc(host: Callable[..., None]) -> None:
    host(plate={"source_tier": lambda one: "ugc"})


def accept(asset: Asset, *, by: Any, **words: Any) -> Review:
    return reviewing.decide(asset, Conclusion.ACCEPTED, by=by, evidence=asset.evidence, **words)


def test_a_claim_says_who_looks_and_may_be_taken_over(asset: Asset, erin: Any, dana: Any, clock: Clock) -> None:
    first = reviewing.claim(asset, by=erin)
    assert first.until > clock.now()
    assert str(first).startswith("Erin Example until ")
    reviewing.claim(asset, by=dana)
    assert Claim.objects.get().author_label == "Dana Example"
    assert AuditEvent.objects.filter(action="review.claimed").count() == 2


@pytest.mark.parametrize("act", [reviewing.claim, accept])
def test_a_stranger_neither_claims_nor_concludes(asset: Asset, sam: Any, act: Callable[..., Any]) -> None:
    """F08."""
    with pytest.raises(NotPermitted):
        act(asset, by=sam)
    assert (Claim.objects.count(), Review.objects.count()) == (0, 0)


def test_a_person_who_left_concludes_nothing(asset: Asset, erin: Any) -> None:
    """F09."""
    erin.is_active = False
    with pytest.raises(NotPermitted):
        accept(asset, by=erin)


def test_a_conclusion_is_kept_with_its_words_its_author_and_an_event(
    asset: Asset, article: Callable[..., Article], erin: Any, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    heard = []

    def listen(sender: Any, review: Review, **told: Any) -> None:
        heard.append(review)

    signals.conclusion_recorded.connect(listen)
    story = article(asset)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            made = accept(asset, by=erin, subject=story, note=f" {NOTE} ", reason_code="original_seen")
    finally:
        signals.conclusion_recorded.disconnect(listen)
    assert heard == [made]
    assert (made.note, made.author_label, made.by_holder, made.evidence) == (
        NOTE,
        "Erin Example",
        False,
        asset.evidence,
    )
    assert str(made) == "accepted by Erin Example"
    entry = next(one for one in audit.history(asset=asset) if one.action == "review.concluded")
    assert (entry.actor_label, entry.note) == ("Erin Example", NOTE)
    assert (entry.facts["conclusion"], entry.facts["signal"], entry.facts["policy"]) == ("accepted", "strong", 1)
    assert asset_of(asset.picture()).conclusion == "accepted"


def test_without_a_story_a_conclusion_holds_on_no_desk_and_clears_no_hold(
    asset: Asset, ugc: None, host: Any, article: Callable[..., Article], dana: Any
) -> None:
    made = accept(asset, by=dana)
    assert (made.desk, made.by_holder) == ("", False)
    host(plate={"source_tier": lambda one: "ugc"}, article={"desk": lambda one: "news"})
    assert gate.report(article(asset)).level is Level.HOLD


def test_a_picture_that_is_not_in_the_story_is_not_decided_for_it(
    asset: Asset, article: Callable[..., Article], erin: Any
) -> None:
    """F08: a story of one's own must not be the key to somebody else's picture."""
    with pytest.raises(Refused, match="not part of this story"):
        accept(asset, by=erin, subject=article())
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "choose a reason"),
        ({"reason_code": "original_seen"}, "at least 15 characters"),
        ({"reason_code": "original_seen", "note": "               x"}, "at least 15 characters"),
        ({"reason_code": "because", "note": NOTE}, "Choose a reason from the list"),
    ],
)
def test_clearing_a_hold_asks_for_reason_and_note(
    asset: Asset, ugc: None, article: Callable[..., Article], dana: Any, words: dict[str, str], said: str
) -> None:
    """F04."""
    events = AuditEvent.objects.count()
    with pytest.raises(Refused, match=said):
        accept(asset, by=dana, subject=article(asset), **words)
    assert (Review.objects.count(), AuditEvent.objects.count()) == (0, events)


def test_a_chief_clears_a_hold_in_the_stories_of_the_desk(
    asset: Asset, ugc: None, article: Callable[..., Article], dana: Any
) -> None:
    story = article(asset)
    made = accept(asset, by=dana, subject=story, reason_code="original_seen", note=NOTE)
    assert made.by_holder
    assert gate.report(story).level is Level.CLEAR


def test_with_four_eyes_a_chief_is_no_chief_for_a_picture_of_their_own(
    asset: Asset, host: Callable[..., None], article: Callable[..., Article], dana: Any
) -> None:
    """F04."""
    PolicyVersion.current()
    PolicyVersion.objects.update(document={**DEFAULT, "four_eyes": True})
    host(plate={"source_tier": lambda one: "ugc", "uploader": lambda one: dana})
    story = article(asset)
    assert not accept(asset, by=dana, subject=story, reason_code="original_seen", note=NOTE).by_holder
    assert gate.report(story).level is Level.HOLD
    assert AuditEvent.objects.get(action="review.concluded").facts["four_eyes"] == "uploaded"


def test_one_s_own_conclusion_is_taken_back_within_ten_minutes(
    asset: Asset, article: Callable[..., Article], erin: Any, clock: Clock
) -> None:
    story = article(asset)
    made = accept(asset, by=erin, subject=story)
    assert gate.report(story).level is Level.CLEAR
    reversal = reviewing.undo(made, by=erin)
    assert (reversal.reverses, reversal.conclusion) == (made, "")
    assert str(reversal) == "reopened by Erin Example"
    assert gate.report(story).level is Level.ACKNOWLEDGE
    assert asset_of(asset.picture()).conclusion == ""
    assert Review.objects.filter(pk=made.pk, conclusion="accepted").exists()
    for again in (made, reversal):
        with pytest.raises(Refused, match="taken back already"):
            reviewing.undo(again, by=erin)


def test_after_ten_minutes_it_stands(asset: Asset, erin: Any, clock: Clock) -> None:
    made = accept(asset, by=erin)
    clock.move(minutes=10, seconds=1)
    with pytest.raises(Refused, match="Ten minutes have passed"):
        reviewing.undo(made, by=erin)


def test_nobody_takes_back_another_s_conclusion(asset: Asset, erin: Any, dana: Any) -> None:
    made = accept(asset, by=erin)
    for somebody in (dana, None):
        with pytest.raises(NotPermitted):
            reviewing.undo(made, by=somebody)


def test_who_has_left_the_desk_takes_nothing_back(asset: Asset, erin: Any) -> None:
    """F09."""
    made = accept(asset, by=erin)
    erin.user_permissions.clear()
    erin_now = type(erin).objects.get(pk=erin.pk)
    with pytest.raises(NotPermitted):
        reviewing.undo(made, by=erin_now)
    assert Review.objects.count() == 1


def test_taking_one_s_own_back_does_not_take_back_what_a_chief_said_since(
    asset: Asset, article: Callable[..., Article], erin: Any, dana: Any
) -> None:
    story = article(asset)
    made = accept(asset, by=erin, subject=story)
    reviewing.decide(asset, Conclusion.CONFIRMED_AI_GENERATED, by=dana, evidence=asset.evidence, subject=story)
    assert gate.report(story).level is Level.HOLD
    with pytest.raises(Refused, match="newer conclusion"):
        reviewing.undo(made, by=erin)
    assert gate.report(story).level is Level.HOLD


def test_asking_the_source_is_a_conclusion_that_waits(asset: Asset, erin: Any) -> None:
    made = reviewing.ask_source(asset, by=erin, evidence=asset.evidence, note="Wrote to her.")
    assert made.conclusion == "waiting_for_source"
    assert asset_of(asset.picture()).conclusion == "waiting_for_source"


def test_about_a_picture_that_is_gone_nothing_is_concluded(asset: Asset, erin: Any) -> None:
    asset.picture().delete()
    asset.refresh_from_db()
    with pytest.raises(NotPermitted):
        accept(asset, by=erin)
