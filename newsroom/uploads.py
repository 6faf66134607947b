"""How a picture comes in: the story page, the page that checks a picture, and the folder import all come through here.

An upload is never refused for what the file is; that is found out afterwards, by the check. It is refused where there
is no room for it, and then nothing of it is kept: neither a row without its file nor a file without its row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from django.core.files.base import File
from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, registry, scanning, stored
from detection.errors import StorageUnavailable
from detection.models import Asset
from newsroom import quotas
from newsroom.models import Desk, Photo, Placement, Story
from newsroom.storage import is_full
from newsroom.streaming import UPLOAD_CAP, NotKept

logger = logging.getLogger(__name__)

CHECKED_FOR = timedelta(hours=24)
"""How long a picture is kept that was uploaded only to be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What is known of a picture at upload. `keep_inside` None: as its desk has it."""

    source_tier: str = ""
    credit: str = ""
    keep_inside: bool | None = None
    is_graphic: bool = False

    def keeps_inside(self, desk: Desk | None) -> bool:
        """Whether the picture stays inside: as chosen, else as is usual on its desk."""
        return desk is not None and desk.is_confidential if self.keep_inside is None else self.keep_inside


class NotStored(OSError):
    """There was no place for a picture, and nothing of it was kept. Its text is a sentence for whoever uploaded it.

    `status`: the HTTP status that says the same to a program.
    """

    status: int = 503

    def __init__(self, name: str, *, is_full: bool) -> None:
        sentences = {
            True: _("“%(name)s” was not taken in: there is no room left here. Tell whoever runs this site."),
            False: _("“%(name)s” was not taken in: the storage did not answer. Try again in a minute."),
        }
        super().__init__(sentences[is_full] % {"name": name})
        self.status = 507 if is_full else 503


class NotTaken(NotStored):
    """The picture was not taken in because of its length, or because this person's day is used up."""

    def __init__(self, sentence: str, *, status: int) -> None:
        OSError.__init__(self, sentence)
        self.status = status


def receive(
    file: File[bytes],
    *,
    by: Any,
    story: Story | None = None,
    particulars: Particulars | None = None,
    expires_at: datetime | None = None,
    along: Callable[[Photo], None] | None = None,
) -> Photo:
    """Keep one file as a new picture, and place it last in `story` where one is given. `by`: None for an import.

    `along`: done last in the same transaction. Raises NotStored where there is no room for the file or the storage
    doesn't answer; its kind NotTaken where it is over the cap, or over what this person may bring in on one day.
    """
    known = particulars or Particulars()
    name = PurePath(file.name or "").name[:200]
    photo = _described(name, known, by=by, desk=story.desk if story is not None else None)
    photo.expires_at = expires_at
    with ExitStack() as undo:
        undo.callback(_counted(file, name, by))
        try:
            stored_as = stored.save_for(photo.image, name or "picture", File(file, name=name or "picture"))
            undo.callback(stored.delete_quietly, photo.image.storage, stored_as)
            photo.image = stored_as
            with transaction.atomic():
                photo.save()
                audit.record("picture.uploaded", subject=photo, by=by, file=stored_as, source_tier=known.source_tier)
                if story is not None:
                    place(photo, story)
                if along is not None:
                    along(photo)
        except (StorageUnavailable, DatabaseError) as error:
            if isinstance(error, DatabaseError) and not is_full(error):
                raise
            logger.warning("The picture %r could not be kept: %s", name, error)
            raise NotStored(name, is_full=is_full(error)) from error
        undo.pop_all()
    return photo


def _described(name: str, known: Particulars, *, by: Any, desk: Desk | None) -> Photo:
    return Photo(
        original_name=name,
        headline=PurePath(name).stem.replace("_", " ").replace("-", " ")[:200],
        credit=known.credit,
        source_tier=known.source_tier,
        keep_inside=known.keeps_inside(desk),
        is_graphic=known.is_graphic,
        uploader=by,
        desk=desk,
    )


def _counted(file: File[bytes], name: str, by: Any) -> Callable[[], None]:
    """Count the file for whoever brings it; what takes it back. Raises NotTaken. A command may bring in any number."""
    size = file.size or 0
    if isinstance(file, NotKept) or (by is not None and size > UPLOAD_CAP):
        words = _("“%(name)s” is over %(cap)d MB. Save a smaller copy and upload that.")
        raise NotTaken(words % {"name": name, "cap": UPLOAD_CAP // (1024 * 1024)}, status=413)
    if by is None:
        return lambda: None
    day = timezone.localdate()
    if not quotas.take(by, size, day):
        audit.record("picture.refused", by=by, why="quota", bytes=size, day=day)
        raise NotTaken(_("“%(name)s” was not taken in: %(why)s") % {"name": name, "why": quotas.sentence()}, status=429)
    return lambda: quotas.give_back(by, size, day)


def receive_for_check(file: File[bytes], *, by: Any, keep_inside: bool = False) -> Photo:
    """Keep one file for a look at the evidence; it is deleted after 24 hours unless somebody places it in a story."""
    particulars = Particulars(keep_inside=keep_inside)
    return receive(file, by=by, particulars=particulars, expires_at=timezone.now() + CHECKED_FOR)


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
    """Delete pictures that were only checked and whose time is over; how many. Their history stays.

    A picture whose file can't be deleted keeps its row, so that the next run tries again; this one ends there, for a
    storage that is away would hold the database up for each of them.
    """
    deleted = 0
    for photo in Photo.objects.filter(expires_at__lte=now, placements=None):
        try:
            with transaction.atomic():
                still_there = list(Photo.objects.filter(pk=photo.pk, expires_at__lte=now, placements=None))
                for one in still_there:
                    audit.record("picture.expired", subject=one)
                    storage, name = one.image.storage, str(one.image.name)
                    one.delete()
                    stored.delete(storage, name)
            deleted += len(still_there)
        except StorageUnavailable as error:
            logger.warning("Picture %s was to be deleted and its file could not be: %s", photo.pk, error)
            break
    return deleted
