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
    assets = Asset.objects.of_many([placement.photo for placement in placements])
    by_photo = {key: asset for (_, key), asset in assets.items()}
    concluded = _concluded(story, list(assets.values()))
    overridden = _overridden(story, list(assets.values()))
    labels: dict[int, str] = {}
    for placement in placements:
        asset = by_photo.get(registry.key(placement.photo))
        found = concluded.get(asset.pk) or overridden.get(asset.pk) if asset else ""
        labels[placement.pk] = placement.reader_label or found or ""
    return labels


def _concluded(story: Story, assets: list[Asset]) -> dict[int, str]:
    """The labels given with the conclusion that stands, on the picture or on the same file elsewhere."""
    files = [asset.sha256 for asset in assets if asset.sha256]
    same = Q(asset__in=assets) | Q(asset__sha256__in=files)
    said = list(Review.objects.filter(same, desk=story.desk.slug).select_related("asset"))
    labels: dict[int, str] = {}
    for asset in assets:
        about = (one for one in said if one.asset_id == asset.pk or (asset.sha256 and one.asset.sha256 == asset.sha256))
        stands = standing_review(about)
        if stands is not None and stands.conclusion != Conclusion.WAITING_FOR_SOURCE:
            labels[asset.pk] = stands.reader_label
    return labels


def _overridden(story: Story, assets: list[Asset]) -> dict[int, str]:
    """The labels given with overrides: of this story, else of its whole desk for the same picture or the same file."""
    files = [asset.sha256 for asset in assets if asset.sha256]
    same = Q(asset__in=assets) | Q(asset__sha256__in=files)
    of_desk = Q(scope="desk", desk=story.desk.slug) & same
    given = Override.objects.filter(Override.about(story) | of_desk, revoked_at=None).exclude(reader_label="")
    own, of_file = {}, {}
    for override in given.order_by("pk").select_related("asset"):
        if (override.subject_type_id, override.subject_key) == (registry.content_type(story).pk, registry.key(story)):
            own[override.asset_id] = override.reader_label
        if override.scope == "desk":
            of_file[override.asset_id] = of_file[override.asset.sha256 or override.asset_id] = override.reader_label
    shared = {asset.pk: of_file.get(asset.sha256) or of_file.get(asset.pk, "") for asset in assets}
    return {**shared, **own}


def credit_of(photo: Photo) -> str:
    """The credit line of a picture, with its licence where it has one."""
    return ", ".join(part for part in (photo.credit, photo.licence) if part)
