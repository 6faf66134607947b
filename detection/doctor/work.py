"""Whether rings reach a worker, somebody works and sweeps, and nothing waits longer than it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from detection import audit, checks, queue
from detection.conf import settings
from detection.doctor.findings import Finding, State, broken, from_checks, ok, warn
from detection.models import Analysis, Sweep, Worker, moments
from detection.providers import providers
from detection.vocabulary import AnalysisStatus

SEEN_WITHIN = timedelta(minutes=1)
"""A worker that has not been heard of for longer is taken for gone."""
RENEWED_WITHIN = timedelta(days=1)
"""How long somebody is told of a cluster that was renewed."""
SWEEPS_MISSED = 5
"""Sweeps that may be left out before anybody is told."""
OVERDUE = timedelta(minutes=5)
"""How long after its time a picture may still wait."""
MANY_RINGS, MANY_UNANNOUNCED, MANY_UNSEALED = 1_000, 100, 1_000
_START = "Start manage.py detection_worker, and keep it running."


def queue_fits() -> Iterator[Finding]:
    """The queue's options fit a guarded row."""
    found = list(from_checks(checks.check_queue()))
    yield from found or [ok("Q_CLUSTER fits.")]


def broker_answers() -> Iterator[Finding]:
    """The broker can be asked how many rings wait."""
    waiting = sum(queue.waiting(name) for name in ("", *providers.queues()))
    if waiting > MANY_RINGS:
        yield warn(f"Rings wait in the broker: {waiting}.", "Start more workers (in the newsroom: Q_WORKERS).")
    else:
        yield ok(f"The broker answers; rings that wait: {waiting}.")


def rings_can_be_read() -> Iterator[Finding]:
    """Rings in the database were signed by this process's key; a worker throws away what was signed by another."""
    foreign, looked_at = queue.unreadable()
    if foreign:
        fix = "Give every process the same SECRET_KEY (in the newsroom: DJANGO_SECRET_KEY) and the same Q_CLUSTER name."
        yield broken(f"Rings that this process cannot read: {foreign} of {looked_at}.", fix)


def somebody_works() -> Iterator[Finding]:
    """A `detection_worker` was heard of lately. A bare qcluster is known by its sweeps alone."""
    now = timezone.now()
    here = Worker.objects.filter(ended_at=None)
    alive = list(here.filter(seen_at__gte=now - SEEN_WITHIN))
    for worker in alive:
        if worker.restarted_at and worker.restarted_at > now - RENEWED_WITHIN:
            why = f" ({worker.restart_reason.rstrip('.')})" if worker.restart_reason else ""
            times = "once" if worker.restarts == 1 else f"{worker.restarts} times"
            what = f"The worker {worker.name} renewed its cluster {times}{why}."
            yield warn(what, "Look into its log: something ends or hangs there.")
    if alive:
        yield ok(f"Workers seen in the last {SEEN_WITHIN.seconds} seconds: {len(alive)}.")
        return
    last = Worker.objects.first()
    if last is None and _swept_since(now - OVERDUE):
        yield ok("No detection_worker has been seen, but somebody sweeps: a bare qcluster with detection_schedule.")
    elif last is None:
        yield Finding(_if_work_waits(), "No worker has been seen.", _START)
    else:
        gone = "ended" if last.ended_at else "was last seen"
        seconds = (now - (last.ended_at or last.seen_at)).total_seconds()
        yield Finding(_if_work_waits(), f"The worker {last.name} {gone} {seconds:.0f} seconds ago.", _START)


def each_queue_has_a_worker() -> Iterator[Finding]:
    """A detector's own queue is worked by a worker of that name alone."""
    alive = Worker.objects.filter(ended_at=None, seen_at__gte=timezone.now() - SEEN_WITHIN)
    worked = set(alive.values_list("queue", flat=True))
    for name, aliases in providers.queues().items():
        if name not in worked:
            what = f"Nobody works the queue {name}, in which pictures wait for {', '.join(aliases)}."
            yield Finding(_if_work_waits(aliases), what, f"Start manage.py detection_worker --queue {name}.")
    if worked and "" not in worked:
        what = "Only named queues are worked; whatever has none waits, as do callbacks and announcements."
        yield Finding(_if_work_waits(), what, _START)


def somebody_sweeps() -> Iterator[Finding]:
    """Stuck rows are looked for."""
    now = timezone.now()
    sweep = Sweep.objects.filter(name="sweep").first()
    fix = f"{_START} With a bare qcluster: manage.py detection_schedule."
    if sweep is None:
        yield Finding(_if_work_waits(), "Nobody has swept yet.", fix)
        return
    if sweep.found.get("unannounced", 0) > MANY_UNANNOUNCED:
        fix = "Look into the worker's log for a listener to standing_changed that fails."
        yield warn(f"Pictures whose new standing nobody was told: {sweep.found['unannounced']} or more.", fix)
    age = (now - sweep.ran_at).total_seconds()
    if age > SWEEPS_MISSED * settings.SWEEP:
        yield Finding(_if_work_waits(), f"The last sweep was {age:.0f} seconds ago.", fix)
    else:
        yield ok(f"The last sweep was {age:.0f} seconds ago.")


def _swept_since(moment: Any) -> bool:
    return Sweep.objects.filter(name="sweep", ran_at__gte=moment).exists()


def _if_work_waits(aliases: Iterable[str] | None = None) -> State:
    """A house that nobody works in is broken once a picture waits for it, or for one of these detectors."""
    live = Analysis.objects.live() if aliases is None else Analysis.objects.live().filter(provider__in=aliases)
    return State.BROKEN if live.exists() else State.WARN


def nothing_is_late() -> Iterator[Finding]:
    """What the worker should have done by now, and what waits for a person."""
    now = moments.now()
    first = Analysis.objects.due(now).order_by("next_attempt_at").first()
    late = now - first.next_attempt_at if first and first.next_attempt_at else timedelta()
    expired = Analysis.objects.lease_expired(now - OVERDUE).count()
    dead = Analysis.objects.present().filter(status=AnalysisStatus.DEAD).count()
    unsealed = audit.unsealed().count()
    found = []
    if late > OVERDUE:
        minutes = late.total_seconds() / 60
        found.append(broken(f"A picture waits although its time came {minutes:.0f} minutes ago.", _START))
    if expired:
        found.append(broken(f"Checks whose worker vanished and that nobody took back: {expired}.", _START))
    if dead:
        fix = "See why in the admin under “Gave up”, then manage.py detection_redrive --all."
        found.append(warn(f"Checks that gave up: {dead}.", fix))
    if unsealed > MANY_UNSEALED:
        found.append(warn(f"Events that are not in the history's chain yet: {unsealed}.", f"{_START} It seals."))
    yield from found or [ok("Nothing is late, and nothing gave up.")]
