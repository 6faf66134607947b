"""Tokens by which programs act, and the answers kept for uploads that may be sent twice.

A token belongs to one account, whose memberships decide where it counts; its scopes only take away from that.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """What a token may be used for, at most."""

    READ = "read", _("Read stories, pictures and evidence")
    UPLOAD = "upload", _("Upload pictures to stories")
    PUBLISH = "publish", _("Hand in, schedule, and ask to publish")
    WITHDRAW = "withdraw", _("Take stories away from readers, or off the schedule")
    REVIEW = "review", _("Decide, acknowledge, and send to the desk chief")
    OVERRIDE = "override", _("Override and revoke")
    EMERGENCY = "emergency", _("Publish in an emergency, past the gate")


FOR_SERVICES = frozenset({Scope.READ, Scope.UPLOAD, Scope.PUBLISH})
"""What a service may ever do: it never decides, acknowledges, overrides, or publishes past the gate, whatever its row
says."""
ON_REQUEST = frozenset({Scope.EMERGENCY})
"""What a token is for only where whoever issued it said so in words."""


class ApiToken(models.Model):
    """One token of one account. Only its digest is kept: whoever reads this table can't use it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("account")
    )
    name = models.CharField(_("used for"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    """sha256 of the whole token. It is 256 random bits, so nothing slower is needed against guessing."""
    scopes = models.CharField(_("scopes"), max_length=80)
    """`Scope` words, with a blank between two."""
    is_service = models.BooleanField(_("service"), default=False)
    highest_tier = models.CharField(_("highest source it may claim"), max_length=20)
    """A `SourceTier`: pictures that come by this token are of this source, or of one that is known less well."""
    created_at = models.DateTimeField(_("issued"), default=timezone.now)
    expires_at = models.DateTimeField(_("ends"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    """To the minute, so that reading by a token is not a write each time."""
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_by_label = models.CharField(_("revoked by"), max_length=150, blank=True)

    class Meta:
        app_label = "newsroom"
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        default_permissions = ()
        permissions = (("revoke_token", _("May see and revoke everybody's API tokens")),)

    def __str__(self) -> str:
        return f"{self.prefix}… ({self.name})"

    @property
    def allowed(self) -> frozenset[Scope]:
        """The scopes that count: of a service never more than `FOR_SERVICES`."""
        given = frozenset(Scope(word) for word in self.scopes.split() if word in set(Scope))
        return given & FOR_SERVICES if self.is_service else given

    def is_live(self, now: datetime) -> bool:
        """Whether it opens anything: not revoked, not over, and its account is active."""
        return self.revoked_at is None and now < self.expires_at and bool(self.user.is_active)


class KeptAnswer(models.Model):
    """The answer to an upload that came with an idempotency key, written in the transaction that kept the picture.

    The second of two uploads with one key finds this row, or fails on its constraint and then finds it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    """sha256 over story, words and bytes of the upload."""
    photo = models.ForeignKey("newsroom.Photo", on_delete=models.CASCADE, related_name="+")
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        app_label = "newsroom"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "key"], name="newsroom_answer_once"),
        ]

    def __str__(self) -> str:
        return self.key
