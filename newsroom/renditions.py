"""The copies that readers get: smaller, without metadata, under names nobody can guess. The original never leaves.

Made before a story is published, since opening a picture takes longer than a transaction should; served only while
the story that shows them is public.
"""

from __future__ import annotations

import logging
import uuid

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from detection import sandbox
from detection.errors import Rejected, SandboxFailed
from newsroom.models import Placement, Story

logger = logging.getLogger(__name__)


class NotStored(Exception):
    """A readers' copy was made and could not be stored."""


LONGEST_SIDE = 1600
"""Pixels of a copy's longer side."""


def prepare(story: Story) -> None:
    """Make the copies that are missing. A picture that cannot be opened gets none, and readers don't see it.

    Raises NotStored where there is a copy and no room for it: that is no picture's fault, and the story has to wait.
    """
    for placement in story.placements.select_related("photo"):
        if placement.rendition_of != placement.photo.image.name or not placement.rendition:
            _make(placement)


def _make(placement: Placement) -> None:
    source = placement.photo.image.name
    try:
        with placement.photo.image.open("rb") as file:
            rendered = sandbox.render(file.read(), longest_side=LONGEST_SIDE)
    except (Rejected, SandboxFailed, OSError) as error:
        logger.warning("No copy for readers of picture %s: %s", placement.photo_id, error)
        return
    try:
        name = default_storage.save(f"renditions/{uuid.uuid4().hex}.jpg", ContentFile(rendered.content))
    except OSError as error:
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
