"""The fallback schedule for a site that runs a bare `qcluster`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from detection import queue


class Command(BaseCommand):
    """Let django-q2's own scheduler sweep each minute."""

    help = "Schedule the sweep each minute in django-q2, for sites that run a bare qcluster."

    def handle(self, *args: Any, **options: Any) -> None:
        is_new = queue.schedule_sweep(1)
        self.stdout.write("The sweep is scheduled each minute." if is_new else "The sweep was scheduled already.")
