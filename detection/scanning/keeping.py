"""The overlay that came with an answer: its bytes are stored before the answer is recorded, never in the midst of it.

A store that fails costs the overlay and says so; the verdict stands. Asked by `applying` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from detection import audit, queue, stored
from detection.errors import StorageUnavailable
from detection.models import Analysis, StoredOverlay, moments
from detection.results import Overlay

logger = logging.getLogger("detection")


def prepare(overlay: Overlay | None) -> StoredOverlay | None:
    """A row that is yet to be inserted, its bytes stored. Where they can't be and no address is given: refused.

    One with neither bytes nor address is still being made at the vendor; `overlays` asks for it again.
    """
    if overlay is None:
        return None
    row = StoredOverlay(
        kind=overlay.kind,
        source_url=overlay.url,
        expires_at=overlay.expires_at,
        next_try_at=moments.now() + queue.OVERLAY_AGAIN,
    )
    if overlay.content:
        try:
            # Unread until the sandbox has made our own picture of it; a pending overlay is shown to nobody.
            row.file = stored.save_for(row.file, "overlay", ContentFile(overlay.content))
        except StorageUnavailable as error:
            logger.warning("An overlay could not be stored; its verdict stands. (%s)", error)
        if not row.file and not overlay.url:
            row.status, row.next_try_at = "refused", None
            row.reason = _("The overlay could not be stored. The detector's verdict stands without it.")
    return row


def attach(row: StoredOverlay, analysis: Analysis) -> None:
    """Insert the row for this analysis, and ring for it, or record why there is nothing to see."""
    row.analysis = analysis
    row.save()
    if row.status == "refused":
        audit.record("overlay.refused", asset=analysis.asset, analysis=analysis.public_id, sentence=row.reason)
    else:
        queue.wake("overlay", row.pk, asks=analysis.provider)


@contextmanager
def discarded_unless_saved(row: StoredOverlay | None) -> Iterator[None]:
    """Remove the stored bytes of a row that was not inserted after all: somebody was first, or it went wrong."""
    is_saved = False
    try:
        yield
        is_saved = row is not None and row.pk is not None
    finally:
        if row is not None and row.file and not is_saved:
            stored.delete_quietly(row.file.storage, str(row.file.name))
