"""The doors outside the admin: a picture's renditions (`media`) and its state as JSON (`asset_json`)."""

from __future__ import annotations

from detection.views.media import media
from detection.views.state import asset_json

__all__ = ["asset_json", "media"]
