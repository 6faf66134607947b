"""What people wrote down about a picture: checks that were made, what a source answered, notes. It decides nothing."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from detection.models.assets import Asset
from detection.models.reviews import author


class Note(models.Model):
    """One thing that one person knows about one picture. Rows are added, never edited; a later one corrects."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="person_notes")
    evidence = models.CharField(max_length=64)
    """What its author had before their eyes. It stays beside new evidence: a call to a photographer is not undone."""
    kind = models.CharField(max_length=30)
    """A `NoteKind`."""
    text = models.TextField(blank=True)
    desk = models.CharField(max_length=64, blank=True)
    generation = models.PositiveIntegerField()
    """The file it was written about: an original that was seen says nothing of another file."""
    author = author()
    author_label = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.author_label}"
