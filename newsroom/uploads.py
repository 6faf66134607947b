"""How a picture comes in: the story page, the page that checks a picture, and the folder import all come through here.

An upload is never refused for what the file is; that is found out afterwards, by the check.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import PurePath
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from detection import audit, registry, scanning
from detection.models import Asset
from newsroom.models import Desk, Photo, Placement, Story

logger = logging.getLogger(__name__)

UPLOAD_CAP = 60 * 1024 * 1024
"""Bytes of one file that the newsroom's own forms take."""
CHECKED_FOR = timedelta(hours=24)
"""How long a picture is kept that was uploaded only to be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What is known of a picture at upload. `keep_inside` None: as its desk has it."""

    source_tier: str = ""
    credit: str = ""
    keep_inside: bool | None = None

    def keeps_inside(self, desk: Desk | None) -> bool:
        """Whether the picture stays inside: as chosen, else as is usual on its desk."""
        return desk is not None and desk.is_confidential if self.keep_inside is None else self.keep_inside


def receive(file: File[bytes], *, by: Any, story: Story | None = None, particulars: Particulars | None = None) -> Photo:
    """Keep one file as a new picture, and place it last in `story` where one is given. `by`: None for an import."""
    known = particulars or Particulars()
    desk = story.desk if story is not None else None
    name = PurePath(file.name or "").name[:200]
    with transaction.atomic():
        photo = Photo.objects.create(
            image=File(file, name=name or "picture"),
            original_name=name,
            headline=PurePath(name).stem.replace("_", " ").replace("-", " ")[:200],
            credit=known.credit,
            source_tier=known.source_tier,
            keep_inside=known.keeps_inside(desk),
            uploader=by,
            desk=desk,
        )
        audit.record("picture.uploaded", subject=photo, by=by, file=photo.image.name, source_tier=known.source_tier)
        if story is not None:
            place(photo, story)
    return photo


def receive_for_check(file: File[bytes], *, by: Any, keep_inside: bool = False) -> Photo:
    """Keep one file for a look at the evidence; it is deleted after 24 hours unless somebody places it in a story."""
    with transaction.atomic():
        photo = receive(file, by=by, particulars=Particulars(keep_inside=keep_inside))
        photo.expires_at = timezone.now() + CHECKED_FOR
        photo.save(update_fields=["expires_at"])
    return photo


def place(photo: Photo, story: Story) -> Placement:
    """Put a picture last in a story; one that stands there already stays where it is."""
    last = story.placements.aggregate(last=Max("position"))["last"]
    placement, _ = Placement.objects.get_or_create(
        story=story, photo=photo, defaults={"position": 0 if last is None else last + 1}
    )
    return placement


def request_missing_checks(story: Story, *, by: Any) -> int:
    """Ask for a check of each placed picture whose present file nobody asked about; how many. What fails is logged.

    Without one the gate could name no evidence, so nobody could acknowledge or clear the picture.
    """
    photos = list(Photo.objects.filter(placements__story=story))
    known = Asset.objects.of_many(photos)
    requested = 0
    for photo in photos:
        asset = known.get((registry.content_type(photo).pk, registry.key(photo)))
        if asset is not None and asset.file_name == photo.image.name:
            continue
        try:
            with transaction.atomic():
                scanning.request_scan(photo, by=by)
            requested += 1
        except Exception:
            logger.exception("No check could be requested for picture %s.", photo.pk)
    return requested


def delete_expired(now: datetime) -> int:
    """Delete pictures that were only checked and whose time is over; how many. Their history stays."""
    deleted = 0
    for photo in Photo.objects.filter(expires_at__lte=now, placements=None):
        with transaction.atomic():
            still_there: Iterable[Photo] = Photo.objects.filter(pk=photo.pk, expires_at__lte=now, placements=None)
            for one in still_there:
                audit.record("picture.expired", subject=one)
                storage, name = one.image.storage, str(one.image.name)
                one.delete()
                transaction.on_commit(partial(storage.delete, name))
                deleted += 1
    return deleted
