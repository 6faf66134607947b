"""When a picture is wanted: at the moment at which the first story that holds it goes out.

Found out by the sweep, once a minute, and noted on the rows: an upload asks nothing for it, and a picture is mostly
placed after it was uploaded. The bell then rings for the most urgent first, and what stood in an archive's line comes
out of it. Hosts say the moment by `register_publishable(publish_at=…)`; only one that is a column can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from detection import registry
from detection.conf import settings
from detection.models import Analysis, Asset
from detection.models.analyses import AnalysisQuerySet
from detection.vocabulary import LIVE, AnalysisStatus, Priority

AHEAD = timedelta(days=1)
"""How far ahead stories are looked at."""
MOST = 50
"""Stories of each kind, the most urgent ones."""
_OPEN = [*LIVE, AnalysisStatus.DEAD]
"""Rows of which it matters: still to come, or given up and perhaps to be started again."""


def note_times(now: datetime) -> int:
    """Write on each open row when its picture is wanted, and let it pass the archives; how many rows changed."""
    rows = Analysis.objects.filter(status__in=_OPEN)
    if not rows.exists():
        return 0
    wanted = _wanted(now)
    changed = 0
    for moment in sorted(set(wanted.values())):
        theirs = rows.filter(asset__in=[pk for pk, at in wanted.items() if at == moment])
        changed += theirs.exclude(wanted_by=moment).update(wanted_by=moment)
        pass_archives(theirs, now)
    Analysis.objects.filter(wanted_by__isnull=False).exclude(asset__in=wanted).update(wanted_by=None)
    return changed


def pass_archives(rows: AnalysisQuerySet, now: datetime) -> bool:
    """Make news of those rows that stood in an archive's line, due at once; whether there were any."""
    deadline = now + timedelta(seconds=settings.SCAN_DEADLINE)
    waiting = rows.filter(status=AnalysisStatus.PENDING_SCAN, priority=Priority.LATER)
    first = waiting.update(priority=Priority.NEWS, next_attempt_at=now, rung_at=None, deadline_at=deadline)
    return bool(rows.live().filter(priority=Priority.ARCHIVE).update(priority=Priority.NEWS) + first)


def _wanted(now: datetime) -> dict[int, datetime]:
    """The moment for each asset, by its primary key, at which it is first wanted."""
    moments = [(picture, at) for picture, at in _placed(now)]
    assets = Asset.objects.of_many([picture for picture, _at in moments])
    found: dict[int, datetime] = {}
    for picture, at in moments:
        asset = assets.get((registry.content_type(picture).pk, registry.key(picture)))
        if asset is not None:
            found[asset.pk] = min(at, found.get(asset.pk, at))
    return found


def _placed(now: datetime) -> Iterator[tuple[models.Model, datetime]]:
    for kind in registry.publishable_types():
        for story in _going_out(kind, now):
            at = kind.publish_at_of(story)
            if at is not None and kind.is_draft_of(story):
                yield from ((placed.picture, at) for placed in kind.placed_in(story))


def _going_out(kind: registry.PublishableType, now: datetime) -> list[Any]:
    name = kind.publish_at
    if not isinstance(name, str) or not _is_column(kind, name):
        return []
    soon = {f"{name}__gte": now, f"{name}__lte": now + AHEAD}
    return list(kind.model_class._default_manager.filter(**soon).order_by(name)[:MOST])


def _is_column(kind: registry.PublishableType, name: str) -> bool:
    try:
        return isinstance(kind.model_class._meta.get_field(name), models.DateTimeField)
    except FieldDoesNotExist:
        return False
