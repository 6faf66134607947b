"""Whoever tries what they may not is told so, nothing changes, and the attempt stands in the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from detection import audit, gate, reviewing, scanning
from detection.errors import NotPermitted, Refused
from detection.models import Asset, AuditEvent, Claim, Override, Review
from detection.vocabulary import Conclusion
from tests.conftest import CHIEF, asset_of, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
NOTE = "The photographer sent the raw files."

ACTS: dict[str, Callable[..., Any]] = {
    "review_analysis claim": lambda asset, by: reviewing.claim(asset, by=by),
    "review_analysis decide": lambda asset, by: reviewing.decide(
        asset, Conclusion.ACCEPTED, by=by, evidence=asset.evidence
    ),
    "review_analysis ask_source": lambda asset, by: reviewing.ask_source(asset, by=by, evidence=asset.evidence),
    "request_scan second_opinion": lambda asset, by: scanning.ask_second_opinion(asset, by=by),
    "release_outside release": lambda asset, by: scanning.release_outside(asset, by=by, reason=NOTE),
    "redrive redrive": lambda asset, by: scanning.redrive(asset.analyses.first(), by=by),
}


@pytest.fixture
def asset(looked_at: Callable[..., Asset]) -> Asset:
    return looked_at(verdict="likely_ai", ai_score=0.97)


@pytest.mark.parametrize("name", ACTS)
def test_the_attempt_is_recorded_and_nothing_else(asset: Asset, sam: Any, name: str) -> None:
    before = AuditEvent.objects.count()
    with pytest.raises(NotPermitted):
        ACTS[name](asset, sam)

    event = AuditEvent.objects.get(action="gate.denied")
    assert (event.asset, event.actor) == (asset, sam)
    assert event.facts == {"permission": f"detection.{name.split()[0]}"}
    assert audit.entry_of(event).actor_label == "Sam Example"
    assert AuditEvent.objects.count() == before + 1
    assert (Claim.objects.count(), Review.objects.count()) == (0, 0)


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("name", ACTS)
def test_the_record_outlives_the_act(plate: Callable[..., Any], name: str) -> None:
    """Outside of the act's own transaction, whose rollback would take it along."""
    asset, stranger = asset_of(plate()), person("sam")
    with pytest.raises(NotPermitted):
        ACTS[name](asset, stranger)
    assert not transaction.get_connection().in_atomic_block
    assert AuditEvent.objects.filter(action="gate.denied", actor=stranger).exists()


def test_taking_back_somebody_elses_conclusion_is_recorded(asset: Asset, erin: Any, dana: Any) -> None:
    made = reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence)
    with pytest.raises(NotPermitted):
        reviewing.undo(made, by=dana)
    assert AuditEvent.objects.get(action="gate.denied").actor == dana


def test_ending_an_override_without_the_permission_is_recorded(
    asset: Asset, article: Callable[..., Any], erin: Any, host: Callable[..., None]
) -> None:
    host(plate={"source_tier": lambda one: "ugc"})
    story, chief = article(asset), person("carla", *CHIEF)
    given = gate.override(story, asset, by=chief, evidence=asset.evidence, reason_code="original_seen", note=NOTE)
    with pytest.raises(NotPermitted):
        gate.revoke(given, by=erin, reason="No.")
    event = AuditEvent.objects.get(action="gate.denied")
    assert (event.actor, event.subject_key) == (erin, str(story.pk))
    assert Override.objects.get().revoked_at is None


def test_a_label_and_a_reason_for_none_contradict_each_other(
    asset: Asset, article: Callable[..., Any], dana: Any, host: Callable[..., None]
) -> None:
    host(plate={"source_tier": lambda one: "ugc"})
    story = article(asset)
    words = {"reason_code": "original_seen", "note": NOTE, "reader_label": "Made with AI", "no_label_reason": "None."}
    with pytest.raises(Refused, match="not both"):
        gate.override(story, asset, by=dana, evidence=asset.evidence, **words)
    with pytest.raises(Refused, match="not both"):
        reviewing.decide(asset, Conclusion.ACCEPTED, by=dana, evidence=asset.evidence, subject=story, **words)
    assert (Override.objects.count(), Review.objects.count()) == (0, 0)
