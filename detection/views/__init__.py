"""The doors outside the admin: a picture's renditions (`media`), its state as JSON (`asset_json`), and the picture
itself for a detector that was handed a link to it (`handed`); and the door at which detectors call back (`webhook`)."""

from __future__ import annotations

from detection.views.handed import handed
from detection.views.media import media
from detection.views.state import asset_json
from detection.views.webhooks import webhook

__all__ = ["asset_json", "handed", "media", "webhook"]
