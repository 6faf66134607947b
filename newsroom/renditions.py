"""The copies that readers get: smaller, without metadata, under names nobody can guess. The original never leaves.

Made before a story is published, since opening a picture takes longer than a transaction should; served only while
the story that shows them is public.
"""

from __future__ import annotations

import logging
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection import sandbox, stored
from detection.errors import Rejected, SandboxFailed, StorageUnavailable
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
    for placement in story.placements.select_related("photo"):
        if placement.rendition_of != placement.photo.image.name or not placement.rendition:
            _make(placement)


def _make(placement: Placement) -> None:
    image, source = placement.photo.image, str(placement.photo.image.name)
    try:
        rendered = sandbox.render(stored.read(image.storage, source, most=UPLOAD_CAP), longest_side=LONGEST_SIDE)
        name = stored.save(default_storage, f"renditions/{uuid.uuid4().hex}.jpg", ContentFile(rendered.content))
    except (Rejected, SandboxFailed, FileNotFoundError) as error:
        logger.warning("No copy for readers of picture %s: %s", placement.photo_id, error)
        return
    except StorageUnavailable as error:
        logger.exception("The copy for readers of picture %s could not be stored.", placement.photo_id)
        raise NotStored from error
    Placement.objects.filter(pk=placement.pk).update(rendition=name, rendition_of=source)


def public(name: str) -> str | None:
    """The stored path of a copy that readers may have now; None where its story isn't public, or shows another."""
    path = f"renditions/{name}"
    for placement in Placement.objects.filter(rendition=path).select_related("photo", "story"):
        if not placement.story.is_draft and placement.is_live and placement.rendition_of == placement.published_file:
            return path
    return None
