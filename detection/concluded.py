"""What people concluded about pictures, as one reader may hear of it: on their own desks, and on no other.

A conclusion counts on the desk of the publishable it was made for. So a picture that stands on two desks may be
settled on one and open on the other, and who works on one alone hears nothing of the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from detection import reach
from detection.models import Asset, AuditEvent, Place, Review
from detection.standing import standing_review


@dataclass(frozen=True, slots=True)
class Heard:
    """What one reader hears about one picture.

    `latest`: the conclusion that stands among all that they may read, a hint where it was made on no desk; `by_desk`:
    what counts on each desk where the picture stands for them (None: open there), under "" where that is none.
    """

    latest: Review | None
    by_desk: dict[str, Review | None]


_Desks = dict[str, frozenset[str]]
"""A desk, and the desks of conclusions that count on it."""
_NONE: _Desks = {"": frozenset({""})}


def heard_by(user: Any, assets: Sequence[Asset]) -> dict[int, Heard]:
    """What this reader hears about each of these pictures, by their keys. At most three queries."""
    said = _said(assets)
    known = _desks_of(user, [asset for asset in assets if said[asset.pk]])
    return {asset.pk: _heard(said[asset.pk], known.get(asset.pk, _NONE)) for asset in assets}


def latest_heard(user: Any, asset: Asset) -> Review | None:
    """`Heard.latest` about one picture."""
    return heard_by(user, [asset])[asset.pk].latest


def may_be_heard(user: Any) -> Q:
    """The filter for pictures whose newest conclusion this reader may read, by the picture's own column."""
    if _reads_all(user):
        return ~Q(conclusion="")
    within = reach.about_read(user)
    said = {"asset": OuterRef("asset"), "desk": OuterRef("desk")}
    places = Place.objects.filter(within, is_bare=False, **said)
    events = AuditEvent.objects.filter(within, action="review.concluded", **said)
    same = {name: OuterRef(name) for name in ("evidence", "conclusion")}
    found = Review.objects.filter(Q(desk="") | Exists(places) | Exists(events), asset=OuterRef("pk"), **same)
    return ~Q(conclusion="") & Q(Exists(found))


def _reads_all(user: Any) -> bool:
    return bool(user.is_active and user.has_perm("detection.view_audit"))


def _heard(said: list[Review], desks: _Desks) -> Heard:
    readable = {"", *desks, *(desk for counting in desks.values() for desk in counting)}
    return Heard(
        latest=standing_review(one for one in said if one.desk in readable),
        by_desk={
            desk: standing_review(one for one in said if one.desk in counting) for desk, counting in desks.items()
        },
    )


def _said(assets: Sequence[Asset]) -> dict[int, list[Review]]:
    """By picture, everybody's conclusions on its present evidence, also on the same file elsewhere."""
    asked = [asset for asset in assets if asset.evidence]
    same_file = Q(asset__sha256__in={asset.sha256 for asset in asked if asset.sha256})
    about = same_file | Q(asset__in=[asset.pk for asset in asked])
    rows = list(Review.objects.filter(about).select_related("asset")) if asked else []
    return {asset.pk: [one for one in rows if _is_about(one, asset)] for asset in assets}


def _is_about(review: Review, asset: Asset) -> bool:
    is_same = review.asset_id == asset.pk or (bool(asset.sha256) and review.asset.sha256 == asset.sha256)
    return is_same and bool(asset.evidence) and review.evidence == asset.evidence


def _desks_of(user: Any, assets: Collection[Asset]) -> dict[int, _Desks]:
    """By picture, the desks on which it stands for this reader; for one in no publishable of theirs, "" with what they
    may read of, for who may look at a picture needs not be of its desk."""
    if not assets:
        return {}
    pks = [asset.pk for asset in assets]
    within = Q() if _reads_all(user) else reach.about_read(user)
    found: dict[int, _Desks] = defaultdict(dict)
    for place in Place.objects.filter(within, asset__in=pks, is_bare=False):
        found[place.asset_id][place.desk] = frozenset({place.desk})
    if elsewhere := set(pks) - found.keys():
        events = AuditEvent.objects.filter(within, action="review.concluded", asset__in=elsewhere)
        for asset, desk in events.exclude(subject_type="").values_list("asset", "desk"):
            known = found[asset].get("", frozenset({""}))
            found[asset][""] = known | {desk}
    return found
