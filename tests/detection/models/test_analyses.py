"""The life cycle on the database: the table both ways, one live row, fencing, and claims that race."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from detection.models import Analysis, Asset
from detection.vocabulary import LIVE, TRANSITIONS, AnalysisStatus, may_follow
from tests.conftest import asset_of

_S = AnalysisStatus
ALL = [(old, new) for old in _S for new in _S]
ALLOWED = [(old, new) for old, new in ALL if new in TRANSITIONS[old]]
FORBIDDEN = [(old, new) for old, new in ALL if new not in TRANSITIONS[old]]


@pytest.fixture
def row(plate: Callable[..., Any], pixels_only: None) -> Analysis:
    return asset_of(plate()).analyses.get()


def put(row: Analysis, status: AnalysisStatus, **columns: Any) -> Analysis:
    Analysis.objects.filter(pk=row.pk).update(status=status, **columns)
    return Analysis.objects.get(pk=row.pk)


def columns(row: Analysis) -> dict[str, Any]:
    return Analysis.objects.filter(pk=row.pk).values().get()


@pytest.mark.parametrize(("old", "new"), ALLOWED)
def test_an_allowed_step_is_taken_once(row: Analysis, old: AnalysisStatus, new: AnalysisStatus) -> None:
    put(row, old)
    assert Analysis.objects.get(pk=row.pk).advance(new)
    assert Analysis.objects.get(pk=row.pk).status == new
    assert not Analysis.objects.get(pk=row.pk).advance(new) or old in TRANSITIONS[new]


@pytest.mark.parametrize(("old", "new"), FORBIDDEN)
def test_a_forbidden_step_is_false_and_writes_nothing(row: Analysis, old: AnalysisStatus, new: AnalysisStatus) -> None:
    held = put(row, old, lease_token=uuid.uuid4())
    before = columns(row)
    assert not held.advance(new, error_sentence="must not be written")
    assert columns(row) == before
    assert held.status == old
    assert held.error_sentence == ""


def test_the_table_names_every_status_and_final_ones_lead_nowhere() -> None:
    assert set(TRANSITIONS) == set(_S)
    final = {_S.COMPLETE, _S.REJECTED, _S.SKIPPED, _S.SUPERSEDED}
    assert {status for status in _S if not TRANSITIONS[status]} == final
    assert TRANSITIONS[_S.DEAD] == {_S.PENDING_SCAN}
    assert frozenset(_S) - final - {_S.DEAD} == LIVE
    assert all(old in may_follow(new) for old, new in ALLOWED)


def test_a_status_nobody_knows_is_refused_by_the_database(row: Analysis) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Analysis.objects.filter(pk=row.pk).update(status="fine")


@pytest.mark.parametrize("status", sorted(LIVE))
def test_there_is_one_live_analysis_for_a_picture_and_a_detector(row: Analysis, status: str) -> None:
    put(row, AnalysisStatus(status))
    twin = Analysis(asset=row.asset, provider=row.provider, generation=2, deadline_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


@pytest.mark.parametrize("status", sorted(set(_S) - LIVE))
def test_beside_an_ended_analysis_a_new_one_may_live(row: Analysis, status: str) -> None:
    put(row, AnalysisStatus(status))
    Analysis.objects.create(asset=row.asset, provider=row.provider, generation=2, deadline_at=timezone.now())


def test_of_two_claims_one_wins(row: Analysis) -> None:
    now = timezone.now()
    one, other = Analysis.objects.get(pk=row.pk), Analysis.objects.get(pk=row.pk)
    tokens = [claimant.claim(until=now + timedelta(minutes=5), now=now) for claimant in (one, other)]
    assert tokens[0] is not None
    assert tokens[1] is None
    assert Analysis.objects.get(pk=row.pk).lease_token == tokens[0]


def test_of_two_polls_one_wins_and_the_row_goes_on_waiting_for_its_event(row: Analysis) -> None:
    now = timezone.now()
    held = put(row, _S.AWAITING_CALLBACK, next_attempt_at=now)
    assert held.claim_poll(until=now + timedelta(seconds=30), now=now)
    assert not held.claim_poll(until=now + timedelta(seconds=30), now=now)
    assert Analysis.objects.get(pk=row.pk).status == _S.AWAITING_CALLBACK


def test_a_row_that_is_not_due_is_not_claimed(row: Analysis) -> None:
    now = timezone.now()
    put(row, _S.RETRY_PENDING, next_attempt_at=now + timedelta(seconds=1))
    assert row.claim(until=now + timedelta(minutes=5), now=now) is None
    assert row.claim(until=now + timedelta(minutes=5), now=now + timedelta(seconds=2)) is not None


def test_a_worker_that_lost_its_lease_writes_nothing(row: Analysis) -> None:
    """D03."""
    now = timezone.now()
    stale = Analysis.objects.get(pk=row.pk)
    token = stale.claim(until=now, now=now)
    Analysis.objects.get(pk=row.pk).advance(_S.RETRY_PENDING, lease=token, next_attempt_at=now)
    second = Analysis.objects.get(pk=row.pk).claim(until=now + timedelta(minutes=5), now=now)
    before = columns(row)
    assert not stale.advance(_S.COMPLETE, lease=token, verdict="likely_ai")
    assert not stale.note(lease=token, verdict="likely_ai")
    assert columns(row) == before
    assert Analysis.objects.get(pk=row.pk).advance(_S.COMPLETE, lease=second)


def test_leaving_the_worker_gives_the_lease_back_and_an_end_has_no_next_try(row: Analysis) -> None:
    now = timezone.now()
    token = row.claim(until=now, now=now)
    row.advance(_S.COMPLETE, lease=token)
    after = columns(row)
    assert (after["lease_token"], after["lease_until"], after["next_attempt_at"]) == (None, None, None)


def test_a_note_leaves_the_status_and_needs_the_status_it_was_read_with(row: Analysis) -> None:
    held = Analysis.objects.get(pk=row.pk)
    assert held.note(why="paused")
    assert held.why == "paused"
    put(row, _S.SUPERSEDED)
    assert not held.note(why="queued")
    assert columns(row)["why"] == "paused"


def test_the_idempotency_key_changes_with_a_redrive_alone(row: Analysis) -> None:
    key = row.idempotency_key
    put(row, _S.RETRY_PENDING, attempts=3)
    row.refresh_from_db()
    assert row.idempotency_key == key
    put(row, _S.PENDING_SCAN, redrives=1)
    row.refresh_from_db()
    assert row.idempotency_key != key


def test_only_the_present_generation_counts(row: Analysis) -> None:
    asset = row.asset
    assert list(Analysis.objects.present()) == [row]
    Asset.objects.filter(pk=asset.pk).update(generation=2)
    assert not Analysis.objects.present().exists()


def test_what_is_shown_of_a_row_names_detector_and_status(row: Analysis) -> None:
    assert str(row) == f"first on {row.asset_id} (pending_scan)"
    assert row.is_live
    assert not put(row, _S.DEAD).is_live
