"""The history: events are added and never changed, in Python and by the database's own triggers.

An event carries no personal value, only a commitment to it; the value and its salt stand in
`AuditPersonal` and can be erased without breaking the chain of `AuditSeal` rows.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone

from detection.models.assets import Asset

_REFUSAL = "History is append-only: add a new event instead of changing or deleting one."


class AuditQuerySet(models.QuerySet[Any]):
    """Reading and adding only."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError(_REFUSAL)

    def delete(self) -> NoReturn:
        raise TypeError(_REFUSAL)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(_REFUSAL)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            raise TypeError(_REFUSAL)
        return super().bulk_create(objs, *args, **kwargs)


class AppendOnly(models.Model):
    """A row that can be added and then neither saved again nor deleted."""

    objects = AuditQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(_REFUSAL)
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(_REFUSAL)


class AuditEvent(AppendOnly):
    """One thing that happened: action, what it was about, the facts, and who did it (None: the system)."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    action = models.CharField(max_length=60)
    asset = models.ForeignKey(Asset, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="events")
    subject_type = models.CharField(max_length=100, blank=True)
    subject_key = models.CharField(max_length=64, blank=True)
    subject_label = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    facts = models.JSONField(default=dict)
    commitments = models.JSONField(default=dict)
    """Name of a personal value → sha256(salt + value)."""
    desk = models.CharField(max_length=64, blank=True)
    """This and the next two: copies of facts, for searching. What is sealed are the facts."""
    reason = models.CharField(max_length=40, blank=True)
    policy = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["asset", "-id"], name="detection_event_asset"),
            models.Index(fields=["subject_type", "subject_key", "-id"], name="detection_event_subject"),
            # As the timeline is read: any one question, in any span of time, is a walk along one of these.
            models.Index(fields=["action", "at", "id"], name="detection_event_action_at"),
            models.Index(fields=["actor", "at", "id"], name="detection_event_actor_at"),
            models.Index(fields=["desk", "at", "id"], name="detection_event_desk_at"),
            models.Index(fields=["reason", "at", "id"], name="detection_event_reason_at"),
            models.Index(fields=["policy", "at", "id"], name="detection_event_policy_at"),
            models.Index(fields=["at", "id"], name="detection_event_at_id"),
            # What stories were called, for looking for a part of it.
            models.Index(
                fields=["subject_label", "subject_type", "subject_key"],
                name="detection_event_named",
                condition=models.Q(subject_label__gt=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"


class AuditPersonal(models.Model):
    """A personal value of an event, with the salt of its commitment; deleting it erases the person."""

    event = models.ForeignKey(AuditEvent, on_delete=models.DO_NOTHING, related_name="personal")
    name = models.CharField(max_length=40)
    salt = models.CharField(max_length=32)
    value = models.TextField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["event", "name"], name="detection_personal_once"),
        ]

    def __str__(self) -> str:
        return self.name


class EvidenceView(models.Model):
    """One person looked at the evidence about one picture: the one row that a GET may add.

    Not an event: it changes nothing, and there are many of them. The name goes when the person is erased.
    """

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="views")
    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    viewer_label = models.CharField(max_length=150, blank=True)
    what = models.CharField(max_length=20)
    """`review`, `raw`, `dossier` or `api`: which page, paper or door it was."""
    evidence = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["asset", "viewer", "-at"], name="detection_view_asset"),
        ]

    def __str__(self) -> str:
        return f"{self.viewer_label} · {self.what}"


class Preservation(models.Model):
    """An order to keep what concerns one picture, or everything (`asset` empty), whatever retention and erasure say."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, null=True, blank=True, related_name="preservations")
    reason = models.TextField()
    ordered_by_label = models.CharField(max_length=150, blank=True)
    ordered_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.reason[:80]


class AuditSeal(AppendOnly):
    """One link of the chain: the n-th sealed event, and a hash over it and the link before.

    It outlives its event: what is removed after its time leaves its digest, and the chain without a gap.
    """

    seq = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, db_constraint=False, related_name="seal")
    prev = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, blank=True)
    """sha256 of the event's canonical text; "" in links made before it was kept, whose hash is over the text itself."""
    hash = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar[list[str]] = ["seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.hash[:12]}"
