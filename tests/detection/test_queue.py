"""The doorbell: what is rung, when it is rung again, and that a ring commits with its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from detection import queue
from detection.models import Analysis, Asset, StoredOverlay
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def row(plate: Callable[..., Any]) -> Analysis:
    found = asset_of(plate()).analyses.get()
    queue.take_all()
    return found


def rung() -> list[tuple[str, int]]:
    return [(task.__name__, arguments[0]) for task, arguments in queue.take_all()]


def test_an_upload_rings_once_for_each_analysis(plate: Callable[..., Any]) -> None:
    analysis = asset_of(plate()).analyses.get()
    assert analysis.rung_at is not None
    assert rung() == [("scan", analysis.pk)]
    assert queue.waiting() == 0


def test_a_ring_that_was_lost_is_pressed_again_after_a_while(row: Analysis) -> None:
    """D09, D10."""
    now = timezone.now()
    assert queue.ring_due(now) == 0
    assert queue.ring_due(now + queue.ring_again() + timedelta(seconds=1)) == 1
    assert rung() == [("scan", row.pk)]
    assert queue.ring_due(now + queue.ring_again() + timedelta(seconds=2)) == 0


def test_a_row_that_was_never_rung_is_rung(row: Analysis) -> None:
    Analysis.objects.update(rung_at=None)
    assert queue.ring_due(timezone.now()) == 1


@pytest.mark.parametrize(
    ("status", "task"), [("retry_pending", "scan"), ("awaiting_callback", "poll"), ("pending_scan", "scan")]
)
def test_what_has_come_due_is_rung_for_what_it_needs(row: Analysis, status: str, task: str) -> None:
    now = timezone.now()
    Analysis.objects.update(status=status, rung_at=None, next_attempt_at=now + timedelta(seconds=5))
    assert queue.ring_due(now) == 0
    assert queue.ring_due(now + timedelta(seconds=5)) == 1
    assert rung() == [(task, row.pk)]


@pytest.mark.parametrize("status", ["scanning", "complete", "dead", "rejected", "superseded", "skipped"])
def test_nobody_rings_for_a_row_that_is_at_work_or_over(row: Analysis, status: str) -> None:
    Analysis.objects.update(status=status, rung_at=None)
    assert queue.ring_due(timezone.now() + timedelta(days=1)) == 0


def test_of_two_bells_one_rings(row: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    Analysis.objects.update(rung_at=None)
    now = timezone.now()
    seen_by_both = [Analysis.objects.get(pk=row.pk), Analysis.objects.get(pk=row.pk)]
    assert queue._ring_all(seen_by_both, now) == 1


def test_an_overlay_is_rung_for_and_then_left_alone_for_a_while(row: Analysis) -> None:
    now = timezone.now()
    overlay = StoredOverlay.objects.create(analysis=row, kind="heatmap", next_try_at=now)
    assert queue.ring_due(now) == 1
    assert rung() == [("overlay", overlay.pk)]
    assert queue.ring_due(now) == 0


def test_a_standing_nobody_heard_of_is_rung_for(row: Analysis) -> None:
    assert queue.ring_unannounced() == 0
    Asset.objects.update(standing_version=4, announced_version=3)
    assert queue.ring_unannounced() == 1
    assert rung() == [("announce", row.asset_id)]


def test_standings_whose_listener_keeps_failing_do_not_keep_the_others_from_being_rung(
    plate: Callable[..., Any],
) -> None:
    pks = {asset_of(plate(seed=seed)).pk for seed in range(3)}
    Asset.objects.update(standing_version=4, announced_version=3)
    queue.take_all()
    for _sweep in range(60):
        assert queue.ring_unannounced(limit=1) == 1
    assert {pk for _task, pk in rung()} == pks


def test_a_ring_noted_by_hand_keeps_the_bell_quiet(row: Analysis) -> None:
    now = timezone.now()
    queue.ring(row, now=now)
    row.refresh_from_db()
    assert row.rung_at == now
    assert rung() == [("scan", row.pk)]
    row.status = "awaiting_callback"
    queue.ring(row)
    assert rung() == [("poll", row.pk)]


def test_a_ring_goes_back_with_its_transaction(row: Analysis) -> None:
    """D10."""

    with transaction.atomic():
        queue.wake("scan", row.pk)
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


def test_with_another_broker_a_ring_waits_for_the_commit_and_a_failing_one_harms_nobody(
    row: Analysis,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(queue, "async_task", lambda *args, **options: sent.append(args))
    assert not queue.rides_along()
    with django_capture_on_commit_callbacks(execute=True):
        queue.wake("scan", row.pk)
        assert sent == []
    assert sent == [("detection.tasks.scan", row.pk)]

    def no_broker(*args: Any, **options: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(queue, "async_task", no_broker)
    with django_capture_on_commit_callbacks(execute=True):
        queue.wake("scan", row.pk)
    assert "no broker" in caplog.text


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Another broker than the ORM's: the calls by which django-q2 was asked to send a ring to it."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(queue, "async_task", lambda *args, **options: found.append(args))
    return found


def no_broker(*args: Any, **options: Any) -> None:
    raise ConnectionError("no broker")


def test_a_ring_rides_along_with_the_orm_broker_in_the_rows_own_database_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert queue.rides_along()
    for elsewhere in (None, "", "another"):
        monkeypatch.setattr(Conf, "ORM", elsewhere)
        assert not queue.rides_along()


def test_with_another_broker_a_ring_is_dropped_with_its_transaction(
    row: Analysis, sent: list[Any], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """D10."""
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            queue.wake("scan", row.pk)
            transaction.set_rollback(True)
        queue.wake("poll", row.pk)
    assert sent == [("detection.tasks.poll", row.pk)]


def test_with_another_broker_an_upload_rings_once_its_rows_are_there(
    plate: Callable[..., Any], sent: list[Any], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        analysis = asset_of(plate()).analyses.get()
        assert sent == []
    assert sent == [("detection.tasks.scan", analysis.pk)]
    assert not OrmQ.objects.exists()


def test_an_upload_stands_though_no_broker_took_its_ring_and_the_bell_rings_later(
    plate: Callable[..., Any],
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """D09."""
    with monkeypatch.context() as down, django_capture_on_commit_callbacks(execute=True):
        down.setattr(queue, "async_task", no_broker)
        analysis = asset_of(plate()).analyses.get()
    assert "no broker" in caplog.text
    assert analysis.status == "pending_scan"

    monkeypatch.setattr(queue, "waiting", lambda _queue="": 0)
    later = timezone.now() + timedelta(minutes=1)
    with django_capture_on_commit_callbacks(execute=True):
        assert queue.ring_due(later) == 1
    assert sent == [("detection.tasks.scan", analysis.pk)]


def test_one_ring_that_a_broker_refused_does_not_keep_the_others_from_going_out(
    plate: Callable[..., Any],
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [asset_of(plate(seed=seed)).analyses.get() for seed in range(3)]
    Analysis.objects.update(rung_at=None)

    def refuses_the_second(function: str, pk: int, **options: Any) -> None:
        no_broker() if pk == rows[1].pk else sent.append(pk)

    monkeypatch.setattr(queue, "async_task", refuses_the_second)
    with django_capture_on_commit_callbacks(execute=True):
        queue.ring_due(timezone.now())
    assert sent == [rows[0].pk, rows[2].pk]
    assert "no broker" in caplog.text


def test_the_sweep_is_scheduled_once() -> None:
    assert queue.schedule_sweep(1)
    assert not queue.schedule_sweep(1)
    assert Schedule.objects.get().func == "detection.tasks.sweep"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ACK_FAILURES", False, '"ack_failures": True'),
        ("QUEUE_LIMIT", 50, '"queue_limit": 1'),
        ("RETRY", 60, '"retry" over'),
        ("TIMEOUT", None, '"retry" over'),
        ("TIMEOUT", 2.5, "a whole number"),
        ("GUARD_CYCLE", 0.7, '"guard_cycle"'),
    ],
)
def test_options_that_would_run_a_task_twice_or_never_are_named_with_their_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any, said: str
) -> None:
    """D04."""
    assert queue.option_problems() == []
    monkeypatch.setattr(Conf, name, value)
    [problem] = queue.option_problems()
    assert said in problem
