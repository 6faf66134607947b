"""Events as screens show them: readable when the person, the picture, the story and the file are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext

from detection import registry
from detection.audit.actions import ACTIONS
from detection.models import Asset, AuditEvent

_APART = frozenset({"actor", "note", "address", "peer"})
"""Personal values that have a place of their own on a screen, or none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as a screen shows it; needs neither the person nor the picture to be there still."""

    at: datetime
    action: str
    label: str
    actor_label: str
    subject_label: str
    note: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    event_id: int = 0
    address: str = ""
    """The network address its author came from, for readers of the whole history alone."""


def history(*, asset: Asset | None = None, subject: models.Model | None = None, limit: int = 200) -> list[Entry]:
    """The newest events about a picture or a publishable, newest first: two queries."""
    events = AuditEvent.objects.all()
    if asset is not None:
        events = events.filter(asset=asset)
    if subject is not None:
        events = events.filter(subject_type=subject._meta.label_lower, subject_key=registry.key(subject))
    return [entry_of(event) for event in events.prefetch_related("personal")[:limit]]


def entry_of(event: AuditEvent) -> Entry:
    """One event as a screen shows it; with `personal` prefetched it asks nothing more."""
    values = {value.name: value.value for value in event.personal.all()}
    actor = values.get("actor") or (gettext("A person (name erased)") if event.actor_id else gettext("System"))
    if means := event.facts.get("through"):
        # What a program did in a person's name is read as that, on every page.
        actor = f"{actor} ({means})"
    action = ACTIONS.get(event.action)
    return Entry(
        at=event.at,
        action=event.action,
        label=str(action.label) if action else event.action,
        actor_label=actor,
        subject_label=event.subject_label,
        note=values.get("note", ""),
        facts={**event.facts, **{k: v for k, v in values.items() if k not in _APART}},
        event_id=event.pk,
        address=" · ".join(values[name] for name in ("address", "peer") if name in values),
    )
