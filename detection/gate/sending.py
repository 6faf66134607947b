"""Handed to a desk chief: what an editor could not clear, read back from the history. It changes no level.

`acts.send_to_chief` records it; the report shows it on the picture's line while the evidence is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import QuerySet

from detection import audit, registry
from detection.models import AuditEvent

ACTION = "gate.sent_to_chief"


@dataclass(frozen=True, slots=True)
class Sent:
    """Who asked a chief to look at a picture for a story, when, and on which evidence."""

    by: str
    at: datetime
    evidence: str
    note: str = ""


def sent_about(subject: models.Model) -> dict[int, Sent]:
    """The last sending of each picture of a publishable, by the asset's key: two queries."""
    of_subject = _sendings(type(subject)).filter(subject_key=registry.key(subject))
    found: dict[int, Sent] = {}
    for event in of_subject.order_by("pk").prefetch_related("personal"):
        entry = audit.entry_of(event)
        if event.asset_id is not None:
            evidence = str(event.facts.get("evidence", ""))
            found[event.asset_id] = Sent(entry.actor_label, entry.at, evidence, entry.note)
    return found


def sent_of(placed: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str, int], Sent]:
    """The last sending of each picture in a publishable, for lists: two queries for all, none for none.

    `placed`: the publishable's label in small letters, its key, and the asset's key.
    """
    wanted = set(placed)
    if not wanted:
        return {}
    events = AuditEvent.objects.filter(action=ACTION, asset__in={pk for _label, _key, pk in wanted})
    found: dict[tuple[str, str, int], Sent] = {}
    for event in events.order_by("pk").prefetch_related("personal"):
        name = event.subject_type, event.subject_key, event.asset_id or 0
        if name in wanted:
            entry = audit.entry_of(event)
            found[name] = Sent(entry.actor_label, entry.at, str(event.facts.get("evidence", "")), entry.note)
    return found


def sent_keys(model: type[models.Model]) -> QuerySet[Any, Any]:
    """The keys of the publishables of this model about which anything was ever sent, as a subquery."""
    return _sendings(model).order_by().values("subject_key")


def _sendings(model: type[models.Model]) -> QuerySet[Any]:
    return AuditEvent.objects.filter(action=ACTION, subject_type=model._meta.label_lower)
