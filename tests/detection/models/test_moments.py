"""D11: clocks that are wrong. A claim is judged by the database's clock, whatever a worker's own says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from detection import errors, queue, scanning, sweeping
from detection.conf import settings
from detection.models import Analysis, ProviderCheck, StoredOverlay, moments
from detection.results import Accepted
from tests.conftest import Clock, asset_of
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
LITTLE = timedelta(seconds=5)
with_a_server = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's machine has one clock")


@pytest.fixture(params=[10, -10], ids=["ahead", "behind"])
def right(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], datetime]:
    """This process's clock is ten minutes off; the answer tells the right time."""
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + timedelta(minutes=request.param))
    return true


@pytest.fixture
def row(plate: Callable[..., Plate]) -> Analysis:
    """Due, and rung; made before any clock goes wrong."""
    return asset_of(plate()).analyses.get()


def claimed(row: Analysis) -> Any:
    lease = scanning.running._claim(row, moments.now())
    assert lease is not None
    return lease


@with_a_server
def test_a_worker_whose_clock_is_off_takes_no_claim_that_lives(
    row: Analysis, right: Callable[[], datetime], scripted: Callable[..., Any]
) -> None:
    """D11."""
    lease = claimed(row)
    scanning.run_scan(row.pk)
    assert not scanning.crashed(Analysis.objects.select_related("asset").get(pk=row.pk))
    assert sweeping.sweep(moments.now())["leases_expired"] == 0
    assert Analysis.objects.get(pk=row.pk).lease_token == lease
    assert scripted().calls == []


@with_a_server
def test_a_worker_whose_clock_is_off_holds_a_claim_no_longer_than_others(
    row: Analysis, right: Callable[[], datetime]
) -> None:
    """D11."""
    claimed(row)
    until = Analysis.objects.get(pk=row.pk).lease_until
    assert until is not None
    assert abs(until - right() - timedelta(seconds=settings.LEASE)) < LITTLE


@with_a_server
@pytest.mark.parametrize(
    "answer",
    [errors.ProviderDown("502."), errors.HouseFault("Ours."), Accepted(provider_reference="job-1", poll_after=3.0)],
)
def test_a_wait_that_it_writes_is_as_long_as_anybody_s(
    row: Analysis, right: Callable[[], datetime], scripted: Callable[..., Any], answer: Any
) -> None:
    """D11."""
    scripted()._queue.append((answer, ()))
    scanning.run_scan(row.pk)
    row.refresh_from_db()
    assert row.next_attempt_at is not None
    assert -LITTLE < row.next_attempt_at - right() < timedelta(seconds=settings.RETRY_BASE) + LITTLE


@with_a_server
def test_a_picture_uploaded_where_the_clock_is_off_is_due_at_once(
    right: Callable[[], datetime], plate: Callable[..., Plate]
) -> None:
    """D11."""
    row = asset_of(plate()).analyses.get()
    assert row.next_attempt_at is not None
    assert row.next_attempt_at == row.rung_at
    assert abs(row.next_attempt_at - right()) < LITTLE
    scanning.run_scan(row.pk)
    row.refresh_from_db()
    assert row.status == "complete"


@with_a_server
def test_what_else_the_bell_looks_for_is_due_by_the_database_s_clock_too(
    right: Callable[[], datetime], row: Analysis
) -> None:
    """D11."""
    StoredOverlay.objects.create(analysis=row, kind="heatmap", next_try_at=right() - LITTLE)
    ProviderCheck.objects.create(alias="first", asked_at=right(), rung_at=right() - queue.CHECK_AGAIN - LITTLE)
    queue.take_all()
    assert queue.ring_due(moments.now()) == 2
    assert sweeping.sweep(moments.now())["untaken"] == 0


def test_a_new_row_shows_the_moment_it_was_written_with(plate: Callable[..., Plate]) -> None:
    asset = asset_of(plate())
    made = scanning.asking.pending(asset, "second")
    Analysis.objects.insert([made])
    assert isinstance(made.next_attempt_at, datetime)
    written = Analysis.objects.get(pk=made.pk)
    assert written.next_attempt_at is not None
    assert abs(written.next_attempt_at - made.next_attempt_at) < LITTLE
    assert written.next_attempt_at <= moments.now()


def test_time_moves_for_the_database_where_a_test_moves_it(clock: Clock, plate: Callable[..., Plate]) -> None:
    before = moments.now()
    clock.move(hours=2)
    assert timedelta(hours=2) <= moments.now() - before < timedelta(hours=2, minutes=1)
    late = asset_of(plate()).analyses.get()
    assert late.next_attempt_at is not None
    assert late.next_attempt_at - before >= timedelta(hours=2)
