"""Small pictures for lists, blurred where somebody said that a picture is graphic, till its reader reveals it.

    {% load detection_pictures %}
    {% detection_thumb asset to=url kind="d-thumb" width=96 height=64 %}

Blurred and grey, behind a `<details>`: a click or a key shows it, without a script. Whoever chose to see such pictures
at once gets them as any other. What readers of the site see is never touched.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from detection import screens
from detection.models import Asset
from detection.templatetags.detection_tags import asset_of, review_url

register = template.Library()


@register.inclusion_tag("detection/thumb.html", takes_context=True)
def detection_thumb(
    context: Context,
    asset: Asset | None,
    to: str = "",
    kind: str = "d-thumb",
    width: int = 96,
    height: int = 64,
    alt: str = "",
    reveals: bool = True,
) -> dict[str, Any]:
    """A picture's small preview; nothing where there is none. `to`: the address that it leads to, "" for no link.

    `kind`: the class of whatever holds it. `reveals`: False inside a link, where nothing can be opened: then it only
    stays blurred.
    """
    return {
        "thumbnail": screens.thumbnail_url(asset) if asset is not None else "",
        "is_hidden": asset is not None and screens.is_hidden(asset, context.get("request")),
        "label": asset.label if asset is not None else "",
        "to": to,
        "kind": kind,
        "width": width,
        "height": height,
        "alt": alt,
        "reveals": reveals,
    }


def thumbnail(asset: Asset | None, request: HttpRequest | None, **how: Any) -> SafeString:
    """The same for an admin's column, which has no template."""
    context = Context({"request": request})
    return render_to_string("detection/thumb.html", detection_thumb(context, asset, **how))


def column(request: HttpRequest, kind: str, *, is_linked: bool = False, **how: Any) -> Any:
    """Small pictures for an admin's `get_list_display`, bound to its reader; a row is an asset or has one."""

    def thumbnail_of(row: Any) -> SafeString:
        asset = asset_of(row)
        to = review_url(asset) if is_linked and asset is not None else ""
        return thumbnail(asset, request, kind=kind, to=to, **how)

    thumbnail_of.__name__ = "thumbnail"
    thumbnail_of.short_description = _("Preview")  # type: ignore[attr-defined]
    thumbnail_of.empty_value_display = ""  # type: ignore[attr-defined]
    return thumbnail_of
