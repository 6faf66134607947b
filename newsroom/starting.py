"""What a person meets first on their start page, by what they may do; nothing here is stored.

An editor: their own stories with open questions, and what goes out within the hour and would be held. Whoever clears
holds: those, what readers see with an open question, and overrides that end soon. Who runs the house: what is wrong
with the pipeline. Who audits: when the history was last verified and anchored, and the reports.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from detection import reach, registry, watching
from detection.admin.gave_up import may_redrive
from detection.admin.pipeline import Worry, worries
from detection.admin.queue.rows import Row, due_words, rows_of
from detection.models import AuditEvent, Override, Place
from detection.vocabulary import Level
from newsroom.handed import Handed
from newsroom.models import Story
from newsroom.rollup import RollUp

SOON = timedelta(hours=1)
ENDING = timedelta(hours=4)
"""An override is told of this long before its end."""
MOST = 5
"""Rows of each kind; the rest stand in the queue."""


@dataclass(frozen=True, slots=True)
class Due:
    """A story that would be held at its time, within the hour."""

    row: RollUp
    at: str
    is_urgent: bool
    """Whether that is within a quarter of an hour, or past."""


@dataclass(frozen=True, slots=True)
class House:
    """How the house does, for those who look after it."""

    worries: tuple[Worry, ...] | None
    """What is wrong with the pipeline; None for whoever does not run it."""
    verified_at: datetime | None
    anchored_at: datetime | None
    is_auditor: bool


def own_asking(rows: Iterable[RollUp], user: Any) -> list[RollUp]:
    """This person's own stories about whose pictures a question is open."""
    return [row for row in rows if row.story.author_id == user.pk and row.report.open_lines]


def due_soon(rows: Iterable[RollUp]) -> list[Due]:
    """What goes out within the hour, or should have, and has an open question; the next first."""
    now = timezone.now()
    asking = [row for row in rows if row.story.publish_at and row.report.open_lines]
    timed = sorted((row.story.publish_at, row.story.pk, row) for row in asking if row.story.publish_at)
    return [
        Due(row, due_words(at, now), at <= now + timedelta(minutes=15)) for at, _pk, row in timed if at <= now + SOON
    ]


def to_clear(user: Any, handed: Iterable[Handed]) -> list[Row]:
    """The holds that this person may clear, the next story to go out first; without those that were sent to them."""
    known = {(registry.key(one.story), one.line.asset.pk) for one in handed if one.line.asset is not None}
    now = timezone.now()
    held = Place.objects.waiting(now).filter(reach.places_clearable(user), is_live=False, urge__gte=Level.HOLD.rank)
    found = held.order_by("due", "-urge", "pk").select_related("asset", "asset__claim")[: MOST + len(known)]
    left = [place for place in found if (place.subject_key, place.asset_id) not in known]
    return rows_of(left[:MOST], user=user, now=now, back="/")


def live_asking(user: Any) -> list[Row]:
    """What readers see and about which this person's desks have an open question."""
    now = timezone.now()
    live = Place.objects.waiting(now).filter(reach.places_clearable(user), is_live=True)
    found = live.order_by("-urge", "pk").select_related("asset", "asset__claim")[:MOST]
    return rows_of(list(found), user=user, now=now, back="/")


def overrides_ending(user: Any) -> list[Override]:
    """Overrides of this person's desks that end within four hours, the first to end first."""
    now = timezone.now()
    kind = registry.publishable_type(Story)
    own = Override.objects.filter(
        subject_type=registry.content_type(Story),
        subject_key__in=reach.keys_of(kind, user, "detection.override_hold"),
        revoked_at=None,
        ends_at__gt=now,
        ends_at__lte=now + ENDING,
    )
    return list(own.order_by("ends_at")[:MOST])


def house_of(user: Any) -> House | None:
    """How the house does; None for whoever looks after nothing of it."""
    is_auditor = user.has_perm("detection.view_audit")
    if user.has_perm("detection.operate_provider") or may_redrive(user):
        seen = watching.look()
        return House(tuple(worries(seen))[:MOST], seen.verified_at, seen.anchored_at, is_auditor)
    if not is_auditor:
        return None
    checks = AuditEvent.objects.filter(action__in=("audit.verified", "audit.anchored")).order_by()
    last = dict(checks.values_list("action").annotate(at=Max("at")))
    return House(None, last.get("audit.verified"), last.get("audit.anchored"), True)
