"""How fast a detector may be asked, over all workers: one row for each, moved by compare-and-set.

`take` reserves the next slot (GCRA) and says how long to wait for it; being told to wait is postponing, not an attempt.
A refusal for asking too fast slows everybody down: until the moment that the detector named, or for a pause of ours
that grows while refusals go on, and after it with a spacing that is learned from them. The row also holds the retry
budget, and what a cap of concurrency is counted under. Asked by `scanning`; `now` is in seconds since the epoch.
"""

from __future__ import annotations

import re

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest, Least

from detection.models import RateSlot

SLEEP_UP_TO = 10.0
"""Seconds a worker may sleep in place for its slot; a longer wait postpones the row."""
LONGEST_PAUSE = 60.0
"""Seconds of our own pause, and of the learned spacing, at most."""
RETRIES = 10.0
"""The retry budget when it is full."""
EARNED = 0.2
"""What an answer to a first try adds to the retry budget: at most a fifth of calls are retries in vain."""
SECONDS_A_RETRY = 10.0
"""The budget also grows by one in so many seconds, so that what waits is never stuck."""
MARGIN = 1.05
"""We stay so much slower than the rate: a vendor counts by its own clock, and one call takes longer on its way than the
next. At 5/s the sixth call would come just as a second is over, and half of the time before."""
_FIRST_SPACING = 1.0
_SLOWER_AT_FIRST, _SLOWER_STILL, _FASTER = 1.5, 1.2, 0.97
_NO_SPACING = 0.05
_RATE = re.compile(r"(\d+)/(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def interval_of(rate: str) -> float:
    """Seconds between two calls at `rate` ("5/s", "30/m"); 0 for no limit. Raises ImproperlyConfigured."""
    if not rate:
        return 0.0
    found = _RATE.fullmatch(rate.strip())
    if not found or int(found[1]) == 0:
        raise ImproperlyConfigured(f"A rate is written as 5/s, 30/m, 100/h or 1000/d, not {rate!r}.")
    return _SECONDS[found[2]] / int(found[1])


def _slot(alias: str) -> RateSlot:
    return RateSlot.objects.get_or_create(alias=alias)[0]


def _wait(slot: RateSlot, now: float) -> float:
    return max(0.0, max(slot.arrival, slot.blocked_until) - now)


def outlook(alias: str, *, now: float) -> float:
    """Seconds until the next slot, as it looks now. Reserves nothing."""
    slot = RateSlot.objects.filter(alias=alias).first()
    return _wait(slot, now) if slot else 0.0


def take(alias: str, *, rate: str, now: float, up_to: float = SLEEP_UP_TO) -> float:
    """Seconds to wait before calling (0 = go). A slot is reserved only where the wait is at most `up_to`.

    There is no burst: a quiet time saves nothing up, for a detector that counts by the second would refuse it.
    """
    interval = interval_of(rate)
    while True:
        slot = _slot(alias)
        wait, spacing = _wait(slot, now), max(interval * MARGIN, slot.spacing)
        if wait > up_to or (not spacing and not wait):
            return wait
        unmoved = RateSlot.objects.filter(pk=slot.pk, arrival=slot.arrival, blocked_until=slot.blocked_until)
        if unmoved.update(arrival=now + wait + spacing):
            return wait


def blocked_for(alias: str, *, now: float) -> float:
    """Seconds for which the detector wants to hear of nobody, whoever holds a slot; 0 for none."""
    slot = RateSlot.objects.filter(alias=alias).first()
    return max(0.0, slot.blocked_until - now) if slot else 0.0


def push_back(alias: str, *, until: float) -> None:
    """The detector asked everybody to wait: no call before `until`, in seconds since the epoch."""
    _slot(alias)
    RateSlot.objects.filter(alias=alias).update(blocked_until=Greatest(F("blocked_until"), Value(until)))


def refused(alias: str, *, rate: str, now: float, begun: float, asked: float) -> None:
    """The detector refused a call as one too many: all wait, and are slower from then on.

    `begun`: when that call began. Of calls that were under way together only the first counts, for they all say the
    same. `asked`: seconds that the detector asked for; 0: our own pause, 1 s and doubled with each refusal in a row.
    """
    interval = interval_of(rate)
    while True:
        slot = _slot(alias)
        is_known = begun < slot.refused_at
        refusals = slot.refusals if is_known else slot.refusals + 1
        spacing = slot.spacing
        if not is_known:
            slower = _SLOWER_STILL if slot.refusals else _SLOWER_AT_FIRST
            spacing = min(LONGEST_PAUSE, max(_FIRST_SPACING, slower * max(interval, spacing)))
        pause = asked or min(LONGEST_PAUSE, 2.0 ** min(max(refusals, 1) - 1, 10))
        unmoved = RateSlot.objects.filter(
            pk=slot.pk, refusals=slot.refusals, spacing=slot.spacing, refused_at=slot.refused_at
        )
        if unmoved.update(
            refusals=refusals,
            spacing=spacing,
            refused_at=slot.refused_at if is_known else now,
            blocked_until=Greatest(F("blocked_until"), Value(now + pause)),
        ):
            return


def answered(alias: str, *, is_retry: bool) -> None:
    """The detector answered: it may be asked a little faster again, and the retry budget grows.

    `is_retry`: that call had taken from the budget, and gets back what it took, for it was not in vain.
    """
    slot = _slot(alias)
    if not slot.spacing and not slot.refusals and slot.retries_left >= RETRIES:
        return
    RateSlot.objects.filter(pk=slot.pk).update(
        refusals=0,
        spacing=Case(When(spacing__lt=_NO_SPACING, then=Value(0.0)), default=F("spacing") * _FASTER),
        retries_left=Least(F("retries_left") + (1.0 if is_retry else EARNED), Value(RETRIES)),
    )


def _retries(slot: RateSlot, now: float) -> float:
    return min(RETRIES, slot.retries_left + max(0.0, now - slot.retries_at) / SECONDS_A_RETRY)


def retry_outlook(alias: str, *, now: float) -> float:
    """Seconds until the retry budget allows one more; 0: now. Takes nothing."""
    slot = RateSlot.objects.filter(alias=alias).first()
    return max(0.0, 1.0 - _retries(slot, now)) * SECONDS_A_RETRY if slot else 0.0


def take_retry(alias: str, *, now: float) -> float:
    """Take one from the retry budget and return 0; or the seconds until there is one again, and nothing is taken."""
    while True:
        slot = _slot(alias)
        left = _retries(slot, now)
        if left < 1.0:
            return (1.0 - left) * SECONDS_A_RETRY
        unmoved = RateSlot.objects.filter(pk=slot.pk, retries_left=slot.retries_left, retries_at=slot.retries_at)
        if unmoved.update(retries_left=left - 1.0, retries_at=now):
            return 0.0


def give_back_retry(alias: str) -> None:
    """A retry that was counted was not sent."""
    RateSlot.objects.filter(alias=alias).update(retries_left=Least(F("retries_left") + 1.0, Value(RETRIES)))


def count_claim(alias: str, *, seen: int) -> bool:
    """Note one more claim, if nobody has since `claims` was `seen`: then what was counted before still holds."""
    return bool(RateSlot.objects.filter(Q(alias=alias, claims=seen)).update(claims=F("claims") + 1))


def claims_of(alias: str) -> int:
    """What to give `count_claim`; read it before counting."""
    return _slot(alias).claims
