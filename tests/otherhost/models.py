"""Two models that know nothing of detection."""

from __future__ import annotations

import uuid

from django.db import models


class Plate(models.Model):
    """A picture under a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    picture = models.FileField(upload_to="plates/")
    title = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return self.title


class Article(models.Model):
    """Something that is published with plates."""

    title = models.CharField(max_length=100)
    is_out = models.BooleanField(default=False)
    goes_out_at = models.DateTimeField(null=True, blank=True)
    plates = models.ManyToManyField(Plate, related_name="articles")

    def __str__(self) -> str:
        return self.title
