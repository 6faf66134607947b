"""A picture that is very like one which this story held before: the earlier question comes back beside it.

Else saving a picture anew, smaller or in another format, would be the quickest way past an open question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from detection.models import Asset, AuditEvent
from detection.vocabulary import Conclusion, Signal

WITHIN = timedelta(days=30)
"""How long a story remembers the pictures that it held."""
DISTANCE = 8
"""Bits of 64 by which the difference hashes of two copies of one picture may differ."""
_PLAIN = 8
"""A hash with fewer bits set, or with fewer unset, is that of a picture without structure, which is like any other."""
_OPEN = frozenset(
    {
        Signal.DECLARED_AI,
        Signal.DECLARED_AI_EDITED,
        Signal.CREDENTIALS_BROKEN,
        Signal.STRONG,
        Signal.SOME,
        Signal.CONFLICT,
        Signal.DISAGREE,
    }
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A picture about which a question is open, and when it was last heard of in this story."""

    asset: Asset
    at: datetime


def held_by(model: str, keys: Iterable[str], *, now: datetime) -> dict[str, list[Earlier]]:
    """The pictures with an open question that each publishable held lately, by its key: two queries for all.

    `model`: the publishable's label in small letters. They are read from its history, which hosts write to when a
    picture comes or goes.
    """
    events = AuditEvent.objects.filter(subject_type=model, subject_key__in=list(keys), at__gte=now - WITHIN)
    last = events.exclude(asset=None).order_by().values_list("subject_key", "asset_id").annotate(last=Max("at"))
    rows = list(last)
    known = Asset.objects.in_bulk({pk for _key, pk, _at in rows}) if rows else {}
    found: dict[str, list[Earlier]] = defaultdict(list)
    for key, pk, at in rows:
        if pk in known and _is_open(known[pk]):
            found[key].append(Earlier(known[pk], at))
    return found


def _is_open(asset: Asset) -> bool:
    says_ai = bool(asset.conclusion) and Conclusion(asset.conclusion).says_ai
    is_settled = asset.conclusion == Conclusion.ACCEPTED
    return says_ai or (not is_settled and asset.signal in _OPEN)


def like(asset: Asset, earlier: Iterable[Earlier], *, besides: set[int]) -> Earlier | None:
    """The one of these that this picture is nearest to; None where none is near. `besides`: assets that don't count."""
    near = [
        (distance, one)
        for one in earlier
        if one.asset.pk not in besides and (distance := _distance(asset.phash, one.asset.phash)) is not None
    ]
    return min(near, key=lambda pair: (pair[0], -pair[1].asset.pk))[1] if near else None


def _distance(one: str, other: str) -> int | None:
    """By how many bits they differ; None where that is too many, or where it would say nothing."""
    if not one or not other:
        return None
    first, second = int(one, 16), int(other, 16)
    if any(not _PLAIN <= value.bit_count() <= 64 - _PLAIN for value in (first, second)):
        return None
    distance = (first ^ second).bit_count()
    return distance if distance <= DISTANCE else None
