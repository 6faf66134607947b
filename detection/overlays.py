"""A detector's overlay becomes our own PNG: fetched once, checked against the picture's shape, re-encoded, stored.

The vendor's address is never given to a browser. What can't be shown says why, and the verdict stands.
"""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, sandbox
from detection.errors import ProviderError, Rejected, SandboxFailed
from detection.models import StoredOverlay
from detection.providers import providers
from detection.results import Overlay

MAX_TRIES = 5


def store(pk: int) -> None:
    """Fetch, check and keep one overlay; a refusal is kept with its sentence, a fault is tried again."""
    row = StoredOverlay.objects.select_related("analysis__asset").filter(pk=pk, status="pending").first()
    if row is None:
        return
    StoredOverlay.objects.filter(pk=pk).update(tries=row.tries + 1)
    asset, provider = row.analysis.asset, providers.get(row.analysis.provider)
    if provider is None:
        _refuse(row, _("The detector that gave this overlay is not configured any more."))
        return
    try:
        content = provider.download_overlay(Overlay(kind=row.kind, url=row.source_url, expires_at=row.expires_at))
        made = sandbox.reencode_overlay(content, width=asset.width or 1, height=asset.height or 1)
    except Rejected as refusal:
        _refuse(row, refusal.sentence)
    except (ProviderError, SandboxFailed) as error:
        if row.tries + 1 >= MAX_TRIES or not getattr(error, "retryable", True):
            _refuse(row, _("The overlay could not be fetched: %(error)s") % {"error": error})
        else:
            StoredOverlay.objects.filter(pk=pk).update(next_try_at=timezone.now() + timedelta(seconds=5 * 2**row.tries))
    else:
        _keep(row, made.content, made.width, made.height)


def _keep(row: StoredOverlay, content: bytes, width: int, height: int) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    row.file.save("overlay.png", ContentFile(io.BytesIO(content).getvalue()), save=False)
    with transaction.atomic():
        won = StoredOverlay.objects.filter(pk=row.pk, status="pending").update(
            status="ready", file=row.file.name, sha256=sha256, width=width, height=height, source_url="", next_try_at=None
        )
        if won:
            audit.record(
                "overlay.stored", asset=row.analysis.asset, analysis=row.analysis.public_id, sha256=sha256, kind=row.kind
            )
    if not won:
        row.file.storage.delete(row.file.name)


def _refuse(row: StoredOverlay, sentence: str) -> None:
    with transaction.atomic():
        won = StoredOverlay.objects.filter(pk=row.pk, status="pending").update(
            status="refused", reason=sentence, source_url="", next_try_at=None
        )
        if won:
            audit.record(
                "overlay.refused", asset=row.analysis.asset, analysis=row.analysis.public_id, sentence=sentence
            )
