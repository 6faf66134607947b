"""Original and highlights beside each other, with everything that is said about them. Asked by `detection_compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from detection import wording
from detection.models import Asset
from detection.screens.panes import media_url, pane
from detection.standing import present_analyses
from detection.wording import captions

MAP_SIDE = 256
"""Pixels of the shorter side below which a compression map shows nothing."""


def comparison(
    asset: Asset, *, alt: str = "", chosen: str = "", kept: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What the comparison's template shows.

    `alt`: another text for the original than its label; `chosen`: the public id of the analysis whose overlay is
    wanted; `kept`: parts of the page's address that the tabs must not lose.
    """
    is_there = asset.detached_at is None
    is_readable = is_there and not asset.rejected_sentence
    shows_map = is_readable and min(asset.width or 0, asset.height or 0) >= MAP_SIDE
    return {
        "asset": asset,
        "alt": alt or asset.label,
        "pane": pane(asset, present_analyses(asset), chosen),
        "rejected": wording.rejected_sentence(asset.rejected_sentence) if asset.rejected_sentence else "",
        "preview_url": media_url(asset, "preview") if is_readable else "",
        "original_url": media_url(asset, "original") if is_there else "",
        "map_url": media_url(asset, "map") if shows_map else "",
        "map_title": wording.COMPRESSION_MAP_TITLE,
        "map_lead": wording.COMPRESSION_MAP_LEAD,
        "map_scale": captions.COMPRESSION_MAP_SCALE,
        "map_caveats": wording.COMPRESSION_MAP_CAVEATS,
        "overlay_title": wording.OVERLAY_TITLE,
        "limits": captions.OVERLAY_LIMITS,
        "for_query": urlencode(kept or {}, safe=":/"),
    }
