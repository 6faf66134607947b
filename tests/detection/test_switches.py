"""Whether a detector may be asked: a person's switch, and the breaker that opens by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from detection import switches
from detection.errors import AuthFailed, ImageRefused, ProviderDown, QuotaExceeded, RateLimited, RedirectReceived
from detection.models import AuditEvent, ProviderSwitch
from tests.conftest import Clock

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
    assert [one.action for one in AuditEvent.objects.order_by("pk")] == ["provider.paused", "provider.resumed"]


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
    """E03."""
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
