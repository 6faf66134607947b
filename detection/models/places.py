"""Where pictures stand: the queue's own rows, noted from the host's facts so that a list of any length is one look.

A row is a note and judges nothing: publishing always asks the gate anew. `waiting` alone writes these rows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from detection.models.assets import Asset

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When something goes out of which nobody has said when: after everything else, without a null to sort."""


class PlaceQuerySet(models.QuerySet["Place"]):
    """Questions about what waits, each over one index."""

    def waiting(self, now: datetime) -> PlaceQuerySet:
        """Somebody is asked about them: no conclusion, acknowledgement or override answers for them at `now`."""
        return self.filter(Q(closed_until=None) | Q(closed_until__lte=now), is_open=True)


class Place(models.Model):
    """One picture in one publishable, or by itself while none holds it, as the queue lists it."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="places")
    subject_type = models.CharField(max_length=100)
    """The publishable's label ("newsroom.story"); the picture's own where none holds it."""
    subject_key = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=200, blank=True)
    is_bare = models.BooleanField(default=False)
    """Whether no publishable holds the picture, so that it is listed by itself."""
    desk = models.CharField(max_length=64, blank=True)
    due = models.DateTimeField(default=NEVER)
    """When the publishable goes out; `NEVER` where nobody has said."""
    is_live = models.BooleanField(default=False)
    """Whether readers see this very picture there already."""
    floor = models.PositiveSmallIntegerField(default=0)
    """The highest level, by its rank, that the host's own reasons ask for."""

    urge = models.PositiveSmallIntegerField(default=0)
    """0: the policy asks nobody about it; else the rank of its level, at least 1."""
    signal = models.CharField(max_length=30, blank=True)
    why = models.CharField(max_length=30, blank=True)
    tier = models.CharField(max_length=20, blank=True)
    """These three as on the picture, copied so that filters and counts read one table."""
    is_open = models.BooleanField(default=False)
    needs_holder = models.BooleanField(default=False)
    """Whether somebody concluded already, and the hold stays for whoever may clear it."""
    closed_until = models.DateTimeField(null=True, blank=True)
    """The end of the override that answers for it; None where none does."""
    judged_under = models.PositiveIntegerField(default=0, db_index=True)
    """The number of the policy that the row was reckoned under; another one in force makes it stale."""
    since = models.DateTimeField(default=timezone.now)
    """When it began to wait."""

    objects = PlaceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["due", "-urge", "pk"]
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["asset", "subject_type", "subject_key"], name="detection_place_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["is_live", "due", "-urge", "id"], name="detection_place_waiting", condition=Q(is_open=True)
            ),
            models.Index(fields=["subject_type", "subject_key"], name="detection_place_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} in {self.subject_label or self.subject_type}"

    @property
    def is_due(self) -> bool:
        """Whether it is known when this goes out."""
        return self.due < NEVER

    @property
    def subject_name(self) -> str:
        """The publishable as forms and addresses name it; "" for a picture by itself."""
        return "" if self.is_bare else f"{self.subject_type}:{self.subject_key}"


class Preference(models.Model):
    """One thing that one person chose for their own screens, such as filters they saved or keys they switched off."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    value = models.JSONField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "name"], name="detection_preference_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"
