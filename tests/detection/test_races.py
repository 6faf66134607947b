"""Two at once, with real transactions in threads. PostgreSQL alone: SQLite's test database is one connection's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from detection import audit, gate, queue, ratelimit, scanning, sweeping, switches
from detection.errors import ProviderDown
from detection.models import Analysis, Asset, AuditEvent, AuditSeal, ProviderCheck, RateSlot, StoredOverlay
from detection.results import ScanResult
from detection.scanning import running
from detection.vocabulary import AnalysisStatus, Level, Verdict
from tests.conftest import asset_of
from tests.otherhost.models import Article, Plate

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database that several connections share"),
    pytest.mark.usefixtures("committed_db", "pixels_only", "staff"),
]
WORKERS = 4


@pytest.fixture
def staff(host: Callable[..., None]) -> None:
    host(plate={"source_tier": lambda one: "staff"})


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run these in threads of their own, all beginning together; what each returned, or raised."""
    answers: list[Any] = [None] * len(acts)
    gate_ = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            gate_.wait(10)
            answers[number] = act()
        except Exception as error:
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_of_many_workers_one_claims_a_row(plate: Callable[..., Plate]) -> None:
    """D05."""
    pk = asset_of(plate()).analyses.get().pk
    now = timezone.now()

    def claim() -> Any:
        return Analysis.objects.get(pk=pk).claim(until=now + timedelta(minutes=5), now=now)

    answers = at_once(*[claim] * WORKERS)
    assert sum(answer is not None for answer in answers) == 1


def test_of_many_bells_each_row_is_rung_by_one(plate: Callable[..., Plate]) -> None:
    """D05. A bell stands beside every worker group."""
    for number in range(6):
        plate(f"picture {number}", seed=number)
    queue.take_all()
    Analysis.objects.update(rung_at=None)
    now = timezone.now()
    answers = at_once(*[lambda: queue.ring_due(now)] * WORKERS)
    assert (sum(answers), queue.waiting()) == (6, 6), answers


def test_a_worker_that_died_is_counted_once_by_many_sweeps(plate: Callable[..., Plate]) -> None:
    """D05."""
    row = asset_of(plate()).analyses.get()
    now = timezone.now()
    row.claim(until=now - timedelta(seconds=1), now=now)
    row.note(attempts=1)
    answers = at_once(*[lambda: scanning.crashed(Analysis.objects.select_related("asset").get(pk=row.pk))] * WORKERS)
    assert [answer for answer in answers if answer is True] == [True], answers
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("retry_pending", 1)
    assert AuditEvent.objects.filter(action="analysis.retry_pending").count() == 1


def test_of_many_sweeps_at_once_each_stuck_row_is_dealt_with_by_one(plate: Callable[..., Plate]) -> None:
    """D05. A sweep of every kind beside every worker group, and one by hand."""
    rows = [asset_of(plate(f"picture {number}", seed=number)).analyses.get() for number in range(8)]
    now = timezone.now()
    dead, asked, due, shown = rows[:2], rows[2:4], rows[4:6], rows[6:]
    for row in dead:
        row.claim(until=now - timedelta(seconds=1), now=now)
        row.note(attempts=1)
    Analysis.objects.filter(pk__in=[row.pk for row in asked]).update(status="awaiting_callback", rung_at=None)
    Analysis.objects.filter(pk__in=[row.pk for row in due]).update(status="retry_pending", rung_at=None)
    for row in shown:
        row.advance(AnalysisStatus.SKIPPED)
        StoredOverlay.objects.create(analysis=row, kind="heatmap", next_try_at=now)
    ProviderCheck.objects.create(alias="first", asked_at=now - timedelta(minutes=11))
    ProviderCheck.objects.create(alias="second", rung_at=now - timedelta(minutes=1))
    queue.take_all()
    found = at_once(*[lambda: sweeping.sweep(now)] * WORKERS)
    totals = {kind: sum(one[kind] for one in found) for kind in ("leases_expired", "rung", "untaken")}
    assert totals == {"leases_expired": 2, "rung": 2 + 2 + 2 + 1, "untaken": 1}, found
    assert AuditEvent.objects.filter(action="analysis.retry_pending").count() == 2
    assert AuditEvent.objects.filter(action="provider.tested").count() == 1
    audit.seal_all()
    assert audit.first_broken() is None


def test_a_late_answer_and_the_sweep_cannot_both_end_a_try(plate: Callable[..., Plate]) -> None:
    """D03. Whoever is first ends it, and of the other nothing is written."""
    result = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.97)
    for number in range(10):
        row = asset_of(plate(f"picture {number}", seed=number)).analyses.get()
        now = timezone.now()
        lease = row.claim(until=now - timedelta(seconds=1), now=now)
        worker, sweep = [Analysis.objects.select_related("asset").get(pk=row.pk) for _reader in range(2)]

        def land(worker: Analysis = worker, lease: Any = lease) -> bool:
            return scanning.apply_result(worker, result, lease=lease)

        def take_away(sweep: Analysis = sweep) -> bool:
            return scanning.crashed(sweep)

        landed, taken = at_once(land, take_away)
        assert {landed, taken} == {True, False}, (landed, taken)
        row.refresh_from_db()
        ends = AuditEvent.objects.filter(asset=row.asset, action__in=["analysis.complete", "analysis.retry_pending"])
        assert row.status == ("complete" if landed else "retry_pending")
        assert [event.action for event in ends] == [f"analysis.{row.status}"]


def test_the_same_bytes_scanned_by_many_workers_at_once_are_paid_for_once(
    plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    """C13."""
    rows = [asset_of(plate(f"copy {number}")).analyses.get() for number in range(WORKERS)]
    at_once(*[lambda row=row: scanning.run_scan(row.pk) for row in rows])  # type: ignore[misc]
    assert len(scripted().calls) == 1
    assert not Analysis.objects.filter(status="scanning").exists()


def test_of_many_equal_answers_one_is_recorded(plate: Callable[..., Plate]) -> None:
    """A02, A03."""
    pk = asset_of(plate()).analyses.get().pk
    Analysis.objects.update(status="awaiting_callback")
    result = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.97)

    def apply() -> bool:
        return scanning.apply_result(Analysis.objects.select_related("asset").get(pk=pk), result)

    assert sorted(at_once(*[apply] * WORKERS)) == [False] * (WORKERS - 1) + [True]
    assert AuditEvent.objects.filter(action="analysis.complete").count() == 1


def test_the_first_request_for_a_picture_makes_one_handle(
    host: Callable[..., None], plate: Callable[..., Plate]
) -> None:
    host(plate={"auto_scan": False})
    picture = plate(is_read=False)
    answers = at_once(*[lambda: scanning.request_scan(picture).pk] * WORKERS)
    assert len(set(answers)) == 1, answers
    assert (Asset.objects.count(), Analysis.objects.count()) == (1, 1)


def test_a_verdict_and_a_publication_cannot_pass_each_other(
    plate: Callable[..., Plate], scripted: Callable[..., Any]
) -> None:
    """F07."""
    for number in range(10):
        picture = plate(f"picture {number}", seed=number)
        story = Article.objects.create(title=f"story {number}")
        story.plates.add(picture)
        row = asset_of(picture).analyses.get()
        Analysis.objects.filter(pk=row.pk).update(status="awaiting_callback")

        def publish(story: Article = story) -> bool:
            with transaction.atomic():
                decision = gate.authorise(story, by=None)
                if decision.is_allowed:
                    Article.objects.filter(pk=story.pk).update(is_out=True)
            return decision.is_allowed

        def land(pk: int = row.pk) -> bool:
            result = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.97)
            return scanning.apply_result(Analysis.objects.select_related("asset").get(pk=pk), result)

        is_out, landed = at_once(publish, land)
        assert landed is True
        told = AuditEvent.objects.filter(subject_key=str(story.pk)).get()
        came_first = AuditEvent.objects.filter(asset=row.asset, action="analysis.complete").get()
        assert is_out == (told.action == "gate.passed") == (told.facts["level"] != Level.ACKNOWLEDGE)
        assert came_first.pk != told.pk


def test_many_sealers_make_one_chain(plate: Callable[..., Plate]) -> None:
    """G06."""
    for number in range(6):
        plate(f"picture {number}", seed=number)

    def write_and_seal() -> int:
        for _round in range(5):
            audit.record("asset.seen")
            audit.seal()
        return 1

    assert at_once(*[write_and_seal] * WORKERS) == [1] * WORKERS
    audit.seal()
    assert audit.first_broken() is None
    assert AuditSeal.objects.count() == AuditEvent.objects.count()


def test_slots_are_given_to_one_worker_each() -> None:
    """E05."""
    now = timezone.now().timestamp()
    waits = at_once(*[lambda: ratelimit.take("first", rate="1/s", now=now)] * WORKERS)
    assert sorted(round(wait) for wait in waits) == list(range(WORKERS))


def test_one_probe_is_let_through() -> None:
    """E07."""
    now = timezone.now()
    for _fault in range(3):
        switches.note_fault("first", ProviderDown("502."), now=now - timedelta(seconds=16))
    answers = at_once(*[lambda: switches.may_ask("first", now=now + timedelta(seconds=1))] * WORKERS)
    assert answers.count(None) == 1


def test_a_cap_of_concurrency_is_kept_by_workers_that_come_together(
    plate: Callable[..., Plate], detectors: Callable[..., None]
) -> None:
    detectors(first={"concurrency": 2})
    pks = [asset_of(plate(f"picture {number}", seed=number)).analyses.get().pk for number in range(WORKERS)]
    now = timezone.now() + timedelta(seconds=1)

    def claim(pk: int) -> Callable[[], Any]:
        return lambda: running._claim(Analysis.objects.select_related("asset").get(pk=pk), now)

    answers = at_once(*[claim(pk) for pk in pks])
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    assert sum(answer is not None for answer in answers) == 2


def test_one_incident_is_recorded_once_however_many_find_it() -> None:
    """E06."""
    now = timezone.now()
    for _fault in range(2):
        switches.note_fault("first", ProviderDown("502."), now=now)
    at_once(*[lambda: switches.note_fault("first", ProviderDown("502."), now=now)] * WORKERS)
    assert AuditEvent.objects.filter(action="provider.paused").count() == 1


def test_the_retry_budget_is_spent_once(plate: Callable[..., Plate]) -> None:
    """E06."""
    now = timezone.now().timestamp()
    RateSlot.objects.create(alias="first", retries_left=3, retries_at=now)
    waits = at_once(*[lambda: ratelimit.take_retry("first", now=now)] * WORKERS)
    assert waits.count(0.0) == 3
