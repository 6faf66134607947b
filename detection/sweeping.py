"""Every kind of stuck row, found and rung again or ended. Two sweeps at once are harmless: each step is guarded.

Run each minute by the worker's bell, by the django-q2 schedule under a bare `qcluster`, and by `detection_sweep`.
"""

from __future__ import annotations

from datetime import datetime

from detection import audit, queue, scanning
from detection.models import Analysis, Sweep


def sweep(now: datetime) -> dict[str, int]:
    """Look once over everything; how many rows of each kind were found."""
    expired = list(Analysis.objects.lease_expired(now).select_related("asset")[:500])
    found = {
        "leases_expired": sum(scanning.crashed(analysis) for analysis in expired),
        "rung": queue.ring_due(now),
        "unannounced": queue.ring_unannounced(),
        "sealed": audit.seal(),
    }
    Sweep.objects.update_or_create(name="sweep", defaults={"ran_at": now, "found": found})
    return found
