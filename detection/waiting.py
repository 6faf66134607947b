"""Which picture waits for a person, in which publishable, and how urgently: noted, so that a queue of any length lists
in a few looks. The one writer of `Place`.

A note is for lists only; the gate derives its answer from the facts each time. What the app changes itself is noted in
the same transaction; what a host changes, when it saves a publishable, calls `note`, or within the sweep's round.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from detection import policy, registry, sampling
from detection.errors import NotRegistered
from detection.models import Acknowledgement, Analysis, Asset, Override, Place, PolicyVersion, Review
from detection.models.places import NEVER
from detection.vocabulary import AnalysisStatus, Conclusion, Level, Signal, SourceTier, Why

A_ROUND = 100
"""Publishables of each kind that one sweep looks at; the next one goes on behind them."""
BEING_CHECKED = (Why.QUEUED, Why.RUNNING, Why.PAUSED)


def look(label: str, key: str) -> None:
    """Note one publishable by its label and key, or that it is gone. Run after a host's commit, so that locks of theirs
    and of ours are never held together.
    """
    subject = registry.publishable_type(label).find(key)
    if subject is not None:
        note(subject)
        return
    with transaction.atomic():
        places = Place.objects.filter(subject_type=label.lower(), subject_key=key)
        assets = list(Asset.objects.filter(pk__in=places.values("asset")).order_by("pk"))
        Asset.objects.lock([asset.pk for asset in assets])
        places.delete()
        for asset in assets:
            reckon(asset, is_locked=True)


def note(subject: Model) -> None:
    """Note where the pictures of this publishable stand now. Raises NotRegistered, and what the host's words raise."""
    kind = registry.publishable_type(subject)
    of_subject: dict[str, Any] = {"subject_type": subject._meta.label_lower, "subject_key": registry.key(subject)}
    wanted = _facts(kind, subject)
    held = {place.asset_id: place for place in Place.objects.filter(**of_subject).select_related("asset")}
    changed = {pk: place.asset for pk, place in held.items() if pk not in wanted}
    for pk, (asset, facts) in wanted.items():
        if pk not in held or any(getattr(held[pk], name) != value for name, value in facts.items()):
            changed[pk] = asset
    if not changed:
        return
    with transaction.atomic():
        # The pictures' rows first, in key order, as everybody who writes places of theirs does.
        Asset.objects.lock(changed)
        for pk, asset in changed.items():
            if pk in wanted:
                Place.objects.update_or_create(asset=asset, **of_subject, defaults=wanted[pk][1])
            else:
                Place.objects.filter(asset=asset, **of_subject).delete()
        for _pk, asset in sorted(changed.items()):
            reckon(asset, is_locked=True)


def _facts(kind: registry.PublishableType, subject: Model) -> dict[int, tuple[Asset, dict[str, Any]]]:
    """What the host says of each picture in this publishable, by the asset's key."""
    placed = kind.placed_in(subject)
    assets = Asset.objects.of_many([one.picture for one in placed])
    tells_live = any(one.is_live for one in placed)
    is_out = not kind.is_draft_of(subject)
    common = {
        "subject_label": str(subject)[:200],
        "desk": kind.desk_of(subject)[:64],
        "due": kind.publish_at_of(subject) or NEVER,
        "floor": max((reason.at_least.rank for reason in kind.reasons_of(subject)), default=0),
    }
    found = {}
    for one in placed:
        asset = assets.get((registry.content_type(one.picture).pk, registry.key(one.picture)))
        if asset is not None:
            # A host that says of none that it went out says it of the whole, by `is_draft`.
            found[asset.pk] = asset, {**common, "is_live": one.is_live or (is_out and not tells_live)}
    return found


def reckon(asset: Asset, *, is_locked: bool = False) -> None:
    """Note whether this picture waits for a person, and in which of its places.

    1. What the policy says of it as it stands. 2. A picture that asks and that no publishable holds gets a place by
    itself; one that is held has none. 3. For each place, whether a conclusion of its desk, an acknowledgement or an
    override answers. `is_locked`: the caller has written the picture's row in this transaction already.
    """
    with transaction.atomic():
        if not is_locked:
            Asset.objects.lock([asset.pk])
            asset.refresh_from_db()
        version = PolicyVersion.current()
        rules = version.rules
        _level, is_asked = _asked(asset, rules)
        places = _with_bare(asset, list(Place.objects.filter(asset=asset)), is_asked=is_asked)
        if places:
            _answer(asset, places, rules, number=version.number)


def _answer(asset: Asset, places: list[Place], rules: policy.Rules, *, number: int) -> None:
    common = {"signal": asset.signal, "why": asset.why, "tier": asset.source_tier, "judged_under": number}
    answers = _Answers(asset, places) if asset.evidence else None
    for place in places:
        level, is_asked = _asked(asset, rules.of_desk(place.desk))
        urge = _urge(level, is_asked=is_asked, floor=place.floor)
        facts: dict[str, Any] = {**common, "urge": urge, "closed_until": None, "needs_holder": False}
        facts["is_open"] = bool(urge) and asset.detached_at is None
        if facts["is_open"] and answers is not None:
            facts |= answers.about(place, urge)
        if facts["is_open"] and not place.is_open:
            facts["since"] = timezone.now()
        if any(getattr(place, name) != value for name, value in facts.items()):
            Place.objects.filter(pk=place.pk).update(**facts)


def reckon_twins(asset: Asset) -> None:
    """Reckon the other pictures with the same file, after the commit: what people say of a file counts for each."""
    if not asset.sha256:
        return
    for twin in Asset.objects.filter(sha256=asset.sha256, places__isnull=False).exclude(pk=asset.pk).distinct():
        reckon(twin)


def _asked(asset: Asset, rules: policy.Rules) -> tuple[Level, bool]:
    """The level the policy asks for on a picture like this, and whether it asks for a person at all."""
    tier = SourceTier(asset.source_tier) if asset.source_tier in set(SourceTier) else SourceTier.UNKNOWN
    second = bool(asset.standing.get("second_strong"))
    found = policy.Assessment(signal=Signal(asset.signal), row=asset.row, is_second_strong=second)
    level, queued = policy.level_for(found, tier, rules)
    if level.refuses or queued or sampling.is_blind(asset):
        return level, True
    # Whatever the table says of pictures that could not be checked: one whose check gave up waits for nobody else.
    given_up = asset.signal == Signal.COULD_NOT_CHECK and Analysis.objects.filter(
        asset=asset, generation=asset.generation, status=AnalysisStatus.DEAD
    )
    return level, bool(given_up and given_up.exists())


def _urge(level: Level, *, is_asked: bool, floor: int) -> int:
    if floor >= Level.ACKNOWLEDGE.rank:
        return max(level.rank, floor)
    return max(level.rank, 1) if is_asked else 0


def _with_bare(asset: Asset, places: list[Place], *, is_asked: bool) -> list[Place]:
    """The places, with or without the one by itself. What is still being checked waits for no person there."""
    held = [place for place in places if not place.is_bare]
    bare = [place for place in places if place.is_bare]
    is_running = asset.signal == Signal.NOT_CHECKED and asset.why in BEING_CHECKED
    if held or (not bare and (not is_asked or is_running or asset.detached_at is not None)):
        if bare:
            Place.objects.filter(pk__in=[place.pk for place in bare]).delete()
        return held
    if not bare:
        made = _bare(asset)
        return [made] if made is not None else []
    return bare


def _bare(asset: Asset) -> Place | None:
    try:
        kind, picture = asset.asset_type, asset.picture()
    except NotRegistered:
        return None
    if picture is None:
        return None
    known = {"is_bare": True, "desk": kind.desk_of(picture)[:64], "subject_label": ""}
    of_picture = {"subject_type": kind.model.lower(), "subject_key": asset.object_key}
    return Place.objects.get_or_create(asset=asset, **of_picture, defaults=known)[0]


class _Answers:
    """What people have said about one picture on its present evidence, and for which of its places it counts."""

    def __init__(self, asset: Asset, places: list[Place]) -> None:
        same_file = Q(asset__sha256=asset.sha256) if asset.sha256 else Q(pk__in=[])
        of_file = Q(asset=asset) | same_file
        self.evidence = asset.evidence
        self.asset = asset
        self.reviews = list(Review.objects.filter(of_file, evidence=asset.evidence).order_by("pk"))
        self.seen: list[Acknowledgement] = []
        self.overrides: list[Override] = []
        if any(not place.is_bare for place in places):
            self.seen = list(Acknowledgement.objects.filter(asset=asset, evidence=asset.evidence))
            given = Override.objects.filter(of_file, evidence=asset.evidence, revoked_at=None)
            self.overrides = list(given.filter(ends_at__gt=timezone.now()))

    def about(self, place: Place, urge: int) -> dict[str, Any]:
        """Whether this place is open still, and for whom; in the gate's order."""
        said = self._concluded(place)
        word = Conclusion(said.conclusion) if said is not None else None
        raised = said.created_at if said is not None and word is not None and _raises(word) else None
        if (end := self._overridden(place, raised)) is not None:
            return {"closed_until": end}
        if said is not None and word is not None and word is not Conclusion.WAITING_FOR_SOURCE:
            if word.says_ai or said.by_holder or urge < Level.HOLD.rank:
                return {"is_open": False}
            return {"needs_holder": True}
        if urge <= Level.ACKNOWLEDGE.rank and self._acknowledged(place, raised):
            return {"is_open": False}
        return {}

    def _concluded(self, place: Place) -> Review | None:
        desks = {place.desk, ""} if place.is_bare else {place.desk}
        rows = [one for one in self.reviews if one.desk in desks]
        taken_back = {one.reverses_id for one in self.reviews if one.reverses_id}
        return policy.standing_conclusion(one for one in rows if one.conclusion and one.pk not in taken_back)

    def _overridden(self, place: Place, raised: datetime | None) -> datetime | None:
        ends = [
            one.ends_at
            for one in self.overrides
            if (one.asset_id == self.asset.pk and _is_about(one, place))
            or (one.scope == "desk" and place.desk and one.desk == place.desk)
            if raised is None or one.created_at > raised
        ]
        return max(ends, default=None)

    def _acknowledged(self, place: Place, raised: datetime | None) -> bool:
        return any(_is_about(one, place) and (raised is None or one.created_at > raised) for one in self.seen)


def _raises(word: Conclusion) -> bool:
    return word.says_ai or word is Conclusion.WAITING_FOR_SOURCE


def _is_about(act: Acknowledgement | Override, place: Place) -> bool:
    kind = ContentType.objects.get_for_id(act.subject_type_id)
    label = f"{kind.app_label}.{kind.model}"
    return (label, act.subject_key, act.desk) == (place.subject_type, place.subject_key, place.desk)


def refresh(now: datetime) -> int:
    """The sweep's part: some publishables looked at anew, and pictures judged under an earlier policy; how many.

    Which publishables is read off the clock, so that rounds follow each other without a note of where the last ended.
    """
    looked = sum(_note_some(kind, now) for kind in registry.publishable_types())
    earlier = Place.objects.exclude(judged_under=PolicyVersion.current().number).order_by("judged_under", "pk")
    stale = Asset.objects.filter(pk__in=list(earlier.values_list("asset", flat=True)[:A_ROUND]))
    for asset in [*stale, *_unplaced(now)]:
        reckon(asset)
        looked += 1
    return looked


def _unplaced(now: datetime) -> Iterator[Asset]:
    """Pictures of this round that would ask and that no row tells of, such as those older than the queue's rows."""
    last = Asset.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    first = int(now.timestamp() // 60) % (last // A_ROUND + 1) * A_ROUND
    some = Asset.objects.filter(pk__gt=first, pk__lte=first + A_ROUND, places=None, detached_at=None)
    rules = PolicyVersion.current().rules
    yield from (asset for asset in some if asset.standing_version and _asked(asset, rules)[1])


def _note_some(kind: registry.PublishableType, now: datetime) -> int:
    rows = kind.model_class._default_manager.order_by("pk")
    rounds = -(-rows.count() // A_ROUND)
    if not rounds:
        return 0
    first = int(now.timestamp() // 60) % rounds * A_ROUND
    some = list(rows[first : first + A_ROUND])
    for subject in some:
        note(subject)
    return len(some)
