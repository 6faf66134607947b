"""A poll holds no lease: what a slow one brings counts only while the row still waits for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import errors, scanning, switches
from detection.models import Analysis
from detection.results import Accepted, ScanResult
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Verdict, Why
from tests.conftest import Clock, asset_of
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def accepted(plate: Callable[..., Plate], scripted: Callable[..., Any]) -> Analysis:
    scripted().will_accept("job-1", then=[ScanResult(verdict=Verdict.LIKELY_HUMAN)])
    row = asset_of(plate()).analyses.get()
    scanning.run_scan(row.pk)
    Analysis.objects.update(next_attempt_at=timezone.now())
    row.refresh_from_db()
    assert row.status == "awaiting_callback"
    return row


@pytest.mark.parametrize(
    "late",
    [
        ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.99),
        errors.SchemaMismatch("HTML."),
        errors.ImageRefused("No."),
        errors.ProviderDown("502."),
        Accepted(provider_reference="job-1"),
    ],
    ids=lambda late: type(late).__name__,
)
@pytest.mark.parametrize("is_past_deadline", [False, True])
def test_a_late_poll_leaves_a_row_alone_that_a_worker_has_taken_meanwhile(
    accepted: Analysis,
    scripted: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    late: Any,
    is_past_deadline: bool,
) -> None:
    lease, until = uuid.uuid4(), timezone.now() + timedelta(minutes=5)

    def slow(reference: str) -> Any:
        Analysis.objects.update(status="scanning", lease_token=lease, lease_until=until)
        if isinstance(late, Exception):
            raise late
        return late

    if is_past_deadline:
        Analysis.objects.update(deadline_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(scripted(), "fetch", slow)
    scanning.run_poll(accepted.pk)
    accepted.refresh_from_db()
    assert (accepted.status, accepted.lease_token, accepted.verdict) == ("scanning", lease, "")


def test_a_row_that_waits_for_a_person_to_resume_its_detector_is_not_given_up(
    accepted: Analysis, clock: Clock, dana: Any
) -> None:
    switches.pause("first", by=dana, reason="The bill is being disputed.")
    clock.move(hours=30)
    pass_time(0)
    drain()
    accepted.refresh_from_db()
    assert (accepted.status, accepted.why) == ("awaiting_callback", Why.PAUSED)
    switches.resume("first", by=dana, reason="Settled.")
    pass_time(60)
    drain()
    accepted.refresh_from_db()
    assert accepted.status == "complete"


def test_the_picture_is_locked_before_its_row_where_a_paused_detector_puts_it_off(
    accepted: Analysis, statements: Callable[..., Any]
) -> None:
    switches.pause("first", reason="x")
    with statements() as sent:
        scanning.run_poll(accepted.pk)
    written = [sql.split()[1] for sql in sent if sql.startswith("UPDATE")]
    assert written[:2] == ['"detection_asset"', '"detection_analysis"']
