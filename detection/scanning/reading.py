"""The file behind a picture: read once a generation, in the sandbox, for all detectors.

Fills the fingerprint, or the named rejection. A vanished file is a rejection, for an editor can act on it; a
storage that doesn't answer is not.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from detection import audit, sandbox, stored
from detection.conf import settings
from detection.errors import HouseFault, Rejected, SandboxFailed
from detection.intake import stripping
from detection.models import Analysis, Asset
from detection.providers.base import Provider
from detection.results import EXTENSIONS, ORIGINAL, STRIPPED, ScanRequest
from detection.standing import settle

_NOT_WITHOUT = "The metadata of this file cannot be removed, so it was not sent. Export it again or replace it."


def load(asset: Asset) -> bytes:
    """The file's bytes. Raises Rejected (gone, too big), or StorageUnavailable where it fails or takes too long."""
    picture = asset.picture()
    if picture is None:
        raise Rejected("vanished", _("The picture is gone from the newsroom. There is nothing to check."))
    file = asset.asset_type.file_of(picture)
    if not file:
        raise Rejected("vanished", _("No file is attached to this picture. Upload it again."))
    storage, name = file.storage, str(file.name)
    until = time.monotonic() + stored.SECONDS
    try:
        size = stored.size(storage, name)
        if size is not None and size > settings.MAX_BYTES:
            raise _too_big(size)
        until += (size or 0) / stored.SLOWEST
        content = stored.read(storage, name, most=settings.MAX_BYTES, until=until)
    except FileNotFoundError:
        raise Rejected("vanished", _("The file is gone from the storage. Upload the picture again.")) from None
    if len(content) > settings.MAX_BYTES:
        # The storage said less than there was, or nothing; how much there is, nobody waits to learn.
        raise _too_big(None)
    return content


def _too_big(size: int | None) -> Rejected:
    most = settings.MAX_BYTES // 2**20
    if size is None:
        words = _("The file has over %(most)d MB; at most %(most)d MB are read. Upload a smaller version.")
        return Rejected("too_big", words % {"most": most})
    words = _("The file has %(size)d MB; at most %(most)d MB are read. Upload a smaller version.")
    return Rejected("too_big", words % {"size": size // 2**20, "most": most})


def read(asset: Asset, content: bytes | Rejected) -> None:
    """Fill the fingerprint of the present generation, or its rejection; once, whoever comes first."""
    facts: dict[str, Any]
    try:
        if isinstance(content, Rejected):
            raise content
        reading = sandbox.read(
            content, max_bytes=settings.MAX_BYTES, max_pixels=settings.MAX_PIXELS, filename=asset.file_name
        )
    except Rejected as refusal:
        facts = {"rejected_code": refusal.code, "rejected_sentence": refusal.sentence, "sha256": ""}
    except SandboxFailed as error:
        raise HouseFault(str(error)) from error
    else:
        facts = {
            "sha256": reading.sha256,
            "phash": reading.phash,
            "media_type": reading.media_type,
            "width": reading.width,
            "height": reading.height,
            "orientation": reading.orientation,
            "notes": list(reading.notes),
            "rejected_code": "",
            "rejected_sentence": "",
            "size": len(content) if isinstance(content, bytes) else None,
        }
    with transaction.atomic():
        unread = Asset.objects.filter(pk=asset.pk, generation=asset.generation).exclude(
            read_generation=asset.generation
        )
        if unread.update(read_generation=asset.generation, **facts):
            kept: dict[str, Any] = {
                name: facts.get(name) for name in ("sha256", "media_type", "width", "height", "rejected_code")
            }
            audit.record("asset.read", asset=asset, generation=asset.generation, **kept)
            # What people judge includes the file's fingerprint: a form sent now must carry the one that stands.
            settle(asset)
    asset.refresh_from_db()


def is_of(content: bytes, sha256: str) -> bool:
    """Whether these bytes are the file that was read; a host may have written others under the same name."""
    return hashlib.sha256(content).hexdigest() == sha256


def is_protected(asset: Asset) -> bool:
    """Whether the picture is kept inside, by itself or because the same bytes are elsewhere."""
    if asset.kept_inside:
        return True
    if not asset.sha256:
        return False
    return Asset.objects.filter(sha256=asset.sha256, kept_inside=True).exists()


@dataclass(frozen=True, slots=True)
class Sendable:
    """The bytes for one detector, and what was sent: `ORIGINAL`, `STRIPPED`, or the rendition in words."""

    request: ScanRequest
    as_sent: str


def sendable(analysis: Analysis, provider: Provider, content: bytes) -> Sendable | str:
    """What this detector can take of the picture, or the sentence why it can take nothing.

    What leaves the house says nothing of places, devices and people, unless `SEND_METADATA` lets it; the embedded
    detector reads the file as it is. The same file gives the same bytes each time, as `handing` relies on.
    Raises Rejected or HouseFault where the rendition can't be made.
    """
    asset = analysis.asset
    width, height, media_type = asset.width or 0, asset.height or 0, asset.media_type
    keeps = provider.is_embedded or settings.SEND_METADATA == "original"
    file = content if keeps else _stripped(content)
    as_it_is = None
    if file is not None:
        sha256 = asset.sha256 if file == content else hashlib.sha256(file).hexdigest()
        request = _request(analysis, file, media_type, sha256, width, height)
        as_it_is = Sendable(request, ORIGINAL if file == content else STRIPPED)
    if not provider.looks_at_pixels or asset.rejected_code:
        if as_it_is is None:
            raise Rejected(asset.rejected_code or "intricate", asset.rejected_sentence or _NOT_WITHOUT)
        return as_it_is
    side = _longest_side(provider, width, height)
    size = len(content if file is None else file)
    if refusal := _too_small(provider, width, height, side=side, size=size):
        return refusal
    fits = size <= provider.max_bytes and side == max(width, height) and media_type in provider.media_types
    return as_it_is if as_it_is and fits else _rendition(analysis, provider, content, side)


def _stripped(content: bytes) -> bytes | None:
    """The file without its metadata; None where only a rendition is without. What is compressed the sandbox opens."""
    try:
        return stripping.strip(content)
    except stripping.Intricate:
        return None
    except stripping.Packed:
        pass
    try:
        return sandbox.strip(content)
    except Rejected:
        return None
    except SandboxFailed as error:
        raise HouseFault(str(error)) from error


def _rendition(analysis: Analysis, provider: Provider, content: bytes, side: int) -> Sendable:
    kind = "image/jpeg" if "image/jpeg" in provider.media_types else sorted(provider.media_types)[0]
    try:
        made = sandbox.render(content, longest_side=side, media_type=kind, max_bytes=provider.max_bytes)
    except SandboxFailed as error:
        raise HouseFault(str(error)) from error
    note = _("a rendition: %(kind)s, %(width)d × %(height)d pixels") % {
        "kind": EXTENSIONS[kind].upper(),
        "width": made.width,
        "height": made.height,
    }
    sha256 = hashlib.sha256(made.content).hexdigest()
    return Sendable(_request(analysis, made.content, kind, sha256, made.width, made.height), note)


def _longest_side(provider: Provider, width: int, height: int) -> int:
    """Pixels of the longest side that this detector can be sent: the picture's own, or a smaller copy's."""
    side = min(max(width, height), provider.max_side)
    if width * height > provider.max_pixels:
        side = min(side, int(max(width, height) * (provider.max_pixels / (width * height)) ** 0.5))
    return side


def _too_small(provider: Provider, width: int, height: int, *, side: int, size: int) -> str:
    """Why the picture is too small for this detector, be it after it was made to fit; "" where it isn't."""
    if size < provider.min_bytes:
        words = _("%(detector)s takes files of at least %(least)d bytes; this one has %(has)d.")
        return words % {"detector": provider.title, "least": provider.min_bytes, "has": size}
    short = min(width, height)
    if short < provider.min_side:
        words = _("%(detector)s needs at least %(side)d pixels on the shorter side; this picture has %(has)d.")
        return words % {"detector": provider.title, "side": provider.min_side, "has": short}
    if short * side // max(width, height) < provider.min_side:
        words = _("%(detector)s takes no picture as long and narrow as this one.")
        return words % {"detector": provider.title}
    return ""


def _request(analysis: Analysis, content: bytes, media_type: str, sha256: str, width: int, height: int) -> ScanRequest:
    reference = str(analysis.public_id)
    return ScanRequest(
        reference=reference,
        filename=f"{reference}.{EXTENSIONS.get(media_type, 'bin')}",
        media_type=media_type,
        content=content,
        sha256=sha256,
        width=width,
        height=height,
        idempotency_key=analysis.idempotency_key,
    )
