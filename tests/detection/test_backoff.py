from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detection import errors
from detection.backoff import RETRY_AFTER_CAP, Again, Stop, StopReason, after_crash, decide

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
DAY = 86_400.0
BASE, CAP = 30.0, 900.0


def decided(error: errors.ProviderError, **changes: object) -> Again | Stop:
    arguments: dict[str, object] = {
        "attempts": 1,
        "faults": 1,
        "first_at": NOW,
        "now": NOW,
        "base": BASE,
        "cap": CAP,
        "max_attempts": 5,
        "deadline_seconds": DAY,
        "rng": Random(7),
        **changes,
    }
    return decide(error, **arguments)  # type: ignore[arg-type]


def wait(decision: Again | Stop) -> float:
    assert isinstance(decision, Again)
    return (decision.at - NOW).total_seconds()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ConnectFailed, "again"),
        (errors.AmbiguousTimeout, "again"),
        (errors.ProviderDown, "again"),
        (errors.RateLimited, "again"),
        (errors.QuotaExceeded, "again"),
        (errors.AuthFailed, "again"),
        (errors.NotFound, "again, counted"),
        (errors.ImageRefused, "stop"),
        (errors.SchemaMismatch, "stop"),
        (errors.OutboundBlocked, "stop"),
        (errors.ProviderError, "stop"),
    ],
)
def test_the_error_says_whether_it_is_tried_again_and_whether_the_try_counts(
    error: type[errors.ProviderError], expected: str
) -> None:
    decision = decided(error())

    if expected == "stop":
        assert decision == Stop(StopReason.FINAL)
    else:
        assert isinstance(decision, Again)
        assert decision.counts is (expected == "again, counted")


@pytest.mark.parametrize(("tries", "ceiling"), [(0, 30), (1, 30), (2, 60), (3, 120), (5, 480), (6, 900), (5000, 900)])
def test_the_wait_doubles_up_to_the_cap_and_is_spread(tries: int, ceiling: float) -> None:
    """E01."""
    waits = [wait(decided(errors.ProviderDown(), faults=tries, rng=Random(seed))) for seed in range(300)]

    assert BASE / 2 <= min(waits) < max(waits) <= ceiling
    assert min(waits) < ceiling * 0.25 + BASE / 2
    assert max(waits) > ceiling * 0.9


def test_counted_errors_double_by_attempts_and_others_by_faults() -> None:
    counted = [wait(decided(errors.NotFound(), attempts=4, rng=Random(seed))) for seed in range(50)]
    uncounted = [wait(decided(errors.ProviderDown(), attempts=4, rng=Random(seed))) for seed in range(50)]

    assert max(counted) > BASE
    assert max(uncounted) <= BASE


def test_equal_seeds_wait_alike_and_a_running_one_varies() -> None:
    rng = Random(1)
    first, second = (decided(errors.ProviderDown(), faults=4, rng=rng) for _ in range(2))

    assert first != second
    assert decided(errors.ProviderDown(), rng=Random(3)) == decided(errors.ProviderDown(), rng=Random(3))


def test_a_vendors_faults_never_use_up_the_attempts() -> None:
    decision = decided(errors.ProviderDown(), attempts=99, faults=500, now=NOW + timedelta(hours=23))

    assert isinstance(decision, Again)
    assert not decision.counts


@pytest.mark.parametrize(("attempts", "goes_on"), [(1, True), (4, True), (5, False), (6, False)])
def test_counted_errors_and_crashes_end_with_the_attempts(attempts: int, goes_on: bool) -> None:
    crash = after_crash(attempts=attempts, now=NOW, base=BASE, cap=CAP, max_attempts=5, rng=Random(7))

    for decision in (decided(errors.NotFound(), attempts=attempts), crash):
        assert isinstance(decision, Again) is goes_on
        assert goes_on or decision == Stop(StopReason.ATTEMPTS)


def test_a_crash_counts_and_waits() -> None:
    decision = after_crash(attempts=2, now=NOW, base=BASE, cap=CAP, max_attempts=5, rng=Random(7))

    assert BASE / 2 <= wait(decision) <= 2 * BASE
    assert isinstance(decision, Again)
    assert decision.counts


@pytest.mark.parametrize("asked", [20.0, 31.5, 600.0, 3600.0])
def test_retry_after_is_a_minimum_with_a_little_on_top(asked: float) -> None:
    """E04."""
    waits = {wait(decided(errors.RateLimited(retry_after=asked), cap=2.0, rng=Random(seed))) for seed in range(20)}

    assert all(asked <= waited <= asked + BASE for waited in waits)
    assert len(waits) > 1


@pytest.mark.parametrize("asked", [99999999999.0, float("inf"), 1e300])
def test_an_absurd_retry_after_is_capped(asked: float) -> None:
    waited = wait(decided(errors.RateLimited(retry_after=asked)))

    assert RETRY_AFTER_CAP <= waited <= RETRY_AFTER_CAP + BASE


@pytest.mark.parametrize("asked", [None, 0.0, -5.0, float("nan"), float("-inf")])
def test_a_retry_after_without_sense_leaves_our_own_wait(asked: float | None) -> None:
    assert decided(errors.RateLimited(retry_after=asked)) == decided(errors.RateLimited())


def test_the_deadline_ends_a_vendors_faults() -> None:
    assert decided(errors.ProviderDown(), first_at=NOW - timedelta(days=1)) == Stop(StopReason.DEADLINE)
    assert decided(errors.NotFound(), first_at=NOW - timedelta(days=2)) == Stop(StopReason.DEADLINE)


def test_a_wait_past_the_deadline_ends_at_it_for_one_last_try() -> None:
    first_at = NOW - timedelta(seconds=DAY - 10)

    assert wait(decided(errors.ProviderDown(), first_at=first_at, faults=9)) == 10


def test_a_vendor_that_asks_for_longer_than_the_deadline_is_asked_a_last_time_when_it_allows() -> None:
    first_at = NOW - timedelta(seconds=DAY - 10)

    assert 60 <= wait(decided(errors.RateLimited(retry_after=60), first_at=first_at)) <= 60 + BASE


@given(
    st.sampled_from([errors.ProviderDown, errors.RateLimited, errors.NotFound]),
    st.none() | st.floats(),
    st.integers(0, 10_000),
    st.floats(0.01, 600),
    st.floats(0.01, 7200),
    st.floats(0, 2 * DAY),
)
def test_it_never_raises_and_never_goes_back_in_time_or_past_what_deadline_and_vendor_allow(
    error: type[errors.ProviderError], asked: float | None, tries: int, base: float, cap: float, age: float
) -> None:
    first_at = NOW - timedelta(seconds=age)
    decision = decided(error(retry_after=asked), attempts=tries, faults=tries, base=base, cap=cap, first_at=first_at)

    if isinstance(decision, Again):
        latest = max(first_at + timedelta(seconds=DAY), NOW + timedelta(seconds=RETRY_AFTER_CAP + base))
        assert NOW < decision.at <= (latest if asked else first_at + timedelta(seconds=DAY))
