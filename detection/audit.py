"""The history's one writer: every change records its event in its own transaction.

Actions are registered names with a label; each says which facts are personal, and those are kept beside the
event, behind a salted commitment, so that a person can be erased while the chain still verifies. Asked by
every function on floor 4 that changes something; hosts register actions of their own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detection import registry
from detection.errors import NotPermitted
from detection.models import Asset, AuditEvent, AuditPersonal, AuditSeal

_Text = str | Promise


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of event: its label, and the names of its facts that are personal."""

    name: str
    label: _Text
    personal: frozenset[str] = frozenset()


_actions: dict[str, Action] = {}


def register(name: str, label: _Text, *, personal: Iterable[str] = ()) -> None:
    """Make `name` ("story.published") a known action. The actor's name and any note are personal in every action."""
    _actions[name] = Action(name, label, frozenset(personal) | {"actor", "note"})


for _name, _label in (
    ("asset.seen", _("Picture registered")),
    ("asset.file_changed", _("The file changed; earlier evidence no longer counts")),
    ("asset.read", _("File read")),
    ("asset.detached", _("The picture was deleted in the newsroom")),
    ("asset.released", _("Released: may be sent to detectors")),
    ("asset.standing_changed", _("Signal changed")),
    ("analysis.requested", _("Check requested")),
    ("analysis.scanning", _("Check begun")),
    ("analysis.awaiting_callback", _("Accepted by the detector")),
    ("analysis.retry_pending", _("Trying again later")),
    ("analysis.complete", _("Answer recorded")),
    ("analysis.rejected", _("File rejected")),
    ("analysis.dead", _("Gave up; a person has to look")),
    ("analysis.superseded", _("Superseded by a newer check")),
    ("analysis.skipped", _("Not checked by this detector")),
    ("analysis.redriven", _("Started once more by a person")),
    ("analysis.reparsed", _("Kept answer read again by the present adapter, with another result")),
    ("picture.handed_out", _("A link to the picture was given to the detector")),
    ("event.delivered_again", _("A detector's event delivered again by a person")),
    ("overlay.stored", _("Overlay stored")),
    ("overlay.refused", _("Overlay refused")),
    ("review.concluded", _("Conclusion recorded")),
    ("review.reversed", _("Conclusion reversed")),
    ("review.claimed", _("Claimed for review")),
    ("gate.acknowledged", _("Acknowledged for a story")),
    ("gate.sent_to_chief", _("Sent to the desk chief")),
    ("gate.override_granted", _("Override granted for a story")),
    ("gate.override_revoked", _("Override revoked")),
    ("gate.passed", _("Passed the gate")),
    ("gate.refused", _("Publication refused")),
    ("gate.denied", _("Attempt without permission")),
    ("provider.paused", _("Detector paused")),
    ("provider.resumed", _("Detector resumed")),
    ("provider.budget_low", _("Four fifths of a detector's budget for the day used")),
    ("provider.budget_used_up", _("A detector's budget for the day used up")),
    ("provider.test_requested", _("Test of a detector asked for")),
    ("provider.tested", _("Detector tested")),
):
    register(_name, _label)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder))


def _commit(salt: str, value: str) -> str:
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()


def name_of(user: Any) -> str:
    """The name by which screens call a person; "" for the system."""
    if user is None:
        return ""
    return str(user.get_full_name() or user.get_username())[:150]


def record(
    action: str,
    *,
    asset: Asset | None = None,
    subject: models.Model | None = None,
    by: Any = None,
    personal: Mapping[str, str] | None = None,
    **facts: Any,
) -> AuditEvent:
    """Add one event. `by`: the person, None for the system. Raises ValueError for an action nobody registered."""
    event, values = _made(action, asset=asset, subject=subject, by=by, personal=personal or {}, facts=facts)
    event.save()
    AuditPersonal.objects.bulk_create(values)
    return event


def denied(
    permission: str, *, asset: Asset | None = None, subject: models.Model | None = None, by: Any, sentence: str = ""
) -> NotPermitted:
    """Record an attempt without permission, and give the error to raise.

    Called before the act opens its transaction: raising rolls that back, and the record has to stay.
    """
    record("gate.denied", asset=asset, subject=subject, by=by, permission=permission)
    return NotPermitted(sentence) if sentence else NotPermitted()


def record_all(actions: Iterable[tuple[str, Mapping[str, Any]]], *, asset: Asset, by: Any = None) -> None:
    """Add several events about one picture, in order and in as few statements as `record` takes for one."""
    made = [
        _made(action, asset=asset, subject=None, by=by, personal={}, facts=dict(facts)) for action, facts in actions
    ]
    AuditEvent.objects.bulk_create(event for event, _values in made)
    AuditPersonal.objects.bulk_create(value for _event, values in made for value in values)


def _made(
    action: str,
    *,
    asset: Asset | None,
    subject: models.Model | None,
    by: Any,
    personal: Mapping[str, str],
    facts: dict[str, Any],
) -> tuple[AuditEvent, list[AuditPersonal]]:
    if action not in _actions:
        raise ValueError(f"{action!r} is no registered action. Call detection.audit.register(…) for it.")
    private = {name: str(facts.pop(name)) for name in sorted(_actions[action].personal & facts.keys()) if facts[name]}
    private |= dict(personal)
    if by is not None:
        private["actor"] = name_of(by)
    salted = {name: (secrets.token_hex(16), value) for name, value in private.items() if value}
    event = AuditEvent(
        action=action,
        asset=asset,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_key=registry.key(subject) if subject is not None else "",
        subject_label=str(subject)[:200] if subject is not None else "",
        actor_id=by.pk if by is not None else None,
        facts=_plain(facts),
        commitments={name: _commit(salt, value) for name, (salt, value) in salted.items()},
    )
    return event, [
        AuditPersonal(event=event, name=name, salt=salt, value=value) for name, (salt, value) in salted.items()
    ]


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
    action = _actions.get(event.action)
    return Entry(
        at=event.at,
        action=event.action,
        label=str(action.label) if action else event.action,
        actor_label=actor,
        subject_label=event.subject_label,
        note=values.get("note", ""),
        facts={**event.facts, **{k: v for k, v in values.items() if k not in ("actor", "note")}},
        event_id=event.pk,
    )


GENESIS = "0" * 64


def canonical(event: AuditEvent) -> str:
    """The text of an event over which its seal is computed: sorted keys, no blanks, times in UTC."""
    return json.dumps(
        {
            "v": 1,
            "id": event.pk,
            "at": event.at.isoformat(),
            "action": event.action,
            "asset": event.asset_id,
            "subject": [event.subject_type, event.subject_key, event.subject_label],
            "actor": None if event.actor_id is None else str(event.actor_id),
            "facts": event.facts,
            "commitments": event.commitments,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def link(prev: str, event: AuditEvent) -> str:
    """The hash of the next link: sha256 over the previous hash and the event's canonical text."""
    return hashlib.sha256(f"{prev}{canonical(event)}".encode()).hexdigest()


def unsealed() -> models.QuerySet[AuditEvent]:
    """Events not yet in the chain."""
    return AuditEvent.objects.filter(seal=None).order_by("pk")


BATCH = 1000
"""Events that are chained in one transaction."""


def seal(limit: int = BATCH) -> int:
    """Chain up to `limit` events; the number sealed, 0 where another sealer was first (its numbers are unique)."""
    try:
        with transaction.atomic():
            last = AuditSeal.objects.order_by("-seq").first()
            seq, prev = (last.seq, last.hash) if last else (0, GENESIS)
            seals = []
            for event in unsealed()[:limit]:
                seq += 1
                digest = link(prev, event)
                seals.append(AuditSeal(seq=seq, event=event, prev=prev, hash=digest))
                prev = digest
            AuditSeal.objects.bulk_create(seals)
    except IntegrityError:
        return 0
    return len(seals)


def seal_all(*, most: int = 50_000) -> int:
    """Chain what waits, a thousand events a transaction, up to `most`; the number sealed."""
    sealed = 0
    while sealed < most:
        done = seal()
        sealed += done
        if done < BATCH:
            break
    return sealed


def first_broken() -> int | None:
    """The number of the first seal that does not fit, or None for a sound chain."""
    prev = GENESIS
    seals = AuditSeal.objects.order_by("seq").select_related("event").iterator(chunk_size=500)
    for seq, one in enumerate(seals, start=1):
        if one.seq != seq or one.prev != prev or one.hash != link(prev, one.event):
            return seq
        prev = one.hash
    return None
