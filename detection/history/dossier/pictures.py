"""The pictures on a dossier's paper: our own preview of the original, and our own copies of overlays."""

from __future__ import annotations

from django.utils.translation import gettext as _

from detection import sandbox
from detection.conf import settings
from detection.errors import Rejected, SandboxFailed
from detection.history.dossier.collecting import original, overlay_file
from detection.models import Asset, StoredOverlay

_SIDE = 1000
_MOST = 2
"""Overlays on the paper; the others are named by their digests."""


def of(asset: Asset) -> list[tuple[str, bytes]]:
    """Captions with JPEG or PNG, the original's first; nothing for what is gone or can't be opened."""
    found: list[tuple[str, bytes]] = []
    content = original(asset)
    if content is not None:
        try:
            made = sandbox.render(content, longest_side=_SIDE, max_pixels=settings.MAX_PIXELS)
            found.append((_("The picture, in a smaller copy"), made.content))
        except (Rejected, SandboxFailed):
            pass  # the paper says what was recorded of the file; this is only its look
    overlays = StoredOverlay.objects.filter(analysis__asset=asset, status="ready").select_related("analysis")
    for overlay in overlays.order_by("-pk")[:_MOST]:
        drawn = overlay_file(overlay)
        if drawn:
            caption = _("Where %(detector)s looked. It does not mark what was changed.")
            found.append((caption % {"detector": overlay.analysis.provider}, drawn))
    return found
