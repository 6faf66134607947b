"""How many pictures were sent to a detector on one day: one row, moved by compare-and-set. Asked by `budgets` alone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ProviderDay(models.Model):
    """One detector's submissions on one calendar day of the site's time zone."""

    alias = models.CharField(max_length=40)
    day = models.DateField()
    calls = models.PositiveIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, blank=True)
    """When somebody was told that the day's budget comes to its end; once a day."""
    used_up_at = models.DateTimeField(null=True, blank=True)
    """When it was first found to be used up."""

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["alias", "day"], name="detection_one_row_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.alias} on {self.day}: {self.calls}"
