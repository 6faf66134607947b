"""One sweep, by hand or from cron."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection import sweeping
from detection.errors import BrokerUnavailable
from detection.models import moments


class Command(BaseCommand):
    """Find every kind of stuck row once, and ring it again or end it."""

    help = "Look once for rows that are stuck, and ring them again or end them."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = sweeping.sweep(moments.now())
        except BrokerUnavailable as error:
            raise CommandError(f"{error} All else was swept. Start the broker, or run this again later.") from error
        self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in found.items()))
