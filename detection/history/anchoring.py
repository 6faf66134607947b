"""The signed head of the chain, kept where the database cannot reach: without it a tail can be cut off unseen.

One line of JSON an anchor: number and hash of the last entry, the root of the tree over all seals, when, and an HMAC
by a key that is in no database. Whoever can write to the database can chain everything anew, but not sign it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings as django_settings
from django.utils import timezone

from detection import audit
from detection.errors import Refused
from detection.history import merkle
from detection.models import AuditSeal

_UNSIGNED = "signature"


@dataclass(frozen=True, slots=True)
class Anchor:
    """One signed head. `restored`: the head after a restore from a copy; what was anchored beyond it is known lost."""

    seq: int
    hash: str
    root: str
    at: datetime
    restored: bool = False

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "v": 1,
            "seq": self.seq,
            "hash": self.hash,
            "root": self.root,
            "at": self.at.isoformat(),
        }
        return found | ({"restored": True} if self.restored else {})


def key() -> bytes:
    """The key by which anchors are signed. Raises Refused where none is configured."""
    found = getattr(django_settings, "AUDIT_ANCHOR_KEY", "")
    if not found:
        raise Refused("AUDIT_ANCHOR_KEY is not set, so nothing can be signed. Give it a value that no database holds.")
    return str(found).encode()


def sign(body: dict[str, Any], secret: bytes) -> str:
    """HMAC-SHA256 over the body's canonical JSON, without its signature, as 64 hex digits."""
    signed = {name: value for name, value in body.items() if name != _UNSIGNED}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def is_signed(body: dict[str, Any], secret: bytes) -> bool:
    """Whether the body carries the signature of this key."""
    given = body.get(_UNSIGNED)
    return isinstance(given, str) and hmac.compare_digest(given.encode(), sign(body, secret).encode())


def levels(upto: int | None = None) -> list[list[bytes]]:
    """The tree over all seals, or over those up to a number; one query, 32 bytes an entry."""
    seals = AuditSeal.objects.order_by("seq")
    if upto is not None:
        seals = seals.filter(seq__lte=upto)
    return merkle.tree(seals.values_list("hash", flat=True).iterator(chunk_size=5000))


def anchor(*, restored: bool = False, reason: str = "", by: Any = None) -> str:
    """Seal what waits, and give one signed line about the head. Raises Refused without a key or with no entries.

    `restored`: the database comes from a copy older than the last anchor, and says so in an event of its own.
    """
    secret = key()
    if restored:
        audit.record("audit.restored", by=by, note=reason)
    audit.seal_all(most=10_000_000)
    head = AuditSeal.objects.order_by("-seq").first()
    if head is None:
        raise Refused("There is no history yet, so there is nothing to anchor.")
    root = merkle.root(levels(head.seq))
    made = Anchor(seq=head.seq, hash=head.hash, root=root, at=timezone.now(), restored=restored)
    body = made.as_json()
    audit.record("audit.anchored", by=by, seq=made.seq, hash=made.hash, root=made.root)
    return json.dumps(body | {_UNSIGNED: sign(body, secret)}, sort_keys=True, ensure_ascii=False)


def read(lines: Iterable[str], secret: bytes) -> tuple[list[Anchor], list[str]]:
    """Anchors of a file in its order, and what is wrong with its lines, in sentences. Empty lines are passed over."""
    found: list[Anchor] = []
    wrong: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
            made = Anchor(
                seq=int(body["seq"]),
                hash=str(body["hash"]),
                root=str(body["root"]),
                at=datetime.fromisoformat(body["at"]),
                restored=bool(body.get("restored")),
            )
        except (ValueError, KeyError, TypeError):
            wrong.append(f"Line {number} of the anchors is no anchor.")
            continue
        if is_signed(body, secret):
            found.append(made)
        else:
            wrong.append(f"Line {number} of the anchors is not signed by this AUDIT_ANCHOR_KEY.")
    return found, wrong
