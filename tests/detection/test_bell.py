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

from detection import queue, scanning, sweeping
from detection.conf import settings
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


def test_a_row_that_was_rung_and_not_taken_was_left_lying(rows: list[Analysis]) -> None:
    now = timezone.now()
    assert queue.is_left_lying(now)
    Analysis.objects.filter(pk=rows[0].pk).update(next_attempt_at=now - timedelta(seconds=settings.WATCHDOG - 1))
    assert not queue.is_left_lying(now)


def test_a_row_that_nobody_rang_was_not_left_lying(rows: list[Analysis]) -> None:
    Analysis.objects.update(rung_at=None)
    assert not queue.is_left_lying(timezone.now() + timedelta(hours=1))


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
    monkeypatch.setattr(queue, "get_broker", lambda: broker)


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
