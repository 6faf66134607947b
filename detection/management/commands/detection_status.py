"""How the pipeline is: counts and ages, for people and for scripts."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone

from detection import audit, budgets, queue, switches
from detection.errors import BrokerUnavailable
from detection.models import Analysis, Asset, Sweep, WebhookDelivery, Worker, moments
from detection.providers import providers
from detection.vocabulary import LIVE, AnalysisStatus, Priority, Signal

_OPEN = (
    Signal.STRONG,
    Signal.SOME,
    Signal.DISAGREE,
    Signal.CONFLICT,
    Signal.DECLARED_AI,
    Signal.DECLARED_AI_EDITED,
    Signal.CREDENTIALS_BROKEN,
)


def _group(worker: Worker, now: datetime) -> dict[str, Any]:
    """One worker and its cluster, as it was last heard of. A silent one was killed, or its host is gone."""
    busy = worker.busy_at
    return {
        "name": worker.name,
        "queue": worker.queue,
        "seen_seconds": round((now - worker.seen_at).total_seconds(), 1),
        "busy_seconds": round((now - busy).total_seconds(), 1) if busy else None,
        "restarts": worker.restarts,
        "restart_reason": worker.restart_reason,
    }


def _rings() -> int | None:
    """How many rings wait; None where the broker does not answer."""
    try:
        return sum(queue.waiting(name) for name in ("", *providers.queues()))
    except BrokerUnavailable:
        return None


def status() -> dict[str, Any]:
    """The status document of the design's section 6; ages in seconds."""
    now = timezone.now()
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    calls: dict[str, dict[str, int]] = defaultdict(lambda: {"calls": 0, "scans": 0})
    oldest: dict[str, float] = {}
    # What waits in an archive's line is meant to be old.
    first = Min("created_at", filter=~Q(priority=Priority.LATER))
    each = Analysis.objects.values("provider", "status").annotate(n=Count("pk"), first=first)
    for row in each.annotate(sent=Count("pk", filter=Q(calls__gt=0)), called=Sum("calls")):
        counts[row["provider"]][row["status"]] = row["n"]
        calls[row["provider"]]["calls"] += row["called"]
        calls[row["provider"]]["scans"] += row["sent"]
        if row["status"] in LIVE and row["first"] is not None:
            age = (now - row["first"]).total_seconds()
            oldest[row["status"]] = round(max(oldest.get(row["status"], 0.0), age), 1)
    sweep = Sweep.objects.filter(name="sweep").first()
    return {
        "analyses": dict(counts),
        "calls": dict(calls),
        "oldest_seconds": oldest,
        "dead": Analysis.objects.present().filter(status=AnalysisStatus.DEAD).count(),
        "archive_waits": Analysis.objects.filter(priority=Priority.LATER, status=AnalysisStatus.PENDING_SCAN).count(),
        "budgets": {one.alias: {"used": one.used, "most": one.most} for one in budgets.all_of(moments.now())},
        "deliveries": dict(WebhookDelivery.objects.order_by().values_list("state").annotate(n=Count("pk"))),
        "review_backlog": Asset.objects.filter(signal__in=_OPEN, conclusion="", detached_at=None).count(),
        "switches": switches.pauses(),
        "workers": {
            "rings_waiting": _rings(),
            "last_sweep_seconds": round((now - sweep.ran_at).total_seconds(), 1) if sweep else None,
            "groups": [_group(worker, now) for worker in Worker.objects.filter(ended_at=None)],
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
            sent = found["calls"][provider]
            words = [f"{word} {n}" for word, n in sorted(by_status.items())]
            words.append(f"{sent['calls']} calls for {sent['scans']} scans")
            self.stdout.write(f"{provider}: {', '.join(words)}")
        if not found["analyses"]:
            self.stdout.write("No picture has been checked yet.")
        for word, age in found["oldest_seconds"].items():
            self.stdout.write(f"oldest {word}: {age:.0f} s")
        for alias, reason in found["switches"].items():
            self.stdout.write(f"paused: {alias} ({reason})")
        for alias, spent in found["budgets"].items():
            self.stdout.write(f"budget of {alias}: {spent['used']} of {spent['most']} pictures today")
        if found["deliveries"]:
            words = [f"{word} {n}" for word, n in sorted(found["deliveries"].items())]
            self.stdout.write(f"events from detectors: {', '.join(words)}")
        if found["archive_waits"]:
            self.stdout.write(f"of archives, behind the news: {found['archive_waits']}")
        for group in found["workers"]["groups"]:
            renewed = f", cluster renewed {group['restarts']} times" if group["restarts"] else ""
            of = f" (queue {group['queue']})" if group["queue"] else ""
            self.stdout.write(f"worker {group['name']}{of}: seen {group['seen_seconds']:.0f} s ago{renewed}")
        swept = found["workers"]["last_sweep_seconds"]
        seen = "never; start manage.py detection_worker" if swept is None else f"{swept:.0f} s ago"
        if (rings := found["workers"]["rings_waiting"]) is None:
            self.stdout.write("The broker does not answer. Start it; the checks wait and are rung again.")
        self.stdout.write(
            f"gave up: {found['dead']}, waiting for a person: {found['review_backlog']}, "
            f"rings waiting: {'unknown' if rings is None else rings}, last sweep: {seen}, unsealed: {found['unsealed']}"
        )
