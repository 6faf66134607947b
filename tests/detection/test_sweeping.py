"""Every kind of stuck row, and that sweeping twice harms nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from detection import audit, queue, scanning, sweeping
from detection.models import Analysis, Asset, AuditEvent, ProviderCheck, StoredOverlay, Sweep
from tests.conftest import Clock, asset_of
from tests.detection.meanwhile import meanwhile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def row(plate: Callable[..., Any]) -> Analysis:
    found = asset_of(plate()).analyses.get()
    queue.take_all()
    return found


def test_a_quiet_house_has_nothing_stuck(row: Analysis) -> None:
    now = timezone.now()
    found = sweeping.sweep(now)
    assert (found["leases_expired"], found["rung"], found["unannounced"]) == (0, 0, 0)
    assert found["sealed"] > 0
    assert Sweep.objects.get().ran_at == now
    assert str(Sweep.objects.get()).startswith("sweep at ")


def stuck_lease(row: Analysis, now: Any) -> None:
    row.claim(until=now - timedelta(seconds=1), now=now)


def lost_ring(row: Analysis, now: Any) -> None:
    Analysis.objects.update(rung_at=now - timedelta(minutes=5))


def never_woken(row: Analysis, now: Any) -> None:
    """As where the web server was killed between the commit and a ring in another broker."""
    Analysis.objects.update(rung_at=None)


def overdue_answer(row: Analysis, now: Any) -> None:
    Analysis.objects.update(status="awaiting_callback", next_attempt_at=now, rung_at=None)


def due_retry(row: Analysis, now: Any) -> None:
    Analysis.objects.update(status="retry_pending", next_attempt_at=now, rung_at=None)


def forgotten_overlay(row: Analysis, now: Any) -> None:
    StoredOverlay.objects.create(analysis=row, kind="heatmap", next_try_at=now)


def lost_ring_of_a_test(row: Analysis, now: Any) -> None:
    ProviderCheck.objects.create(alias="first", rung_at=now - timedelta(seconds=31))


def untaken_test(row: Analysis, now: Any) -> None:
    ProviderCheck.objects.create(alias="first", asked_at=now - timedelta(minutes=11))


def unheard_standing(row: Analysis, now: Any) -> None:
    Asset.objects.update(standing_version=2)


KINDS = [
    (stuck_lease, "leases_expired"),
    (lost_ring, "rung"),
    (never_woken, "rung"),
    (overdue_answer, "rung"),
    (due_retry, "rung"),
    (forgotten_overlay, "rung"),
    (lost_ring_of_a_test, "rung"),
    (untaken_test, "untaken"),
    (unheard_standing, "unannounced"),
]


@pytest.mark.parametrize(("stick", "kind"), KINDS)
def test_each_kind_of_stuck_row_is_found(row: Analysis, stick: Callable[..., None], kind: str) -> None:
    """D09, D10, A21."""
    now = timezone.now()
    stick(row, now)
    assert sweeping.sweep(now)[kind] == 1
    assert kind in ("leases_expired", "untaken") or queue.waiting() == 1


@pytest.mark.parametrize(("stick", "kind"), KINDS)
def test_a_second_sweep_at_any_point_of_the_first_finds_it_done(
    row: Analysis, stick: Callable[..., None], kind: str
) -> None:
    """D05. What is rung for twice for a listener is announced once: a ring too many is harmless there."""
    now, events = timezone.now(), Counter[str]()
    for place in range(40):
        with transaction.atomic():
            stick(row, now)
            twice: list[dict[str, int]] = []
            other = partial(lambda found: found.append(sweeping.sweep(now)), twice)
            with meanwhile(place, other, within_transactions=False):
                twice.append(sweeping.sweep(now))
            found = sum(one[kind] for one in twice)
            assert found == 1 or (kind == "unannounced" and found == len(twice)), (place, twice)
            assert audit.first_broken() is None
            told = Counter(AuditEvent.objects.values_list("action", flat=True))
            assert told == (events or told), place
            events = told
            transaction.set_rollback(True)
    assert len(twice) == 1, "the last place lies beyond the end"


def test_a_lease_that_is_alive_is_left_alone(row: Analysis) -> None:
    now = timezone.now()
    row.claim(until=now + timedelta(seconds=1), now=now)
    assert sweeping.sweep(now)["leases_expired"] == 0


def test_of_two_sweepers_one_ends_a_row(row: Analysis, clock: Clock) -> None:
    """D05."""
    stuck_lease(row, clock.now())
    seen_by_both = list(Analysis.objects.all())

    assert scanning.crashed(Analysis.objects.get())
    assert not scanning.crashed(seen_by_both[0])
    assert AuditEvent.objects.filter(action="analysis.retry_pending").count() == 1


def test_the_chain_of_history_is_whole_after_a_sweep(row: Analysis) -> None:

    sweeping.sweep(timezone.now())
    assert not audit.unsealed().exists()
    assert audit.first_broken() is None
