"""Whether the history is the one that was recorded: the chain by itself, and the chain against anchors kept outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from detection import audit
from detection.audit.chain import Problem, problems
from detection.history import retaining
from detection.history.anchoring import Anchor
from detection.models import AuditEvent, AuditPersonal, AuditSeal

_MOST = 100
"""So many misfits are kept; the first is what matters."""


@dataclass(slots=True)
class Verification:
    """What a verification found. It stands where there are no problems."""

    entries: int = 0
    sealed_now: int = 0
    unsealed: int = 0
    removed: int = 0
    """Events removed after their time, whose seals stand."""
    anchors: int = 0
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        return not self.problems

    @property
    def first(self) -> Problem | None:
        """The first misfit in the order of the chain."""
        return min(self.problems, key=lambda one: one.seq, default=None)


def verify(anchors: Sequence[Anchor] = (), *, seal: bool = True) -> Verification:
    """Seal what waits (unless told not to), walk the chain, compare it with anchors, and look for silent erasing."""
    found = Verification(anchors=len(anchors))
    if seal:
        found.sealed_now = audit.seal_all(most=10_000_000)
    found.unsealed = audit.unsealed().count()
    through = _removed_through()
    for problem in problems(removed=lambda seq: seq <= through):
        found.problems.append(problem)
        if len(found.problems) >= _MOST:
            break
    head = AuditSeal.objects.order_by("-seq").first()
    found.entries = head.seq if head else 0
    kept = AuditEvent.objects.filter(seal__isnull=False).count()
    found.removed = max(0, AuditSeal.objects.count() - kept)
    found.problems += _against(anchors, found)
    found.problems += _erased_unrecorded()
    return found


def _removed_through() -> int:
    """The last entry whose event may be gone because retention removed it."""
    return retaining.explained(AuditEvent.objects.filter(action="audit.pruned").values_list("facts", flat=True))


def _against(anchors: Sequence[Anchor], found: Verification) -> Iterator[Problem]:
    standing = _still_claimed(anchors, found)
    hashes = _hashes_at([one.seq for one in standing])
    agreed = 0
    for one in standing:
        when = one.at.strftime("%Y-%m-%d %H:%M UTC")
        if one.seq > found.entries:
            lost = _entries(found.entries + 1, one.seq)
            restore = "If this database was restored from an older copy, say so: manage.py audit_anchor --restored."
            yield Problem(found.entries + 1, "missing", f"{lost} anchored on {when} and now missing. {restore}")
            return
        if one.seq in hashes and hashes[one.seq] != one.hash:
            where = _entries(agreed + 1, one.seq)
            yield Problem(agreed + 1, "rewritten", f"{where} rewritten after the anchor of {when} was signed.")
            return
        agreed = one.seq


def _hashes_at(numbers: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for begin in range(0, len(numbers), 500):
        rows = AuditSeal.objects.filter(seq__in=numbers[begin : begin + 500])
        found |= dict(rows.values_list("seq", "hash"))
    return found


def _entries(first: int, last: int) -> str:
    """“Entry 5 was” or “Entries 5 to 9 were”, as the beginning of a sentence."""
    return f"Entry {first} was" if first == last else f"Entries {first} to {last} were"


def _still_claimed(anchors: Sequence[Anchor], found: Verification) -> list[Anchor]:
    """The anchors in the order of their numbers, without those that a signed restore gave up."""
    claimed: list[Anchor] = []
    for one in anchors:
        if one.restored:
            lost = [other for other in claimed if other.seq >= one.seq or not _has(other)]
            claimed = [other for other in claimed if other not in lost]
            if lost:
                when = one.at.strftime("%Y-%m-%d %H:%M UTC")
                found.remarks.append(f"A signed restore of {when} gave up what had been anchored after its copy.")
        claimed.append(one)
    numbers = [one.seq for one in claimed]
    if numbers != sorted(numbers):
        claimed.sort(key=lambda one: one.seq)
    return claimed


def _has(one: Anchor) -> bool:
    return AuditSeal.objects.filter(seq=one.seq, hash=one.hash).exists()


def _erased_unrecorded() -> Iterator[Problem]:
    """Names that are gone although no erasure was recorded for that person."""
    erased = {
        str(facts.get("person"))
        for facts in AuditEvent.objects.filter(action="audit.erased").values_list("facts", flat=True)
    }
    named = AuditPersonal.objects.filter(name="actor").values("event")
    silent = AuditEvent.objects.exclude(actor=None).exclude(pk__in=named).exclude(actor__in=[pk for pk in erased if pk])
    for event_id, seq in silent.values_list("pk", "seal__seq").order_by("pk")[:1]:
        yield Problem(
            seq or 0,
            "personal",
            f"The name of who caused entry {seq or event_id} is gone, and no erasure was recorded.",
        )
