"""How the pipeline is: counts and ages, for people and for scripts."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Min
from django.utils import timezone

from detection import audit, queue
from detection.models import Analysis, Asset, ProviderSwitch, Sweep
from detection.vocabulary import LIVE, AnalysisStatus, Signal

_OPEN = (
    Signal.STRONG,
    Signal.SOME,
    Signal.DISAGREE,
    Signal.CONFLICT,
    Signal.DECLARED_AI,
    Signal.DECLARED_AI_EDITED,
    Signal.CREDENTIALS_BROKEN,
)


def status() -> dict[str, Any]:
    """The status document of the design's section 6; ages in seconds."""
    now = timezone.now()
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    oldest: dict[str, float] = {}
    for row in Analysis.objects.values("provider", "status").annotate(n=Count("pk"), first=Min("created_at")):
        counts[row["provider"]][row["status"]] = row["n"]
        if row["status"] in LIVE:
            age = (now - row["first"]).total_seconds()
            oldest[row["status"]] = round(max(oldest.get(row["status"], 0.0), age), 1)
    sweep = Sweep.objects.filter(name="sweep").first()
    return {
        "analyses": dict(counts),
        "oldest_seconds": oldest,
        "dead": Analysis.objects.present().filter(status=AnalysisStatus.DEAD).count(),
        "deliveries": {},
        "review_backlog": Asset.objects.filter(signal__in=_OPEN, conclusion="", detached_at=None).count(),
        "switches": {row.alias: row.reason for row in ProviderSwitch.objects.filter(is_paused=True)},
        "workers": {
            "rings_waiting": queue.waiting(),
            "last_sweep_seconds": round((now - sweep.ran_at).total_seconds(), 1) if sweep else None,
        },
        "unsealed": audit.unsealed().count(),
    }


class Command(BaseCommand):
    """Print the status document, as lines or as JSON."""

    help = "Show how many checks wait, run, failed or ended, and how old the oldest is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = status()
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
            return
        for provider, by_status in sorted(found["analyses"].items()):
            self.stdout.write(f"{provider}: " + ", ".join(f"{word} {n}" for word, n in sorted(by_status.items())))
        if not found["analyses"]:
            self.stdout.write("No picture has been checked yet.")
        for word, age in found["oldest_seconds"].items():
            self.stdout.write(f"oldest {word}: {age:.0f} s")
        for alias, reason in found["switches"].items():
            self.stdout.write(f"paused: {alias} ({reason})")
        swept = found["workers"]["last_sweep_seconds"]
        seen = "never; start manage.py detection_worker" if swept is None else f"{swept:.0f} s ago"
        self.stdout.write(
            f"gave up: {found['dead']}, waiting for a person: {found['review_backlog']}, "
            f"rings waiting: {found['workers']['rings_waiting']}, last sweep: {seen}, unsealed: {found['unsealed']}"
        )
