"""Every kind of stuck row, found and rung again or ended. Two sweeps at once are harmless: each step is guarded.

Run each minute by the worker's bell (and `tick` each second), by the django-q2 schedule under a bare `qcluster`,
and by `detection_sweep`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import DatabaseError

from detection import audit, queue, scanning
from detection.models import Analysis, Sweep

logger = logging.getLogger("detection")


def _each(kind: str, rows: Iterable[Analysis], act: Callable[[Analysis], bool]) -> int:
    done = 0
    for row in rows:
        try:
            done += act(row)
        except DatabaseError:
            raise
        except Exception:
            logger.exception("The sweep could not deal with row %s (%s); it goes on with the others.", row.pk, kind)
    return done


def _free(now: datetime) -> int:
    expired = Analysis.objects.lease_expired(now).select_related("asset")[:500]
    return _each("lease expired", expired, scanning.crashed)


def tick(now: datetime) -> dict[str, int]:
    """What may not wait for the sweep: claims of workers that died, and rows whose time has come. Each second.

    Raises BrokerUnavailable after the first.
    """
    return {"leases_expired": _free(now), "rung": queue.ring_due(now)}


def sweep(now: datetime) -> dict[str, int]:
    """Look once over everything; how many rows of each kind were found. Raises BrokerUnavailable at its end."""
    found = {"leases_expired": _free(now), "rung": 0, "unannounced": 0, "sealed": audit.seal()}
    try:
        found["rung"] = queue.ring_due(now)
        found["unannounced"] = queue.ring_unannounced()
    finally:
        Sweep.objects.update_or_create(name="sweep", defaults={"ran_at": now, "found": found})
    return found
