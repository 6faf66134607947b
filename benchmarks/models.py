"""The smallest row that a receiver of events can keep: what came, once."""

from __future__ import annotations

from django.db import models


class Smallest(models.Model):
    """One event."""

    event_id = models.CharField(max_length=256, unique=True)
    body = models.BinaryField()

    class Meta:
        app_label = "benchmarks"
