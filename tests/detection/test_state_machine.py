"""One analysis from upload to answer under every disturbance: a state machine whose invariants hold after each step.

8 runs of 30 steps, the same each time. LIFECYCLE_RUNS and LIFECYCLE_STEPS ask for more, which are drawn anew: 500
and 50 take about an hour of one core.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.db.models import Count, Q
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

from detection import audit, conf, errors, queue, scanning, standing, sweeping, switches, tasks
from detection.models import Analysis, Asset, AuditEvent, append_only, moments
from detection.providers import providers
from detection.results import Accepted, ScanResult
from detection.testing import images
from detection.vocabulary import LIVE, TRANSITIONS, AnalysisStatus, Verdict, may_follow
from tests.conftest import Clock, asset_of, mark_read
from tests.detection.meanwhile import Vendor, kill, killed_at, meanwhile, until_killed
from tests.otherhost.models import Plate

RUNS, STEPS = int(os.environ.get("LIFECYCLE_RUNS", 0)), int(os.environ.get("LIFECYCLE_STEPS", 30))
CONTENT = [images.photo_like(seed, size=(64, 48)) for seed in range(20)]
HUMAN = ScanResult(verdict=Verdict.LIKELY_HUMAN, ai_score=0.02)
STRONG = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.97)
OPEN = ScanResult(verdict=Verdict.UNCERTAIN, ai_score=0.6)
UNSEEN = ScanResult(verdict=Verdict.UNKNOWN, raw_verdict="hologram", warnings=("schema_drift",))
FAULTS = [
    errors.ConnectFailed("No route."),
    errors.ProviderDown("502."),
    errors.AmbiguousTimeout("Silence."),
    errors.RateLimited("Slower.", retry_after=20),
    errors.QuotaExceeded("The plan."),
    errors.AuthFailed("Bad key."),
    errors.SchemaMismatch("HTML."),
    errors.ImageRefused("No."),
    errors.FetchFailed("The link."),
    errors.AnalysisLost("Gone."),
    errors.NotFound("Who?"),
    errors.OutboundBlocked("Our guard."),
    errors.RedirectReceived("Elsewhere."),
    errors.HouseFault("Ours."),
    errors.StorageUnavailable("No disk."),
]
MAX_ATTEMPTS = 3
FINAL = ("status", "verdict", "ai_score", "provider_reference", "completed_at", "generation", "attempts")
ALIASES = {"first": ["first"], "second": ["second"], "both": ["first", "second"], "none": []}
PLACES = st.integers(0, 30)


def configured(*aliases: str) -> None:
    backend, options = "tests.detection.meanwhile.Vendor", {"default": {"verdict": "likely_human", "ai_score": 0.02}}
    Pipeline.site.DETECTION_PROVIDERS = {alias: {"BACKEND": backend, "OPTIONS": options} for alias in aliases}


WRITES: dict[str, Callable[[Analysis, Any], bool]] = {
    "answer": lambda row, lease: scanning.apply_result(row, HUMAN, lease=lease),
    "acceptance": lambda row, lease: scanning.accept(row, Accepted(provider_reference="late"), lease=lease),
    "fault": lambda row, lease: scanning.postpone(row, at=moments.now(), error=FAULTS[0], lease=lease),
    "end": lambda row, lease: scanning.give_up(row, error=FAULTS[0], lease=lease),
    "refusal": lambda row, lease: scanning.reject(row, code="x", sentence="No.", lease=lease),
    "skip": lambda row, lease: scanning.skip(row, sentence="Not today.", lease=lease),
}
"""All that a worker writes at the end of a try."""


def is_ours(reference: str) -> bool:
    return len(reference) == 36 and reference.count("-") == 4


def held_by(row: Analysis) -> tuple[Any, ...]:
    """What a worker must still find in the row: its claim, or, where it polls, that the row still waits."""
    return row.status, row.lease_token, row.provider_reference, row.redrives


def as_intake_would() -> None:
    """Read what nobody has read, without the sandbox process that would be most of the time."""
    for asset in Asset.objects.filter(detached_at=None):
        picture = asset.picture()
        if picture is not None and not asset.is_read:
            try:
                with picture.picture.storage.open(picture.picture.name) as opened:
                    mark_read(picture, opened.read())
            except FileNotFoundError:
                continue
            standing.settle(asset_of(picture))


class Pipeline(RuleBasedStateMachine):
    """D13. Uploads, rings, kills, standstills, late answers, pauses, new files and deletions, in any order."""

    clock: Clock
    site: Any
    logged: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self.held = transaction.atomic()
        self.held.__enter__()
        self.final: dict[int, dict[str, Any]] = {}
        self.killed: list[tuple[Analysis, Any]] = []
        self.rung: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self.next_file = 3
        self.clock.ahead = timedelta()
        Vendor.forget()
        configured("first", "second")

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.everything_ends()
        finally:
            transaction.set_rollback(True)
            self.held.__exit__(None, None, None)

    def everything_ends(self) -> None:
        """Once detectors answer and nobody disturbs, nothing waits for ever."""
        configured("first", "second")
        Vendor.recover(HUMAN)
        for alias in ("first", "second", "*"):
            switches.resume(alias)
        for _round in range(30):
            self.clock.move(hours=2)
            self.sweep_()
            self.work_()
            if not (Analysis.objects.live().exists() or Asset.objects.unannounced().exists()):
                break
        self.check()
        left = [str(row) for row in Analysis.objects.live()]
        assert left == [], left
        assert not Asset.objects.unannounced().exists()
        audit.seal_all()
        assert audit.first_broken() is None

    # What happens, also in the middle of something else.

    def work_(self) -> None:
        as_intake_would()
        for task, arguments in self.taken():
            task(*arguments)

    def taken(self) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
        # Without the door that catches everything: an error must fail the step.
        rings = [(task.__wrapped__, arguments) for task, arguments in queue.take_all()]  # type: ignore[attr-defined]
        self.rung += rings
        return rings

    def sweep_(self) -> None:
        sweeping.sweep(moments.now())

    def wait_and_sweep(self) -> None:
        self.clock.move(seconds=conf.settings.LEASE + 1)
        self.sweep_()

    def others_go_on(self) -> None:
        """Longer than a lease, in which a sweep takes it away, and another worker tries."""
        self.wait_and_sweep()
        self.clock.move(seconds=60)
        self.sweep_()
        self.work_()

    def replace_(self) -> None:
        picture = Plate.objects.order_by("pk").first()
        if picture is not None:
            picture.picture = ContentFile(CONTENT[1], name="y.jpg")
            picture.save()

    def add_(self, content: int = -1) -> None:
        """One of the first four files, which others may be too, or the next that is like none."""
        if content < 0:
            self.next_file = content = 4 + (self.next_file - 3) % (len(CONTENT) - 4)
        Plate.objects.create(title="x", picture=ContentFile(CONTENT[content], name="x.jpg"))

    def force_(self) -> None:
        picture = Plate.objects.order_by("pk").first()
        if picture is not None:
            scanning.request_scan(picture, force=True)

    def delete_(self) -> None:
        picture = Plate.objects.order_by("-pk").first()
        if picture is not None:
            picture.delete()

    def pause_(self) -> None:
        switches.pause("first", reason="x")

    def redrive_(self) -> None:
        for row in Analysis.objects.filter(status="dead").select_related("asset"):
            before = self.final.pop(row.pk, None)
            if not scanning.redrive(row, by=None) and before:
                self.final[row.pk] = before

    GOES_ON = ("wait_and_sweep", "others_go_on")
    OTHERS = (*GOES_ON, "work_", "sweep_", "replace_", "force_", "delete_", "pause_", "redrive_")

    # The newsroom.

    @initialize()
    def upload(self) -> None:
        self.add(0)

    @rule(content=st.integers(0, 3))
    def add(self, content: int) -> None:
        if Plate.objects.count() < 4:
            self.add_(content)

    @rule()
    def replace_the_file(self) -> None:
        self.replace_()

    @rule(content=st.integers(0, 3))
    def other_bytes_lie_under_the_name(self, content: int) -> None:
        picture = Plate.objects.order_by("pk").first()
        if picture is not None and picture.picture.storage.exists(picture.picture.name):
            with picture.picture.storage.open(picture.picture.name, "wb") as opened:
                opened.write(CONTENT[content])

    @rule()
    def the_file_vanishes(self) -> None:
        picture = Plate.objects.order_by("-pk").first()
        if picture is not None:
            picture.picture.storage.delete(picture.picture.name)

    @rule()
    def force_a_new_look(self) -> None:
        self.force_()

    @rule()
    def delete(self) -> None:
        self.delete_()

    @rule()
    def pause(self) -> None:
        self.pause_()

    @rule(alias=st.sampled_from(["first", "*"]))
    def resume(self, alias: str) -> None:
        switches.resume(alias)

    @rule()
    def redrive(self) -> None:
        self.redrive_()

    @rule(which=st.sampled_from(sorted(ALIASES)))
    def configure(self, which: str) -> None:
        configured(*ALIASES[which])

    # The detector.

    @rule(error=st.sampled_from(FAULTS), alias=st.sampled_from(["first", "second"]))
    def the_vendor_will_fail(self, error: errors.ProviderError, alias: str) -> None:
        self.script(alias, error)

    @rule(answer=st.sampled_from([HUMAN, STRONG, OPEN, UNSEEN]))
    def the_vendor_will_say(self, answer: ScanResult) -> None:
        self.script("first", answer)

    @rule(then=st.lists(st.sampled_from([HUMAN, UNSEEN, *FAULTS]), max_size=2))
    def the_vendor_will_accept(self, then: list[Any]) -> None:
        provider = providers.get("first")
        if provider is not None:
            provider.will_accept(f"job-{AuditEvent.objects.count()}", then=then)  # type: ignore[attr-defined]

    @rule()
    def the_vendor_will_take_it_and_say_nothing(self) -> None:
        Vendor.silences = 1

    def script(self, alias: str, answer: Any) -> None:
        provider = providers.get(alias)
        if provider is not None:
            provider._queue.append((answer, ()))  # type: ignore[attr-defined]

    # The workers.

    @rule()
    def work(self) -> None:
        self.work_()

    @rule()
    def work_of_which_no_ring_is_taken_off(self) -> None:
        """Killed after the commit, before the broker heard of it: each ring comes once more."""
        as_intake_would()
        for task, arguments in self.taken():
            task(*arguments)
            task(*arguments)

    @precondition(lambda self: self.rung)
    @rule(number=st.integers(0, 50))
    def an_old_ring_comes_again(self, number: int) -> None:
        task, arguments = self.rung[number % len(self.rung)]
        task(*arguments)

    @rule(pk=st.sampled_from([0, -1, 10**9]))
    def a_ring_for_nothing(self, pk: int) -> None:
        for task in (tasks.scan, tasks.poll, tasks.announce, tasks.overlay, tasks.check):
            task(pk)

    @rule()
    def every_ring_is_lost(self) -> None:
        queue.take_all()

    @rule()
    def a_worker_polls_and_scans_what_is_not_due(self) -> None:
        for row in Analysis.objects.all():
            tasks.poll(row.pk)
            tasks.scan(row.pk)

    def one_task(self) -> Callable[[], Any]:
        """A worker's next scan or poll, which nothing holds back; where there is none, a new picture is brought."""
        for alias in ("first", "second", "*"):
            switches.resume(alias)
        for is_anew in (False, True, True):
            if is_anew:
                configured("first", "second")
                self.add_()
                self.clock.move(seconds=60)
                queue.ring_due(moments.now())
            as_intake_would()
            for task, arguments in self.taken():
                if task.__name__ in ("scan", "poll"):
                    return partial(task, *arguments)
        raise AssertionError("a picture that is new is rung for")

    @rule(place=st.integers(0, 80))
    def a_worker_is_killed_anywhere(self, place: int) -> None:
        killed_at(place, self.one_task())

    @rule()
    def a_worker_is_killed_before_its_call(self) -> None:
        def die(reference: str) -> None:
            row = Analysis.objects.select_related("asset").get(public_id=reference)
            self.killed.append((row, row.lease_token))
            kill()

        Vendor.before_call[:] = [die]
        until_killed(self.one_task())
        Vendor.let_be()

    @rule()
    def a_worker_is_killed_after_its_call(self) -> None:
        Vendor.after_call[:] = [kill]
        until_killed(self.one_task())
        Vendor.let_be()

    @precondition(lambda self: self.killed)
    @rule(how=st.sampled_from(sorted(WRITES)), after=st.sampled_from([None, *GOES_ON]))
    def a_worker_thought_dead_comes_back_late(self, how: str, after: str | None) -> None:
        row, lease = self.killed.pop()
        if after is not None:
            getattr(self, after)()
        was_ours = Analysis.objects.filter(pk=row.pk, status="scanning", lease_token=lease).exists()
        assert WRITES[how](row, lease) == was_ours

    @precondition(lambda self: self.killed)
    @rule()
    def an_event_comes_late(self) -> None:
        """As a detector's that calls back: it holds no claim, and what has ended stays as it ended."""
        row = Analysis.objects.select_related("asset").get(pk=self.killed[-1][0].pk)
        may_end = row.status in may_follow(AnalysisStatus.COMPLETE)
        assert scanning.apply_result(row, HUMAN) == may_end

    @rule(other=st.sampled_from(GOES_ON))
    def a_worker_stands_still_past_its_claim(self, other: str) -> None:
        self.a_worker_stands_still_in_its_call(other)

    @rule(other=st.sampled_from(OTHERS))
    def a_worker_stands_still_in_its_call(self, other: str) -> None:
        seen: list[Analysis] = []

        def stand_still(reference: str) -> None:
            own = Q(public_id=reference) if is_ours(reference) else Q(provider_reference=reference)
            before = Analysis.objects.filter(own).latest("pk")
            getattr(self, other)()
            after = Analysis.objects.get(pk=before.pk)
            if held_by(before) != held_by(after):
                seen.append(after)

        Vendor.after_call[:] = [stand_still]
        self.one_task()()
        Vendor.let_be()
        for row in seen:
            now = Analysis.objects.get(pk=row.pk)
            assert vars(now) | {"_state": 0} == vars(row) | {"_state": 0}, "who lost his claim writes nothing"

    @rule(place=PLACES, other=st.sampled_from(OTHERS))
    def a_worker_stands_still_anywhere(self, place: int, other: str) -> None:
        task = self.one_task()
        with meanwhile(place, getattr(self, other), within_transactions=False):
            task()

    # The bell, and time.

    @rule()
    def sweep(self) -> None:
        self.sweep_()

    @rule(place=PLACES, other=st.sampled_from(OTHERS))
    def a_sweep_meets_others(self, place: int, other: str) -> None:
        with meanwhile(place, getattr(self, other), within_transactions=False):
            self.sweep_()

    @rule(place=PLACES)
    def a_sweep_is_killed(self, place: int) -> None:
        killed_at(place, self.sweep_)

    @rule(seconds=st.sampled_from([1, 40, 400, 4000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)

    # What holds after each of these.

    @invariant()
    def check(self) -> None:
        for row in Analysis.objects.select_related("asset"):
            if row.status in LIVE:
                self.is_going_on(row)
            else:
                ended = {name: getattr(row, name) for name in FINAL}
                assert self.final.setdefault(row.pk, ended) == ended, "what ended stays as it ended"
            assert row.attempts <= MAX_ATTEMPTS
            is_told(row)
        for asset in Asset.objects.all():
            assert asset.signal == standing.assess_asset(asset).signal
            assert asset.evidence == standing.evidence_of(asset, standing.present_analyses(asset)) or asset.detached_at
        nothing_is_sent_unseen()
        audit.seal()
        assert audit.first_broken() is None
        assert [one.getMessage() for one in self.logged] == []

    def is_going_on(self, row: Analysis) -> None:
        now = moments.now()
        assert row.generation == row.asset.generation
        assert row.asset.detached_at is None
        assert (row.status == "scanning") == (row.lease_token is not None) == (row.lease_until is not None)
        if row.lease_until is not None:
            assert row.attempts > 0, "a try is counted before any work"
            assert row.lease_until <= now + timedelta(seconds=conf.settings.LEASE)
        else:
            assert row.next_attempt_at is not None, "nothing is stranded"
            assert row.next_attempt_at <= now + timedelta(hours=2)


def is_told(row: Analysis) -> None:
    """Every change of status has its event and every event its change, in an order that the life cycle allows."""
    told = AuditEvent.objects.filter(facts__analysis=str(row.public_id), action__startswith="analysis.").order_by("pk")
    events = [(one.action.removeprefix("analysis."), one.facts.get("before")) for one in told]
    words = ["pending_scan" if step in ("requested", "redriven") else step for step, _before in events]
    assert words[-1] == row.status, words
    for place, (before, after) in enumerate(zip(words, words[1:], strict=False)):
        assert AnalysisStatus(after) in TRANSITIONS[AnalysisStatus(before)], words
        assert events[place + 1][1] in (None, before), events
    assert words.count("complete") <= 1, "one verdict at most"


def nothing_is_sent_unseen() -> None:
    """No more is sent than is counted, and one drive has one key, by which its vendor bills it once."""
    counted = dict(Analysis.objects.values_list("public_id", "calls"))
    drives = dict(Analysis.objects.values_list("public_id", "redrives"))
    for reference, sent in Vendor.sent().items():
        public_id = uuid.UUID(reference)
        assert len(sent) <= counted[public_id]
        assert len({one.idempotency_key for one in sent}) <= drives[public_id] + 1
    answers = Analysis.objects.filter(status="complete").values("asset", "provider", "generation")
    assert not answers.annotate(n=Count("pk")).filter(n__gt=1).exists()


@pytest.fixture
def house(
    db: None,
    pixels_only: None,
    configure: Any,
    clock: Clock,
    settings: Any,
    logged: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(MAX_ATTEMPTS=MAX_ATTEMPTS)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    Pipeline.clock, Pipeline.site, Pipeline.logged = clock, settings, logged
    assert append_only.missing(connection) == []


@pytest.mark.usefixtures("house")
def test_whatever_happens_nothing_is_lost_doubled_or_left_unsaid() -> None:
    """D13 and the invariants of 9.3."""
    run_state_machine_as_test(
        Pipeline,
        settings=settings(
            max_examples=RUNS or 8,
            stateful_step_count=STEPS,
            derandomize=not RUNS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
