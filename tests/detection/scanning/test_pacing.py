"""A picture's turn: pauses and refusals that come while it waits, the retry budget, the cap, an outage of two hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import errors, gate, queue, ratelimit, scanning, sweeping, switches, wording
from detection.models import Analysis, AuditEvent, ProviderSwitch, RateSlot
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Signal, Why
from tests.conftest import Clock, asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
Upload = Callable[..., Any]
Scripted = Callable[..., ScriptedProvider]
HUMAN = {"verdict": "likely_human", "ai_score": 0.02}


def row_of(picture: Any) -> Analysis:
    return Analysis.objects.filter(asset=asset_of(picture), provider="first").latest("pk")


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], list[float]]:
    """Nobody really sleeps: `asleep(act)` does that instead, once, and returns the seconds that were to be slept."""

    def during(act: Callable[[], None]) -> list[float]:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 1:
                act()

        monkeypatch.setattr(scanning.pacing.time, "sleep", sleep)
        return slept

    return during


def sentence(asset: Any, now: Any) -> str:
    """What an editor reads about this picture."""
    return wording.signal_sentence(
        Signal(asset.signal),
        why=Why(asset.why) if asset.why else None,
        next_attempt_at=timezone.datetime.fromisoformat(asset.standing["next_attempt_at"])
        if asset.standing["next_attempt_at"]
        else None,
        notes=asset.standing["notes"],
        now=now,
    )


class TestWhileAWorkerWaitsForItsTurn:
    def test_a_pause_by_a_person_stops_the_call_and_costs_no_try(
        self, plate: Upload, scripted: Scripted, asleep: Any
    ) -> None:
        """E07, manual force-open."""
        asleep(lambda: switches.pause("first", reason="Election night."))
        picture = plate()
        drain()
        row = row_of(picture)
        assert scripted().calls == []
        assert (row.status, row.attempts, row.calls, row.why) == ("retry_pending", 0, 0, Why.PAUSED)
        assert (asset_of(picture).signal, asset_of(picture).why) == ("not_checked", Why.PAUSED)
        switches.resume("first")
        queue.ring_due(timezone.now())
        drain()
        assert row_of(picture).status == "complete"

    def test_a_breaker_that_opens_stops_the_call(
        self, plate: Upload, scripted: Scripted, asleep: Any, clock: Clock
    ) -> None:
        """E07."""

        def open_it() -> None:
            for _fault in range(3):
                switches.note_fault("first", errors.ProviderDown("502."), now=clock.now())

        asleep(open_it)
        picture = plate()
        drain()
        assert scripted().calls == []
        assert (row_of(picture).status, row_of(picture).why) == ("retry_pending", Why.QUEUED)

    def test_a_detector_that_asks_everybody_to_wait_is_not_called_by_who_holds_a_slot(
        self, plate: Upload, scripted: Scripted, asleep: Any, clock: Clock
    ) -> None:
        """E04."""
        slept = asleep(lambda: ratelimit.push_back("first", until=clock.now().timestamp() + 20))
        picture = plate()
        drain()
        row = row_of(picture)
        assert (scripted().calls, len(slept)) == ([], 1)
        assert (row.status, row.attempts, row.faults, row.why) == ("retry_pending", 0, 0, Why.QUEUED)
        assert row.next_attempt_at > clock.now() + timedelta(seconds=9)
        event = AuditEvent.objects.filter(asset=row.asset_id, action="analysis.retry_pending").get()
        assert event.facts["sentence"] == "Waiting for its turn at the detector. Nothing was sent."

    def test_a_short_wish_is_slept_through(self, plate: Upload, scripted: Scripted, asleep: Any, clock: Clock) -> None:
        slept = asleep(lambda: ratelimit.push_back("first", until=clock.now().timestamp() + 3))
        picture = plate()
        drain()
        assert slept[1] == pytest.approx(3, abs=0.5)
        assert (row_of(picture).status, len(scripted().calls)) == ("complete", 1)


class TestTheRetryBudget:
    def empty(self, clock: Clock) -> None:
        RateSlot.objects.update_or_create(
            alias="first", defaults={"retries_left": 0, "retries_at": clock.now().timestamp()}
        )

    def test_over_it_a_retry_waits_and_first_tries_go_on(self, plate: Upload, scripted: Scripted, clock: Clock) -> None:
        """E06."""
        scripted().will_fail(errors.ProviderDown("502."))
        tried = plate(seed=1)
        drain()
        self.empty(clock)
        pass_time()
        drain()
        row = row_of(tried)
        assert (row.status, row.calls, row.attempts) == ("retry_pending", 1, 0)
        assert row.next_attempt_at > clock.now()
        fresh = plate(seed=2)
        drain()
        assert row_of(fresh).status == "complete"
        clock.move(seconds=60)
        pass_time()
        drain()
        assert row_of(tried).status == "complete"

    def test_that_ends_between_the_two_looks_gives_the_claim_back(
        self, plate: Upload, scripted: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted().will_fail(errors.ProviderDown("502."))
        picture = plate()
        drain()
        self.empty(clock)
        monkeypatch.setattr(ratelimit, "retry_outlook", lambda alias, now: 0.0)
        pass_time()
        drain()
        row = row_of(picture)
        assert (row.status, row.calls, row.attempts, row.faults) == ("retry_pending", 1, 0, 1)


class TestACapOfConcurrency:
    def claim(self, picture: Any, clock: Clock) -> Any:
        return scanning.running._claim(row_of(picture), clock.now())

    def test_a_picture_too_many_waits_a_little_and_costs_no_try(
        self, plate: Upload, detectors: Callable[..., None], scripted: Scripted, clock: Clock
    ) -> None:
        detectors(first={"concurrency": 2}, second={})
        pictures = [plate(seed=seed) for seed in range(3)]
        queue.take_all()
        assert self.claim(pictures[0], clock)
        assert self.claim(pictures[1], clock)
        assert self.claim(pictures[2], clock) is None
        row = row_of(pictures[2])
        assert (row.status, row.attempts, row.why) == ("pending_scan", 0, Why.QUEUED)
        assert 0 < (row.next_attempt_at - clock.now()).total_seconds() < 5
        scanning.give_up(row_of(pictures[0]), error=errors.HouseFault())
        clock.move(seconds=5)
        scanning.run_scan(row.pk)
        assert row_of(pictures[2]).status == "complete"

    def test_a_worker_that_died_holds_its_place_no_longer_than_its_claim(
        self, plate: Upload, detectors: Callable[..., None], clock: Clock
    ) -> None:
        detectors(first={"concurrency": "1"})
        one, other = plate(seed=1), plate(seed=2)
        assert self.claim(one, clock)
        clock.move(seconds=20)
        assert self.claim(other, clock) is None
        clock.move(seconds=15)
        assert self.claim(other, clock)

    def test_who_counted_before_another_s_claim_counts_again(
        self, plate: Upload, detectors: Callable[..., None], clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        detectors(first={"concurrency": 1})
        one, other = plate(seed=1), plate(seed=2)
        read, raced = ratelimit.claims_of, iter([True])

        def overtaken(alias: str) -> int:
            seen = read(alias)
            if next(raced, False):
                # Another worker counts, claims and commits between this one's count and its own claim.
                row_of(one).claim(until=clock.now() + timedelta(minutes=1), now=clock.now())
                Analysis.objects.filter(pk=row_of(one).pk).update(lease_until=clock.now() - timedelta(seconds=1))
                ratelimit.count_claim(alias, seen=seen)
            else:
                Analysis.objects.filter(pk=row_of(one).pk).update(lease_until=clock.now() + timedelta(minutes=1))
            return seen

        monkeypatch.setattr(ratelimit, "claims_of", overtaken)
        assert self.claim(other, clock) is None

    @pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5", 10000])
    def test_what_is_no_number_is_refused_by_name(self, detectors: Callable[..., None], wrong: Any) -> None:
        from detection.providers import providers

        detectors(first={"concurrency": wrong})
        with pytest.raises(errors.ProviderMisconfigured, match="concurrency"):
            providers["first"]


class TestAnOutage:
    def test_a_new_picture_is_told_as_could_not_be_checked_with_the_time_of_the_next_try(
        self, plate: Upload, scripted: Scripted, clock: Clock
    ) -> None:
        """E06."""
        for _fault in range(3):
            switches.note_fault("first", errors.ProviderDown("502."), now=clock.now())
        picture = plate()
        drain()
        row, asset = row_of(picture), asset_of(picture)
        assert (row.status, row.attempts, row.calls) == ("pending_scan", 0, 0)
        assert (asset.signal, asset.why) == ("could_not_check", Why.FAILED)
        said = sentence(asset, clock.now())
        assert said.startswith("Could not be checked: the detector did not answer.")
        assert "Trying again at " in said
        clock.move(seconds=30)
        queue.ring_due(clock.now())
        drain()
        assert row_of(picture).status == "complete"
        assert (row_of(picture).error_class, row_of(picture).error_sentence) == ("", "")
        assert asset_of(picture).signal == "some"

    def test_of_two_hours_at_three_scans_an_hour_costs_nobody_a_click(
        self,
        plate: Upload,
        scripted: Scripted,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        django_capture_on_commit_callbacks: Callable[..., Any],
    ) -> None:
        """E06: none dead, all complete within 15 minutes of its end, one alert, and meanwhile the screens say so."""
        began = clock.now()
        calls: list[timedelta] = []
        submit = scripted().submit

        def down(request: Any) -> Any:
            calls.append(clock.now() - began)
            if clock.now() - began < timedelta(hours=2):
                raise errors.ProviderDown("503.")
            return submit(request)

        monkeypatch.setattr(scripted(), "submit", down)
        pictures: list[Any] = []
        with django_capture_on_commit_callbacks(execute=True), caplog.at_level("WARNING", logger="detection"):
            while clock.now() - began < timedelta(hours=2):
                if len(pictures) < 6 and clock.now() - began >= timedelta(minutes=20) * len(pictures):
                    pictures.append(plate(seed=len(pictures)))
                self.work(clock)
                clock.move(seconds=20)
            assert {asset_of(picture).signal for picture in pictures} == {"could_not_check"}
            assert all("Trying again at" in sentence(asset_of(picture), clock.now()) for picture in pictures)
            in_vain = len(calls)
            ended = clock.now()
            while Analysis.objects.live().exists():
                assert clock.now() - ended < timedelta(minutes=15)
                self.work(clock)
                clock.move(seconds=5)
        assert {row_of(picture).status for picture in pictures} == {"complete"}
        assert {row_of(picture).attempts for picture in pictures} == {1}
        assert in_vain <= 3 + 120 / 5 + 6
        assert len(calls) - in_vain == 6
        assert AuditEvent.objects.filter(action="provider.paused").count() == 1
        assert sum("is paused" in record.getMessage() for record in caplog.records) == 1
        assert not AuditEvent.objects.exclude(actor=None).exists()

    def test_a_row_that_fails_while_it_lasts_waits_for_the_breaker_and_not_for_its_own_back_off(
        self, plate: Upload, scripted: Scripted, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """E06."""
        monkeypatch.setattr("detection.backoff._jittered", lambda _faults, *, base, cap, rng: cap)
        for _fault in range(3):
            scripted().will_fail(errors.ProviderDown("502."))
        pictures = [plate(seed=seed) for seed in range(3)]
        Analysis.objects.update(faults=12)
        drain()
        until = ProviderSwitch.objects.get(alias="first").paused_until
        assert until is not None
        [last] = [
            row for picture in pictures if (row := row_of(picture)).next_attempt_at < until + (until - clock.now())
        ]
        assert until <= last.next_attempt_at

    def test_what_waited_for_its_end_is_asked_as_soon_as_a_probe_succeeds(
        self, plate: Upload, scripted: Scripted, clock: Clock
    ) -> None:
        """E06."""
        scripted().will_fail(errors.ProviderDown("502."))
        tried = plate(seed=1)
        drain()
        Analysis.objects.update(next_attempt_at=clock.now() + timedelta(minutes=14))
        for _fault in range(2):
            switches.note_fault("first", errors.ProviderDown("502."), now=clock.now())
        fresh = plate(seed=2)
        drain()
        assert {row_of(picture).next_attempt_at > clock.now() for picture in (tried, fresh)} == {True}
        switches.note_success("first")
        assert {row_of(picture).next_attempt_at > clock.now() for picture in (tried, fresh)} == {False}

    def work(self, clock: Clock) -> None:
        sweeping.tick(clock.now())
        drain()


class TestTheKillSwitch:
    def test_by_setting_holds_scans_and_lets_uploads_and_policy_go_on(
        self,
        plate: Upload,
        article: Callable[..., Any],
        erin: Any,
        scripted: Scripted,
        clock: Clock,
        configure: Callable[..., None],
    ) -> None:
        """E11."""
        configure(PAUSED="*")
        picture = plate()
        drain()
        row, asset = row_of(picture), asset_of(picture)
        assert (row.status, row.attempts, row.calls, row.why) == ("pending_scan", 0, 0, Why.PAUSED)
        assert sentence(asset, clock.now()).startswith("Not checked: checking is paused.")
        assert gate.report(article(asset)).level == "notice", "as the default policy has it for what is not checked"
        deadline = row.deadline_at
        for _look in range(3):
            clock.move(hours=10)
            queue.ring_due(clock.now())
            drain()
        assert scripted().calls == []
        assert row_of(picture).deadline_at > deadline, "the time does not count"
        switches.resume("first")
        switches.resume("*")
        queue.ring_due(clock.now())
        drain()
        assert scripted().calls == [], "no button ends it"
        configure(PAUSED="")
        clock.move(seconds=31)
        queue.ring_due(clock.now())
        drain()
        assert row_of(picture).status == "complete"

    def test_of_one_detector_leaves_the_others_alone(
        self, plate: Upload, scripted: Scripted, configure: Callable[..., None]
    ) -> None:
        """E11."""
        configure(PAUSED="second")
        picture = plate()
        drain()
        assert row_of(picture).status == "complete"
        assert not ProviderSwitch.objects.filter(is_paused=True).exists()


def test_a_model_that_changes_between_two_pictures_stands_in_the_history_with_both_versions(
    plate: Upload, scripted: Scripted
) -> None:
    """E12. Thresholds stand in the policy's versions, which each event of a picture's standing names."""
    scripted().will_return(**HUMAN, model="detector-2026-10").will_return(**HUMAN, model="detector-2026-11")
    one, other = plate(seed=1), plate(seed=2)
    drain()
    completed = AuditEvent.objects.filter(action="analysis.complete").order_by("pk")
    assert [event.facts["model"] for event in completed] == ["detector-2026-10", "detector-2026-11"]
    assert [row_of(picture).model for picture in (one, other)] == ["detector-2026-10", "detector-2026-11"]
    assert asset_of(one).evidence != asset_of(other).evidence
    policies = AuditEvent.objects.filter(action="asset.standing_changed").values_list("facts__policy", flat=True)
    assert set(policies) == {1}


def test_a_fault_s_long_retry_after_holds_back_its_own_picture_and_the_others_for_seconds(
    plate: Upload, scripted: Scripted, detectors: Callable[..., None], clock: Clock
) -> None:
    detectors(first={})
    scripted().will_fail(errors.ProviderDown("503.", retry_after=1800.0)).will_return(**HUMAN)
    one, other = plate("one"), plate("other")
    drain()
    clock.move(seconds=20)
    queue.ring_due(timezone.now())
    drain()

    assert (row_of(one).status, row_of(other).status) == ("retry_pending", "complete")
    assert row_of(one).next_attempt_at > timezone.now() + timedelta(minutes=25)
