"""`publish_due`: publish what is scheduled, look ahead, remind of reviews, delete pictures that were only checked."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from newsroom import publishing, uploads
from newsroom.api import answers
from newsroom.notifications import sending


class Command(BaseCommand):
    help = "To be run every minute, by cron or a timer; or left running with --every."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, with this pause between two rounds")

    def handle(self, *args: Any, **options: Any) -> None:
        self._round()
        while options["every"]:
            time.sleep(max(1.0, options["every"]))
            close_old_connections()
            self._round()

    def _round(self) -> None:
        now = timezone.now()
        for outcome in publishing.publish_due(now):
            self.stdout.write(f"{outcome.story.slug}: {outcome.sentence}")
        publishing.remind(now)
        sending.ring_due(now)
        answers.delete_old(now)
        deleted = uploads.delete_expired(now)
        if deleted:
            self.stdout.write(f"{deleted} pictures that were only checked are deleted.")
