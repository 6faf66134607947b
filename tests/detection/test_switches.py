"""Whether a detector may be asked: a person's switch, and the breaker that opens by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from detection import scanning, switches
from detection.errors import (
    AuthFailed,
    ImageRefused,
    ProviderDown,
    QuotaExceeded,
    RateLimited,
    RedirectReceived,
    SchemaMismatch,
)
from detection.models import AuditEvent, ProviderSwitch
from tests.conftest import Clock, asset_of

pytestmark = pytest.mark.django_db


def faults(clock: Clock, number: int) -> None:
    for _fault in range(number):
        switches.note_fault("first", ProviderDown("502"), now=clock.now())


def test_a_detector_nobody_touched_may_be_asked(clock: Clock) -> None:
    assert switches.may_ask("first", now=clock.now()) is None
    assert not switches.is_paused("first")


def test_a_pause_by_a_person_stands_until_it_is_resumed(clock: Clock, dana: Any) -> None:
    """E11."""
    switches.pause("first", by=dana, reason="The bill is being disputed.")
    clock.move(days=3)
    assert switches.may_ask("first", now=clock.now()) > clock.now()
    assert switches.is_paused("first")
    assert not switches.is_paused("second")
    row = ProviderSwitch.objects.get(alias="first")
    assert (row.reason, row.paused_by_label) == ("The bill is being disputed.", "Dana Example")
    switches.note_success("first")
    assert switches.is_paused("first")
    switches.resume("first", by=dana, reason="Settled.")
    assert switches.may_ask("first", now=clock.now()) is None
    told = AuditEvent.objects.exclude(action="access.changed").order_by("pk")
    assert [one.action for one in told] == ["provider.paused", "provider.resumed"]


def test_the_star_pauses_every_detector(clock: Clock) -> None:
    switches.pause(switches.ALL, reason="Election night.")
    assert switches.is_paused("first")
    assert switches.may_ask("second", now=clock.now()) is not None


def test_resuming_what_runs_records_nothing() -> None:
    switches.resume("first")
    assert not AuditEvent.objects.exists()


def test_the_breaker_opens_at_the_third_fault_in_a_row(clock: Clock) -> None:
    """E07."""
    faults(clock, 2)
    assert switches.may_ask("first", now=clock.now()) is None
    faults(clock, 1)
    assert switches.is_paused("first")
    assert "502" in ProviderSwitch.objects.get(alias="first").reason
    assert switches.may_ask("first", now=clock.now()) > clock.now()


def test_an_answer_in_between_starts_the_count_anew(clock: Clock) -> None:
    faults(clock, 2)
    switches.note_success("first")
    faults(clock, 2)
    assert not switches.is_paused("first")


def test_one_probe_is_let_through_and_its_success_closes_the_breaker(clock: Clock) -> None:
    """E07."""
    faults(clock, 3)
    clock.move(seconds=16)
    answers = [switches.may_ask("first", now=clock.now()) for _worker in range(3)]
    assert answers[0] is None
    assert all(answer is not None for answer in answers[1:])
    switches.note_success("first")
    assert switches.may_ask("first", now=clock.now()) is None
    assert ProviderSwitch.objects.get(alias="first").faults_in_a_row == 0


def test_a_probe_that_fails_keeps_it_open_for_longer_and_never_for_over_five_minutes(clock: Clock) -> None:
    faults(clock, 3)
    pauses = []
    for _probe in range(8):
        until = ProviderSwitch.objects.get(alias="first").paused_until
        assert until is not None
        pauses.append(until - clock.now())
        clock.ahead += until - clock.now() + timedelta(seconds=1)
        assert switches.may_ask("first", now=clock.now()) is None
        faults(clock, 1)
    assert pauses[0] <= timedelta(seconds=15)
    assert pauses[1] > pauses[0]
    assert max(pauses) <= timedelta(minutes=5)
    assert pauses[-1] > timedelta(minutes=4, seconds=50)


@pytest.mark.parametrize("error", [AuthFailed(), QuotaExceeded(), RedirectReceived()])
def test_what_would_fail_for_every_picture_pauses_at_once_until_a_person_acts(clock: Clock, error: Any) -> None:
    """E03, B08."""
    switches.note_fault("first", error, now=clock.now())
    switches.note_fault("first", error, now=clock.now())
    clock.move(days=1)
    assert switches.may_ask("first", now=clock.now()) is not None
    assert AuditEvent.objects.filter(action="provider.paused").count() == 1


@pytest.mark.parametrize("error", [RateLimited(), ImageRefused()])
def test_what_is_not_the_vendors_fault_is_not_counted(clock: Clock, error: Any) -> None:
    for _time in range(5):
        switches.note_fault("first", error, now=clock.now())
    assert switches.may_ask("first", now=clock.now()) is None


def test_faults_of_calls_still_under_way_do_not_turn_a_persons_pause_into_the_breakers(clock: Clock, dana: Any) -> None:
    """E07, manual force-open."""
    switches.pause("first", by=dana, reason="Looking into it.")
    faults(clock, 4)
    row = ProviderSwitch.objects.get(alias="first")
    assert (row.paused_until, row.reason) == (None, "Looking into it.")


def as_read_before(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """What a worker read of the switch is overtaken by `act` before it writes."""
    real = ProviderSwitch.refresh_from_db

    def read_then_overtaken(self: ProviderSwitch, *args: Any, **options: Any) -> None:
        real(self, *args, **options)
        act()

    monkeypatch.setattr(ProviderSwitch, "refresh_from_db", read_then_overtaken)


def test_a_persons_pause_is_not_lost_to_a_breaker_that_opens_at_the_same_moment(
    clock: Clock, dana: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults(clock, 2)
    as_read_before(monkeypatch, lambda: switches.pause("first", by=dana, reason="Stop everything."))
    faults(clock, 1)
    row = ProviderSwitch.objects.get(alias="first")
    assert (row.is_paused, row.paused_until, row.reason) == (True, None, "Stop everything.")
    assert AuditEvent.objects.filter(action="provider.paused").count() == 1


@pytest.mark.parametrize("error", [AuthFailed(), QuotaExceeded()])
def test_a_persons_reason_is_not_lost_to_a_refused_key_at_the_same_moment(
    clock: Clock, dana: Any, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    stale = ProviderSwitch.objects.create(alias="first")
    switches.pause("first", by=dana, reason="Stop everything.")
    monkeypatch.setattr(switches, "_row", lambda alias: stale)
    switches.note_fault("first", error, now=clock.now())
    assert ProviderSwitch.objects.get(alias="first").reason == "Stop everything."


def test_a_persons_pause_is_not_lifted_by_an_answer_at_the_same_moment(
    clock: Clock, dana: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults(clock, 3)
    translated = switches._

    def overtaken(sentence: str) -> str:
        switches.pause("first", by=dana, reason="Stop everything.")
        return str(translated(sentence))

    monkeypatch.setattr(switches, "_", overtaken)
    switches.note_success("first")
    row = ProviderSwitch.objects.get(alias="first")
    assert (row.is_paused, row.paused_until, row.reason) == (True, None, "Stop everything.")
    assert not AuditEvent.objects.filter(action="provider.resumed").exists()


def deadlines_moved_by(clock: Clock, plate: Callable[..., Any], pause: Callable[[], None]) -> timedelta:
    row = asset_of(plate()).analyses.get()
    pause()
    scanning.run_scan(row.pk)
    clock.move(hours=30)
    switches.resume("first")
    before = row.deadline_at
    row.refresh_from_db()
    return row.deadline_at - before


@pytest.mark.usefixtures("pixels_only")
def test_time_in_a_persons_pause_does_not_count_against_the_deadline(
    clock: Clock, plate: Callable[..., Any], dana: Any
) -> None:
    """E09, E11."""
    moved = deadlines_moved_by(clock, plate, lambda: switches.pause("first", by=dana, reason="Election night."))
    assert timedelta(hours=30) <= moved < timedelta(hours=30, minutes=1)


@pytest.mark.usefixtures("pixels_only")
def test_a_pause_that_is_given_a_new_reason_counts_from_where_it_began(
    clock: Clock, plate: Callable[..., Any], dana: Any
) -> None:
    def twice() -> None:
        switches.pause("first", by=dana, reason="Election night.")
        clock.move(hours=2)
        switches.pause("first", by=dana, reason="Election morning.")

    moved = deadlines_moved_by(clock, plate, twice)
    assert timedelta(hours=32) <= moved < timedelta(hours=32, minutes=1)


@pytest.mark.usefixtures("pixels_only")
def test_time_in_the_breakers_pause_counts_against_the_deadline(clock: Clock, plate: Callable[..., Any]) -> None:
    assert deadlines_moved_by(clock, plate, lambda: faults(clock, 3)) == timedelta()


@pytest.mark.usefixtures("pixels_only")
def test_only_what_was_put_off_for_the_pause_is_given_more_time(
    clock: Clock, plate: Callable[..., Any], dana: Any
) -> None:
    row = asset_of(plate()).analyses.get()
    switches.pause("second", by=dana, reason="x")
    clock.move(hours=30)
    switches.resume("second")
    before = row.deadline_at
    row.refresh_from_db()
    assert row.deadline_at == before


def test_of_two_workers_with_the_same_open_breaker_one_probes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Callable[..., Any]
) -> None:
    faults(clock, 3)
    clock.move(seconds=16)
    stale = list(ProviderSwitch.objects.filter(is_paused=True))
    assert switches.may_ask("first", now=clock.now()) is None
    real = type(ProviderSwitch.objects).filter

    def as_read_before(self: Any, *args: Any, **wanted: Any) -> Any:
        return stale if "alias__in" in wanted else real(self, *args, **wanted)

    monkeypatch.setattr(type(ProviderSwitch.objects), "filter", as_read_before)
    assert switches.may_ask("first", now=clock.now()) is not None


def unread(clock: Clock, number: int, *, raw: dict[str, Any] | None) -> None:
    for _answer in range(number):
        error = SchemaMismatch("It is no JSON.")
        error.raw = raw
        switches.note_fault("first", error, now=clock.now())


def row() -> ProviderSwitch:
    return ProviderSwitch.objects.get(alias="first")


def test_a_web_page_for_an_answer_opens_the_breaker_at_once_and_a_probe_closes_it(clock: Clock) -> None:
    """E08."""
    unread(clock, 1, raw=None)
    assert switches.is_paused("first")
    assert not switches.waits_for_a_person("first")
    clock.move(seconds=16)
    assert switches.may_ask("first", now=clock.now()) is None
    switches.note_success("first")
    assert not switches.is_paused("first")


def test_one_picture_s_odd_answer_stops_nobody_and_three_in_a_row_wait_for_a_person(clock: Clock) -> None:
    """E08."""
    unread(clock, 2, raw={"score": 1.7})
    assert not switches.is_paused("first")
    switches.note_success("first")
    unread(clock, 2, raw={"score": 1.7})
    assert not switches.is_paused("first")
    unread(clock, 1, raw={"score": 1.7})
    assert switches.waits_for_a_person("first")


def test_web_pages_that_go_on_become_a_person_s_affair_and_are_told_again_then(clock: Clock) -> None:
    for _probe in range(3):
        unread(clock, 1, raw=None)
        clock.move(minutes=6)
        switches.may_ask("first", now=clock.now())
    assert switches.waits_for_a_person("first")
    untils = [event.facts["until"] for event in AuditEvent.objects.filter(action="provider.paused").order_by("pk")]
    assert [until is None for until in untils] == [False, True]


def test_half_of_the_calls_of_five_minutes_failing_opens_it_and_fewer_than_ten_prove_nothing(clock: Clock) -> None:
    """E07."""
    for _pair in range(4):
        switches.note_success("first")
        faults(clock, 1)
    switches.note_success("first")
    assert not switches.is_paused("first")
    faults(clock, 1)
    assert switches.is_paused("first")
    assert "Half of its answers" in row().reason


def test_faults_further_apart_than_five_minutes_are_not_weighed_together(clock: Clock) -> None:
    for _pair in range(9):
        switches.note_success("first")
        faults(clock, 1)
        clock.move(minutes=3)
    assert not switches.is_paused("first")


def test_an_incident_is_recorded_and_logged_once_however_many_probes_fail(
    clock: Clock, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """E06."""
    with django_capture_on_commit_callbacks(execute=True), caplog.at_level("WARNING", logger="detection"):
        faults(clock, 5)
        for _probe in range(20):
            clock.move(minutes=6)
            assert switches.may_ask("first", now=clock.now()) is None
            faults(clock, 1)
    assert AuditEvent.objects.filter(action="provider.paused").count() == 1
    assert [record.getMessage() for record in caplog.records] == [
        "The detector first is paused and is tried again by itself: Several faults in a row: 502"
    ]


def test_one_that_opens_again_soon_is_recorded_and_not_logged_again(
    clock: Clock, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True), caplog.at_level("WARNING", logger="detection"):
        for _time in range(3):
            faults(clock, 3)
            clock.move(seconds=20)
            assert switches.may_ask("first", now=clock.now()) is None
            switches.note_success("first")
        clock.move(minutes=11)
        faults(clock, 3)
    assert len(caplog.records) == 2
    assert AuditEvent.objects.filter(action="provider.paused").count() == 4


def test_calls_that_were_under_way_when_it_opened_do_not_make_it_longer(clock: Clock) -> None:
    """E07."""
    faults(clock, 3)
    until = row().paused_until
    faults(clock, 4)
    assert row().paused_until == until


def test_a_probe_whose_worker_died_is_followed_by_another(clock: Clock) -> None:
    """E07."""
    faults(clock, 3)
    clock.move(seconds=16)
    assert switches.may_ask("first", now=clock.now()) is None
    clock.move(seconds=30)
    assert switches.may_ask("first", now=clock.now()) is not None
    clock.move(seconds=16)
    assert switches.may_ask("first", now=clock.now()) is None


@pytest.mark.parametrize(
    ("setting", "first", "second"), [("*", True, True), ("first", True, False), ("", False, False)]
)
def test_the_setting_pauses_what_it_names_and_nobody_resumes_that(
    clock: Clock, configure: Callable[..., None], setting: str, first: bool, second: bool
) -> None:
    """E11."""
    configure(PAUSED=setting)
    assert (switches.is_paused("first"), switches.is_paused("second")) == (first, second)
    assert (switches.may_ask("first", now=clock.now()) is not None) == first
    switches.resume("first")
    switches.note_success("first")
    assert (switches.is_paused("first"), switches.waits_for_a_person("first")) == (first, first)
    assert list(switches.pauses()) == ([setting] if setting else [])


def test_a_person_s_pause_of_all_is_heeded_before_a_breaker_s_probe_is_used_up(clock: Clock) -> None:
    """E07."""
    faults(clock, 3)
    clock.move(seconds=16)
    switches.pause(switches.ALL, reason="Election night.")
    assert switches.may_ask("first", now=clock.now()) is not None
    switches.resume(switches.ALL)
    assert switches.may_ask("first", now=clock.now()) is None
