"""Whether and when an analysis is tried again after a try went wrong. `scanning` and `sweeping` ask.

The waits here are minutes and hours, kept on the row; the seconds inside one HTTP call are the provider's affair.
Of an error only `retryable`, `retry_after` and `counts` are read: whether to try again is a property of the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from detection.errors import ProviderError

RETRY_AFTER_CAP = 3600.0
"""Seconds we let a vendor's Retry-After keep us away at most; a header of years is a mistake or mischief."""
_LAST_DOUBLING = 30


class StopReason(StrEnum):
    """Why an analysis is not tried again by itself."""

    FINAL = "final"
    ATTEMPTS = "attempts"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at this time. `counts`: the try that just failed used up one of the analysis's attempts."""

    at: datetime
    counts: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Don't try again: a person looks."""

    reason: StopReason


def decide(
    error: ProviderError,
    *,
    attempts: int,
    faults: int,
    first_at: datetime,
    now: datetime,
    base: float,
    cap: float,
    max_attempts: int,
    deadline_seconds: float,
    rng: Random,
) -> Again | Stop:
    """What follows after `error`.

    `attempts`: counted tries so far, this one included. `faults`: uncounted ones in a row (the vendor's faults, and
    postponing), this one included. `first_at`: when the scan began. `base`, `cap`, `deadline_seconds`: seconds.

    1. An error that isn't retryable ends it at once; so does the deadline, `first_at + deadline_seconds`.
    2. An error that counts ends it when `attempts` has reached `max_attempts`; others are never capped by number.
    3. The wait is random between half of `base` and `base` doubled for every earlier try, at most `cap`. The lower
       bound keeps a vendor that has just failed from being asked again in the same instant.
    4. Retry-After is a minimum, itself at most `RETRY_AFTER_CAP`, with up to `base` on top so that rows told the same
       don't return together.
    5. A wait that would end after the deadline ends at it, for one last try; or, where the vendor asked for more, as
       soon as it allows: its own wish ends no scan early.
    """
    deadline = first_at + timedelta(seconds=deadline_seconds)
    if not error.retryable:
        return Stop(StopReason.FINAL)
    if error.counts and attempts >= max_attempts:
        return Stop(StopReason.ATTEMPTS)
    if now >= deadline:
        return Stop(StopReason.DEADLINE)
    asked = seconds_asked_for(error)
    wait = _jittered(attempts if error.counts else faults, base=base, cap=cap, rng=rng)
    at = min(now + timedelta(seconds=wait), deadline)
    if asked:
        at = max(at, now + timedelta(seconds=asked + rng.uniform(0, base)))
    return Again(at=at, counts=error.counts)


def after_crash(
    *, attempts: int, now: datetime, base: float, cap: float, max_attempts: int, rng: Random
) -> Again | Stop:
    """What follows after a worker died with an analysis in its hands. `attempts` includes that try; it counts."""
    if attempts >= max_attempts:
        return Stop(StopReason.ATTEMPTS)
    return Again(at=now + timedelta(seconds=_jittered(attempts, base=base, cap=cap, rng=rng)), counts=True)


def before_paying_again(calls: int) -> float:
    """Seconds before a picture is sent once more that the vendor may have taken each of `calls` times, and billed.

    5 minutes, doubled each time, at most 6 hours: a dead vendor costs no click, and a picture a day at most 11 sends.
    """
    return min(300.0 * 2.0 ** min(max(calls, 1) - 1, _LAST_DOUBLING), 21_600.0)


def seconds_asked_for(error: ProviderError) -> float:
    """The vendor's Retry-After in seconds, at most `RETRY_AFTER_CAP`; 0 for none and for nonsense."""
    retry_after = error.retry_after
    if retry_after is None or math.isnan(retry_after) or retry_after <= 0:
        return 0.0
    return min(retry_after, RETRY_AFTER_CAP)


def _jittered(tries: int, *, base: float, cap: float, rng: Random) -> float:
    doublings = min(max(tries, 1) - 1, _LAST_DOUBLING)
    ceiling = min(cap, base * 2**doublings)
    return rng.uniform(min(base / 2, ceiling), ceiling)
