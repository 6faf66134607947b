"""Every kind of stuck row, found and rung again or ended. Two sweeps at once are harmless: each step is guarded.

Run each minute by the worker's bell (and `tick` each second), by the django-q2 schedule under a bare `qcluster`,
and by `detection_sweep`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import InterfaceError, OperationalError

from detection import (
    audit,
    callbacks,
    checking,
    correlation,
    counting,
    forgetting,
    keys,
    queue,
    ruling,
    scanning,
    tallies,
    waiting,
)
from detection.conf import settings
from detection.errors import Refused
from detection.history import retaining
from detection.models import Analysis, ProviderCheck, Sweep
from detection.scanning import archive, urgency

logger = logging.getLogger("detection")
_Row = TypeVar("_Row", Analysis, ProviderCheck)


def _each(kind: str, rows: Iterable[_Row], act: Callable[[_Row], bool]) -> int:
    done = 0
    for row in rows:
        try:
            with correlation.bound(getattr(row, "correlation", "")):
                done += act(row)
        except (OperationalError, InterfaceError):
            raise  # the database is away, for all of them
        except Exception:
            logger.exception("The sweep could not deal with row %s (%s); it goes on with the others.", row.pk, kind)
    return done


def _prune(now: datetime) -> int:
    """Remove events past their time, once a day, a batch at a sweep while there are more."""
    last = Sweep.objects.filter(name="retention").first()
    if not settings.KEEP_HISTORY or (last is not None and last.ran_at > now - timedelta(days=1)):
        return 0
    try:
        done = retaining.prune(now, most=retaining.BATCH).count
    except Refused:
        done = 0  # an order stands; the refusal is in the history, once a day
    if done < retaining.BATCH:
        Sweep.objects.update_or_create(name="retention", defaults={"ran_at": now, "found": {"pruned": done}})
    return done


def tick(now: datetime, *, free: bool = True) -> dict[str, int]:
    """What may not wait for the sweep: claims of workers that died, and rows whose time has come. Each second.

    `free`: whether claims that have ended are taken from their workers; not while those may have been kept from
    renewing them. Raises BrokerUnavailable after that.
    """
    expired = Analysis.objects.lease_expired(now).select_related("asset")[: 500 if free else 0]
    rescued = _each("lease expired", expired, scanning.crashed)
    if rescued:
        counting.add("newsroom_jobs_rescued_total", rescued)
        tallies.flush_due()
    found = {"leases_expired": rescued, "rung": queue.ring_due(now)}
    return found | {"let_in": archive.let_in(now)}


def sweep(now: datetime, *, free: bool = True) -> dict[str, int]:
    """Look once over everything; how many rows of each kind were found. Raises BrokerUnavailable at its end."""
    found = {"leases_expired": 0, "rung": 0, "unannounced": 0, "untaken": 0, "sealed": 0}
    found |= {"let_in": 0, "wanted": 0, "forgotten": 0, "noted": 0}
    try:
        untaken = ProviderCheck.objects.untaken_since(now - checking.UNTAKEN)
        found["untaken"] = _each("test untaken", untaken, checking.give_up)
        found |= tick(now, free=free)
        found["unannounced"] = queue.ring_unannounced()
        found["forgotten"] = callbacks.forget_bodies(now)
        # Last: it asks the host, whose own words may fail.
        found["wanted"] = urgency.note_times(now)
        found["noted"] = waiting.refresh(now)
    finally:
        found["sealed"] = audit.seal_all()
        tallies.fold()
        tallies.flush()
        keys.note(now)
        ruling.rejudge(now)
        found["pruned"] = _prune(now)
        found |= {f"forgotten_{kind}": count for kind, count in forgetting.forget(now).items()}
        Sweep.objects.update_or_create(name="sweep", defaults={"ran_at": now, "found": found})
    return found
