"""The copies that readers get: smaller, under names nobody can guess, saying whose they are and how they were made.

They say nothing else, and the original never leaves. Its Content Credentials hold for its own bytes alone, so a copy
has none; that there were any is recorded.

Made before a story is published, since opening a picture takes longer than a transaction should; served only while
the story that shows them is public.
"""

from __future__ import annotations

import hashlib
import logging
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from detection import audit, sandbox, stored
from detection.errors import Rejected, SandboxFailed, StorageUnavailable
from detection.models import Asset
from newsroom import carrying, labels
from newsroom.models import Placement, Story
from newsroom.streaming import UPLOAD_CAP

logger = logging.getLogger(__name__)


class NotStored(Exception):
    """The storage had no room for a readers' copy, or did not answer."""


LONGEST_SIDE = 1600
"""Pixels of a copy's longer side."""


def prepare(story: Story) -> None:
    """Make the copies that are missing. A picture that cannot be opened gets none, and readers don't see it.

    Raises NotStored where the storage fails: that is no picture's fault, and the story has to wait.
    """
    placements = list(story.placements.select_related("photo"))
    confirmed = labels.source_types(story, placements)
    for placement in placements:
        photo, said = placement.photo, confirmed[placement.pk]
        fresh = (photo.image.name, carrying.own_words(photo, said))
        if (placement.rendition_of, placement.rendition_words) != fresh or not placement.rendition:
            _make(placement, confirmed=said)


def _make(placement: Placement, *, confirmed: str) -> None:
    photo, source = placement.photo, str(placement.photo.image.name)
    try:
        content = stored.read(photo.image.storage, source, most=UPLOAD_CAP)
        rendered = sandbox.render(content, longest_side=LONGEST_SIDE)
        found = sandbox.carried(content)
        said = carrying.words(photo, found, confirmed)
        copy = carrying.written(rendered.content, said)
        name = stored.save(default_storage, f"renditions/{uuid.uuid4().hex}.jpg", ContentFile(copy))
    except (Rejected, SandboxFailed, FileNotFoundError) as error:
        logger.warning("No copy for readers of picture %s: %s", placement.photo_id, error)
        return
    except StorageUnavailable as error:
        logger.exception("The copy for readers of picture %s could not be stored.", placement.photo_id)
        raise NotStored from error
    before = placement.rendition
    action = "rendition.made_without_credentials" if found.had_credentials else "rendition.made"
    with transaction.atomic():
        fresh = {"rendition": name, "rendition_of": source, "rendition_words": carrying.own_words(photo, confirmed)}
        Placement.objects.filter(pk=placement.pk).update(**fresh)
        audit.record(
            action,
            asset=Asset.objects.of(photo).first(),
            subject=photo,
            story=placement.story_id,
            sha256=hashlib.sha256(copy).hexdigest(),
            says=sorted(said),
            source_type=said.get("source_type", ""),
            confirmed=confirmed,
        )
    if before:
        stored.delete_quietly(default_storage, before)


def public(name: str) -> str | None:
    """The stored path of a copy that readers may have now; None where its story isn't public, or shows another."""
    path = f"renditions/{name}"
    for placement in Placement.objects.filter(rendition=path).select_related("photo", "story"):
        if not placement.story.is_draft and placement.is_live and placement.rendition_of == placement.published_file:
            return path
    return None
