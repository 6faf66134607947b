"""Whether a picture's turn at its detector has come: asked before a row is claimed, and again right before the call.

The first look keeps rows from being claimed for nothing; the second one decides, for reading a picture takes seconds in
which a person may pause the detector, or the detector ask for quiet. What is held back waits in its row, and that is no
attempt and no failure. Asked by `running` and `polling`; the rows that hold the numbers are `ratelimit`'s and
`switches`'.
"""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from detection import backoff, counting, ratelimit, switches
from detection.errors import HeldBack, ImageRefused, PausedMeanwhile, ProviderDown, ProviderError, RateLimited
from detection.models import Analysis, Asset, moments
from detection.providers import providers
from detection.providers.base import Provider
from detection.scanning.applying import move
from detection.scanning.rationing import must_wait
from detection.standing import settle
from detection.vocabulary import AnalysisStatus, Why

_S = AnalysisStatus
_FOR_ALL = 15.0
"""Seconds for which a fault's Retry-After holds back every picture: one server's hour off is not the vendor's, and what
goes on failing opens the breaker. The picture that met it waits as long as it was told."""
_FULL = (1.0, 2.0)
"""Seconds after which a row looks again whether one of those in hand has ended."""
_CROWD = 0.1
"""Seconds that each row in line adds, so that a long line isn't rung for all at once."""
_LONGEST_LOOK = 60.0
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Leave:
    """What was found at the first look. `is_probe`: the breaker lets this one call through to see how things are.

    `is_retry`: an earlier try of this row was sent, so this one is taken from the retry budget.
    """

    is_probe: bool = False
    is_retry: bool = False


def hold_back(analysis: Analysis, provider: Provider, now: datetime) -> Leave | None:
    """The leave to go on; None: paused, no slot soon, or too many tries in vain, and the row was put off.

    Raises ProviderMisconfigured in a process without its key, before anything is claimed or counted.
    """
    provider.check_configuration()
    if must_wait(analysis, provider, now):
        return None
    alias, seconds = analysis.provider, now.timestamp()
    is_retry = analysis.calls > 0 and analysis.status != _S.AWAITING_CALLBACK
    if not switches.waits_for_a_person(alias):
        # Before the breaker is asked: whoever it lets through as its probe should not be held up by these.
        wait = ratelimit.outlook(alias, now=seconds)
        if wait > ratelimit.SLEEP_UP_TO:
            _put_off(analysis, now + timedelta(seconds=wait * _random.uniform(0.5, 1.0)), why=Why.QUEUED)
            return None
        if is_retry and (wait := ratelimit.retry_outlook(alias, now=seconds)):
            counting.add("newsroom_retry_budget_exhausted_total", provider=alias)
            _put_off(analysis, now + timedelta(seconds=wait * _random.uniform(1.0, 2.0) + _crowd(analysis, now)))
            return None
    if (until := switches.may_ask(alias, now=now)) is not None:
        _put_off_paused(analysis, until, now)
        return None
    return Leave(is_probe=switches.is_paused(alias), is_retry=is_retry)


def _put_off_paused(analysis: Analysis, until: datetime, now: datetime) -> None:
    """By a person or the setting, a row waits for a person; by the breaker, for the detector, and says when it goes on.

    Waiting for the setting doesn't count against the deadline; for a person's pause that is seen to when it ends.
    """
    alias = analysis.provider
    if switches.held_by_setting(alias):
        _put_off(analysis, until, why=Why.PAUSED, deadline_at=F("deadline_at") + (until - now))
    elif switches.waits_for_a_person(alias):
        _put_off(analysis, until, why=Why.PAUSED)
    elif analysis.status == _S.AWAITING_CALLBACK:
        _put_off(analysis, _spread(until, now))
    else:
        said = {"error_class": ProviderDown.error_class, "error_sentence": switches.why_open(alias)}
        _put_off(analysis, _spread(until, now), why=Why.FAILED, **said)


def _spread(until: datetime, now: datetime) -> datetime:
    """A little after `until`, for others wait for it too."""
    return until + (until - now) * _random.uniform(0.0, 0.5)


def _crowd(analysis: Analysis, now: datetime) -> float:
    """Seconds to wait longer, by how many rows of this detector are in line."""
    in_line = Analysis.objects.due(now).filter(provider=analysis.provider).count()
    return _random.uniform(0.0, min(_LONGEST_LOOK, in_line * _CROWD))


def _put_off(analysis: Analysis, until: datetime, *, why: Why | None = None, **changes: Any) -> None:
    with transaction.atomic():
        Asset.objects.lock([analysis.asset_id])
        if analysis.note(next_attempt_at=until, rung_at=None, why=why or "", **changes):
            settle(analysis.asset)


def has_room(analysis: Analysis, now: datetime) -> bool:
    """Whether this row may be claimed under the detector's cap of concurrency. Ask inside the transaction that claims.

    Rows that are claimed count, from the claim to the answer; one of a worker that died counts until its claim ends.
    There is no lock that a dead worker could keep: whoever counted before another's claim finds it counted, and
    counts again. A row that finds no room is put off by `wait_for_room`.
    """
    provider = providers.get(analysis.provider)
    if provider is None or provider.concurrency is None:
        return True
    in_hand = Analysis.objects.filter(provider=analysis.provider, status=_S.SCANNING, lease_until__gt=now)
    while True:
        seen = ratelimit.claims_of(analysis.provider)
        if in_hand.count() >= provider.concurrency:
            return False
        if ratelimit.count_claim(analysis.provider, seen=seen):
            return True


def wait_for_room(analysis: Analysis, now: datetime) -> None:
    """Put off a row that found no room: a second or two, and longer where many are in line."""
    _put_off(analysis, now + timedelta(seconds=_random.uniform(*_FULL) + _crowd(analysis, now)), why=Why.QUEUED)


def wait_for_turn(analysis: Analysis, provider: Provider, leave: Leave) -> None:
    """Sleep until this call's turn, right before it. Raises HeldBack or PausedMeanwhile where it must not go now."""
    alias = analysis.provider
    if leave.is_retry and (wait := ratelimit.take_retry(alias, now=moments.now().timestamp())):
        counting.add("newsroom_retry_budget_exhausted_total", provider=alias)
        words = _("Many tries failed lately, so this one waits. Nothing was sent.")
        raise HeldBack(words, until=moments.now() + timedelta(seconds=wait))
    try:
        _sleep_until_free(alias, provider.rate)
        _refuse_if_paused(alias, leave)
    except HeldBack:
        if leave.is_retry:
            ratelimit.give_back_retry(alias)
        raise


def _sleep_until_free(alias: str, rate: str) -> None:
    left = ratelimit.SLEEP_UP_TO
    while True:
        now = moments.now()
        wait = ratelimit.take(alias, rate=rate, now=now.timestamp(), up_to=left)
        if wait > left:
            raise HeldBack(until=now + timedelta(seconds=wait * _random.uniform(0.5, 1.0)))
        time.sleep(wait)
        if not ratelimit.blocked_for(alias, now=(now + timedelta(seconds=wait)).timestamp()):
            return
        # While this one slept, the detector asked everybody to wait: its slot is void.
        left = max(0.0, left - wait)


def _refuse_if_paused(alias: str, leave: Leave) -> None:
    now = moments.now()
    if switches.waits_for_a_person(alias):
        raise PausedMeanwhile(until=now + switches.LOOK_AGAIN)
    if not leave.is_probe and (until := switches.open_until(alias, now=now)) is not None:
        raise HeldBack(until=_spread(until, now))


def put_back(analysis: Analysis, held: HeldBack, *, lease: uuid.UUID) -> bool:
    """Give the claim back: nothing was sent, so it was no attempt and no failure; False where the row is not ours."""
    return move(
        analysis,
        _S.RETRY_PENDING,
        lease=lease,
        facts={"sentence": str(held), "at": held.until},
        next_attempt_at=held.until,
        rung_at=None,
        why=Why.PAUSED if held.pauses else Why.QUEUED,
        attempts=F("attempts") - 1,
    )


def note_answer(analysis: Analysis, *, is_retry: bool = False) -> None:
    """The detector answered, whatever it said: breaker, limiter and retry budget learn of it."""
    switches.note_success(analysis.provider)
    ratelimit.answered(analysis.provider, is_retry=is_retry)


def note_error(analysis: Analysis, error: ProviderError, *, begun: datetime, now: datetime) -> float:
    """Tell breaker and limiter of a call that failed; the seconds that the detector asked for. `begun`: of the call."""
    alias, asked = analysis.provider, backoff.seconds_asked_for(error)
    provider = providers.get(alias)
    if isinstance(error, ImageRefused):
        note_answer(analysis)
        return asked
    switches.note_fault(alias, error, now=now)
    if isinstance(error, RateLimited):
        rate = provider.rate if provider else ""
        ratelimit.refused(alias, rate=rate, now=now.timestamp(), begun=begun.timestamp(), asked=asked)
    elif asked and error.is_vendor_fault:
        ratelimit.push_back(alias, until=now.timestamp() + min(asked, _FOR_ALL))
    return asked


def next_try(decided: datetime, error: ProviderError, *, alias: str, now: datetime) -> datetime:
    """When a row is tried again: as decided, or, while the breaker is open, when that lets somebody through.

    Its own wait would come on top: after an outage of hours a picture would wait for a quarter of an hour more.
    """
    until = switches.open_until(alias, now=now)
    if until is None or error.error_class not in switches.FAULTS:
        return decided
    return max(_spread(until, now), now + timedelta(seconds=backoff.seconds_asked_for(error)))
