"""One GCRA row for a detector: how long to wait, over all workers."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import F

from detection import ratelimit
from detection.models import RateSlot

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("rate", "seconds"), [("", 0.0), ("5/s", 0.2), ("30/m", 2.0), ("100/h", 36.0), ("1000/d", 86.4), (" 1/s ", 1.0)]
)
def test_a_rate_is_seconds_between_two_calls(rate: str, seconds: float) -> None:
    assert ratelimit.interval_of(rate) == pytest.approx(seconds)


@pytest.mark.parametrize("rate", ["0/s", "5", "5 per s", "5/w", "-1/s", "1.5/s", "/s"])
def test_a_rate_that_cannot_be_read_is_refused_with_an_example(rate: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="5/s, 30/m"):
        ratelimit.interval_of(rate)


@pytest.mark.django_db
def test_calls_are_spaced_whoever_makes_them() -> None:
    """E05."""
    waits = [ratelimit.take("first", rate="5/s", now=NOW) for _call in range(4)]
    assert waits == pytest.approx([0.0, 0.21, 0.42, 0.63], abs=1e-4)
    assert ratelimit.take("second", rate="5/s", now=NOW) == 0


@pytest.mark.django_db
def test_a_quiet_time_saves_nothing_up() -> None:
    ratelimit.take("first", rate="1/s", now=NOW)
    assert ratelimit.take("first", rate="1/s", now=NOW + 60) == 0
    assert ratelimit.take("first", rate="1/s", now=NOW + 60) == pytest.approx(1.05, abs=1e-4)


@pytest.mark.django_db
def test_a_wait_that_is_too_long_reserves_nothing() -> None:
    ratelimit.push_back("first", until=NOW + 60)
    assert ratelimit.take("first", rate="5/s", now=NOW) == pytest.approx(60, abs=1e-4)
    assert ratelimit.take("first", rate="5/s", now=NOW) == pytest.approx(60, abs=1e-4)
    assert ratelimit.take("first", rate="", now=NOW + 61) == 0


@pytest.mark.django_db
def test_a_detector_that_asked_to_wait_is_left_alone_by_everybody_and_never_sooner() -> None:
    """E04."""
    ratelimit.push_back("first", until=NOW + 20)
    ratelimit.push_back("first", until=NOW + 5)
    assert ratelimit.take("first", rate="", now=NOW) == pytest.approx(20, abs=1e-4)
    assert ratelimit.take("first", rate="", now=NOW + 15) == pytest.approx(5, abs=1e-4)


@pytest.mark.django_db
def test_a_slot_that_another_took_in_between_is_not_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    ratelimit.take("first", rate="1/s", now=NOW)
    read = RateSlot.objects.get_or_create
    others = iter([True, False])

    def slow_read(**wanted: str) -> tuple[RateSlot, bool]:
        found = read(**wanted)
        if next(others, False):
            RateSlot.objects.filter(alias="first").update(arrival=F("arrival") + 1)
        return found

    monkeypatch.setattr(type(RateSlot.objects), "get_or_create", lambda self, **wanted: slow_read(**wanted))
    assert ratelimit.take("first", rate="1/s", now=NOW) == pytest.approx(2.05, abs=1e-4)
    assert connection.vendor in ("sqlite", "postgresql")
    assert str(RateSlot.objects.get()) == "first"


def refused(now: float, *, begun: float | None = None, asked: float = 0.0, rate: str = "100/s") -> RateSlot:
    ratelimit.refused("first", rate=rate, now=now, begun=now if begun is None else begun, asked=asked)
    return RateSlot.objects.get(alias="first")


@pytest.mark.django_db
def test_without_a_time_from_the_detector_our_own_pause_doubles_up_to_a_minute_for_everybody() -> None:
    """E04."""
    now, pauses = NOW, []
    for _refusal in range(9):
        pauses.append(refused(now).blocked_until - now)
        now += pauses[-1] + 1
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60], abs=1e-3)
    ratelimit.answered("first", is_retry=False)
    assert refused(now).blocked_until - now == pytest.approx(1, abs=1e-3)


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [20.0, 3600.0])
def test_the_detectors_own_time_holds_for_everybody(asked: float) -> None:
    """E04."""
    refused(NOW, asked=asked)
    assert ratelimit.outlook("first", now=NOW + asked - 1) == pytest.approx(1, abs=1e-3)
    assert ratelimit.blocked_for("first", now=NOW) == pytest.approx(asked, abs=1e-3)
    assert ratelimit.blocked_for("first", now=NOW + asked) == 0
    assert ratelimit.blocked_for("second", now=NOW) == 0


@pytest.mark.django_db
def test_refusals_of_calls_that_were_under_way_together_count_as_one() -> None:
    """E04."""
    refused(NOW, begun=NOW - 1)
    for late in (0.1, 0.2, 0.3):
        row = refused(NOW + late, begun=NOW - 0.5)
    assert (row.refusals, row.spacing) == (1, pytest.approx(1.0))
    assert row.blocked_until == pytest.approx(NOW + 1.3, abs=1e-3)
    assert refused(NOW + 5, begun=NOW + 4).refusals == 2


@pytest.mark.django_db
def test_what_refusals_teach_spaces_the_calls_and_answers_take_it_back() -> None:
    """E04."""
    for number in range(4):
        refused(NOW + 100 * number)
    spacing = RateSlot.objects.get().spacing
    assert 1.5 < spacing < 2.0
    now = NOW + 1000
    assert ratelimit.take("first", rate="100/s", now=now) == 0
    assert ratelimit.take("first", rate="100/s", now=now) == pytest.approx(spacing, abs=1e-3)
    for _answer in range(200):
        ratelimit.answered("first", is_retry=False)
    assert RateSlot.objects.get().spacing == 0


@pytest.mark.django_db
def test_the_spacing_learned_never_makes_a_slow_rate_faster_and_never_exceeds_a_minute() -> None:
    assert refused(NOW, rate="6/m").spacing == pytest.approx(15)
    for number in range(1, 40):
        row = refused(NOW + 100 * number, rate="6/m")
    assert row.spacing == ratelimit.LONGEST_PAUSE


@pytest.mark.django_db
def test_a_detector_that_was_told_nothing_of_refuses_few_of_many_whatever_our_rate() -> None:
    """E04: 75 pictures where 30 a minute are allowed; before refusals taught anything, it refused 143 times."""
    let_in: list[float] = []
    done = refusals = 0
    now = NOW
    while done < 75:
        now += ratelimit.take("first", rate="100/s", now=now, up_to=3600)
        let_in = [at for at in let_in if at > now - 60]
        if len(let_in) < 30:
            let_in.append(now)
            ratelimit.answered("first", is_retry=False)
            done += 1
        else:
            refused(now)
            refusals += 1
    assert refusals <= 20
    assert now - NOW < 240


@pytest.mark.django_db
def test_the_retry_budget_ends_grows_with_answers_and_never_stays_empty() -> None:
    """E06."""
    taken = 0
    while not (wait := ratelimit.take_retry("first", now=NOW)):
        taken += 1
    assert taken == ratelimit.RETRIES
    assert wait == pytest.approx(ratelimit.SECONDS_A_RETRY)
    assert ratelimit.retry_outlook("first", now=NOW) == pytest.approx(wait)
    for _first_try in range(4):
        ratelimit.answered("first", is_retry=False)
    assert ratelimit.take_retry("first", now=NOW) > 0
    ratelimit.answered("first", is_retry=False)
    assert ratelimit.take_retry("first", now=NOW) == 0
    assert ratelimit.retry_outlook("first", now=NOW + ratelimit.SECONDS_A_RETRY) == 0


@pytest.mark.django_db
def test_a_retry_that_is_answered_or_not_sent_costs_nothing() -> None:
    for _retry in range(50):
        assert ratelimit.take_retry("first", now=NOW) == 0
        ratelimit.answered("first", is_retry=True)
    for _retry in range(50):
        assert ratelimit.take_retry("first", now=NOW) == 0
        ratelimit.give_back_retry("first")


@pytest.mark.django_db
def test_of_two_who_counted_the_same_claims_one_counts_again() -> None:
    seen = ratelimit.claims_of("first")
    assert ratelimit.count_claim("first", seen=seen)
    assert not ratelimit.count_claim("first", seen=seen)
    assert ratelimit.count_claim("first", seen=ratelimit.claims_of("first"))
