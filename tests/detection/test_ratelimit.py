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
    assert waits == pytest.approx([0.0, 0.2, 0.4, 0.6], abs=1e-4)
    assert ratelimit.take("second", rate="5/s", now=NOW) == 0


@pytest.mark.django_db
def test_a_quiet_time_saves_nothing_up() -> None:
    ratelimit.take("first", rate="1/s", now=NOW)
    assert ratelimit.take("first", rate="1/s", now=NOW + 60) == 0
    assert ratelimit.take("first", rate="1/s", now=NOW + 60) == pytest.approx(1, abs=1e-4)


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
    assert ratelimit.take("first", rate="1/s", now=NOW) == pytest.approx(2, abs=1e-4)
    assert connection.vendor in ("sqlite", "postgresql")
    assert str(RateSlot.objects.get()) == "first"
