"""How much one person may bring in on one day, so that one account, or one script, can't fill the disk.

Counted by compare-and-set, so that two requests at once can't both have the last place. Asked by `uploads` alone.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from newsroom.models import UploadTally


def take(person: Any, size: int, day: date) -> bool:
    """Count one file of `size` bytes; False where it is over what this person may bring in on this day."""
    if _add(person, size, day):
        return True
    with transaction.atomic():
        UploadTally.objects.get_or_create(person_id=person.pk, day=day)
    return _add(person, size, day)


def _add(person: Any, size: int, day: date) -> bool:
    most = settings.UPLOAD_MB_A_DAY * 1024 * 1024 - size
    mine = UploadTally.objects.filter(person_id=person.pk, day=day, files__lt=settings.UPLOAD_FILES_A_DAY)
    return bool(mine.filter(bytes__lte=most).update(files=F("files") + 1, bytes=F("bytes") + size))


def give_back(person: Any, size: int, day: date) -> None:
    """Take back what `take` counted, for a file that could not be kept after all; a full database keeps it."""
    mine = UploadTally.objects.filter(person_id=person.pk, day=day)
    with suppress(DatabaseError), transaction.atomic():
        mine.update(files=F("files") - 1, bytes=F("bytes") - size)


def sentence() -> str:
    """What may be brought in, and what to do."""
    words = _(
        "you have brought in as much as one person may on one day, %(files)d files or %(mb)d MB. Go on tomorrow, or "
        "ask whoever runs this site to raise UPLOAD_FILES_A_DAY or UPLOAD_MB_A_DAY."
    )
    return words % {"files": settings.UPLOAD_FILES_A_DAY, "mb": settings.UPLOAD_MB_A_DAY}
