"""That the events of a dossier stand in the chain, shown so that it can be checked without any database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from detection import audit
from detection.audit.chain import canonical, commitment, digest_of, link
from detection.errors import Refused
from detection.history import anchoring, merkle
from detection.models import Acknowledgement, Asset, AuditEvent, AuditPersonal, AuditSeal, Override, Passage

_PROOF = ("events", "chain")
_STORIES = ("gate.passed", "gate.refused", "gate.glass_broken")


def digest(body: Mapping[str, Any]) -> str:
    """sha256 over the dossier's canonical JSON, without its proof."""
    kept = {name: value for name, value in body.items() if name not in _PROOF}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def prove(asset: Asset, body: Mapping[str, Any]) -> dict[str, Any]:
    """Seal what waits; the picture's events and those of its stories, each with its seal and its way to the root."""
    audit.seal_all(most=10_000_000)
    head = AuditSeal.objects.order_by("-seq").first()
    size = head.seq if head else 0
    levels = anchoring.levels(size)
    events = _events(asset)
    seals = {one.event_id: one for one in AuditSeal.objects.filter(event__in=[event.pk for event in events])}
    personal: dict[int, dict[str, list[str]]] = {}
    for value in AuditPersonal.objects.filter(event__in=[event.pk for event in events]):
        if value.name not in ("address", "peer"):
            personal.setdefault(value.event_id, {})[value.name] = [value.salt, value.value]
    first = AuditSeal.objects.order_by("seq").values_list("seq", flat=True).first() or 1
    entries = [
        {
            "entry": (seal := seals[event.pk]).seq,
            "prev": seal.prev,
            "digest": seal.digest,
            "hash": seal.hash,
            "event": canonical(event),
            "personal": personal.get(event.pk, {}),
            "path": merkle.path(levels, seal.seq - first),
        }
        for event in events
        if event.pk in seals
    ]
    chain: dict[str, Any] = {"v": 1, "seq": size, "hash": head.hash if head else "", "root": merkle.root(levels)}
    chain["at"] = timezone.now().isoformat()
    try:
        chain["signature"] = anchoring.sign(chain, anchoring.key())
    except Refused:
        chain["signature"] = ""
    return {"events": entries, "chain": chain}


def _events(asset: Asset) -> list[AuditEvent]:
    """What concerns the picture, and the gate's answers about the stories it went out with or was decided for."""
    wanted = Q(asset=asset)
    stories = set(Passage.objects.filter(asset=asset).values_list("subject_type", "subject_key"))
    for model in (Acknowledgement, Override):
        rows = model.objects.filter(asset=asset).select_related("subject_type")
        stories |= {(f"{one.subject_type.app_label}.{one.subject_type.model}", one.subject_key) for one in rows}
    for label, key in stories:
        wanted |= Q(subject_type=label, subject_key=key) & (Q(action__in=_STORIES) | Q(action__startswith="story."))
    return list(AuditEvent.objects.filter(wanted).order_by("pk"))


def check(
    made: Mapping[str, Any], *, secret: bytes | None = None, anchors: Sequence[anchoring.Anchor] = ()
) -> list[str]:
    """What is wrong with a dossier, in sentences; nothing for a sound one. Asks no database.

    `secret`: the key that signed it, where the reader has it. `anchors`: heads kept elsewhere.
    """
    chain, entries = made["chain"], made["events"]
    found = [sentence for entry in entries for sentence in _misfits(entry, chain)]
    own = digest(made)
    told = [json.loads(entry["event"]) for entry in entries]
    if not any(event["action"] == "audit.dossier_made" and event["facts"].get("sha256") == own for event in told):
        found.append("What stands beside the events is not what was recorded when the dossier was made.")
    if secret is not None and not anchoring.is_signed(dict(chain), secret):
        found.append("The head of the chain is not signed by this key.")
    found += _against(anchors, chain, entries)
    return found


def _misfits(entry: Mapping[str, Any], chain: Mapping[str, Any]) -> Iterable[str]:
    number = int(entry["entry"])
    made_of = digest_of(entry["event"])
    if entry["digest"]:
        is_sealed = made_of == entry["digest"] and entry["hash"] == link(entry["prev"], made_of)
    else:  # a link of before the digest was kept
        is_sealed = entry["hash"] == hashlib.sha256(f"{entry['prev']}{entry['event']}".encode()).hexdigest()
    if not is_sealed:
        yield f"Entry {number} is not what was sealed."
    if merkle.root_by(entry["hash"], number - 1, int(chain["seq"]), entry["path"]) != chain["root"]:
        yield f"Entry {number} does not stand in this chain."
    kept = json.loads(entry["event"])["commitments"]
    for name, (salt, value) in entry["personal"].items():
        if kept.get(name) != commitment(salt, value):
            yield f"The {name} beside entry {number} is not the one that was recorded."


def _against(
    anchors: Sequence[anchoring.Anchor], chain: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> Iterable[str]:
    hashes = {int(entry["entry"]): entry["hash"] for entry in entries} | {int(chain["seq"]): chain["hash"]}
    for one in anchors:
        if hashes.get(one.seq, one.hash) != one.hash:
            yield f"Entry {one.seq} is not the one that was anchored on {one.at:%Y-%m-%d %H:%M} UTC."
