"""The rows that keep several processes in step: switches, rate slots, and the sweep's own clock."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ProviderSwitch(models.Model):
    """Whether a detector may be asked; alias `*` is all of them. The breaker opens the same row."""

    alias = models.CharField(max_length=40, unique=True)
    is_paused = models.BooleanField(default=False)
    paused_until = models.DateTimeField(null=True, blank=True)
    """When the breaker lets one probe through; None: until a person resumes it."""
    reason = models.TextField(blank=True)
    paused_by_label = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    faults_in_a_row = models.PositiveIntegerField(default=0)
    opened_times = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["alias"]
        verbose_name_plural = "provider switches"

    def __str__(self) -> str:
        return f"{self.alias}: {'paused' if self.is_paused else 'on'}"


class RateSlot(models.Model):
    """The theoretical arrival time of one detector's next call (GCRA), in seconds since the epoch."""

    alias = models.CharField(max_length=40, unique=True)
    arrival = models.FloatField(default=0)

    def __str__(self) -> str:
        return self.alias


class Sweep(models.Model):
    """When a sweeper was last heard of, so that a person sees that nobody sweeps."""

    name = models.CharField(max_length=40, unique=True)
    ran_at = models.DateTimeField()
    found = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.ran_at:%H:%M:%S}"


class Worker(models.Model):
    """One `detection_worker` and its cluster, as it was last heard of; a person sees who works, and who is gone."""

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    busy_at = models.DateTimeField(null=True, blank=True)
    """When a task of its cluster last ran."""
    restarts = models.PositiveIntegerField(default=0)
    """How often its cluster was started anew because it ended or hung."""
    restarted_at = models.DateTimeField(null=True, blank=True)
    restart_reason = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When it was told to stop and did; None for one that works, or was killed."""

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_at"]

    def __str__(self) -> str:
        return self.name
