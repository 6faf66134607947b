"""One picture's renditions, for people who may look.

Each request asks anew whether this person may look. Whoever is not signed in is told so; a picture of a foreign desk
does not exist for them. Files are hostile: originals leave only as a download, everything else is of our own making.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from detection import reach, sandbox, screens, stored, wording
from detection.conf import settings
from detection.errors import NotRegistered, Rejected, SandboxFailed, StorageUnavailable
from detection.models import Asset, StoredOverlay
from detection.results import EXTENSIONS
from detection.sandbox.process import MAX_ANSWER

PREVIEW_SIDE = 1600
"""Pixels of a preview's longest side: enough to judge on a large screen."""
SMALL_SIDE = 320
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_KEPT = "private, max-age=300"
NEVER_KEPT = "private, no-store"


@require_safe
def media(request: HttpRequest, public_id: uuid.UUID, rendition: str) -> HttpResponseBase:
    """One rendition of one picture: `original`, `preview` (`?small=1`: for lists), `overlay` or `map`."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    asset = visible(request, public_id)
    if rendition not in _RENDITIONS:
        raise Http404
    try:
        response = _RENDITIONS[rendition](request, asset)
    except Rejected as refusal:
        return _unreadable(request, wording.rejected_sentence(refusal.sentence), status=404)
    except FileNotFoundError:
        return _unreadable(request, _("The file is not in the store any more. Upload it again."), status=404)
    except StorageUnavailable:
        return _unreadable(request, _("The storage did not answer just now. Reload the page in a minute."), status=503)
    except SandboxFailed:
        return _unreadable(request, _("This picture could not be opened just now. Reload the page."), status=503)
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Content-Disposition", "inline")
    return response


def visible(request: HttpRequest, public_id: uuid.UUID) -> Asset:
    """The picture, for whoever asks. Raises Http404 where it does not exist for them."""
    asset = Asset.objects.select_related("content_type").filter(public_id=public_id).first()
    if asset is None or not reach.may_look(request.user, asset):
        raise Http404
    return asset


def _unreadable(request: HttpRequest, sentence: str, *, status: int) -> HttpResponse:
    response = render(request, "detection/unreadable.html", {"sentence": sentence}, status=status)
    response.headers["Cache-Control"] = NEVER_KEPT
    return response


def _file_of(asset: Asset) -> tuple[Storage, str]:
    """Where the host keeps the file. Raises FileNotFoundError where there is none any more."""
    try:
        picture = asset.picture()
        file = asset.asset_type.file_of(picture) if picture is not None else None
    except NotRegistered:
        file = None
    if not file or not file.name:
        raise FileNotFoundError(asset.file_name)
    return file.storage, file.name


def _original(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    media_type = asset.media_type if asset.is_read and asset.media_type in EXTENSIONS else "application/octet-stream"
    extension = EXTENSIONS.get(media_type, "bin")
    name = slugify(asset.label)[:80] or asset.public_id.hex
    download = stored.Download(*_file_of(asset))
    response = StreamingHttpResponse(download, content_type=media_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, f"{name}.{extension}")
    if download.size is not None:
        response.headers["Content-Length"] = str(download.size)
    response.headers["Cache-Control"] = NEVER_KEPT
    return response


def _preview(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    is_small = bool(request.GET.get("small"))
    side, suffix = (SMALL_SIDE, "-small.jpg") if is_small else (PREVIEW_SIDE, ".jpg")

    def paint(content: bytes) -> bytes:
        return sandbox.render(content, longest_side=side, max_pixels=settings.MAX_PIXELS).content

    return _made_once(asset, suffix, "image/jpeg", paint)


def _map(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    def paint(content: bytes) -> bytes:
        return sandbox.compression_map(content, max_pixels=settings.MAX_PIXELS)

    return _made_once(asset, "-map.webp", "image/webp", paint)


def _made_once(asset: Asset, suffix: str, media_type: str, paint: Any) -> HttpResponseBase:
    """A picture of our own making: painted at the first request, then taken from the store."""
    name = f"detection/previews/{asset.public_id}-{asset.generation}{suffix}"
    content = _kept(name)
    if content is None:
        content = paint(_within_limit(*_file_of(asset)))
        _keep(name, content)
    response = HttpResponse(content, content_type=media_type)
    response.headers["Cache-Control"] = _KEPT
    return response


def _kept(name: str) -> bytes | None:
    """What was painted before; None where nothing was, or nothing of it was written by a process that died."""
    try:
        content = stored.read(default_storage, name, most=MAX_ANSWER, may_be_empty=True)
    except FileNotFoundError:
        return None
    if not content:
        stored.delete_quietly(default_storage, name)
    return content or None


def _keep(name: str, content: bytes) -> None:
    """Keep it for the next request. Without room it is painted each time, which nobody has to know."""
    try:
        kept_as = stored.save(default_storage, name, ContentFile(content))
    except StorageUnavailable:
        return
    if kept_as != name:
        # Somebody else painted the same one meanwhile.
        stored.delete_quietly(default_storage, kept_as)


def _within_limit(storage: Storage, name: str) -> bytes:
    content = stored.read(storage, name, most=settings.MAX_BYTES)
    if len(content) > settings.MAX_BYTES:
        raise Rejected("too_big", _("This file is larger than what is read here. Save a smaller copy and upload that."))
    return content


def _overlay(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    overlay = _chosen_overlay(asset, request.GET.get("analysis", ""))
    if overlay is None:
        raise Http404
    try:
        content = stored.read(overlay.file.storage, str(overlay.file.name), most=MAX_ANSWER)
    except FileNotFoundError:
        # The picture itself may well be there: uploading it again would help nobody.
        return _unreadable(
            request, _("This overlay is not in the store any more. Check the picture again."), status=404
        )
    response = HttpResponse(content, content_type="image/png")
    response.headers["Cache-Control"] = _KEPT
    return response


def _chosen_overlay(asset: Asset, analysis: str) -> StoredOverlay | None:
    ready = StoredOverlay.objects.filter(
        analysis__asset=asset, analysis__generation=asset.generation, status="ready"
    ).select_related("analysis")
    if analysis:
        try:
            return ready.filter(analysis__public_id=uuid.UUID(analysis)).first()
        except ValueError:
            return None
    primary = screens.primary_alias()
    return min(ready, key=lambda overlay: (overlay.analysis.provider != primary, overlay.pk), default=None)


_RENDITIONS = {"original": _original, "preview": _preview, "overlay": _overlay, "map": _map}
