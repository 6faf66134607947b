"""What detectors sent is kept for a time, not for ever: raw answers and overlays go, the verdict and its history stay.

The sweep does it, so many rows at a time; `detection_retention` tells beforehand what is due. A picture that a
preservation order covers keeps everything. An overlay's file goes first and its row is told afterwards: whoever dies
between the two leaves a row that is found again, never a file that nobody knows of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from detection import audit, stored
from detection.conf import settings
from detection.errors import StorageUnavailable
from detection.history import preserving
from detection.models import Analysis, StoredOverlay

AT_ONCE = 500
"""Rows of a kind that one sweep forgets."""


@dataclass(frozen=True, slots=True)
class Due:
    """One kind of what is kept for a time: how much of it is past that, and how much of that an order preserves."""

    kind: str
    days: int
    before: datetime | None
    due: int = 0
    preserved: int = 0


def report(now: datetime) -> list[Due]:
    """What would be forgotten at this moment; changes nothing."""
    return [_due(kind, days, rows, now) for kind, days, rows in _kinds(now)]


def _kinds(now: datetime) -> Iterator[tuple[str, int, QuerySet[Analysis] | QuerySet[StoredOverlay]]]:
    answers, overlays = settings.KEEP_ANSWERS, settings.KEEP_OVERLAYS
    old = now - timedelta(days=answers)
    yield "raw answers", answers, Analysis.objects.filter(raw__isnull=False, completed_at__lt=old)
    old = now - timedelta(days=overlays)
    yield "overlays", overlays, StoredOverlay.objects.filter(status="ready", created_at__lt=old)


def _due(kind: str, days: int, rows: QuerySet[Analysis] | QuerySet[StoredOverlay], now: datetime) -> Due:
    if not days:
        return Due(kind, days, None)
    everything, past = preserving.covers_everything(), rows.count()
    held = past if everything else past - _free(rows).count()
    return Due(kind, days, now - timedelta(days=days), past - held, held)


def _free(rows: QuerySet[Analysis] | QuerySet[StoredOverlay]) -> QuerySet[Analysis] | QuerySet[StoredOverlay]:
    asset = "asset__in" if rows.model is Analysis else "analysis__asset__in"
    return rows.exclude(**{asset: preserving.preserved_assets()})


def forget(now: datetime, *, most: int = AT_ONCE) -> dict[str, int]:
    """Forget what is past its time, up to `most` of each kind; how much it was. Recorded where it was anything."""
    done = {"answers": 0, "overlays": 0}
    if preserving.covers_everything():
        return done
    (_answers, days, answers), (_overlays, overlay_days, overlays) = _kinds(now)
    if days:
        pks = list(_free(answers).values_list("pk", flat=True)[:most])
        if pks:
            with transaction.atomic():
                done["answers"] = Analysis.objects.filter(pk__in=pks, raw__isnull=False).update(raw=None)
                audit.record("retention.applied", kind="raw answers", count=done["answers"], days=days)
    if overlay_days:
        chosen = StoredOverlay.objects.filter(pk__in=list(_free(overlays).values_list("pk", flat=True)[:most]))
        done["overlays"] = sum(_forget_overlay(row, overlay_days) for row in chosen)
        if done["overlays"]:
            audit.record("retention.applied", kind="overlays", count=done["overlays"], days=overlay_days)
    return done


def _forget_overlay(row: StoredOverlay, days: int) -> bool:
    try:
        stored.delete(row.file.storage, row.file.name or "")
    except StorageUnavailable:
        return False  # it is found again at the next sweep
    sentence = _("The overlay was kept for %(days)d days, and deleted then. Its sha256 stands in the history.")
    changes = {"status": "refused", "reason": sentence % {"days": days}, "file": ""}
    return bool(StoredOverlay.objects.filter(pk=row.pk, status="ready").update(**changes))
