"""One sweep, by hand or from cron."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from detection import sweeping


class Command(BaseCommand):
    """Find every kind of stuck row once, and ring it again or end it."""

    help = "Look once for rows that are stuck, and ring them again or end them."

    def handle(self, *args: Any, **options: Any) -> None:
        found = sweeping.sweep(timezone.now())
        self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in found.items()))
