"""The doorbell: django-q2 is told that a row wants work, and may lose it, double it or be late without harm.

The only importer of django_q. On the ORM broker in the rows' own database a ring is written inside the
caller's transaction and commits with it (a transactional outbox); with any other broker it goes out on
commit. Measured reasons: https://github.com/django-q2/django-q2/issues/23 and the design's decision 1.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, router, transaction
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.signals import post_execute, post_execute_in_worker, pre_execute
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from detection import pulse
from detection.conf import settings
from detection.errors import BrokerUnavailable
from detection.models import Analysis, Asset, ProviderCheck, StoredOverlay, WebhookDelivery, moments
from detection.models.analyses import AnalysisQuerySet
from detection.providers import providers
from detection.vocabulary import AnalysisStatus

OVERLAY_AGAIN = timedelta(seconds=30)
"""An overlay that was rung and is still pending is rung again after this long: longer than one download may take."""
CHECK_AGAIN = timedelta(seconds=30)
"""A test of a detector that was rung for and is still open is rung for again after this long."""
MANY_RINGS = 50
"""While more than this wait in the broker, nothing is rung twice: a ring that is late is not one that was lost."""
_TASKS = "detection.tasks"


def rides_along() -> bool:
    """Whether a ring commits together with the rows: the ORM broker in their own database."""
    return bool(Conf.ORM) and router.db_for_write(Analysis) == Conf.ORM


def wake(task: str, pk: int, *, asks: str = "") -> None:
    """Ring for one row: `task` is a function's name in `detection.tasks`.

    `asks`: the alias of the detector that it calls, whose own queue it then waits in, where it has one.
    """
    queue = providers.queue_of(asks)

    def send() -> None:
        options = {"ack_failure": True, "task_name": f"{task} {pk}"[:100]}
        if queue:
            options["cluster"] = queue
        async_task(f"{_TASKS}.{task}", pk, q_options=options)

    if rides_along():
        send()
    else:
        # Robust: the bell rings again for what a broker did not take, and an upload must not fail for it.
        transaction.on_commit(send, robust=True)


def wake_host(task: str, pk: int) -> None:
    """Ring for a row of the host's own: `task` is the dotted name of a function that takes its key.

    As lossy as `wake`: the host looks for rows that were not heard of by itself.
    """

    def send() -> None:
        async_task(task, pk, q_options={"ack_failure": True, "task_name": f"{task.rpartition('.')[2]} {pk}"[:100]})

    if rides_along():
        send()
    else:
        transaction.on_commit(send, robust=True)


def ring(analysis: Analysis, *, now: datetime | None = None) -> None:
    """Ring for an analysis whose time has come, and note when, so that the bell doesn't repeat it at once."""
    Analysis.objects.filter(pk=analysis.pk).update(rung_at=now or moments.now())
    _wake_for(analysis)


def _wake_for(analysis: Analysis) -> None:
    task = "poll" if analysis.status == AnalysisStatus.AWAITING_CALLBACK else "scan"
    wake(task, analysis.pk, asks=analysis.provider)


def ring_again() -> timedelta:
    """After how long a row that was rung and not claimed is rung again.

    At most half the watchdog's patience, so that a ring that was lost is not taken for a cluster that hangs.
    """
    return timedelta(seconds=min(10.0, settings.WATCHDOG / 2))


def _in_queue(name: str) -> Q:
    """Which analyses wait in this queue; "" is everybody's."""
    if name:
        return Q(provider__in=providers.queues().get(name, []))
    return ~Q(provider__in=[alias for aliases in providers.queues().values() for alias in aliases])


def _unheard(rows: AnalysisQuerySet, now: datetime, limit: int) -> Iterator[Analysis]:
    """Of rows that are due those to ring, of each queue the most urgent first: a full one holds up no other."""
    for name in ("", *providers.queues()):
        chosen = list(rows.filter(_in_queue(name)).unrung_since(now - ring_again()).most_urgent_first()[:limit])
        is_full = any(one.rung_at for one in chosen) and waiting(name) > MANY_RINGS
        yield from (one for one in chosen if one.rung_at is None or not is_full)


def _ring_all(rows: Iterable[Analysis], now: datetime) -> int:
    rung = 0
    for analysis in rows:
        with transaction.atomic():
            won = Analysis.objects.unrung_since(now - ring_again()).filter(pk=analysis.pk).update(rung_at=now)
            if won:
                _wake_for(analysis)
                rung += 1
    return rung


def ring_due(now: datetime, *, limit: int = 200) -> int:
    """The bell, each second: ring rows whose time has come and that were not rung lately; the number rung.

    Raises BrokerUnavailable where nobody would hear it: nothing is noted as rung then.
    """
    if not rides_along():
        waiting()
    rung = _ring_all(_unheard(Analysis.objects.due(now), now, limit), now)
    rung += _ring_all(_unheard(Analysis.objects.to_poll(now), now, limit), now)
    for overlay in StoredOverlay.objects.unfetched(now).select_related("analysis")[:limit]:
        with transaction.atomic():
            if StoredOverlay.objects.unfetched(now).filter(pk=overlay.pk).update(next_try_at=now + OVERLAY_AGAIN):
                wake("overlay", overlay.pk, asks=overlay.analysis.provider)
                rung += 1
    for check in ProviderCheck.objects.unrung_since(now - CHECK_AGAIN)[:limit]:
        with transaction.atomic():
            if ProviderCheck.objects.unrung_since(now - CHECK_AGAIN).filter(pk=check.pk).update(rung_at=now):
                wake("check", check.pk, asks=check.alias)
                rung += 1
    return rung + _ring_deliveries(now, limit)


def _ring_deliveries(now: datetime, limit: int) -> int:
    """The door that wrote them rang nobody."""
    rung, unheard = 0, WebhookDelivery.objects.due(now).unrung_since(now - ring_again())
    for delivery in unheard.only("pk")[:limit]:
        with transaction.atomic():
            if unheard.filter(pk=delivery.pk).order_by().update(rung_at=now):
                wake("deliver", delivery.pk)
                rung += 1
    return rung


def work_waits(now: datetime, queue: str = "") -> bool:
    """Whether a ring waits in this queue, or a row that was rung there and that no worker has taken yet."""
    return waiting(queue) > 0 or Analysis.objects.due(now).filter(_in_queue(queue), rung_at__isnull=False).exists()


def hands() -> int:
    """How many tasks a cluster of this site runs at a time."""
    return int(Conf.WORKERS)


def ring_unannounced(*, limit: int = 200) -> int:
    """Ring for standings that their listeners have not heard of; signals sent on commit die with their process.

    By chance, not by age: those whose listener keeps failing stay behind, and in any fixed order `limit` of them
    would keep all others from ever being rung.
    """
    pks = list(Asset.objects.unannounced().order_by("?").values_list("pk", flat=True)[:limit])
    for pk in pks:
        wake("announce", pk)
    return len(pks)


def waiting(queue: str = "") -> int:
    """How many rings wait in this queue. Raises BrokerUnavailable, or DatabaseError where it is the database."""
    try:
        return int(get_broker(queue or None).queue_size())
    except DatabaseError:
        raise
    except Exception as error:  # each broker raises errors of its own
        raise BrokerUnavailable(_("The broker did not answer ({error}).").format(error=type(error).__name__)) from error


def unreadable(limit: int = 200) -> tuple[int, int]:
    """Of the newest rings in the database, those that this process's key did not sign, and how many were looked at.

    A worker throws them away unread. Rings in another broker are not looked at.
    """
    rings = list(OrmQ.objects.using(Conf.ORM).order_by("-pk")[:limit]) if Conf.ORM else []
    return sum(str(ring.task.get("id", "")).startswith("*") for ring in rings), len(rings)


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


def task_seconds() -> float:
    """Seconds after which no task of this process can still be running: its time-out, and the guard's margin."""
    return float(Conf.TIMEOUT or 3600) + 5.0


def beat_with_tasks() -> None:
    """Show each task of this site, ours or the host's, as a sign of life of its cluster."""
    pre_execute.connect(_began, dispatch_uid="detection.pulse")
    post_execute_in_worker.connect(_ended, dispatch_uid="detection.pulse")
    post_execute.connect(_recorded, dispatch_uid="detection.pulse")


def _began(**kwargs: Any) -> None:
    pulse.task_began()


def _ended(**kwargs: Any) -> None:
    pulse.task_ended()


def _recorded(**kwargs: Any) -> None:
    pulse.beat(pulse.Beat.RECORDED)


def run_cluster(is_over: Callable[[], bool]) -> bool:
    """Run a django-q2 cluster from this process until `is_over`, asked twice a second; True where it ended in order.

    A cluster whose sentinel was killed is never waited for: django-q2's own stop would hang on it for ever. One that
    has not ended after the time that a task may take hangs: then this process ends with its whole group, if it leads
    one. What is left of a cluster ends soon after this process, however that ended.
    """
    # Here, because it settles signals and process names, which only a worker's own process wants.
    from django_q.cluster import Cluster

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    cluster = Cluster()
    for number, handler in handlers.items():
        # Its own would call stop, which hangs where the same signal has ended the sentinel.
        signal.signal(number, handler)
    pulse.end_forks_with_me()
    cluster.start()
    sentinel = cluster.sentinel
    while sentinel.is_alive() and not is_over():
        time.sleep(0.5)
    if not sentinel.is_alive():
        return False
    threading.Thread(target=cluster.stop, daemon=True).start()
    until = time.monotonic() + task_seconds()
    while sentinel.is_alive():
        if time.monotonic() > until and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)
    return True


def option_problems() -> list[str]:
    """What the guarded row needs of Q_CLUSTER and does not find, each with its fix."""
    problems = []
    if not Conf.ACK_FAILURES:
        problems.append("Set \"ack_failures\": True in Q_CLUSTER: retries are the row's, not the queue's.")
    if Conf.QUEUE_LIMIT != 1:
        problems.append('Set "queue_limit": 1 in Q_CLUSTER: the retry clock runs while a task waits in memory.')
    if isinstance(Conf.TIMEOUT, float):
        problems.append('Set "timeout" in Q_CLUSTER to a whole number: with any other every task fails.')
    if Conf.GUARD_CYCLE not in (0.5, 1):
        problems.append('Set "guard_cycle" in Q_CLUSTER to 0.5 or 1: with others a task that hangs is never ended.')
    if not Conf.TIMEOUT or Conf.RETRY <= 2 * Conf.TIMEOUT + 3:
        problems.append(f'Set "retry" over {2 * (Conf.TIMEOUT or 0) + 33} in Q_CLUSTER: over twice "timeout", plus 33.')
    if providers.queues() and "ALT_CLUSTERS" not in Conf.conf:
        problems.append('Set "ALT_CLUSTERS": {} in Q_CLUSTER: a detector has a named queue, and django-q2 reads that.')
    return problems
