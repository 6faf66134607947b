"""A vendor's id that is known before the picture is sent: what was begun is asked for, not sent and paid for again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import errors, queue, scanning, switches
from detection.models import Analysis, AuditEvent
from detection.results import Accepted, ScanRequest, ScanResult
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Verdict
from tests.conftest import Clock, asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def row(plate: Callable[..., Any], detectors: Callable[..., None]) -> Analysis:
    detectors(first={"finds": False})
    found: Analysis = asset_of(plate()).analyses.get()
    return found


def test_the_id_is_in_the_row_before_the_picture_leaves(row: Analysis, scripted: Callable[..., Any]) -> None:
    seen: list[str] = []

    def submit(request: ScanRequest) -> Accepted:
        request.note_reference("vendor-7")
        seen.append(Analysis.objects.get(pk=row.pk).provider_reference)
        return Accepted(provider_reference="vendor-7")

    scripted().submit = submit
    scanning.run_scan(row.pk)

    assert seen == ["vendor-7"]


def test_after_a_lost_answer_a_noted_analysis_is_polled_and_billed_once(
    row: Analysis, scripted: Callable[..., Any]
) -> None:
    sent: list[str] = []

    def submit(request: ScanRequest) -> Accepted:
        sent.append(request.reference)
        request.note_reference("vendor-7")
        raise errors.AmbiguousTimeout("Silence.")

    provider = scripted()
    provider.submit = submit
    provider.fetch = lambda reference: ScanResult(verdict=Verdict.LIKELY_HUMAN, provider_reference=reference)
    drain()
    for _time in range(3):
        pass_time()
        drain()

    row.refresh_from_db()
    assert (row.status, row.provider_reference, row.calls) == ("complete", "vendor-7", 1)
    assert len(sent) == 1


def test_a_try_that_failed_for_certain_forgets_the_id(row: Analysis, scripted: Callable[..., Any]) -> None:
    def submit(request: ScanRequest) -> Accepted:
        request.note_reference("vendor-7")
        raise errors.ProviderDown("502.")

    scripted().submit = submit
    scanning.run_scan(row.pk)

    row.refresh_from_db()
    assert (row.status, row.provider_reference, row.submitted_at) == ("retry_pending", "", None)


def test_a_worker_that_lost_the_row_sends_nothing(row: Analysis, scripted: Callable[..., Any]) -> None:
    left: list[str] = []

    def submit(request: ScanRequest) -> Accepted:
        Analysis.objects.update(lease_token=uuid.uuid4(), lease_until=timezone.now() + timedelta(minutes=5))
        request.note_reference("vendor-7")
        left.append("the picture")
        return Accepted(provider_reference="vendor-7")

    scripted().submit = submit
    scanning.run_scan(row.pk)

    row.refresh_from_db()
    assert (left, row.status, row.provider_reference) == ([], "scanning", "")


class TestAnAnalysisTheVendorGaveUp:
    def test_is_sent_anew_under_another_key(self, row: Analysis, scripted: Callable[..., Any]) -> None:
        lost = errors.AnalysisLost("It broke down.")
        scripted().will_accept("vendor-7", then=[lost]).will_return(verdict="likely_human", ai_score=0.02)
        drain()
        for _time in range(3):
            pass_time()
            drain()

        row.refresh_from_db()
        first, second = scripted().calls
        assert (row.status, row.attempts, row.calls) == ("complete", 2, 2)
        assert first.idempotency_key != second.idempotency_key

    def test_is_not_sent_for_ever(self, row: Analysis, scripted: Callable[..., Any], configure: Any) -> None:
        configure(PROVENANCE=False, MAX_ATTEMPTS=3)
        for _time in range(9):
            scripted().will_fail(errors.AnalysisLost("It broke down."))
        for _time in range(9):
            drain()
            pass_time()

        row.refresh_from_db()
        assert (row.status, row.attempts, len(scripted().calls)) == ("dead", 3, 3)

    def test_and_knows_nothing_of_any_more_is_lost_after_ten_minutes(
        self, row: Analysis, scripted: Callable[..., Any], clock: Clock
    ) -> None:
        scripted().will_accept("vendor-7", then=[errors.NotFound("Unknown.")])
        drain()
        clock.move(minutes=5)
        scanning.run_poll(row.pk)
        row.refresh_from_db()
        assert row.status == "awaiting_callback"

        clock.move(minutes=6)
        scanning.run_poll(row.pk)
        clock.move(minutes=2)
        scanning.run_poll(row.pk)

        row.refresh_from_db()
        assert (row.status, row.error_class, row.submitted_at) == ("retry_pending", "lost", None)

    def test_a_single_slip_of_its_memory_loses_nothing(
        self, row: Analysis, scripted: Callable[..., Any], clock: Clock
    ) -> None:
        unknown, working = errors.NotFound("Unknown."), Accepted(provider_reference="vendor-7")
        answers: list[Any] = [unknown, working, unknown, working]

        def fetch(reference: str) -> Accepted:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return Accepted(provider_reference=reference)

        scripted().will_accept("vendor-7")
        drain()
        scripted().fetch = fetch
        clock.move(minutes=30)
        for _time in range(4):
            scanning.run_poll(row.pk)
            clock.move(minutes=2)

        row.refresh_from_db()
        assert (row.status, row.calls, answers) == ("awaiting_callback", 1, [])


def test_a_detector_that_only_calls_back_and_does_not_is_for_a_person(
    row: Analysis, scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(scripted(), "polls", False, raising=False)
    monkeypatch.setattr(scripted(), "calls_back", True, raising=False)
    scripted().will_accept("vendor-7")
    drain()
    row.refresh_from_db()
    assert row.status == "awaiting_callback"

    clock.move(minutes=11)
    scanning.run_poll(row.pk)

    row.refresh_from_db()
    assert (row.status, row.error_class) == ("dead", "schema")
    assert "never came" in row.error_sentence


def test_what_could_not_be_read_is_kept_for_a_newer_reader(row: Analysis, scripted: Callable[..., Any]) -> None:
    """E08."""
    drift = errors.SchemaMismatch("A field is missing.")
    drift.raw = {"verdict": "likely_ai", "score": "0.97"}
    scripted().will_fail(drift)
    drain()

    row.refresh_from_db()
    assert (row.status, row.raw) == ("dead", drift.raw)


@pytest.mark.parametrize("is_secret", [True, False])
def test_an_id_that_opens_the_analysis_stands_in_no_history(
    row: Analysis, scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, is_secret: bool
) -> None:
    monkeypatch.setattr(scripted(), "reference_is_secret", is_secret, raising=False)
    answer = ScanResult(verdict=Verdict.LIKELY_HUMAN, provider_reference="vendor-7")
    scripted().will_accept("vendor-7", then=[answer])
    drain()
    pass_time()
    drain()

    row.refresh_from_db()
    assert (row.status, row.provider_reference) == ("complete", "vendor-7")
    told = str(list(AuditEvent.objects.values_list("facts", flat=True)))
    assert ("vendor-7" in told) is not is_secret


@pytest.mark.parametrize("can_be_asked", [True, False])
def test_what_may_have_been_taken_is_not_paid_for_again_and_again(
    row: Analysis,
    scripted: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    can_be_asked: bool,
) -> None:
    """A vendor that knows no repetition and can't be asked: some tries in a day, and no click."""
    monkeypatch.setattr(scripted(), "is_idempotent", can_be_asked, raising=False)
    for _time in range(400):
        scripted().will_fail(errors.AmbiguousTimeout("Silence."))
    for _time in range(24 * 12):
        drain()
        clock.move(minutes=5)
        queue.ring_due(timezone.now())

    row.refresh_from_db()
    assert row.calls >= 8
    assert (row.calls <= 11) is not can_be_asked
    assert row.status == "retry_pending"


def test_a_redriven_answer_that_could_not_be_read_is_asked_for_anew(
    row: Analysis, scripted: Callable[..., Any]
) -> None:
    scripted().will_accept("vendor-7", then=[errors.SchemaMismatch("HTML.")]).will_return(verdict="likely_human")
    drain()
    pass_time()
    drain()
    row.refresh_from_db()
    assert row.status == "dead"

    switches.resume("first")  # an answer of unknown shape stops the calls
    assert scanning.redrive(row, by=None)
    scanning.run_scan(row.pk)

    row.refresh_from_db()
    assert (row.status, row.calls) == ("complete", 2)
