"""What a load balancer and a process manager ask: is this process alive, and can it do its work?

`live` touches nothing, or a database that is down would have every process restarted. `ready` asks database,
migrations, storage and broker, all at once and for a second; a detector that is down takes no newsroom out of
rotation: then it says `degraded`, with 200. Anybody may ask, so the answers are words, without names or versions.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import uuid4

from django.contrib.auth.decorators import login_not_required
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from detection import queue, switches
from detection.models import Sweep

logger = logging.getLogger("detection")
WITHIN = 1.0
"""Seconds that all questions together may take."""
SWEPT_WITHIN = timedelta(minutes=5)
"""Work is done where somebody swept within this time."""


@dataclass(eq=False)
class _Part:
    """One part of the house. `good_for`: seconds for which a good answer is not asked again."""

    name: str
    ask: Callable[[], bool]
    good_for: float = 0.0
    is_needed: bool = True
    good_until: float = field(default=0.0, init=False)
    asking: _Asking | None = field(default=None, init=False)

    def begin(self) -> None:
        """Ask it, unless it was well a moment ago, or still hangs from the last time: then nobody asks it twice."""
        if monotonic() >= self.good_until and (self.asking is None or not self.asking.is_alive()):
            self.asking = _Asking(self)
            self.asking.start()

    def is_well(self, until: float) -> bool:
        """Its answer, waited for until this moment of the monotonic clock."""
        if monotonic() < self.good_until:
            return True
        if self.asking is None:
            return False
        self.asking.join(max(0.0, until - monotonic()))
        return not self.asking.is_alive() and self.asking.said


class _Asking(threading.Thread):
    """One question, in a thread that may hang without hanging anybody else."""

    def __init__(self, part: _Part) -> None:
        super().__init__(daemon=True, name=f"health {part.name}")
        self.part, self.said = part, False

    def run(self) -> None:
        """Ask, and let the thread's connections go."""
        try:
            self.said = self.part.ask()
        except Exception as error:
            logger.warning("Not ready: %s (%s).", self.part.name, type(error).__name__)
        finally:
            connections.close_all()
        if self.said:
            self.part.good_until = monotonic() + self.part.good_for


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _storage() -> bool:
    name = default_storage.save(f"detection-health-{uuid4().hex}.txt", ContentFile(b"ready"))
    default_storage.delete(name)
    return True


def _queue() -> bool:
    return queue.waiting() >= 0


def _workers() -> bool:
    return Sweep.objects.filter(name="sweep", ran_at__gte=timezone.now() - SWEPT_WITHIN).exists()


def _detectors() -> bool:
    return not switches.pauses()


PARTS = (
    _Part("database", _database),
    _Part("migrations", _migrations, good_for=60),
    _Part("storage", _storage, good_for=30),
    _Part("queue", _queue),
    _Part("workers", _workers, is_needed=False),
    _Part("detectors", _detectors, is_needed=False),
)


@login_not_required
@transaction.non_atomic_requests
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200: this process answers. Asks nothing and nobody."""
    return _unkept(HttpResponse("alive\n", content_type="text/plain; charset=utf-8"))


@login_not_required
@transaction.non_atomic_requests
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 `ready`, 200 `degraded` where pictures wait for a worker or a detector, 503 `not ready`; and part by part."""
    until = monotonic() + WITHIN
    for part in PARTS:
        part.begin()
    well = {part: part.is_well(until) for part in PARTS}
    told = {part.name: _word(part, is_well) for part, is_well in well.items()}
    is_ready = all(is_well for part, is_well in well.items() if part.is_needed)
    status = "not ready" if not is_ready else "ready" if all(well.values()) else "degraded"
    return _unkept(JsonResponse({"status": status, **told}, status=200 if is_ready else 503))


def _word(part: _Part, is_well: bool) -> str:
    return "ok" if is_well else "no answer" if part.is_needed else "degraded"


def _unkept(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
