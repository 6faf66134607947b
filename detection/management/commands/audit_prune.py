"""Remove events past their time; their seals stay."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from detection.conf import settings
from detection.errors import Refused
from detection.history import retaining


class Command(BaseCommand):
    """By the setting `KEEP_HISTORY`, or by --days."""

    help = "Remove events older than KEEP_HISTORY days from the history; what is preserved by an order stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="30 or more; default: KEEP_HISTORY")

    def handle(self, *args: Any, days: int | None, **options: Any) -> None:
        if days is not None and days < 30:
            raise CommandError("Give 30 days or more.")
        if not (days or settings.KEEP_HISTORY):
            raise CommandError("KEEP_HISTORY is 0: events are kept for good. Set it, or give --days.")
        try:
            done = retaining.prune(timezone.now(), days=days)
        except Refused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Events removed: {done.count}. Preserved by an order: {done.preserved}. All seals stay.")
