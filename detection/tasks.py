"""The doors that workers come in by: one primary key, no return value, no exception out.

A task may be lost, doubled or late; the row behind it decides. This is the one place where everything is caught,
because django-q2 would run a task that raised again and again.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from django.db.models import F, QuerySet

from detection import callbacks, checking, correlation, overlays, pulse, scanning, signals, sweeping, tallies
from detection.models import Analysis, Asset, StoredOverlay, WebhookDelivery, moments

logger = logging.getLogger("detection")


def _door(task: Callable[[int], None]) -> Callable[[int], None]:
    @functools.wraps(task)
    def run(pk: int = 0) -> None:
        with ExitStack() as correlated:
            try:
                correlated.enter_context(_correlated(task.__name__, pk))
                logger.info("The task %s begins for row %s.", task.__name__, pk)
                task(pk)
            except Exception:
                logger.exception("The task %s failed for row %s; the sweep will ring it again.", task.__name__, pk)
            tallies.flush()

    return run


def _correlated(task: str, pk: int) -> AbstractContextManager[None]:
    """Under the id of the request that the row goes back to: a task carries nothing but the row's key."""
    rows = _ROWS.get(task)
    of_row = rows().filter(pk=pk).values_list(_PATHS.get(task, "correlation"), flat=True).first() if rows else None
    return correlation.bound(of_row or correlation.made())


_ROWS: dict[str, Callable[[], QuerySet[Any]]] = {
    "scan": Analysis.objects.all,
    "poll": Analysis.objects.all,
    "overlay": StoredOverlay.objects.all,
    "deliver": WebhookDelivery.objects.all,
}
_PATHS = {"overlay": "analysis__correlation"}


@_door
def scan(pk: int) -> None:
    """Try one analysis once; not in a cluster that is about to end, which would cut it off."""
    if not pulse.is_closing():
        scanning.run_scan(pk)


@_door
def poll(pk: int) -> None:
    """Ask a detector about one accepted analysis."""
    scanning.run_poll(pk)


@_door
def overlay(pk: int) -> None:
    """Fetch and keep one overlay."""
    overlays.store(pk)


@_door
def deliver(pk: int) -> None:
    """Apply one event that a detector delivered."""
    callbacks.apply(pk)


@_door
def check(pk: int) -> None:
    """Ask a detector whether its credentials are good, as somebody wished to know."""
    checking.run(pk)


@_door
def announce(pk: int) -> None:
    """Tell listeners of a picture's new standing; once the signal was sent without an error, it is announced."""
    asset = Asset.objects.filter(pk=pk, announced_version__lt=F("standing_version")).first()
    if asset is None:
        return
    version = asset.standing_version
    answers = signals.standing_changed.send_robust(sender=Asset, asset=asset, version=version)
    failed = [answer for _receiver, answer in answers if isinstance(answer, Exception)]
    for error in failed:
        logger.error("A listener to standing_changed failed.", exc_info=error)
    if not failed:
        Asset.objects.filter(pk=pk, announced_version__lt=version).update(announced_version=version)


@_door
def sweep(_pk: int) -> None:
    """Look once over everything that may be stuck."""
    sweeping.sweep(moments.now())
