"""The doors outside the admin: a picture's renditions (`media`), its state as JSON (`asset_json`), and the picture
itself for a detector that was handed a link to it (`handed`); the door at which detectors call back (`webhook`); and
what a load balancer asks (`live`, `ready`) and what Prometheus scrapes (`numbers`)."""

from __future__ import annotations

from detection.views.handed import handed
from detection.views.health import live, ready
from detection.views.media import media
from detection.views.numbers import numbers
from detection.views.state import asset_json
from detection.views.webhooks import webhook

__all__ = ["asset_json", "handed", "live", "media", "numbers", "ready", "webhook"]
