"""A worker's walk through one row: what each error does, waiting without trying, and paying once for equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from detection import errors, queue, scanning, standing, sweeping, switches
from detection.models import Analysis, Asset, AuditEvent, ProviderSwitch, RateSlot
from detection.policy import DEFAULT
from detection.results import Accepted, Declared, Generator, ScanResult
from detection.testing import images
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Says, Verdict, Why
from tests.conftest import Clock, asset_of

pytestmark = pytest.mark.django_db
Upload = Callable[..., Any]
Scripted = Callable[..., Any]


def row_of(picture: Any, alias: str = "first") -> Analysis:
    return Analysis.objects.filter(asset=asset_of(picture), provider=alias).latest("pk")


def events(row: Analysis) -> list[str]:
    return list(AuditEvent.objects.filter(asset=row.asset_id).order_by("pk").values_list("action", flat=True))


HUMAN = {"verdict": "likely_human", "ai_score": 0.02}
STRONG = {"verdict": "likely_ai", "ai_score": 0.96}


@pytest.mark.usefixtures("pixels_only")
class TestAnAnswer:
    def test_is_recorded_with_all_its_evidence(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_return(
            **STRONG,
            ai_pixel_share=0.8,
            generators=(Generator(name="Brush 3", score=0.7),),
            confidence_band="high",
            reasons=("Hands",),
            warnings=("Small",),
            raw={"id": 1},
        )
        picture = plate()
        drain()
        row = row_of(picture)
        assert (row.status, row.verdict, row.basis, row.ai_score) == ("complete", "likely_ai", "pixels", 0.96)
        assert (row.ai_pixel_share, row.ai_score_kind, row.model) == (0.8, "model_score", "scripted-1")
        assert row.generators == [{"name": "Brush 3", "score": 0.7}]
        assert (row.reasons, row.warnings, row.raw) == (["Hands"], ["Small"], {"id": 1})
        assert (row.attempts, row.calls, row.as_sent) == (1, 1, "original")
        assert row.sent_sha256 == asset_of(picture).sha256
        assert events(row)[-3:] == ["analysis.scanning", "analysis.complete", "asset.standing_changed"]
        assert asset_of(picture).signal == "strong"

    def test_absent_evidence_stays_absent(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_return(verdict="likely_human")
        picture = plate()
        drain()
        row = row_of(picture)
        assert (row.ai_score, row.ai_pixel_share, row.declared, row.raw) == (None, None, None, None)

    def test_goes_out_under_our_reference_and_not_the_hosts_file_name(self, plate: Upload, scripted: Scripted) -> None:
        """C10."""
        picture = plate()
        drain()
        [request] = scripted().calls
        row = row_of(picture)
        assert request.reference == str(row.public_id)
        assert request.filename == f"{row.public_id}.jpg"
        assert request.idempotency_key == f"{row.public_id}:0"
        assert request.sha256 == asset_of(picture).sha256

    def test_of_a_test_never_counts(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_return(**STRONG, is_test=True)
        picture = plate()
        before = asset_of(picture).evidence
        drain()
        asset = asset_of(picture)
        assert row_of(picture).is_test
        assert asset.signal == "not_checked"
        assert asset.evidence != before or not asset.conclusion

    def test_that_was_recorded_is_not_overwritten_by_a_late_one(self, plate: Upload, scripted: Scripted) -> None:
        """A08, A21."""
        scripted().will_return(**HUMAN)
        picture = plate()
        drain()
        row, count = row_of(picture), AuditEvent.objects.count()
        assert not scanning.apply_result(row, ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.99))
        assert (row_of(picture).verdict, row_of(picture).ai_score) == ("likely_human", 0.02)
        assert AuditEvent.objects.count() == count

    def test_for_a_superseded_row_is_not_recorded(self, plate: Upload) -> None:
        picture = plate()
        row = row_of(picture)
        row.advance(scanning.applying.AnalysisStatus.SUPERSEDED)
        assert not scanning.apply_result(row, ScanResult(verdict=Verdict.LIKELY_AI))
        assert row_of(picture).verdict == ""

    def test_of_a_worker_that_lost_its_lease_is_not_recorded(
        self, plate: Upload, scripted: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """D03."""
        picture = plate()
        submit = scripted().submit

        def slow(request: Any) -> Any:
            clock.move(minutes=10)
            sweeping.sweep(clock.now())
            return submit(request)

        scripted().will_return(**STRONG)
        monkeypatch.setattr(scripted(), "submit", slow)
        scanning.run_scan(row_of(picture).pk)
        row = row_of(picture)
        assert (row.status, row.verdict) == ("retry_pending", "")
        assert "analysis.complete" not in events(row)


@pytest.mark.usefixtures("pixels_only")
class TestASecondOpinion:
    def band(self, low: float, high: float) -> None:
        from detection.models import PolicyVersion

        PolicyVersion.current()
        PolicyVersion.objects.update(document={**DEFAULT, "second_opinion_band": [low, high]})

    @pytest.mark.parametrize(("score", "is_asked"), [(0.39, False), (0.4, True), (0.59, True), (0.6, False)])
    def test_is_asked_for_inside_the_band_alone(
        self, plate: Upload, scripted: Scripted, score: float, is_asked: bool
    ) -> None:
        self.band(0.4, 0.6)
        scripted().will_return(verdict="uncertain", ai_score=score)
        picture = plate()
        drain()
        second = Analysis.objects.filter(asset=asset_of(picture), provider="second")
        assert second.exists() == is_asked
        assert all(one.is_second_opinion for one in second)

    def test_is_not_asked_for_where_no_further_detector_is_configured(
        self, plate: Upload, scripted: Scripted, detectors: Callable[..., None]
    ) -> None:
        detectors(first={})
        scripted().will_return(verdict="uncertain", ai_score=0.5)
        picture = plate()
        drain()
        assert Analysis.objects.filter(asset=asset_of(picture)).count() == 1

    def test_that_disagrees_is_said(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_return(verdict="likely_ai", ai_score=0.8)
        scripted("second").will_return(**HUMAN)
        picture = plate()
        drain()
        assert asset_of(picture).signal == "disagree"


# Each class of error: (status, attempts, faults, the picture's why, whether the detector is paused)
OUTCOMES = [
    (errors.ConnectFailed("No route."), "retry_pending", 0, 1, "failed", False),
    (errors.AmbiguousTimeout("Silence."), "retry_pending", 0, 1, "failed", False),
    (errors.ProviderDown("502."), "retry_pending", 0, 1, "failed", False),
    (errors.RateLimited("Slower."), "retry_pending", 0, 1, "failed", False),
    (errors.QuotaExceeded("Used up."), "retry_pending", 0, 1, "paused", True),
    (errors.AuthFailed("Bad key."), "retry_pending", 0, 1, "paused", True),
    (errors.RedirectReceived("Elsewhere."), "retry_pending", 0, 1, "paused", True),
    (errors.HouseFault("Ours."), "retry_pending", 1, 0, "failed", False),
    (errors.StorageUnavailable("Ours."), "retry_pending", 0, 1, "failed", False),
    (errors.NotFound("Unknown."), "retry_pending", 1, 0, "failed", False),
    (errors.SchemaMismatch("HTML."), "dead", 1, 0, "failed", True),
    (errors.OutboundBlocked("Loopback."), "dead", 1, 0, "failed", False),
    (errors.ProviderError("Something."), "dead", 1, 0, "failed", False),
    (errors.ImageRefused("No cartoons."), "rejected", 1, 0, "unsupported", False),
    (errors.TooLarge("Too many pixels."), "rejected", 1, 0, "unsupported", False),
    (errors.FetchFailed("Our link timed out."), "retry_pending", 1, 0, "failed", False),
    (errors.AnalysisLost("It broke down."), "retry_pending", 1, 0, "failed", False),
]


@pytest.mark.usefixtures("pixels_only")
class TestAnError:
    @pytest.mark.parametrize(
        ("error", "status", "attempts", "faults", "why", "is_paused"),
        OUTCOMES,
        ids=[type(outcome[0]).__name__ for outcome in OUTCOMES],
    )
    def test_has_one_consequence(
        self,
        plate: Upload,
        scripted: Scripted,
        detectors: Callable[..., None],
        error: errors.ProviderError,
        status: str,
        attempts: int,
        faults: int,
        why: str,
        is_paused: bool,
    ) -> None:
        """E01, E02, E03, E08."""
        detectors(first={})
        scripted().will_fail(error)
        picture = plate()
        now = timezone.now()
        drain()
        row = row_of(picture)
        assert (row.status, row.attempts, row.faults) == (status, attempts, faults)
        assert row.error_sentence == str(error)
        assert row.error_class == error.error_class
        assert (row.lease_token, row.lease_until) == (None, None)
        assert (row.next_attempt_at is not None) == (status == "retry_pending")
        assert row.next_attempt_at is None or row.next_attempt_at > now
        assert switches.is_paused("first") == is_paused
        asset = asset_of(picture)
        assert (asset.signal, asset.why) == ("could_not_check", why)
        assert events(row)[-2:] == [f"analysis.{status}", "asset.standing_changed"]

    def test_keeps_the_closed_word_on_the_row_and_the_vendors_code_in_the_history_alone(
        self, plate: Upload, scripted: Scripted
    ) -> None:
        scripted().will_fail(errors.TooLarge("Too many pixels.", provider_code="image_too_large_pixels"))
        picture = plate()
        drain()
        row = row_of(picture)
        assert (row.status, row.error_class) == ("rejected", "too_large")
        facts = AuditEvent.objects.get(asset=row.asset_id, action="analysis.rejected").facts
        assert (facts["code"], facts["vendor_code"]) == ("too_large", "image_too_large_pixels")

    def test_that_passes_is_forgotten_when_the_answer_comes(self, plate: Upload, scripted: Scripted) -> None:
        """E01."""
        scripted().will_fail(errors.ProviderDown("502.")).will_return(**HUMAN)
        picture = plate()
        drain()
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.error_class, row.error_sentence, row.why) == ("complete", "", "", "")
        assert asset_of(picture).signal == "none_found"
        assert row.calls == 2

    def test_of_ours_is_tried_as_often_as_allowed_and_then_a_person_looks(
        self, plate: Upload, scripted: Scripted, configure: Callable[..., None]
    ) -> None:
        configure(MAX_ATTEMPTS=3)
        for _try in range(3):
            scripted().will_fail(errors.HouseFault("Ours."))
        picture = plate()
        for _round in range(5):
            drain()
            pass_time()
        row = row_of(picture)
        assert (row.status, row.attempts) == ("dead", 3)

    def test_of_the_vendor_never_uses_up_an_attempt(
        self, plate: Upload, scripted: Scripted, configure: Callable[..., None]
    ) -> None:
        """E06."""
        configure(MAX_ATTEMPTS=2)
        for _try in range(6):
            scripted().will_fail(errors.ProviderDown("502."))
        scripted().will_return(**HUMAN)
        picture = plate()
        for _round in range(7):
            drain()
            ProviderSwitch.objects.update(is_paused=False)
            pass_time()
        drain()
        assert row_of(picture).status == "complete"

    def test_after_the_deadline_ends_the_scan(
        self, plate: Upload, scripted: Scripted, clock: Clock, configure: Callable[..., None]
    ) -> None:
        """E09."""
        configure(SCAN_DEADLINE=3600)
        scripted().will_fail(errors.ProviderDown("502.")).will_fail(errors.ProviderDown("503."))
        picture = plate()
        drain()
        clock.move(hours=2)
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.why) == ("dead", Why.FAILED)
        assert asset_of(picture).signal == "could_not_check"

    def test_sentence_and_time_reach_the_screen(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_fail(errors.ProviderDown("502."))
        picture = plate()
        drain()
        standing = asset_of(picture).standing
        assert standing["detail"] == "502."
        assert standing["next_attempt_at"] == row_of(picture).next_attempt_at.isoformat()

    def test_of_an_unforeseen_kind_is_caught_by_the_lease(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, logged: list[Any], clock: Clock
    ) -> None:
        def broken(request: Any) -> Any:
            raise KeyError("verdict")

        monkeypatch.setattr(scripted(), "submit", broken)
        picture = plate()
        drain()
        assert row_of(picture).status == "scanning"
        assert "task scan failed" in logged[0].getMessage()
        clock.move(minutes=10)
        sweeping.sweep(clock.now())
        assert row_of(picture).status == "retry_pending"


@pytest.mark.usefixtures("pixels_only")
class TestWaiting:
    def test_for_a_429_everybody_waits_as_long_as_the_vendor_said(self, plate: Upload, scripted: Scripted) -> None:
        """E04."""
        scripted().will_fail(errors.RateLimited("Slower.", retry_after=120))
        one, other = plate(seed=1), plate(seed=2)
        drain()
        assert len(scripted().calls) == 1
        now = timezone.now()
        assert row_of(one).next_attempt_at >= now + timedelta(seconds=115)
        assert (row_of(other).status, row_of(other).attempts, row_of(other).why) == ("pending_scan", 0, Why.QUEUED)
        assert row_of(other).next_attempt_at > now + timedelta(seconds=30)

    @pytest.mark.parametrize("retry_after", [0, -5, float("nan"), float("inf"), 99999999999, None], ids=str)
    def test_for_a_429_with_a_strange_time_is_bounded(
        self, plate: Upload, scripted: Scripted, retry_after: float | None
    ) -> None:
        """E04."""
        scripted().will_fail(errors.RateLimited("Slower.", retry_after=retry_after))
        picture = plate()
        drain()
        row = row_of(picture)
        assert row.status == "retry_pending"
        assert timezone.now() < row.next_attempt_at < timezone.now() + timedelta(seconds=3700)
        assert RateSlot.objects.get(alias="first").arrival < timezone.now().timestamp() + 3700

    def test_while_paused_is_no_attempt_and_calls_nobody(self, plate: Upload, scripted: Scripted) -> None:
        """E11."""
        switches.pause("*", reason="Election night.")
        picture = plate()
        drain()
        row = row_of(picture)
        assert (row.status, row.attempts, row.calls, row.why) == ("pending_scan", 0, 0, Why.PAUSED)
        assert row.next_attempt_at > timezone.now()
        assert asset_of(picture).why == Why.PAUSED
        assert scripted().calls == []
        switches.resume("*")
        assert row_of(picture).next_attempt_at <= timezone.now(), "it need not wait for what it was put off for"
        queue.ring_due(timezone.now())
        drain()
        assert row_of(picture).status == "complete"
        assert row_of(picture).why == ""

    def test_after_a_refused_key_every_picture_waits_and_all_end_when_it_is_mended(
        self, plate: Upload, scripted: Scripted
    ) -> None:
        """E03."""
        scripted().will_fail(errors.AuthFailed("Bad key."))
        pictures = [plate(seed=seed) for seed in range(3)]
        for _round in range(3):
            drain()
            pass_time()
        assert len(scripted().calls) == 1
        switches.resume("first")
        pass_time()
        drain()
        assert {row_of(picture).status for picture in pictures} == {"complete"}

    def test_the_breaker_opens_after_three_and_lets_one_probe_through(
        self, plate: Upload, scripted: Scripted, clock: Clock
    ) -> None:
        """E07."""
        for _fault in range(3):
            scripted().will_fail(errors.ProviderDown("502."))
        pictures = [plate(seed=seed) for seed in range(5)]
        drain()
        assert len(scripted().calls) == 3
        clock.move(seconds=16)
        scripted().will_fail(errors.ProviderDown("503."))
        pass_time()
        drain()
        assert len(scripted().calls) == 4
        clock.move(minutes=5)
        pass_time()
        drain()
        pass_time()
        drain()
        assert not switches.is_paused("first")
        assert {row_of(picture).status for picture in pictures} == {"complete"}

    def test_for_a_slot_that_is_near_is_slept_and_a_far_one_postpones(
        self, plate: Upload, scripted: Scripted, detectors: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E05."""
        detectors(first={"rate": "10/m"})
        slept: list[float] = []
        monkeypatch.setattr(scanning.pacing.time, "sleep", slept.append)
        pictures = [plate(seed=seed) for seed in range(3)]
        drain()
        assert len(scripted().calls) == 2
        assert slept[1] == pytest.approx(6, abs=1)
        last = row_of(pictures[2])
        assert (last.status, last.attempts) == ("pending_scan", 0)
        assert last.next_attempt_at > timezone.now()

    def test_a_ring_that_comes_twice_uses_up_neither_slot_nor_probe(
        self, plate: Upload, detectors: Callable[..., None]
    ) -> None:
        detectors(first={"rate": "1/m"})
        picture = plate()
        row = row_of(picture)
        row.claim(until=timezone.now() + timedelta(minutes=5), now=timezone.now())
        scanning.run_scan(row.pk)
        assert not RateSlot.objects.exists()
        Analysis.objects.update(status="awaiting_callback", next_attempt_at=timezone.now())
        switches.pause("first", reason="x")
        scanning.run_scan(row.pk)
        assert row_of(picture).why == ""

    def test_a_row_that_is_gone_is_a_ring_for_nobody(self) -> None:
        """D09."""
        scanning.run_scan(123)
        scanning.run_poll(123)


@pytest.mark.usefixtures("pixels_only")
class TestCrashes:
    def test_a_poisonous_picture_is_tried_as_often_as_allowed_and_never_more(
        self, plate: Upload, scripted: Scripted, configure: Callable[..., None], clock: Clock
    ) -> None:
        """D01."""
        configure(MAX_ATTEMPTS=3)
        picture = plate()
        for _crash in range(6):
            row = row_of(picture)
            scanning.running._claim(row, clock.now())  # and the process is killed here
            clock.move(hours=1)
            sweeping.sweep(clock.now())
            clock.move(hours=1)
        row = row_of(picture)
        assert (row.status, row.attempts, row.calls) == ("dead", 3, 0)
        assert events(row).count("analysis.scanning") == 3
        assert "stopped in the middle" in row.error_sentence

    def test_a_try_beyond_the_cap_is_given_up_before_any_work(
        self, plate: Upload, scripted: Scripted, configure: Callable[..., None]
    ) -> None:
        """D01."""
        configure(MAX_ATTEMPTS=2)
        picture = plate()
        Analysis.objects.update(attempts=2)
        drain()
        assert row_of(picture).status == "dead"
        assert scripted().calls == []

    def test_between_call_and_answer_the_next_try_looks_up_before_it_sends(
        self, plate: Upload, scripted: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
    ) -> None:
        """D02."""
        submit = scripted().submit

        def killed(request: Any) -> Any:
            submit(request)
            raise SystemError("SIGKILL")

        scripted().will_return(**STRONG)
        picture = plate()
        with monkeypatch.context() as patch:
            patch.setattr(scripted(), "submit", killed)
            drain()
        clock.move(minutes=10)
        sweeping.sweep(clock.now())
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.verdict, row.calls) == ("complete", "likely_ai", 1)
        assert len(scripted().calls) == 1

    def test_a_lost_answer_is_looked_up(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E10."""
        submit = scripted().submit

        def silent(request: Any) -> Any:
            submit(request)
            raise errors.AmbiguousTimeout("Silence.")

        scripted().will_return(**HUMAN)
        picture = plate()
        with monkeypatch.context() as patch:
            patch.setattr(scripted(), "submit", silent)
            drain()
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.calls, len(scripted().calls)) == ("complete", 1, 1)

    @pytest.mark.parametrize("between", [errors.ProviderDown("503."), errors.StorageUnavailable("No disk.")])
    def test_a_lost_answer_is_still_looked_up_when_another_fault_came_between(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, between: errors.ProviderError
    ) -> None:
        """E10. Only an answer to the call itself settles what became of it."""
        submit = scripted().submit

        def silent(request: Any) -> Any:
            submit(request)
            raise errors.AmbiguousTimeout("Silence.")

        def broken(*args: Any) -> Any:
            raise between

        scripted().will_return(**STRONG)
        picture = plate()
        with monkeypatch.context() as patch:
            patch.setattr(scripted(), "submit", silent)
            drain()
        with monkeypatch.context() as patch:
            is_ours = isinstance(between, errors.StorageUnavailable)
            patch.setattr(*((scanning.running, "load") if is_ours else (scripted(), "find")), broken)
            pass_time()
            drain()
        assert row_of(picture).status == "retry_pending"
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.verdict, row.calls) == ("complete", "likely_ai", 1)
        assert len(scripted().calls) == 1

    def test_where_nothing_can_be_looked_up_the_same_key_is_sent_again(
        self, plate: Upload, scripted: Scripted, detectors: Callable[..., None]
    ) -> None:
        """E10."""
        detectors(first={"finds": False})
        scripted().will_fail(errors.AmbiguousTimeout("Silence.")).will_return(**HUMAN)
        plate()
        drain()
        pass_time()
        drain()
        keys = [request.idempotency_key for request in scripted().calls]
        assert len(keys) == 2
        assert len(set(keys)) == 1

    def test_where_the_vendor_knows_nothing_it_is_sent_again(self, plate: Upload, scripted: Scripted) -> None:
        """E10."""
        scripted().will_fail(errors.AmbiguousTimeout("Silence.")).will_return(**HUMAN)
        picture = plate()
        drain()
        pass_time()
        drain()
        assert (row_of(picture).status, row_of(picture).calls) == ("complete", 2)


@pytest.mark.usefixtures("pixels_only")
class TestEqualBytes:
    def test_are_paid_for_once(self, plate: Upload, scripted: Scripted) -> None:
        """C13."""
        scripted().will_return(
            **STRONG, generators=(Generator(name="Brush 3"),), reasons=("Hands",), provider_reference="job-1"
        )
        one, other = plate("one"), plate("other")
        drain()
        assert len(scripted().calls) == 1
        first, second = row_of(one), row_of(other)
        assert second.reused_from == first
        for name in ("verdict", "basis", "ai_score", "ai_score_kind", "generators", "reasons", "model", "status"):
            assert getattr(first, name) == getattr(second, name), name
        assert asset_of(other).signal == "strong"
        assert "analysis.complete" in events(second)
        assert second.calls == 0

    def test_wait_for_the_scan_that_is_under_way(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C13."""
        one, other = plate("one"), plate("other")
        submit = scripted().submit

        def meanwhile(request: Any) -> Any:
            monkeypatch.setattr(scripted(), "submit", submit)
            scanning.run_scan(row_of(one).pk)
            return submit(request)

        scripted().will_return(**STRONG)
        monkeypatch.setattr(scripted(), "submit", meanwhile)
        scanning.run_scan(row_of(other).pk)
        waiting = row_of(one)
        assert (waiting.status, waiting.attempts, waiting.error_class) == ("retry_pending", 0, "")
        assert (asset_of(one).signal, asset_of(one).why) == ("not_checked", Why.QUEUED)
        pass_time()
        drain()
        assert row_of(one).reused_from == row_of(other)
        assert len(scripted().calls) == 1

    def test_wait_for_one_that_the_vendor_has_accepted_ever_less_eagerly(
        self, plate: Upload, scripted: Scripted, clock: Clock
    ) -> None:
        """C13."""
        scripted().will_accept("job-1", then=[ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.95)])
        one, other = plate("one"), plate("other")
        scanning.run_scan(row_of(one).pk)
        scanning.run_scan(row_of(other).pk)
        assert (row_of(one).status, row_of(other).status) == ("awaiting_callback", "retry_pending")
        clock.move(minutes=10)
        scanning.run_scan(row_of(other).pk)
        assert row_of(other).next_attempt_at - clock.now() > timedelta(seconds=50)
        assert row_of(other).attempts == 0
        pass_time()
        drain()
        pass_time()
        drain()
        assert {row_of(one).status, row_of(other).status} == {"complete"}
        assert len(scripted().calls) == 1

    def test_after_a_failure_of_the_first_the_second_goes_itself(self, plate: Upload, scripted: Scripted) -> None:
        scripted().will_fail(errors.ProviderError("Something.")).will_return(**HUMAN)
        one, other = plate("one"), plate("other")
        drain()
        assert (row_of(one).status, row_of(other).status) == ("dead", "complete")

    @pytest.mark.parametrize(
        "earlier", [{"is_test": True}, {"verdict": "unknown"}, {"configured_model": "other"}, {"adapter_version": "0"}]
    )
    def test_are_asked_about_again_where_the_earlier_answer_is_not_the_same_question(
        self, plate: Upload, scripted: Scripted, earlier: dict[str, Any]
    ) -> None:
        scripted().will_return(**HUMAN).will_return(**HUMAN)
        plate("one")
        drain()
        Analysis.objects.update(**earlier)
        plate("other")
        drain()
        assert len(scripted().calls) == 2

    def test_are_asked_about_again_where_another_vendor_has_the_alias_now(
        self, plate: Upload, scripted: Scripted, settings: Any
    ) -> None:
        scripted().will_return(**HUMAN)
        plate("one")
        drain()
        other = {"BACKEND": "tests.detection.fetching.OtherProvider", "OPTIONS": {}}
        settings.DETECTION_PROVIDERS = {"first": other}
        picture = plate("other")
        drain()
        assert len(scripted().calls) == 1
        assert row_of(picture).reused_from is None


class TestReading:
    def test_a_file_is_read_once_for_all_detectors(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C01."""
        content = images.photo_like(5, size=(200, 120))
        scripted().will_return(**HUMAN)
        picture = plate(content=content, is_read=False)
        drain()
        asset = asset_of(picture)
        assert (asset.width, asset.height, asset.media_type, asset.size) == (200, 120, "image/jpeg", len(content))
        assert len(asset.sha256) == 64
        assert asset.phash
        assert AuditEvent.objects.filter(action="asset.read").count() == 1
        assert asset.signal == "none_found"

    REJECTIONS = [
        ("truncated", images.truncated(images.photo_like(1, size=(640, 480)), keep=0.4)),
        ("too_many_pixels", images.bomb(13_000, 13_000)),
        ("empty", images.zero_bytes()),
        ("text", b"This is not a picture."),
    ]

    @pytest.mark.parametrize("content", [one for _name, one in REJECTIONS], ids=[name for name, _one in REJECTIONS])
    def test_a_file_that_cannot_be_read_is_rejected_with_a_sentence_and_sent_to_nobody(
        self, plate: Upload, scripted: Scripted, content: bytes
    ) -> None:
        """C02, C04, C05."""
        picture = plate(content=content, is_read=False)
        drain()
        asset, row = asset_of(picture), row_of(picture)
        assert scripted().calls == []
        assert row.status == "rejected"
        assert row.error_sentence.endswith(".")
        assert asset.rejected_code
        assert (asset.signal, asset.why) == ("could_not_check", Why.UNREADABLE)
        assert row_of(picture, "provenance").status == "rejected"

    def test_a_vanished_file_is_rejected(self, plate: Upload, scripted: Scripted) -> None:
        picture = plate(is_read=False)
        picture.picture.storage.delete(picture.picture.name)
        drain()
        assert (row_of(picture).status, row_of(picture).error_class) == ("rejected", "vanished")
        assert "Upload the picture again." in row_of(picture).error_sentence

    def test_an_emptied_field_is_rejected(self, plate: Upload) -> None:
        picture = plate(is_read=False)
        type(picture).objects.update(picture="")
        drain()
        assert row_of(picture).error_class == "vanished"

    def test_a_deleted_picture_is_rejected_where_its_row_still_lives(self, plate: Upload) -> None:
        picture = plate(is_read=False)
        row = row_of(picture)
        type(picture).objects.all()._raw_delete("default")
        drain()
        row.refresh_from_db()
        assert (row.status, row.error_class) == ("rejected", "vanished")

    def test_a_file_over_the_limit_is_not_even_loaded(
        self, plate: Upload, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C02."""
        picture = plate(is_read=False)
        configure(MAX_BYTES=100)
        monkeypatch.setattr(FileSystemStorage, "open", None)
        drain()
        assert row_of(picture).error_class == "too_big"
        assert "Upload a smaller version." in row_of(picture).error_sentence

    def test_a_storage_that_does_not_answer_is_tried_again_and_costs_no_attempt(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """D14."""
        scripted().will_return(**HUMAN)
        picture = plate(is_read=False)

        def broken(*args: Any, **kwargs: Any) -> Any:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(FileSystemStorage, "open", broken)
            drain()
        row = row_of(picture)
        assert (row.status, row.attempts, row.error_class) == ("retry_pending", 0, "storage")
        assert "Input/output error" in row.error_sentence
        assert not switches.is_paused("first")
        pass_time()
        drain()
        assert row_of(picture).status == "complete"

    @pytest.mark.usefixtures("pixels_only")
    def test_a_sandbox_that_dies_is_our_fault_and_is_tried_again(
        self, plate: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """C06."""
        picture = plate(is_read=False)

        def dies(*args: Any, **kwargs: Any) -> Any:
            raise errors.SandboxFailed("The process that opens pictures stopped.")

        monkeypatch.setattr(scanning.reading.sandbox, "read", dies)
        drain()
        row = row_of(picture)
        assert (row.status, row.attempts, row.error_class) == ("retry_pending", 1, "house")

    def test_what_a_file_declares_counts_although_its_pixels_cannot_be_read(self, plate: Upload) -> None:
        content = images.with_xmp_source_type(images.photo_like(1, size=(640, 480)), "trainedAlgorithmicMedia")
        picture = plate(content=images.truncated(content, keep=0.6), is_read=False)
        drain()
        assert row_of(picture, "provenance").status == "complete"
        assert row_of(picture).status == "rejected"
        assert asset_of(picture).signal == "declared_ai"

    def test_once_read_the_standing_carries_the_evidence_that_people_judge(self, plate: Upload) -> None:
        picture = plate(is_read=False)
        asset = asset_of(picture)
        before = asset.evidence
        scanning.reading.read(asset, scanning.reading.load(asset))
        asset = asset_of(picture)
        assert asset.evidence == standing.evidence_of(asset, standing.present_analyses(asset)) != before

    def test_an_older_row_does_not_write_the_reading_of_a_newer_file(self, plate: Upload) -> None:
        picture = plate(is_read=False)
        stale = asset_of(picture)
        Asset.objects.update(generation=2)
        scanning.reading.read(stale, images.photo_like(9, size=(64, 48)))
        assert not asset_of(picture).is_read


class TestWhatIsSent:
    def send(self, plate: Upload, content: bytes) -> Analysis:
        picture = plate(content=content, is_read=False)
        drain()
        return row_of(picture)

    @pytest.mark.usefixtures("pixels_only")
    def test_a_picture_over_the_detectors_limits_is_sent_as_a_rendition(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scripted(), "max_pixels", 100 * 75, raising=False)
        row = self.send(plate, images.photo_like(1, size=(400, 300)))
        [request] = scripted().calls
        assert request.width * request.height <= 100 * 75
        assert row.as_sent.startswith("a rendition: JPG, 100 × 75")
        assert row.sent_sha256 == request.sha256 != row.asset.sha256

    @pytest.mark.usefixtures("pixels_only")
    def test_a_format_the_detector_does_not_take_is_sent_as_one_it_does(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scripted(), "media_types", frozenset({"image/png"}), raising=False)
        row = self.send(plate, images.photo_like(1, size=(64, 48)))
        assert scripted().calls[0].media_type == "image/png"
        assert scripted().calls[0].filename.endswith(".png")
        assert "PNG" in row.as_sent

    @pytest.mark.usefixtures("pixels_only")
    def test_a_picture_that_is_too_small_is_skipped_with_a_sentence(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, detectors: Callable[..., None]
    ) -> None:
        detectors(first={})
        monkeypatch.setattr(scripted(), "min_side", 100, raising=False)
        row = self.send(plate, images.photo_like(1, size=(64, 48)))
        assert (row.status, row.why) == ("skipped", Why.UNSUPPORTED)
        assert row.error_sentence == (
            "Scripted detector needs at least 100 pixels on the shorter side; this picture has 48."
        )
        assert (row.asset.signal, row.asset.why) == ("not_checked", Why.UNSUPPORTED)

    @pytest.mark.usefixtures("pixels_only")
    def test_a_rendition_that_cannot_be_made_is_our_fault(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dies(*args: Any, **kwargs: Any) -> Any:
            raise errors.SandboxFailed("Stopped.")

        monkeypatch.setattr(scripted(), "max_bytes", 10, raising=False)
        monkeypatch.setattr(scanning.reading.sandbox, "render", dies)
        row = self.send(plate, images.photo_like(1, size=(64, 48)))
        assert (row.status, row.error_class) == ("retry_pending", "house")


@pytest.mark.usefixtures("pixels_only")
class TestAnAliasThatIsGone:
    def test_ends_skipped_and_spoils_no_other_answer(
        self, plate: Upload, scripted: Scripted, detectors: Callable[..., None]
    ) -> None:
        picture = plate()
        detectors(other={"default": {"verdict": "likely_human", "ai_score": 0.02}})
        scanning.request_scan(picture)
        drain()
        row = row_of(picture)
        assert (row.status, row.why) == ("skipped", "")
        assert "not configured any more" in row.error_sentence
        assert asset_of(picture).signal == "none_found"

    def test_ends_what_was_accepted_for_a_person(
        self, plate: Upload, scripted: Scripted, detectors: Callable[..., None]
    ) -> None:
        scripted().will_accept("job-1")
        picture = plate()
        scanning.run_scan(row_of(picture).pk)
        detectors(other={})
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.why) == ("dead", Why.FAILED)


@pytest.mark.usefixtures("pixels_only")
class TestPolling:
    @pytest.fixture
    def accepted(self, plate: Upload, scripted: Scripted) -> Callable[..., Analysis]:
        def make(*then: Any) -> Analysis:
            scripted().will_accept("job-1", then=then)
            picture = plate()
            scanning.run_scan(row_of(picture).pk)
            row = row_of(picture)
            assert (row.status, row.provider_reference) == ("awaiting_callback", "job-1")
            assert (row.asset.signal, row.asset.why) == ("not_checked", Why.RUNNING)
            return row

        return make

    def again(self, row: Analysis) -> Analysis:
        pass_time()
        drain()
        return Analysis.objects.get(pk=row.pk)

    def test_brings_the_answer(self, accepted: Any) -> None:
        row = self.again(accepted(ScanResult(verdict=Verdict.LIKELY_HUMAN, ai_score=0.02)))
        assert (row.status, row.verdict) == ("complete", "likely_human")
        complete = AuditEvent.objects.get(action="analysis.complete")
        assert complete.facts["via"] == "poll"

    def test_backs_off_and_ends_at_the_deadline_for_a_person(self, accepted: Any, clock: Clock) -> None:
        """E09."""
        row, gaps = accepted(), []
        for _poll in range(10):
            row = self.again(row)
            gaps.append((row.next_attempt_at - clock.now()).total_seconds())
        assert gaps[0] < 4
        assert 55 <= gaps[-1] <= 61
        assert row.status == "awaiting_callback"
        clock.move(hours=24)
        row = self.again(row)
        assert (row.status, row.error_class) == ("dead", "schema")
        assert row.error_sentence == "The detector took the picture and never answered."

    def test_asks_nobody_while_paused(self, accepted: Any, scripted: Scripted) -> None:
        """E07, E11."""
        row = accepted(ScanResult(verdict=Verdict.LIKELY_HUMAN))
        switches.pause("first", reason="x")
        row = self.again(row)
        assert (row.status, row.why) == ("awaiting_callback", Why.PAUSED)
        switches.resume("first")
        assert self.again(row).status == "complete"

    def test_waits_as_long_as_a_429_says_and_so_does_everybody(self, accepted: Any, plate: Upload) -> None:
        """E04."""
        row = self.again(accepted(errors.RateLimited("Slower.", retry_after=300)))
        assert row.status == "awaiting_callback"
        assert row.next_attempt_at > timezone.now() + timedelta(seconds=290)
        other = plate(seed=2)
        drain()
        assert row_of(other).status == "pending_scan"

    def test_tries_again_after_a_fault_and_counts_it_for_the_breaker(self, accepted: Any) -> None:
        fault = errors.ProviderDown("502.")
        row = accepted(fault, fault, fault, ScanResult(verdict=Verdict.LIKELY_HUMAN))
        for _poll in range(3):
            row = self.again(row)
        assert row.status == "awaiting_callback"
        assert switches.is_paused("first")

    def test_that_succeeds_closes_the_breaker(self, accepted: Any, clock: Clock) -> None:
        fault = errors.ProviderDown("502.")
        row = accepted(fault, fault, fault, ScanResult(verdict=Verdict.LIKELY_HUMAN))
        for _poll in range(3):
            row = self.again(row)
        clock.move(minutes=1)
        assert self.again(row).status == "complete"
        assert not switches.is_paused("first")

    @pytest.mark.parametrize(
        ("error", "status"), [(errors.SchemaMismatch("HTML."), "dead"), (errors.ImageRefused("No."), "rejected")]
    )
    def test_ends_at_a_final_error(self, accepted: Any, error: Any, status: str) -> None:
        """E08."""
        assert self.again(accepted(error)).status == status

    def test_that_comes_too_early_or_after_an_event_asks_nobody(
        self, accepted: Any, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A21."""
        row = accepted()

        def no_fetch(reference: str) -> Any:
            raise AssertionError("nobody may be asked")

        monkeypatch.setattr(scripted(), "fetch", no_fetch)
        Analysis.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=1))
        scanning.run_poll(row.pk)
        assert scanning.apply_result(row, ScanResult(verdict=Verdict.LIKELY_HUMAN), via="callback")
        scanning.run_poll(row.pk)

    def test_that_can_never_be_asked_does_not_wait_for_ever(
        self, accepted: Any, scripted: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
    ) -> None:
        row = accepted()

        def broken(reference: str) -> Any:
            raise errors.ProviderMisconfigured("It gives its answer at once; there is nothing to fetch.")

        monkeypatch.setattr(scripted(), "fetch", broken)
        row = self.again(row)
        assert row.status == "awaiting_callback"
        assert logged
        clock.move(hours=26)
        assert self.again(row).status == "dead"

    def test_where_the_detector_calls_back_waits_for_the_event_first(
        self, plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scripted(), "calls_back", True, raising=False)
        scripted().will_accept("job-1")
        picture = plate()
        scanning.run_scan(row_of(picture).pk)
        assert row_of(picture).next_attempt_at > timezone.now() + timedelta(minutes=9)

    def test_a_look_up_that_finds_an_acceptance_goes_on_waiting(self, plate: Upload, scripted: Scripted) -> None:
        """E10."""
        scripted().will_accept("job-1")
        picture = plate()
        row = row_of(picture)
        scripted().submit(_request(row))
        Analysis.objects.update(submitted_at=timezone.now())
        scanning.run_scan(row.pk)
        assert row_of(picture).status == "awaiting_callback"
        assert len(scripted().calls) == 1


def _request(row: Analysis) -> Any:
    from detection.results import ScanRequest

    return ScanRequest(
        reference=str(row.public_id),
        filename="x.jpg",
        media_type="image/jpeg",
        content=b"",
        sha256="",
        width=1,
        height=1,
    )


def test_what_is_declared_without_ai_in_an_unreadable_file_is_no_answer() -> None:
    assert not scanning.running._says_ai(None)
    assert not scanning.running._says_ai(Declared(says=Says.CAPTURE))
    assert scanning.running._says_ai(Declared(broken_says=Says.AI))
    assert isinstance(Accepted(provider_reference="x"), Accepted)
