"""The doorbell: django-q2 is told that a row wants work, and may lose it, double it or be late without harm.

The only importer of django_q. On the ORM broker in the rows' own database a ring is written inside the
caller's transaction and commits with it (a transactional outbox); with any other broker it goes out on
commit. Measured reasons: https://github.com/django-q2/django-q2/issues/23 and the design's decision 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import router, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from detection.models import Analysis, Asset, StoredOverlay
from detection.vocabulary import AnalysisStatus

RING_AGAIN = timedelta(seconds=30)
"""A row that was rung and not claimed is rung again after this long."""
_TASKS = "detection.tasks"


def rides_along() -> bool:
    """Whether a ring commits together with the rows: the ORM broker in their own database."""
    return bool(Conf.ORM) and router.db_for_write(Analysis) == Conf.ORM


def wake(task: str, pk: int) -> None:
    """Ring for one row: `task` is a function's name in `detection.tasks`."""

    def send() -> None:
        options = {"ack_failure": True, "task_name": f"{task} {pk}"[:100]}
        async_task(f"{_TASKS}.{task}", pk, q_options=options)

    if rides_along():
        send()
    else:
        # Robust: the bell rings again for what a broker did not take, and an upload must not fail for it.
        transaction.on_commit(send, robust=True)


def ring(analysis: Analysis, *, now: datetime | None = None) -> None:
    """Ring for an analysis whose time has come, and note when, so that the bell doesn't repeat it at once."""
    Analysis.objects.filter(pk=analysis.pk).update(rung_at=now or timezone.now())
    wake("poll" if analysis.status == AnalysisStatus.AWAITING_CALLBACK else "scan", analysis.pk)


def _ring_all(rows: Iterable[Analysis], now: datetime) -> int:
    rung = 0
    for analysis in rows:
        with transaction.atomic():
            won = Analysis.objects.unrung_since(now - RING_AGAIN).filter(pk=analysis.pk).update(rung_at=now)
            if won:
                wake("poll" if analysis.status == AnalysisStatus.AWAITING_CALLBACK else "scan", analysis.pk)
                rung += 1
    return rung


def ring_due(now: datetime, *, limit: int = 200) -> int:
    """The bell, each second: ring rows whose time has come and that were not rung lately; the number rung."""
    waiting = Analysis.objects.unrung_since(now - RING_AGAIN).order_by("next_attempt_at")
    rung = _ring_all(waiting.due(now)[:limit], now)
    rung += _ring_all(waiting.to_poll(now)[:limit], now)
    for overlay in StoredOverlay.objects.filter(status="pending", next_try_at__lte=now)[:limit]:
        with transaction.atomic():
            won = StoredOverlay.objects.filter(pk=overlay.pk, next_try_at=overlay.next_try_at)
            if won.update(next_try_at=now + RING_AGAIN):
                wake("overlay", overlay.pk)
                rung += 1
    return rung


def ring_unannounced(*, limit: int = 200) -> int:
    """Ring for standings that their listeners have not heard of; signals sent on commit die with their process.

    By chance, not by age: those whose listener keeps failing stay behind, and in any fixed order `limit` of them
    would keep all others from ever being rung.
    """
    behind = Asset.objects.filter(announced_version__lt=F("standing_version")).order_by("?")
    pks = list(behind.values_list("pk", flat=True)[:limit])
    for pk in pks:
        wake("announce", pk)
    return len(pks)


def waiting() -> int:
    """How many rings wait in the broker."""
    return int(get_broker().queue_size())


def take_all() -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Take every ring off the ORM broker, in order, as (function, arguments); for tests that run them here."""
    taken = []
    for row in OrmQ.objects.order_by("pk"):
        task = SignedPackage.loads(row.payload)
        row.delete()
        taken.append((import_string(task["func"]), tuple(task["args"])))
    return taken


def schedule_sweep(minutes: int) -> bool:
    """Make sure that a bare `qcluster` sweeps too; True where the schedule is new."""
    _schedule, is_new = Schedule.objects.get_or_create(
        name="detection sweep",
        defaults={"func": f"{_TASKS}.sweep", "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1},
    )
    return bool(is_new)


def option_problems() -> list[str]:
    """What the guarded row needs of Q_CLUSTER and does not find, each with its fix."""
    problems = []
    if not Conf.ACK_FAILURES:
        problems.append("Set \"ack_failures\": True in Q_CLUSTER: retries are the row's, not the queue's.")
    if Conf.QUEUE_LIMIT != 1:
        problems.append('Set "queue_limit": 1 in Q_CLUSTER: the retry clock runs while a task waits in memory.')
    if not Conf.TIMEOUT or Conf.RETRY <= 2 * Conf.TIMEOUT + 3:
        problems.append(f'Set "retry" over {2 * (Conf.TIMEOUT or 0) + 33} in Q_CLUSTER: over twice "timeout", plus 33.')
    return problems
