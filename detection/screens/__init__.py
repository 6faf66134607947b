"""What a screen shows of one picture: rows turned into words, cards and panes. Admin, tags and JSON ask here.

Reads and words only; whether somebody may see it was asked before (`reach`), and what it means for a story is `gate`'s.
"""

from __future__ import annotations

from detection.screens.comparison import comparison
from detection.screens.detectors import Card, basis_of, cards, primary_alias, request_of, title_of, title_of_alias
from detection.screens.faces import Face, face, tier_of
from detection.screens.graphic import SHOWS, is_hidden
from detection.screens.panes import Pane, Provenance, media_url, overlay_of, pane, provenance, thumbnail_url

__all__ = [
    "SHOWS",
    "Card",
    "Face",
    "Pane",
    "Provenance",
    "basis_of",
    "cards",
    "comparison",
    "face",
    "is_hidden",
    "media_url",
    "overlay_of",
    "pane",
    "primary_alias",
    "provenance",
    "request_of",
    "thumbnail_url",
    "tier_of",
    "title_of",
    "title_of_alias",
]
