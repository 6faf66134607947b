"""The chain of seals over the events: gap-free numbers, one hash after another, appended by whoever comes first.

An event is sealed after its transaction, not in it: a row that every change must write would make all changes wait
for each other. A seal holds the digest of the event's canonical text beside the hash of the link, so that the chain
can still be followed where an event was removed after its time, and shown to somebody who may not read the events.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction

from detection.models import AuditEvent, AuditPersonal, AuditSeal

GENESIS = "0" * 64
"""What the first link is chained to."""
BATCH = 1000
"""Events that are chained in one transaction."""


def commitment(salt: str, value: str) -> str:
    """What an event keeps of a personal value: sha256 over salt and value, which tells nothing once both are erased."""
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()


def canonical(event: AuditEvent) -> str:
    """The text of an event over which its digest is computed: sorted keys, no blanks, times in UTC."""
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


def digest_of(text: str) -> str:
    """sha256 of a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(prev: str, digest: str) -> str:
    """The hash of the next link: sha256 over the previous hash and the event's digest, both as 64 hex digits."""
    return hashlib.sha256(f"{prev}{digest}".encode()).hexdigest()


def unsealed() -> models.QuerySet[AuditEvent]:
    """Events not yet in the chain."""
    return AuditEvent.objects.filter(seal=None).order_by("pk")


def seal(limit: int = BATCH) -> int:
    """Chain up to `limit` events; the number sealed, 0 where another sealer was first (its numbers are unique)."""
    try:
        with transaction.atomic():
            last = AuditSeal.objects.order_by("-seq").first()
            seq, prev = (last.seq, last.hash) if last else (0, GENESIS)
            seals = []
            for event in unsealed()[:limit]:
                seq += 1
                digest = digest_of(canonical(event))
                hashed = link(prev, digest)
                seals.append(AuditSeal(seq=seq, event=event, prev=prev, digest=digest, hash=hashed))
                prev = hashed
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


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the history that does not fit: which entry, of which kind, and in words."""

    seq: int
    kind: str
    """`missing`, `broken`, `changed`, `gone` or `personal`."""
    sentence: str


def problems(*, removed: Callable[[int], bool] = lambda seq: False) -> Iterator[Problem]:
    """Walk the whole chain, a thousand entries at a time, and name what does not fit, in order.

    `removed`: whether the event of that entry may be gone, for it was removed after its time.
    """
    expected, prev, after = 1, GENESIS, 0
    while seals := list(AuditSeal.objects.filter(seq__gt=after).order_by("seq")[:BATCH]):
        events = AuditEvent.objects.in_bulk([one.event_id for one in seals])
        values: dict[int, list[AuditPersonal]] = {}
        for value in AuditPersonal.objects.filter(event__in=events):
            values.setdefault(value.event_id, []).append(value)
        for one in seals:
            if one.seq != expected:
                yield Problem(expected, "missing", _missing(expected, one.seq - 1))
            event = events.get(one.event_id)
            yield from _misfits(one, event, prev if one.seq == expected else one.prev, removed)
            yield from (_misfit(one.seq, event, value) for value in values.get(one.event_id, ()) if _lies(event, value))
            expected, prev = one.seq + 1, one.hash
        after = seals[-1].seq


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"Entry {first} is missing from the chain: it was deleted."
    return f"Entries {first} to {last} are missing from the chain: they were deleted."


def _misfits(one: AuditSeal, event: AuditEvent | None, prev: str, removed: Callable[[int], bool]) -> Iterator[Problem]:
    if event is None:
        if not removed(one.seq):
            yield Problem(one.seq, "gone", f"The event of entry {one.seq} was deleted, and no retention removed it.")
    else:
        text = canonical(event)
        made_of = digest_of(text)
        is_whole = made_of == one.digest if one.digest else one.hash == _old_link(one.prev, text)
        if not is_whole or not _fits_its_columns(event):
            yield Problem(one.seq, "changed", f"Entry {one.seq} is not what was sealed: its event was changed.")
    if one.prev != prev:
        yield Problem(
            one.seq, "broken", f"Entry {one.seq} is not chained to the one before it: one of the two was rewritten."
        )
    elif one.digest and one.hash != link(one.prev, one.digest):
        yield Problem(
            one.seq, "broken", f"The seal of entry {one.seq} does not fit what it is made of: it was changed."
        )


def _old_link(prev: str, text: str) -> str:
    return hashlib.sha256(f"{prev}{text}".encode()).hexdigest()


def _fits_its_columns(event: AuditEvent) -> bool:
    """Whether the columns for searching say what the facts say; they are empty in events older than the columns."""
    columns = {"desk": event.desk, "reason": event.reason, "policy": event.policy}
    return not any(value and value != found_by(event.facts)[name] for name, value in columns.items())


def found_by(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The columns by which the timeline is searched: copies of facts, which stand in the sealed text themselves."""
    policy = facts.get("policy")
    return {
        "desk": str(facts.get("desk") or "")[:64],
        "reason": str(facts.get("reason") or "")[:40],
        "policy": policy if isinstance(policy, int) and not isinstance(policy, bool) else None,
    }


def _lies(event: AuditEvent | None, value: AuditPersonal) -> bool:
    return event is not None and event.commitments.get(value.name) != commitment(value.salt, value.value)


def _misfit(seq: int, event: AuditEvent | None, value: AuditPersonal) -> Problem:
    return Problem(seq, "personal", f"The {value.name} kept beside entry {seq} is not the one that was recorded.")


def first_broken() -> int | None:
    """The number of the first entry that does not fit, or None for a sound chain."""
    return next((one.seq for one in problems()), None)
