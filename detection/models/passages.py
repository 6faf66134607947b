"""What went out with which standing, and which unflagged pictures a person is asked to judge with fresh eyes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from detection.models.assets import Asset


class Passage(models.Model):
    """One picture that passed the gate with one publishable: what was known of it at that moment."""

    at = models.DateTimeField(default=timezone.now)
    subject_type = models.CharField(max_length=100)
    subject_key = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=200, blank=True)
    desk = models.CharField(max_length=64, blank=True)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, null=True, related_name="passages")
    """None for a picture that nobody had ever asked about."""
    picture_label = models.CharField(max_length=200, blank=True)
    signal = models.CharField(max_length=30)
    why = models.CharField(max_length=30, blank=True)
    level = models.CharField(max_length=20)
    use = models.CharField(max_length=20, blank=True)
    reader_label = models.CharField(max_length=200, blank=True)
    policy_number = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["at"], name="detection_passage_at"),
            models.Index(fields=["signal", "at"], name="detection_passage_signal"),
        ]

    def __str__(self) -> str:
        return f"{self.picture_label} in {self.subject_label}"


class Sample(models.Model):
    """An unflagged picture that chance chose: a person judges it before they see what the detector said.

    Without it nobody looks at what detectors pass over, and a record of theirs would rest on what they flagged.
    """

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="samples")
    evidence = models.CharField(max_length=64)
    percent = models.PositiveSmallIntegerField()
    """Of a hundred unflagged pictures so many were chosen at that time."""
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["asset", "evidence"], name="detection_sample_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["chosen_at"], name="detection_sample_chosen")]

    def __str__(self) -> str:
        return str(self.asset_id)
