"""The app's pages in Django's admin: facts read-only, with verbs that fit the state. Hosts take the three mixins."""

from __future__ import annotations

from detection.admin import assets, deliveries, gave_up, operations, pipeline, policies, records, sent, timeline
from detection.admin.mixins import AnalysedImageMixin, GatedPublicationMixin, NamesChangerMixin, ReadOnlyMixin
from detection.admin.queue import doors

__all__ = [
    "AnalysedImageMixin",
    "GatedPublicationMixin",
    "NamesChangerMixin",
    "ReadOnlyMixin",
    "assets",
    "deliveries",
    "doors",
    "gave_up",
    "operations",
    "pipeline",
    "policies",
    "records",
    "sent",
    "timeline",
]
