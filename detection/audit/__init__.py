"""The history's one writer: every change records its event in its own transaction.

Actions are registered names with a label; each says which facts are personal, and those are kept beside the
event, behind a salted commitment, so that a person can be erased while the chain still verifies. Asked by
every function on floor 4 that changes something; hosts register actions of their own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from detection import addresses, correlation, registry
from detection.audit.actions import ACTIONS, register
from detection.audit.chain import commitment, first_broken, found_by, seal, seal_all, unsealed
from detection.audit.entries import Entry, entry_of, history
from detection.errors import NotPermitted
from detection.models import Asset, AuditEvent, AuditPersonal

__all__ = [
    "ACTIONS",
    "Entry",
    "commitment",
    "denied",
    "entry_of",
    "first_broken",
    "history",
    "name_of",
    "record",
    "record_all",
    "register",
    "role_of",
    "seal",
    "seal_all",
    "unsealed",
]


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder))


def name_of(user: Any) -> str:
    """The name by which screens call a person; "" for the system."""
    if user is None:
        return ""
    return str(user.get_full_name() or user.get_username())[:150]


def role_of(user: Any) -> str:
    """What a person is at this moment, in words to be kept: their groups, or that they are an administrator."""
    if user is None:
        return ""
    groups = ", ".join(user.groups.order_by("name").values_list("name", flat=True))
    return (groups or ("Administrator" if user.is_superuser else ""))[:100]


def record(
    action: str,
    *,
    asset: Asset | None = None,
    subject: models.Model | None = None,
    by: Any = None,
    personal: Mapping[str, str] | None = None,
    **facts: Any,
) -> AuditEvent:
    """Add one event. `by`: the person, None for the system. Raises ValueError for an action nobody registered.

    A host that lets programs act in a person's name sets `acts_through` on that user ("API token …"); it is kept as the
    fact `through`, so that the history tells the two apart.
    """
    event, values = _made(action, asset=asset, subject=subject, by=by, personal=personal or {}, facts=facts)
    event.save()
    AuditPersonal.objects.bulk_create(values)
    return event


def denied(
    permission: str,
    *,
    asset: Asset | None = None,
    subject: models.Model | None = None,
    by: Any,
    sentence: str = "",
    **facts: Any,
) -> NotPermitted:
    """Record an attempt without permission, and give the error to raise.

    Called before the act opens its transaction: raising rolls that back, and the record has to stay.
    """
    record("gate.denied", asset=asset, subject=subject, by=by, permission=permission, **facts)
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
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is no registered action. Call detection.audit.register(…) for it.")
    if correlated := correlation.current():
        facts = {"correlation": correlated, **facts}
    private = {name: str(facts.pop(name)) for name in sorted(ACTIONS[action].personal & facts.keys()) if facts[name]}
    private |= dict(personal)
    if by is not None:
        private |= {"actor": name_of(by)} | addresses.of(by)
        if means := getattr(by, "acts_through", ""):
            facts["through"] = means
    salted = {name: (secrets.token_hex(16), value) for name, value in private.items() if value}
    facts = _plain(facts)
    event = AuditEvent(
        at=timezone.now(),
        action=action,
        asset=asset,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_key=registry.key(subject) if subject is not None else "",
        subject_label=str(subject)[:200] if subject is not None else "",
        actor_id=by.pk if by is not None else None,
        facts=facts,
        **found_by(facts),
        commitments={name: commitment(salt, value) for name, (salt, value) in salted.items()},
    )
    return event, [
        AuditPersonal(event=event, name=name, salt=salt, value=value) for name, (salt, value) in salted.items()
    ]
