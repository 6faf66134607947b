"""What the house thinks of a picture: recomputed from facts, stored when it changed, announced until it was heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from detection import errors, reviewing, scanning, standing
from detection.models import Analysis, Asset, AuditEvent, PolicyVersion
from detection.policy import DEFAULT
from detection.testing import images
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Conclusion
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
HUMAN = {"verdict": "likely_human", "ai_score": 0.02}


def test_settling_twice_changes_nothing_the_second_time(looked_at: Callable[..., Asset]) -> None:
    asset = looked_at(**HUMAN)
    before, events = asset.standing_version, AuditEvent.objects.count()
    standing.settle(asset)
    asset.refresh_from_db()
    assert (asset.standing_version, AuditEvent.objects.count()) == (before, events)


def test_a_change_is_recorded_with_before_and_after(looked_at: Callable[..., Asset]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    event = AuditEvent.objects.filter(asset=asset, action="asset.standing_changed").order_by("-pk").first()
    assert event is not None
    assert event.facts["before"]["signal"] == "not_checked"
    assert event.facts["after"]["signal"] == "strong"
    assert event.facts["mode"] == "enforce"
    assert asset.standing["score"] == 0.97
    assert asset.standing["detector"] == "Scripted detector"


def test_evidence_does_not_change_while_a_detector_keeps_trying(
    plate: Callable[..., Any], scripted: Callable[..., Any]
) -> None:
    """Design 2.4: a retry in the background must not undo what a person has just decided."""
    for _try in range(2):
        scripted().will_fail(errors.ProviderDown("502."))
    picture = plate()
    seen = set()
    for _round in range(2):
        seen.add(standing.evidence_of(asset_of(picture), standing.present_analyses(asset_of(picture))))
        drain()
        seen.add(asset_of(picture).evidence)
        pass_time()
    assert len(seen) == 1
    drain()
    assert asset_of(picture).evidence not in seen


@pytest.mark.parametrize(
    "change",
    [{"verdict": "likely_human"}, {"model": "v2"}, {"basis": "declaration"}, {"status": "dead"}, {"provider": "other"}],
)
def test_evidence_changes_with_everything_people_judge(looked_at: Callable[..., Asset], change: dict[str, str]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    before = asset.evidence
    Analysis.objects.update(**change)
    assert standing.settle(asset).evidence != before


@pytest.mark.parametrize("change", [{"ai_score": 0.98}, {"raw_verdict": "AI!"}, {"attempts": 4}, {"is_test": False}])
def test_evidence_stays_with_what_nobody_judges_apart(looked_at: Callable[..., Asset], change: dict[str, Any]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    Analysis.objects.update(**change)
    assert standing.evidence_of(asset, standing.present_analyses(asset)) == asset.evidence


def test_two_unreadable_files_are_not_the_same_evidence(plate: Callable[..., Any]) -> None:
    """A conclusion about one must not cover the next broken upload."""
    found = []
    for _upload in range(2):
        picture = plate(content=images.zero_bytes(), is_read=False)
        drain()
        asset = asset_of(picture)
        assert (asset.sha256, asset.signal) == ("", "could_not_check")
        found.append(asset.evidence)
    assert found[0] != found[1]


def test_of_a_detector_that_was_asked_twice_the_newest_answer_counts(looked_at: Callable[..., Asset]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    scanning.asking.request_one(asset, "first")
    assert [row.status for row in standing.present_analyses(asset)] == ["pending_scan"]
    assert standing.assess_asset(asset).signal == "not_checked"


def test_a_conclusion_stands_on_its_evidence_alone(looked_at: Callable[..., Asset], erin: Any) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    reviewing.decide(asset, Conclusion.ACCEPTED, by=erin, evidence=asset.evidence)
    asset.refresh_from_db()
    assert asset.conclusion == "accepted"
    Analysis.objects.update(model="v2")
    assert standing.settle(asset).conclusion == ""


def test_a_changed_policy_changes_the_standing_when_it_is_settled(looked_at: Callable[..., Asset]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.7)
    assert asset.signal == "some"
    PolicyVersion.objects.create(
        number=2,
        document={**DEFAULT, "thresholds": {"first": {"some": 0.5, "strong": 0.65}}},
        activated_at=timezone.now(),
    )
    asset = standing.settle(asset)
    assert (asset.signal, asset.policy_number) == ("strong", 2)


def test_a_change_of_detail_alone_is_stored_and_is_no_news(looked_at: Callable[..., Asset]) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    version, events = asset.standing_version, AuditEvent.objects.count()
    Analysis.objects.update(ai_score=0.98)
    asset = standing.settle(asset)
    assert asset.standing["score"] == 0.98
    assert (asset.standing_version, AuditEvent.objects.count()) == (version, events)


def test_an_analysis_of_a_detector_that_is_gone_is_still_read(
    looked_at: Callable[..., Asset], detectors: Callable[..., None]
) -> None:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    detectors(other={})
    finding = standing.finding_of(asset.analyses.get())
    assert (finding.alias, finding.title, finding.basis) == ("first", "first", "pixels")
    assert standing.settle(asset).signal == "strong"
