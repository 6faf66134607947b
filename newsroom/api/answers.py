"""Uploads that may be sent twice: what was answered under an idempotency key, for a day.

No row says "in progress": the answer is written with the picture, so a crash leaves neither, and of two that come at
once the second waits for the first's transaction, or breaks on the constraint, and then hears the same answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from newsroom.api.models import KeptAnswer
from newsroom.api.problems import Problem
from newsroom.models import Photo

KEPT_FOR = timedelta(hours=24)


def fingerprint(file: UploadedFile[Any], **words: object) -> str:
    """sha256 over what else was said and the file's bytes; its name doesn't count."""
    digest = hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode() + b"\0")
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def given(user: Any, key: str, print_of_it: str) -> Mapping[str, Any] | None:
    """What was answered under this key; None for a new one. Raises Problem where it came with something else."""
    kept = KeptAnswer.objects.filter(user=user, key=key).first()
    if kept is not None and kept.created_at <= timezone.now() - KEPT_FOR:
        kept.delete()
        return None
    if kept is None:
        return None
    if kept.fingerprint != print_of_it:
        raise Problem("key-reused")
    answer: Mapping[str, Any] = kept.answer
    return answer


def keep(user: Any, key: str, print_of_it: str, photo: Photo, answer: Mapping[str, Any]) -> None:
    """Keep an answer. Raises IntegrityError where another upload with this key was first."""
    KeptAnswer.objects.create(user=user, key=key, fingerprint=print_of_it, photo=photo, answer=answer)


def delete_old(now: datetime) -> int:
    """Delete the answers whose day is over; how many."""
    return KeptAnswer.objects.filter(created_at__lte=now - KEPT_FOR).delete()[0]
