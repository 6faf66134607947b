"""The doors outside the admin: a picture's renditions (`media`), its state as JSON (`asset_json`), and the picture
itself for a detector that was handed a link to it (`handed`)."""

from __future__ import annotations

from detection.views.handed import handed
from detection.views.media import media
from detection.views.state import asset_json

__all__ = ["asset_json", "handed", "media"]
