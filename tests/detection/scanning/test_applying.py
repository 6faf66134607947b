"""Each step of the life cycle names in the history the claim under which it was written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import scanning
from detection.errors import ProviderDown
from detection.models import Analysis, AuditEvent
from detection.results import Accepted
from detection.scanning.applying import claim_name
from detection.testing.draining import drain, pass_time
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def claims(row: Analysis) -> list[tuple[str, str | None]]:
    events = AuditEvent.objects.filter(asset=row.asset_id, action__startswith="analysis.").order_by("pk")
    return [(event.action.partition(".")[2], event.facts.get("claim")) for event in events]


def test_what_one_worker_writes_bears_one_claim_and_the_next_ones_another(
    plate: Callable[..., Any], scripted: Callable[..., Any]
) -> None:
    scripted().will_fail(ProviderDown("Down.")).will_return(verdict="likely_human", ai_score=0.1)
    row = Analysis.objects.get(asset=asset_of(plate()), provider="first")
    drain()
    pass_time(60)
    drain()

    requested, (_1, first), (_2, put_off), (_3, second), (_4, done) = claims(row)

    assert requested == ("requested", None)
    assert (put_off, done) == (first, second)
    assert len({first, second, None}) == 3
    assert (_1, _2, _3, _4) == ("scanning", "retry_pending", "scanning", "complete")


def test_whoever_takes_a_row_over_writes_under_a_claim_of_its_own(plate: Callable[..., Any]) -> None:
    row = Analysis.objects.get(asset=asset_of(plate()), provider="first")
    now = timezone.now()
    lease = row.claim(until=now - timedelta(seconds=1), now=now)
    assert lease is not None

    assert scanning.crashed(row)

    (action, claim) = claims(row)[-1]
    assert action == "retry_pending"
    assert claim not in (None, claim_name(lease))


def test_what_a_detector_took_is_waited_for_though_it_was_taken_out_of_the_settings(
    plate: Callable[..., Any], detectors: Callable[..., None]
) -> None:
    """A worker that was in its call when another one was told of fewer detectors."""
    row = Analysis.objects.get(asset=asset_of(plate()), provider="first")
    lease = row.claim(until=timezone.now() + timedelta(seconds=30), now=timezone.now())
    assert lease is not None
    detectors(second={})

    assert scanning.accept(row, Accepted(provider_reference="job-1"), lease=lease)

    row.refresh_from_db()
    assert (row.status, row.provider_reference) == ("awaiting_callback", "job-1")
