"""A message on its way to one person or to the webhook, and what each person wishes to be told."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Wish(models.Model):
    """What one person wishes to be told by e-mail; whoever has none gets both."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_wish")
    urgent = models.BooleanField(
        _("tell me at once what is urgent"),
        default=True,
        help_text=_("A story that goes out within two hours or is out already, and emergencies."),
    )
    digest = models.BooleanField(_("send me the rest once a day"), default=True)
    digest_hour = models.PositiveSmallIntegerField(_("at"), default=8, validators=[MaxValueValidator(23)])

    class Meta:
        app_label = "newsroom"
        verbose_name = _("notification wish")
        verbose_name_plural = _("notification wishes")

    def __str__(self) -> str:
        return str(self.user)


class NoticeState(models.TextChoices):
    """How far a message is."""

    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Given up")


class NoticeQuerySet(models.QuerySet["Notice"]):
    def due(self, now: datetime) -> NoticeQuerySet:
        """Those whose time has come."""
        return self.filter(state=NoticeState.WAITING, next_try_at__lte=now)


class Notice(models.Model):
    """One message to one person, or to the webhook where there is no person. Its words were made when it was raised."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """What a receiver knows it by, through every try."""
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notices")
    story = models.ForeignKey("newsroom.Story", on_delete=models.CASCADE, related_name="notices")
    occasion = models.CharField(max_length=200)
    reason = models.TextField()
    is_urgent = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    next_try_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.WAITING)
    sent_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=200, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        app_label = "newsroom"
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["story", "occasion", "recipient"], name="newsroom_notice_once"),
            models.UniqueConstraint(
                fields=["story", "occasion"],
                condition=models.Q(recipient=None),
                name="newsroom_notice_hook_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "next_try_at"], name="newsroom_notice_due"),
        ]

    def __str__(self) -> str:
        return self.reason
