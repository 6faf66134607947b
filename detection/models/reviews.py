"""What people decided: conclusions about a picture, and acknowledgements and overrides for one story.

Each is bound to the `evidence` its author saw. Rows are added, never edited; a reversal is a new row, a
revocation is stamped on the override it ends. Authors are kept without a database constraint, so that
history outlives its people; their names stand beside them.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from detection import registry
from detection.models.assets import Asset


def author() -> models.ForeignKey[models.Model | None, models.Model | None]:
    """The column for whoever did something: it outlives them, so the database checks nothing."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
    )


class Review(models.Model):
    """One conclusion of one person about one picture, on one evidence."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="reviews")
    evidence = models.CharField(max_length=64)
    conclusion = models.CharField(max_length=30)
    """A `Conclusion`; "" where a reversal leaves the question open again."""
    reason_code = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    reader_label = models.CharField(max_length=200, blank=True)
    desk = models.CharField(max_length=64, blank=True)
    """The desk on which the conclusion counts; elsewhere it is a hint."""
    by_holder = models.BooleanField(default=False)
    """Whether the author held `override_hold` on that desk at that moment."""
    author = author()
    author_label = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["created_at"], name="detection_review_made")]

    def __str__(self) -> str:
        return f"{self.conclusion or 'reopened'} by {self.author_label}"


class Claim(models.Model):
    """Who is looking at a picture now, so that two people don't do the same work. It binds nobody."""

    asset = models.OneToOneField(Asset, on_delete=models.CASCADE, related_name="claim")
    author = author()
    author_label = models.CharField(max_length=150, blank=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.author_label} until {self.until:%H:%M}"


class AboutSubject(models.Model):
    """What acknowledgements and overrides share: one publishable, one picture, the evidence that was seen."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject_type = models.ForeignKey(ContentType, on_delete=models.PROTECT, related_name="+")
    subject_key = models.CharField(max_length=64)
    subject_label = models.CharField(max_length=200, blank=True)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="%(class)ss")
    evidence = models.CharField(max_length=64)
    signal = models.CharField(max_length=30, blank=True)
    reason_code = models.CharField(max_length=40)
    note = models.TextField(blank=True)
    desk = models.CharField(max_length=64, blank=True)
    policy_number = models.PositiveIntegerField(null=True, blank=True)
    author = author()
    author_label = models.CharField(max_length=150, blank=True)
    author_role = models.CharField(max_length=100, blank=True)
    """What its author was at that moment: their groups, or that they were an administrator."""
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def about(cls, subject: models.Model) -> Q:
        """The filter for rows of this very publishable."""
        return Q(subject_type=registry.content_type(subject), subject_key=registry.key(subject))


class Acknowledgement(AboutSubject):
    """A person saw the open question about a picture and carries on with this story."""

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject_type", "subject_key"], name="detection_ack_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_label}: acknowledged by {self.author_label}"


class Override(AboutSubject):
    """A desk chief lets one story go despite an open question, until a stated end.

    `scope`: `story`, or `desk` for all stories of this desk with the same file. Whether it is in force is never
    stored: it covers one evidence, has an end, and may be revoked.
    """

    scope = models.CharField(max_length=10, default="story")
    lifts_stop = models.BooleanField(default=False)
    """Whether it was given against a `stop` of the policy, by somebody who may."""
    reader_label = models.CharField(max_length=200, blank=True)
    no_label_reason = models.CharField(max_length=200, blank=True)
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by_label = models.CharField(max_length=150, blank=True)
    revoked_reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject_type", "subject_key"], name="detection_override_subject"),
            models.Index(fields=["created_at"], name="detection_override_made"),
        ]

    def __str__(self) -> str:
        return gettext("%(story)s: overridden by %(name)s") % {"story": self.subject_label, "name": self.author_label}

    def is_in_force(self, *, evidence: str, now: datetime) -> bool:
        """Whether it still lets the story go: not revoked, not over, and the evidence is what its author saw."""
        return self.revoked_at is None and now < self.ends_at and self.evidence == evidence
