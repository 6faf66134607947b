"""One analysis from upload to answer under every disturbance: a state machine whose invariants hold after each step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from detection import audit, errors, queue, scanning, standing, sweeping, switches
from detection.models import Analysis, Asset, AuditEvent, append_only
from detection.providers import providers
from detection.results import ScanResult
from detection.testing import images
from detection.vocabulary import LIVE, TRANSITIONS, AnalysisStatus, Verdict
from tests.conftest import Clock, asset_of, mark_read
from tests.otherhost.models import Plate

CONTENT = [images.photo_like(seed, size=(64, 48)) for seed in (1, 2)]
HUMAN = ScanResult(verdict=Verdict.LIKELY_HUMAN, ai_score=0.02)
FAULTS = [
    errors.ProviderDown("502."),
    errors.AmbiguousTimeout("Silence."),
    errors.RateLimited("Slower.", retry_after=20),
    errors.AuthFailed("Bad key."),
    errors.SchemaMismatch("HTML."),
    errors.ImageRefused("No."),
    errors.HouseFault("Ours."),
]
MAX_ATTEMPTS = 3


def read(picture: Plate, content: bytes) -> None:
    """As intake would, and known to everybody at once."""
    mark_read(picture, content)
    standing.settle(asset_of(picture))


class Pipeline(RuleBasedStateMachine):
    """D13. Uploads, rings, kills, late answers, pauses, new files and deletions, in any order."""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.held = transaction.atomic()
        self.held.__enter__()
        self.final: dict[int, tuple[str, str]] = {}
        self.killed: list[tuple[Analysis, Any]] = []
        self.clock.ahead = timedelta()
        providers.reset()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.held.__exit__(None, None, None)

    @initialize()
    def upload(self) -> None:
        self.add(CONTENT[0])

    @rule(content=st.sampled_from(CONTENT))
    def add(self, content: bytes) -> None:
        if Plate.objects.count() < 3:
            picture = Plate.objects.create(title="x", picture=ContentFile(content, name="x.jpg"))
            read(picture, content)

    @rule(content=st.sampled_from(CONTENT))
    def replace_the_file(self, content: bytes) -> None:
        picture = Plate.objects.order_by("title", "pk").first()
        if picture is not None:
            picture.picture = ContentFile(content, name="y.jpg")
            picture.save()
            read(picture, content)

    @rule()
    def force(self) -> None:
        picture = Plate.objects.order_by("title", "pk").first()
        if picture is not None:
            scanning.request_scan(picture, force=True)
            with picture.picture.open("rb") as opened:
                read(picture, opened.read())

    @rule()
    def delete(self) -> None:
        picture = Plate.objects.order_by("-title", "pk").first()
        if picture is not None:
            picture.delete()

    @rule(error=st.sampled_from(FAULTS))
    def the_vendor_will_fail(self, error: errors.ProviderError) -> None:
        providers["first"].will_fail(error)  # type: ignore[attr-defined]

    @rule(answers=st.integers(0, 1))
    def the_vendor_will_accept(self, answers: int) -> None:
        name = f"job-{AuditEvent.objects.count()}"
        providers["first"].will_accept(name, then=[HUMAN] * answers)  # type: ignore[attr-defined]

    @rule()
    def work(self) -> None:
        for task, arguments in queue.take_all():
            task(*arguments)

    @rule()
    def work_twice(self) -> None:
        for task, arguments in queue.take_all():
            task(*arguments)
            task(*arguments)

    @rule()
    def lose_every_ring(self) -> None:
        queue.take_all()

    @rule()
    def a_worker_is_killed_in_the_middle(self) -> None:
        row = Analysis.objects.due(timezone.now()).order_by("pk").first()
        if row is not None:
            lease = scanning.running._claim(row, timezone.now())
            if lease is not None:
                self.killed.append((row, lease))

    @precondition(lambda self: self.killed)
    @rule()
    def a_worker_thought_dead_comes_back_late(self) -> None:
        row, lease = self.killed.pop()
        was_ours = Analysis.objects.filter(pk=row.pk, status="scanning", lease_token=lease).exists()
        assert scanning.apply_result(row, HUMAN, lease=lease) == was_ours

    @rule(seconds=st.sampled_from([1, 40, 400, 4000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        sweeping.sweep(timezone.now())

    @rule()
    def pause(self) -> None:
        switches.pause("first", reason="x")

    @rule()
    def resume(self) -> None:
        switches.resume("first")

    @rule()
    def redrive(self) -> None:
        for row in Analysis.objects.filter(status="dead"):
            if scanning.redrive(row, by=None):
                self.final.pop(row.pk, None)

    @invariant()
    def what_ended_stays_as_it_ended(self) -> None:
        for row in Analysis.objects.exclude(status__in=LIVE):
            now = (row.status, row.verdict)
            assert self.final.setdefault(row.pk, now) == now

    @invariant()
    def nothing_is_stranded(self) -> None:
        for row in Analysis.objects.live():
            assert row.next_attempt_at is not None or row.lease_until is not None, row.status
            assert (row.status == "scanning") == (row.lease_token is not None)

    @invariant()
    def attempts_are_capped(self) -> None:
        assert not Analysis.objects.filter(attempts__gt=MAX_ATTEMPTS + 1).exists()

    @invariant()
    def there_is_one_live_analysis_and_it_is_of_the_present_file(self) -> None:
        for row in Analysis.objects.live().select_related("asset"):
            assert row.generation == row.asset.generation
            assert row.asset.detached_at is None

    @invariant()
    def the_standing_is_what_the_facts_say(self) -> None:
        for asset in Asset.objects.all():
            assert asset.signal == standing.assess_asset(asset).signal
            assert asset.evidence == standing.evidence_of(asset, standing.present_analyses(asset)) or asset.detached_at

    @invariant()
    def every_change_of_status_has_its_event(self) -> None:
        for row in Analysis.objects.all():
            told = AuditEvent.objects.filter(facts__analysis=str(row.public_id)).order_by("pk")
            steps = [one.action.removeprefix("analysis.") for one in told if one.action.startswith("analysis.")]
            words = ["pending_scan" if step in ("requested", "redriven") else step for step in steps]
            assert words[-1] == row.status
            for before, after in zip(words, words[1:], strict=False):
                assert AnalysisStatus(after) in TRANSITIONS[AnalysisStatus(before)], words

    @invariant()
    def the_chain_is_sound(self) -> None:
        audit.seal()
        assert audit.first_broken() is None


@pytest.fixture
def house(
    db: None, pixels_only: None, configure: Any, clock: Clock, detectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(MAX_ATTEMPTS=MAX_ATTEMPTS)
    detectors(first={"default": {"verdict": "likely_human", "ai_score": 0.02}})
    monkeypatch.setattr(scanning.pacing.time, "sleep", lambda seconds: None)
    Pipeline.clock = clock
    assert append_only.missing(connection) == []


@pytest.mark.usefixtures("house")
def test_whatever_happens_nothing_is_lost_doubled_or_left_unsaid() -> None:
    """D13 and the invariants of 9.3."""
    run_state_machine_as_test(
        Pipeline,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
