"""A story that went out in an emergency, past the gate: who did it and why, and the review that is due afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils import timezone

from detection import registry


class GlassBreak(models.Model):
    """One breaking of the glass. Written once; the review that follows is stamped on it by compare-and-set."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    subject_key = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=200, blank=True)
    desk = models.CharField(max_length=64, blank=True)
    level = models.CharField(max_length=20)
    evidence = models.CharField(max_length=64)
    """The digest of all that its author saw of all open pictures."""
    pictures: models.JSONField[list[dict[str, Any]]] = models.JSONField(default=list)
    """What was open: a line a picture, as in a refusal."""
    reason_code = models.CharField(max_length=40)
    note = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    author_label = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by_label = models.CharField(max_length=150, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    """What the review came to: `stands`, `corrected` or `withdrawn`; "" while it is due."""
    review_note = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["due_at", "pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject_type", "subject_key"], name="detection_glass_subject"),
            models.Index(fields=["reviewed_at", "due_at"], name="detection_glass_due"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_label}: published in an emergency by {self.author_label}"

    @classmethod
    def about(cls, subject: models.Model) -> Q:
        """The filter for rows of this very publishable."""
        return Q(subject_type=registry.content_type(subject), subject_key=registry.key(subject))

    def is_overdue(self, now: datetime) -> bool:
        """Whether nobody has reviewed it and its time is over."""
        return self.reviewed_at is None and now >= self.due_at
