"""The picture a detector gave of where it looked: our own re-encoded copy, never the vendor's address."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone

from detection.models.analyses import Analysis


def _path(overlay: StoredOverlay, filename: str) -> str:
    return f"detection/overlays/{uuid.uuid4().hex}.png"


class OverlayQuerySet(models.QuerySet["StoredOverlay"]):
    """The kind of row that the bell and the sweep look for."""

    def unfetched(self, now: datetime) -> OverlayQuerySet:
        """Pending, and its next try has come: never fetched, or the ring for it was lost."""
        return self.filter(status="pending", next_try_at__lte=now)


class StoredOverlay(models.Model):
    """One analysis's overlay. `status`: pending, ready, or refused with a reason in words."""

    analysis = models.OneToOneField(Analysis, on_delete=models.PROTECT, related_name="overlay")
    kind = models.CharField(max_length=20)
    status = models.CharField(max_length=10, default="pending")
    reason = models.TextField(blank=True)
    source_url = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    file = models.FileField(upload_to=_path, blank=True, max_length=200)
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    regions = models.JSONField(null=True, blank=True)
    """What it marks, the largest place first: `row`, `column`, `share` and `strength` of `intake.overlay.Region`. None:
    nothing can tell, or it was stored before anybody asked."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OverlayQuerySet.as_manager()

    class Meta:
        verbose_name = "overlay"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["status", "next_try_at"], name="detection_overlay_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.analysis_id} ({self.status})"
