"""Events past their time are removed; their seals stay, so that the chain has no gap and says where it was shortened.

Removing is the one time that history's triggers step aside: inside one transaction, which puts them back whatever
happens, and which holds the event that says what was removed. What is about the history itself stays for good: who
erased, who exported, who could decide on a given day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, router
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from detection import audit
from detection.conf import settings
from detection.history import preserving
from detection.models import AuditEvent, AuditPersonal, AuditSeal, append_only

BATCH = 5000
"""Events that are removed in one transaction."""
_FOR_GOOD = ("audit.", "access.")


@dataclass(frozen=True, slots=True)
class Removed:
    """How many events were removed, and how many were past their time but preserved by an order."""

    count: int = 0
    preserved: int = 0


def prune(now: datetime, *, days: int | None = None, by: Any = None, most: int = 1_000_000) -> Removed:
    """Remove sealed events older than `days` (default: the setting). Raises Refused while an order covers everything.

    With the setting 0 nothing is ever removed.
    """
    keep = settings.KEEP_HISTORY if days is None else days
    if not keep:
        return Removed()
    preserving.permit(by)
    before = now - timedelta(days=keep)
    if preserving.covers_everything():
        said = _("Nothing was removed: an order preserves the whole history.")
        raise preserving.refuse("retention", said, by=by, before=before)
    through = _through(before)
    done = 0
    while done < most and (removed := _remove(through, before, by=by)):
        done += removed
    held = _past(through).filter(asset__in=preserving.preserved_assets()).count() if through else 0
    return Removed(done, held)


def _through(before: datetime) -> int:
    """The last entry of the unbroken run from the first one that is older than `before`."""
    younger = AuditSeal.objects.filter(event__at__gte=before).order_by("seq").values_list("seq", flat=True).first()
    if younger is not None:
        return int(younger) - 1
    return AuditSeal.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def _past(through: int) -> QuerySet[AuditEvent]:
    rows: QuerySet[AuditEvent] = AuditEvent.objects.filter(seal__seq__lte=through)
    for prefix in _FOR_GOOD:
        rows = rows.exclude(action__startswith=prefix)
    return rows


def _remove(through: int, before: datetime, *, by: Any) -> int:
    rows = _past(through).exclude(asset__in=preserving.preserved_assets()).order_by("pk")
    found = list(rows.values_list("pk", "seal__seq")[:BATCH])
    if not found:
        return 0
    connection = connections[router.db_for_write(AuditEvent)]
    with append_only.lifted(connection):
        _delete([pk for pk, _seq in found])
        last = found[-1][1]
        audit.record("audit.pruned", by=by, before=before, count=len(found), first=found[0][1], through=last)
    return len(found)


def _delete(pks: list[int]) -> None:
    AuditPersonal.objects.filter(event__in=pks).delete()
    # Not by AuditEvent.objects, which refuses: this is the one place where it may be done.
    rows: Any = QuerySet(AuditEvent)
    rows.filter(pk__in=pks)._raw_delete(router.db_for_write(AuditEvent))


def explained(checkpoints: Iterable[dict[str, Any]]) -> int:
    """The last entry whose event may be gone, by the events that say what was removed."""
    return max((int(facts.get("through", 0)) for facts in checkpoints), default=0)
