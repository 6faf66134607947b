"""When the bell rings twice and when it does not, and what it takes for work that was left lying."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf

from detection import audit, queue, scanning, sweeping
from detection.models import Analysis, Sweep
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def rows(plate: Callable[..., Any]) -> list[Analysis]:
    """Two rows that are due: one was rung an hour ago, one never."""
    found = [asset_of(plate(seed=seed)).analyses.get() for seed in (1, 2)]
    queue.take_all()
    long_ago = timezone.now() - timedelta(hours=1)
    Analysis.objects.filter(pk=found[0].pk).update(rung_at=long_ago, next_attempt_at=long_ago)
    Analysis.objects.filter(pk=found[1].pk).update(rung_at=None)
    return found


def rung() -> list[int]:
    return [pk for _task, (pk,) in queue.take_all()]


def test_a_ring_is_repeated_and_those_never_rung_come_first(rows: list[Analysis]) -> None:
    now = timezone.now()
    assert queue.ring_due(now, limit=1) == 1
    assert rung() == [rows[1].pk]
    assert queue.ring_due(now, limit=1) == 1
    assert rung() == [rows[0].pk]


def test_a_backlog_is_not_rung_twice(rows: list[Analysis], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MANY_RINGS", 2)
    for pk in (101, 102, 103):
        queue.wake("scan", pk)
    assert queue.ring_due(timezone.now()) == 1
    assert rung() == [101, 102, 103, rows[1].pk]
    assert queue.ring_due(timezone.now()) == 1
    assert rung() == [rows[0].pk]


def test_a_row_that_was_rung_and_not_taken_waits_for_a_worker(rows: list[Analysis]) -> None:
    now = timezone.now()
    assert queue.work_waits(now)
    Analysis.objects.filter(pk=rows[0].pk).update(next_attempt_at=now + timedelta(seconds=1))
    assert not queue.work_waits(now)
    queue.wake("scan", rows[0].pk)
    assert queue.work_waits(timezone.now())


def test_a_lost_ring_is_repeated_soon_however_patient_the_watchdog(configure: Callable[..., None]) -> None:
    configure(WATCHDOG=3600)
    assert queue.ring_again() == timedelta(seconds=10)
    configure(WATCHDOG=6)
    assert queue.ring_again() == timedelta(seconds=3)


def test_a_claim_that_was_renewed_while_the_sweep_was_under_way_is_left_alone(rows: list[Analysis]) -> None:
    now = timezone.now()
    Analysis.objects.filter(pk=rows[0].pk).update(next_attempt_at=now)
    assert rows[0].claim(until=now - timedelta(seconds=1), now=now)
    [seen] = Analysis.objects.lease_expired(now)
    Analysis.objects.filter(pk=seen.pk).update(lease_until=timezone.now() + timedelta(seconds=30))
    assert not scanning.crashed(seen)
    seen.refresh_from_db()
    assert (seen.status, seen.attempts) == ("scanning", 0)


def test_claims_are_spared_while_their_workers_may_have_been_kept_from_renewing_them(rows: list[Analysis]) -> None:
    now = timezone.now()
    Analysis.objects.filter(pk=rows[0].pk).update(next_attempt_at=now)
    assert rows[0].claim(until=now - timedelta(seconds=1), now=now)
    assert sweeping.tick(now, free=False)["leases_expired"] == 0
    assert sweeping.sweep(now, free=False)["leases_expired"] == 0
    assert sweeping.tick(now)["leases_expired"] == 1


def test_a_history_that_cannot_be_sealed_keeps_nobody_waiting(
    rows: list[Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        raise ValueError("an event that nobody thought of")

    monkeypatch.setattr(audit, "seal_all", broken)
    with pytest.raises(ValueError, match="nobody thought of"):
        sweeping.sweep(timezone.now())
    assert sorted(rung()) == sorted(row.pk for row in rows)


def test_one_row_that_cannot_be_dealt_with_does_not_hide_the_others(
    rows: list[Analysis], monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    now = timezone.now()
    for row in rows:
        Analysis.objects.filter(pk=row.pk).update(next_attempt_at=now)
        assert row.claim(until=now - timedelta(seconds=1), now=now)
    crashed = scanning.crashed

    def broken(row: Analysis) -> bool:
        if row.pk == rows[0].pk:
            raise ValueError("a row that nobody thought of")
        return crashed(row)

    monkeypatch.setattr(scanning, "crashed", broken)
    assert sweeping.tick(now)["leases_expired"] == 1
    assert [f"row {rows[0].pk} " in record.getMessage() for record in logged] == [True]


def test_a_claim_may_be_renewed_until_the_guard_has_surely_killed_its_task() -> None:
    assert queue.task_seconds() > Conf.TIMEOUT + 3


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """django-q2's Redis broker, real, with a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    broker = Redis(list_key="nobody")
    broker.connection = redis.Redis(host="127.0.0.1", port=port)
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(queue, "get_broker", lambda _queue: broker)


def test_a_broker_that_is_away_is_said_to_be_and_the_rest_is_swept(rows: list[Analysis], no_broker: None) -> None:
    before = Analysis.objects.get(pk=rows[0].pk).rung_at
    out = StringIO()
    with pytest.raises(CommandError, match=r"The broker did not answer \(ConnectionError\)"):
        call_command("detection_sweep")
    assert Sweep.objects.get().found["sealed"] > 0
    assert Analysis.objects.get(pk=rows[0].pk).rung_at == before
    call_command("detection_status", stdout=out)
    assert "The broker does not answer." in out.getvalue()
    assert "rings waiting: unknown" in out.getvalue()
