"""How fast a detector may be asked, over all workers: one GCRA row, moved by compare-and-set.

`take` reserves the next slot and says how long to wait for it. Being told to wait is postponing, not an attempt.
"""

from __future__ import annotations

import re

from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, Value
from django.db.models.functions import Greatest

from detection.models import RateSlot

SLEEP_UP_TO = 10.0
"""Seconds a worker may sleep in place for its slot; a longer wait postpones the row."""
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


def take(alias: str, *, rate: str, now: float, up_to: float = SLEEP_UP_TO) -> float:
    """Seconds to wait before calling (0 = go). A slot is reserved only where the wait is at most `up_to`.

    `now`: seconds since the epoch.
    """
    interval = interval_of(rate)
    while True:
        slot, _ = RateSlot.objects.get_or_create(alias=alias)
        wait = max(0.0, slot.arrival - now)
        if wait > up_to or (not interval and not wait):
            return wait
        reserved = max(slot.arrival, now) + interval
        if RateSlot.objects.filter(pk=slot.pk, arrival=slot.arrival).update(arrival=reserved):
            return wait


def push_back(alias: str, *, until: float) -> None:
    """The detector asked everybody to wait: no slot before `until`, in seconds since the epoch."""
    RateSlot.objects.get_or_create(alias=alias)
    RateSlot.objects.filter(alias=alias).update(arrival=Greatest(F("arrival"), Value(until)))
