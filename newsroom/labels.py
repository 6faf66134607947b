"""The words readers see beside a picture that AI made or changed: the story's own, else those of whoever decided.

Asked by the public page, and by the gate for whether a picture is labelled.
"""

from __future__ import annotations

from django.db.models import Q

from detection import registry
from detection.models import Asset, Override, Review
from detection.standing import standing_review
from detection.vocabulary import Conclusion
from newsroom.models import Photo, Placement, Story


def for_readers(story: Story, placements: list[Placement]) -> dict[int, str]:
    """Placement → label, "" for none. A conclusion counts on its own desk, till it is taken back. Three queries."""
    return _for_all([(story, placements)])[story.pk]


def attach(stories: list[Story]) -> None:
    """Work out the labels of many stories at once, in three queries; `attached` has them. Placements are prefetched."""
    found = _for_all([(story, list(story.placements.all())) for story in stories])
    for story in stories:
        story._reader_labels = found[story.pk]  # type: ignore[attr-defined]


def attached(story: Story) -> dict[int, str] | None:
    """What `attach` worked out for this very instance; None where it was not asked."""
    found: dict[int, str] | None = getattr(story, "_reader_labels", None)
    return found


SOURCE_TYPES = {
    Conclusion.CONFIRMED_AI_GENERATED: "trainedAlgorithmicMedia",
    Conclusion.CONFIRMED_AI_ALTERED: "compositeWithTrainedAlgorithmicMedia",
}
"""IPTC's word for what a person has confirmed; no other conclusion, and no detector, is a statement about the file."""


def source_types(story: Story, placements: list[Placement]) -> dict[int, str]:
    """Placement → IPTC's digital source type as this desk's people have confirmed it, "" without. Two queries."""
    assets = Asset.objects.of_many([one.photo for one in placements])
    by_photo = {key: asset for (_, key), asset in assets.items()}
    files = {asset.sha256 for asset in assets.values() if asset.sha256}
    same = Q(asset__in=assets.values()) | Q(asset__sha256__in=files)
    said = list(Review.objects.filter(same, desk=story.desk.slug).select_related("asset"))
    found: dict[int, str] = {}
    for placement in placements:
        asset = by_photo.get(registry.key(placement.photo))
        stands = standing_review(one for one in said if _is_about(one.asset, asset)) if asset else None
        found[placement.pk] = SOURCE_TYPES.get(Conclusion(stands.conclusion), "") if stands else ""
    return found


def _for_all(stories: list[tuple[Story, list[Placement]]]) -> dict[int, dict[int, str]]:
    assets = Asset.objects.of_many([one.photo for _story, placements in stories for one in placements])
    by_photo = {key: asset for (_, key), asset in assets.items()}
    files = {asset.sha256 for asset in assets.values() if asset.sha256}
    same = Q(asset__in=assets.values()) | Q(asset__sha256__in=files)
    desks = {story.desk.slug for story, _placements in stories}
    said = list(Review.objects.filter(same, desk__in=desks).select_related("asset"))
    kind, keys = registry.content_type(Story), [registry.key(story) for story, _placements in stories]
    about = Q(subject_type=kind, subject_key__in=keys) | Q(scope="desk", desk__in=desks) & same
    given = Override.objects.filter(about, revoked_at=None).exclude(reader_label="").order_by("pk")
    overrides = list(given.select_related("asset"))
    labels: dict[int, dict[int, str]] = {}
    for story, placements in stories:
        own = [asset for one in placements if (asset := by_photo.get(registry.key(one.photo)))]
        concluded = _concluded(said, story.desk.slug, own)
        overridden = _overridden(overrides, story, own)
        labels[story.pk] = {}
        for placement in placements:
            asset = by_photo.get(registry.key(placement.photo))
            found = concluded.get(asset.pk) or overridden.get(asset.pk) if asset else ""
            labels[story.pk][placement.pk] = placement.reader_label or found or ""
    return labels


def _concluded(said: list[Review], desk: str, assets: list[Asset]) -> dict[int, str]:
    """The labels given with the conclusion that stands, on the picture or on the same file elsewhere."""
    labels: dict[int, str] = {}
    for asset in assets:
        stands = standing_review(one for one in said if one.desk == desk and _is_about(one.asset, asset))
        if stands is not None and stands.conclusion != Conclusion.WAITING_FOR_SOURCE:
            labels[asset.pk] = stands.reader_label
    return labels


def _overridden(given: list[Override], story: Story, assets: list[Asset]) -> dict[int, str]:
    """The labels given with overrides: of this story, else of its whole desk for the same picture or the same file."""
    name = (registry.content_type(story).pk, registry.key(story))
    own, shared = {}, {}
    for override in given:
        if (override.subject_type_id, override.subject_key) == name:
            own[override.asset_id] = override.reader_label
        if override.scope == "desk" and override.desk == story.desk.slug:
            about = (asset.pk for asset in assets if _is_about(override.asset, asset))
            shared.update(dict.fromkeys(about, override.reader_label))
    return {**shared, **own}


def _is_about(one: Asset, other: Asset) -> bool:
    """Whether they are one picture, or the same file."""
    return one.pk == other.pk or (bool(one.sha256) and one.sha256 == other.sha256)


def credit_of(photo: Photo) -> str:
    """The credit line of a picture, with its licence where it has one."""
    return ", ".join(part for part in (photo.credit, photo.licence) if part)
