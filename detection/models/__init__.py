"""The rows. They hold facts and move only by compare-and-set; the rules about them live on higher floors."""

from __future__ import annotations

from detection.models import moments
from detection.models.analyses import Analysis, GaveUp, Sent
from detection.models.assets import Asset, Queue
from detection.models.audit import AuditEvent, AuditPersonal, AuditSeal, EvidenceView, Preservation
from detection.models.budgets import ProviderDay
from detection.models.deliveries import WebhookDelivery
from detection.models.glass import GlassBreak
from detection.models.notes import Note
from detection.models.operations import MetricTotal, Pipeline, ProviderCheck, ProviderSwitch, RateSlot, Sweep, Worker
from detection.models.overlays import StoredOverlay
from detection.models.passages import Passage, Sample
from detection.models.places import Place, Preference
from detection.models.policies import PolicyVersion
from detection.models.reviews import Acknowledgement, Claim, Override, Review

__all__ = [
    "Acknowledgement",
    "Analysis",
    "Asset",
    "AuditEvent",
    "AuditPersonal",
    "AuditSeal",
    "Claim",
    "EvidenceView",
    "GaveUp",
    "GlassBreak",
    "MetricTotal",
    "Note",
    "Override",
    "Passage",
    "Pipeline",
    "Place",
    "PolicyVersion",
    "Preference",
    "Preservation",
    "ProviderCheck",
    "ProviderDay",
    "ProviderSwitch",
    "Queue",
    "RateSlot",
    "Review",
    "Sample",
    "Sent",
    "StoredOverlay",
    "Sweep",
    "WebhookDelivery",
    "Worker",
    "moments",
]
