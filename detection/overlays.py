"""A detector's overlay becomes our own PNG: fetched once, checked against the picture's shape, re-encoded, stored.

The vendor's address is never given to a browser. What can't be shown says why, and the verdict stands.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, sandbox, stored, switches
from detection.conf import settings
from detection.errors import (
    HouseFault,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    Rejected,
    SandboxFailed,
    StorageUnavailable,
)
from detection.models import StoredOverlay, moments
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import ORIGINAL, STRIPPED, Overlay, ScanResult

MAX_TRIES = 5
LOOK_AGAIN = timedelta(seconds=30)
"""While the detector is paused; it is not asked for an overlay either, and that uses up no try."""
OUR_STORAGE_WAITS = (timedelta(seconds=30), timedelta(minutes=15))
"""The shortest and the longest wait for a storage of ours that is full or silent; that uses up no try."""


def store(pk: int) -> None:
    """Fetch, check and keep one overlay; a refusal is kept with its sentence, a fault is tried again.

    A fault of our own storage is no try: a disk may be full for hours.
    """
    row = StoredOverlay.objects.select_related("analysis__asset").filter(pk=pk, status="pending").first()
    if row is None:
        return
    asset, provider = row.analysis.asset, providers.get(row.analysis.provider)
    if provider is None:
        _refuse(row, _("The detector that gave this overlay is not configured any more."))
        return
    if row.tries >= MAX_TRIES:
        # Counted before each try, so that one which takes its worker down is not begun for ever.
        _refuse(row, _("The overlay could not be fetched: it was tried several times, and no try came to its end."))
        return
    if not row.file and switches.is_paused(row.analysis.provider):
        StoredOverlay.objects.filter(pk=pk, status="pending").update(next_try_at=timezone.now() + LOOK_AGAIN)
        return
    StoredOverlay.objects.filter(pk=pk).update(tries=row.tries + 1)
    try:
        content = _given(row) or _fetched(row, provider)
        shape = {"width": asset.width or 1, "height": asset.height or 1, "turned": _turned(row)}
        _keep(row, sandbox.reencode_overlay(content, **shape))
    except Rejected as refusal:
        _refuse(row, refusal.sentence)
    except ProviderMisconfigured as error:
        _refuse(row, _("The overlay could not be fetched: %(error)s") % {"error": error})
    except StorageUnavailable:
        _wait_for_our_storage(row)
    except (ProviderError, SandboxFailed) as error:
        if isinstance(error, ProviderError) and error.pauses:
            switches.note_fault(row.analysis.provider, error, now=timezone.now())
        may_be_renewed = provider.renews_overlay and not isinstance(error, OutboundBlocked)
        is_final = not getattr(error, "retryable", True) and not may_be_renewed
        if row.tries + 1 >= MAX_TRIES or is_final:
            _refuse(row, _("The overlay could not be fetched: %(error)s") % {"error": error})
        else:
            StoredOverlay.objects.filter(pk=pk).update(next_try_at=moments.now() + timedelta(seconds=5 * 2**row.tries))


def _turned(row: StoredOverlay) -> int:
    """The EXIF orientation of the file that the detector was given; a rendition is upright, as is a mask of ours."""
    was_sent_as_stored = row.analysis.as_sent in (ORIGINAL, STRIPPED)
    return row.analysis.asset.orientation if was_sent_as_stored and row.kind != "rle_mask" else 1


def _fetched(row: StoredOverlay, provider: Provider) -> bytes:
    """The overlay's bytes from its address; of a detector that renews them, from a fresh one where that is needed.

    Raises ProviderError; ProviderDown while the overlay is still being made.
    """
    overlay = Overlay(kind=row.kind, url=row.source_url, expires_at=row.expires_at)
    has_run_out = row.tries > 0 or (row.expires_at is not None and row.expires_at <= timezone.now())
    if provider.renews_overlay and (not overlay.url or has_run_out):
        answer = provider.fetch(row.analysis.provider_reference)
        fresh = answer.overlay if isinstance(answer, ScanResult) else None
        if fresh is None:
            raise ProviderError(_("The detector gives no highlighted areas for this picture after all."))
        if fresh.content:
            return fresh.content
        if not fresh.url:
            raise ProviderDown(_("The detector is still making the highlighted areas."))
        overlay = fresh
    return provider.download_overlay(overlay)


def _wait_for_our_storage(row: StoredOverlay) -> None:
    """Try again later, and ever later, as long as a scan would be tried."""
    age = timezone.now() - row.created_at
    if age > timedelta(seconds=settings.SCAN_DEADLINE):
        _refuse(row, _("The overlay could not be stored for a whole day. The detector's verdict stands without it."))
        return
    shortest, longest = OUR_STORAGE_WAITS
    at = moments.now() + min(max(age / 2, shortest), longest)
    StoredOverlay.objects.filter(pk=row.pk, status="pending").update(tries=row.tries, next_try_at=at)


def _given(row: StoredOverlay) -> bytes:
    """What came with the answer itself, or nothing. Raises StorageUnavailable, HouseFault where it is gone."""
    if not row.file:
        return b""
    try:
        return stored.read(row.file.storage, str(row.file.name), most=settings.MAX_BYTES)
    except FileNotFoundError as error:
        if row.source_url:
            return b""
        raise HouseFault(_("What came with the answer is gone from the storage.")) from error


def _keep(row: StoredOverlay, made: sandbox.Marked) -> None:
    sha256, given, storage = hashlib.sha256(made.content).hexdigest(), row.file.name, row.file.storage
    name = stored.save_for(row.file, "overlay.png", ContentFile(made.content))
    is_kept = False
    try:
        with transaction.atomic():
            won = StoredOverlay.objects.filter(pk=row.pk, status="pending").update(
                status="ready",
                file=name,
                sha256=sha256,
                width=made.width,
                height=made.height,
                regions=made.regions,
                source_url="",
                next_try_at=None,
            )
            if won:
                about = row.analysis
                audit.record(
                    "overlay.stored", asset=about.asset, analysis=about.public_id, sha256=sha256, kind=row.kind
                )
        is_kept = bool(won)
    finally:
        surplus = given if is_kept else name
        if surplus:
            stored.delete_quietly(storage, surplus)


def _refuse(row: StoredOverlay, sentence: str) -> None:
    given = row.file.name
    with transaction.atomic():
        won = StoredOverlay.objects.filter(pk=row.pk, status="pending").update(
            status="refused", reason=sentence, source_url="", file="", next_try_at=None
        )
        if won:
            audit.record(
                "overlay.refused", asset=row.analysis.asset, analysis=row.analysis.public_id, sentence=sentence
            )
    if won and given:
        stored.delete_quietly(row.file.storage, given)
