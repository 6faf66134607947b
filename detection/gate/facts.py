"""What the gate rests on: all about a story's pictures, in a fixed number of queries, and who may act on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models

from detection import registry
from detection.audit import name_of
from detection.gate import near
from detection.models import Acknowledgement, Analysis, Asset, Override, PolicyVersion, Review
from detection.policy import Rules
from detection.standing import standing_review
from detection.vocabulary import AnalysisStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about a story's pictures, fetched once."""

    subject: models.Model
    kind: registry.PublishableType
    desk: str
    rules: Rules
    number: int
    now: datetime
    assets: dict[tuple[int, str], Asset]
    analyses: dict[int, list[Analysis]]
    reviews: dict[int, list[Review]]
    acknowledgements: dict[int, list[Acknowledgement]]
    overrides: dict[int, list[Override]]
    before: dict[int, list[Analysis]]
    """Of pictures that are being looked at once more: what the earlier look had found."""
    earlier: list[near.Earlier]
    """The pictures with an open question that this publishable held lately."""

    @property
    def placed_now(self) -> set[int]:
        """The assets of the pictures that stand in it."""
        return {asset.pk for asset in self.assets.values()}

    def asset_of(self, picture: models.Model) -> Asset | None:
        return self.assets.get((registry.content_type(picture).pk, registry.key(picture)))

    def analyses_of(self, asset: Asset | None, picture: models.Model) -> list[Analysis]:
        """The analyses that count; none where the picture now has a file that nobody has asked about."""
        if asset is None or (registry.asset_type(picture).file_of(picture).name or "") != asset.file_name:
            return []
        return self.analyses.get(asset.pk, [])

    def standing_review(self, asset: Asset, evidence: str) -> Review | None:
        """The conclusion of this desk that stands on this evidence."""
        said = self.reviews.get(asset.pk, [])
        return standing_review(row for row in said if row.evidence == evidence and row.desk == self.desk)


def _grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.asset_id].append(row)
    return found


def facts_of(subject: models.Model, placed: list[registry.Placed], *, now: datetime) -> Facts:
    """Fetch what the lines are derived from."""
    return facts_of_all([(subject, placed)], now=now)[0]


def facts_of_all(subjects: list[tuple[models.Model, list[registry.Placed]]], *, now: datetime) -> list[Facts]:
    """The facts of each of these publishables, all of one model, fetched in as many queries as for one."""
    if not subjects:
        return []
    kind = registry.publishable_type(subjects[0][0])
    desks = {kind.desk_of(subject) for subject, _placed in subjects}
    assets = Asset.objects.of_many([one.picture for _subject, placed in subjects for one in placed])
    pks = [asset.pk for asset in assets.values()]
    shas = [asset.sha256 for asset in assets.values() if asset.sha256]
    version = PolicyVersion.current()
    ours = models.Q(
        subject_type=registry.content_type(kind.model_class),
        subject_key__in=[registry.key(subject) for subject, _placed in subjects],
        asset__in=pks,
    )
    on_desks = models.Q(scope="desk", desk__in=desks - {""}, asset__sha256__in=shas)
    in_force = Override.objects.filter(revoked_at=None, ends_at__gt=now).select_related("asset")
    overrides = list(in_force.filter(ours | on_desks))
    seen = list(Acknowledgement.objects.filter(ours))
    analyses = _newest(Analysis.objects.filter(asset__in=pks).present())
    reviews = _reviews(list(assets.values()), shas, desks)
    before = _looked_before(list(assets.values()))
    keys = [registry.key(subject) for subject, placed in subjects if placed]
    earlier = near.held_by(kind.model_class._meta.label_lower, keys, now=now) if keys else {}
    found, rules = [], version.rules
    for subject, placed in subjects:
        desk, key = kind.desk_of(subject), registry.key(subject)
        own = {one: assets[one] for one in map(_key_of, placed) if one in assets}
        found.append(
            Facts(
                subject=subject,
                kind=kind,
                desk=desk,
                rules=rules.of_desk(desk),
                number=version.number,
                now=now,
                assets=own,
                analyses=analyses,
                reviews=reviews,
                acknowledgements=_grouped(one for one in seen if (one.subject_key, one.desk) == (key, desk)),
                overrides={
                    asset.pk: [one for one in overrides if _covers(one, asset, key=key, desk=desk)]
                    for asset in own.values()
                },
                before=before,
                earlier=earlier.get(key, []),
            )
        )
    return found


def _key_of(placed: registry.Placed) -> tuple[int, str]:
    return registry.content_type(placed.picture).pk, registry.key(placed.picture)


def _newest(rows: Iterable[Analysis]) -> dict[int, list[Analysis]]:
    """By picture, the newest of each detector."""
    newest: dict[int, dict[str, Analysis]] = defaultdict(dict)
    for row in sorted(rows, key=lambda one: one.pk):
        newest[row.asset_id][row.provider] = row
    return {pk: list(found.values()) for pk, found in newest.items()}


def _looked_before(assets: list[Asset]) -> dict[int, list[Analysis]]:
    again = [asset.pk for asset in assets if asset.looked_before is not None]
    if not again:
        return {}
    earlier = Analysis.objects.filter(asset__in=again, generation=models.F("asset__looked_before"))
    return _newest(earlier.filter(status=AnalysisStatus.COMPLETE))


def _reviews(assets: list[Asset], shas: list[str], desks: set[str]) -> dict[int, list[Review]]:
    """The desks' conclusions on each picture, and on the same file elsewhere: a second upload changes no evidence."""
    same = models.Q(asset__in=[asset.pk for asset in assets]) | models.Q(asset__sha256__in=shas)
    said = list(Review.objects.filter(same, desk__in=desks).select_related("asset"))
    return {
        asset.pk: [
            one for one in said if one.asset_id == asset.pk or (asset.sha256 and one.asset.sha256 == asset.sha256)
        ]
        for asset in assets
    }


def _covers(override: Override, asset: Asset, *, key: str, desk: str) -> bool:
    """Whether it was given for this story and picture, or for every story of this desk with the same file."""
    if override.desk != desk:
        return False
    is_same_file = bool(asset.sha256) and override.asset.sha256 == asset.sha256
    of_story = override.subject_key == key and override.asset_id == asset.pk
    return of_story or (override.scope == "desk" and bool(desk) and is_same_file)


class Holders:
    """Who may act on this story, looked up only when a line asks and then once; never where `is_asked` is False."""

    def __init__(self, facts: Facts, user: Any, *, is_asked: bool = True) -> None:
        self.facts, self.user, self.is_asked = facts, user, is_asked
        self._people: dict[str, tuple[Any, ...]] = {}
        self._mine: dict[str, bool] = {}

    def names(self, permission: str, *, but: Container[Any] = ()) -> tuple[str, ...]:
        """At most five active people who hold it here; `but`: the keys of those who may not use it this time."""
        return tuple(name_of(one) for one in self.people(permission) if one.pk not in but)

    def people(self, permission: str) -> tuple[Any, ...]:
        """At most five active users who hold it here."""
        if not self.is_asked:
            return ()
        if permission not in self._people:
            known = get_user_model()._default_manager.with_perm(
                permission, include_superusers=False, backend="django.contrib.auth.backends.ModelBackend"
            )
            holders = (one for one in known.order_by("pk")[:50] if self.allows(permission, one))
            self._people[permission] = tuple(one for one, _unused in zip(holders, range(5), strict=False))
        return self._people[permission]

    def allows(self, permission: str, user: Any) -> bool:
        return self.facts.kind.allows(user, permission, self.facts.subject)

    def mine(self, permission: str) -> bool:
        """Whether the asking user holds it here."""
        if permission not in self._mine:
            self._mine[permission] = self.user is not None and self.allows(permission, self.user)
        return self._mine[permission]
