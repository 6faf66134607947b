"""`detection_trace`: the whole walk of one picture, in the order in which it happened."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import audit
from detection.models import Analysis, Asset, AuditEvent, StoredOverlay, WebhookDelivery

_OF_AN_EVENT = ("analysis", "provider", "before", "attempt", "claim", "verdict", "via", "sentence", "correlation")
"""Facts of an event that tell what happened; the rest stands in the admin's history."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: `kind` is event, sent, callback or overlay."""

    at: datetime
    kind: str
    what: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """As a person reads it."""
        facts = ", ".join(f"{name} {value}" for name, value in self.facts.items() if value not in (None, "", []))
        return f"{self.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {self.kind:<8}  {self.what}{f' ({facts})' if facts else ''}"


def steps(asset: Asset) -> list[Step]:
    """Everything that is known of one picture, oldest first: history, sendings, callbacks, overlays. Five queries."""
    found = [*_events(asset), *_sendings(asset), *_callbacks(asset), *_overlays(asset)]
    return sorted(found, key=lambda step: step.at)


def _events(asset: Asset) -> Iterator[Step]:
    for event in AuditEvent.objects.filter(asset=asset).order_by("pk").prefetch_related("personal"):
        entry = audit.entry_of(event)
        facts = {name: entry.facts[name] for name in _OF_AN_EVENT if entry.facts.get(name)}
        about = f" for {entry.subject_label}" if entry.subject_label else ""
        yield Step(entry.at, "event", f"{entry.label}{about}, by {entry.actor_label}", facts)


def _sendings(asset: Asset) -> Iterator[Step]:
    for row in Analysis.objects.filter(asset=asset, submitted_at__isnull=False):
        facts = {"calls": row.calls, "variant": row.as_sent, "sha256": row.sent_sha256[:12]}
        said = {"vendor's id": row.provider_reference, "correlation": row.correlation}
        yield Step(row.submitted_at or row.created_at, "sent", f"Last sent to {row.provider}", facts | said)


def _callbacks(asset: Asset) -> Iterator[Step]:
    for row in WebhookDelivery.objects.filter(analysis__asset=asset):
        came = {"repeats": row.repeats, "conflicts": row.conflicts, "correlation": row.correlation}
        yield Step(row.received_at, "callback", f"Event {row.event_id[:40]} of {row.provider} came", came)
        if row.done_at:
            yield Step(row.done_at, "callback", f"Event {row.event_id[:40]} {row.state}", {"why": row.reason})


def _overlays(asset: Asset) -> Iterator[Step]:
    for row in StoredOverlay.objects.filter(analysis__asset=asset).select_related("analysis"):
        yield Step(row.created_at, "overlay", f"Overlay of {row.analysis.provider}: {row.status}", {"why": row.reason})


class Command(BaseCommand):
    """One line a step. The id may be the picture's, one of its checks', or a correlation id out of a log."""

    help = "Print everything that happened to one picture: events, sendings, callbacks, overlays, with correlation ids."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("public_id", metavar="PUBLIC_ID", help="A picture's or a check's id, or a correlation id.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        asset = _asset(options["public_id"])
        found = steps(asset)
        checks = list(Analysis.objects.filter(asset=asset).order_by("pk"))
        if options["json"]:
            told = [{"at": one.at, "kind": one.kind, "what": one.what, **one.facts} for one in found]
            whole = {"asset": str(asset.public_id), "signal": asset.signal, "why": asset.why, "steps": told}
            self.stdout.write(json.dumps(whole, indent=2, default=str))
            return
        gone = ", deleted in the newsroom" if asset.detached_at else ""
        self.stdout.write(f"{asset}: {asset.signal}{f' ({asset.why})' if asset.why else ''}{gone}")
        self.stdout.write(f"picture {asset.public_id}, sha256 {asset.sha256 or 'not read yet'}")
        for one in checks:
            waits = f", next at {one.next_attempt_at:%H:%M:%S}" if one.next_attempt_at else ""
            said = f"{one.verdict or one.error_sentence or one.why}".strip()
            head = f"check {one.public_id}: {one.provider} {one.status}{f', {said}' if said else ''}{waits}"
            self.stdout.write(f"{head}, {one.attempts} tries, {one.calls} calls, correlation {one.correlation or '-'}")
        for step in found:
            self.stdout.write(step.line)


def _asset(given: str) -> Asset:
    """The picture that an id leads to. Raises CommandError with what may be given."""
    with_id = Analysis.objects.select_related("asset")
    try:
        known = uuid.UUID(given)
    except ValueError:
        by_id = None
    else:
        if (asset := Asset.objects.filter(public_id=known).first()) is not None:
            return asset
        by_id = with_id.filter(public_id=known).first()
    found = by_id or with_id.filter(correlation=given).order_by("pk").first()
    if found is None:
        raise CommandError(f"No picture, check or correlation id {given!r} is known. The id stands on the review page.")
    return found.asset
