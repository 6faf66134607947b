"""Which pictures their reader has to ask for: those called graphic, unless this reader sees such pictures at once."""

from __future__ import annotations

from django.http import HttpRequest

from detection.models import Asset, Preference

SHOWS = "graphic"
"""The preference under which a person sees graphic pictures at once."""
_ASKED = "_detection_shows_graphic"


def shows_graphic(request: HttpRequest | None) -> bool:
    """Whether the reader of this page chose to see graphic pictures at once: one look a request, where it matters."""
    if request is None:
        return False
    if not hasattr(request, _ASKED):
        user = getattr(request, "user", None)
        kept = Preference.objects.filter(user=getattr(user, "pk", None), name=SHOWS).first()
        setattr(request, _ASKED, bool(kept is not None and kept.value))
    return bool(getattr(request, _ASKED))


def is_hidden(asset: Asset, request: HttpRequest | None) -> bool:
    """Whether the reader of this page has to ask before they see this picture."""
    return asset.is_graphic and not shows_graphic(request)
