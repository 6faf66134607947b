"""The clock by which claims, rings and waits are judged: the database's, which all machines share.

Whoever writes or compares such a moment asks here, so that a worker whose own clock is minutes off neither takes a
claim that lives nor holds one for long. What is only told to people (when a check ended, when a worker was seen) is
told by the machine's own clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections, router
from django.db.models.functions import Now
from django.utils import timezone

from detection.models.assets import Asset


def now() -> datetime:
    """This moment. A statement that compares it a little later errs to the safe side: fewer claims have ended by it."""
    alias = router.db_for_write(Asset)
    if connections[alias].vendor != "postgresql":
        return timezone.now()  # SQLite: every process runs on the one machine that has the file
    return _of_server(alias)


def _of_server(alias: str) -> datetime:
    # Not CURRENT_TIMESTAMP: that stands still for the length of a transaction.
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT STATEMENT_TIMESTAMP()")
        found: datetime = cursor.fetchone()[0]
    return found


def when_inserted() -> Any:
    """The same for a column of a new row, filled in by the INSERT itself: an upload asks nothing more for it."""
    if connections[router.db_for_write(Asset)].vendor != "postgresql":
        return timezone.now()
    return Now()
