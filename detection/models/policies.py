"""Versions of the policy; a decision names the one it was taken under, and old ones are kept."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext

from detection import policy


class PolicyVersion(models.Model):
    """One policy document. The highest activated number is in force."""

    number = models.PositiveIntegerField(unique=True)
    document = models.JSONField()
    reason = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
    )
    author_label = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-number"]

    def __str__(self) -> str:
        return gettext("Policy %(number)d") % {"number": self.number}

    @classmethod
    def current(cls) -> PolicyVersion:
        """The version in force; the first is made from the default when nobody has written one."""
        found = cls.objects.exclude(activated_at=None).order_by("-number").first()
        if found is not None:
            return found
        return cls.objects.get_or_create(
            number=1, defaults={"document": policy.DEFAULT, "activated_at": timezone.now()}
        )[0]

    @property
    def rules(self) -> policy.Rules:
        """The document, parsed and validated."""
        return policy.Rules.parse(self.document)
