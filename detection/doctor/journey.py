"""One picture of our own, walked from upload to publication on the running installation, and taken away again.

It is kept inside, so no detector is sent anything and nothing is billed; it belongs to no story, so it changes nobody's
work. What a worker does with it is what it does with every other. Its events stay in the history, as all do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import policy, registry, stored
from detection.conf import settings
from detection.doctor import gate_walk
from detection.doctor.findings import Finding, broken, in_short, ok, warn
from detection.doctor.house import sample_picture
from detection.errors import DetectionError, StorageUnavailable
from detection.models import Analysis, Asset, PolicyVersion
from detection.providers import providers
from detection.scanning.applying import skip
from detection.standing import assess_asset
from detection.vocabulary import Why

WITHIN = 60.0
"""Seconds that a worker has for it."""
_START = "Start manage.py detection_worker, and read its log."


def walk(*, pause: Callable[[], Any] = lambda: time.sleep(0.5), within: float = WITHIN) -> Iterator[Finding]:
    """Upload, ring, worker, sandbox, standing, policy, announcement, gate, override; then all is taken away."""
    kind = next(iter(registry.asset_types()), None)
    if kind is None:
        yield broken("There is no model with pictures to walk with.", "Call detection.register_asset.")
        return
    if not settings.PROVENANCE:
        yield warn("The journey needs the embedded reader: PROVENANCE is off.", "Turn it on for the journey.")
        return
    try:
        picture, asset = _uploaded(kind)
    except (DatabaseError, ValueError, TypeError) as error:
        what = f"No {kind.model_class._meta.label} can be made from a file alone ({in_short(error)})."
        yield warn(what, "Upload a picture by hand, and follow it with detection_trace.")
        return
    try:
        yield ok(f"A picture was uploaded ({kind.model_class._meta.label}), kept inside.")
        yield from _followed(asset, pause, within)
    finally:
        _taken_away(kind, picture)
    yield ok("The picture is gone again; its events stay in the history.")


def _uploaded(kind: registry.AssetType) -> tuple[Any, Asset]:
    """Saved as any other; before anything is committed it is kept inside, and what would be sent is skipped."""
    content = ContentFile(sample_picture(), name=f"detection-journey-{uuid4().hex}.png")
    with transaction.atomic():
        picture = kind.model_class(**{kind.file_field: content})
        picture.save()
        asset = Asset.objects.of(picture).get()
        Asset.objects.filter(pk=asset.pk).update(kept_inside=True, label="detection_doctor --journey")
        for row in Analysis.objects.filter(asset=asset).live().select_related("asset"):
            if not providers[row.provider].is_embedded:
                skip(row, why=Why.PROTECTED, sentence=_("Kept inside: not sent to any detector."))
    return picture, asset


def _followed(asset: Asset, pause: Callable[[], Any], within: float) -> Iterator[Finding]:
    began = time.monotonic()
    rows = Analysis.objects.filter(asset=asset)
    while rows.live().exists() and time.monotonic() - began < within:
        pause()
    if rows.live().exists():
        yield broken(f"No worker has read it in {within:.0f} seconds.", _START)
        return
    read = rows.filter(completed_at__lte=timezone.now()).exclude(why=Why.PROTECTED).first()
    if read is None or read.status != "complete":
        yield broken(f"It was not read: {read.error_sentence if read else 'no check was made'}", _START)
        return
    yield ok(f"A worker read it in {time.monotonic() - began:.0f} seconds.")
    while Asset.objects.unannounced().filter(pk=asset.pk).exists() and time.monotonic() - began < within:
        pause()
    if Asset.objects.unannounced().filter(pk=asset.pk).exists():
        yield warn("Nobody was told of its signal.", "Look into the worker's log for a listener that fails.")
    asset.refresh_from_db()
    tier = asset.asset_type.tier_of(asset.picture())
    level, _queued = policy.level_for(assess_asset(asset), tier, PolicyVersion.current().rules)
    yield ok(f"Its signal is {asset.signal}, and a story with it would be at {level.value}.")
    try:
        yield from gate_walk.walk(asset)
    except (DatabaseError, DetectionError, ValueError, TypeError) as error:
        what = f"The gate could not be walked on this host ({in_short(error)}); nothing of it stands."
        yield warn(what, "Publish a story with a flagged picture by hand, and see that it is refused.")


def _taken_away(kind: registry.AssetType, picture: Any) -> None:
    file = kind.file_of(picture)
    name, storage = file.name, file.storage
    picture.delete()
    if name:
        with suppress(StorageUnavailable, FileNotFoundError):
            stored.delete(storage, name)
