"""`detection_retention`: what is past the time for which it is kept, and forgetting it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from detection import forgetting


class Command(BaseCommand):
    """One line a kind. Without `--dry-run` it goes on until nothing is due."""

    help = "Forget raw answers and overlays past their time; --dry-run tells what is due and changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only tell what is due.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        found = forgetting.report(now)
        forgotten: dict[str, int] = {}
        while not options["dry_run"] and any((done := forgetting.forget(now)).values()):
            forgotten = {kind: forgotten.get(kind, 0) + count for kind, count in done.items()}
        if options["json"]:
            told = {"due": [asdict(one) for one in found], "forgotten": forgotten}
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for one in found:
            if one.before is None:
                self.stdout.write(f"{one.kind}: kept for ever")
                continue
            held = f", {one.preserved} more are preserved by an order" if one.preserved else ""
            self.stdout.write(f"{one.kind}: {one.due} are older than {one.days} days ({one.before:%Y-%m-%d}){held}")
        if not options["dry_run"]:
            self.stdout.write(f"Forgotten: {sum(forgotten.values())}. Verdicts, decisions and the history stay.")
