"""Whether bytes were signed by somebody who knows one of our secrets: Standard Webhooks 1.0, and plain HMAC-SHA256.

Pure: the time is passed in, nothing is parsed, nothing is kept. Whatever a stranger writes into the headers is answered
by `BadSignature`, never by another error. Asked by the detectors that call back, and by the sender that plays one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

TOLERANCE = 300
"""Seconds by which a signed moment may lie before or after ours."""
SHORTEST = 16
"""Bytes of the shortest key that is taken."""
_MOST_TOKENS = 5
_LONGEST_HEADER = 2048
_ID = re.compile(r"[A-Za-z0-9_\-]{1,256}", re.ASCII)
_MOMENT = re.compile(r"[1-9][0-9]{9}", re.ASCII)
_HEX = re.compile(r"(?:sha256=)?([0-9a-f]{64})", re.ASCII)


class Scheme(StrEnum):
    """How a detector signs its events."""

    STANDARD = "standard"
    """Standard Webhooks: id, moment and body, in base64, several signatures at once while a secret is changed."""
    HMAC = "hmac"
    """`x-signature`: hex over the body, or over `moment.body` where `x-timestamp` is there."""


class BadSignature(Exception):
    """Not signed by anybody who knows a secret of ours, or too long ago. Its text is for our log and nobody else."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a good signature says. `event_id`: the sender's own, "" where the scheme has none; `slot`: which of the
    secrets it was, 0 the newest."""

    event_id: str
    slot: int


def key_of(scheme: Scheme, secret: str) -> bytes:
    """The key that a configured secret stands for. Raises ValueError, which says what is wrong with it."""
    if scheme is Scheme.HMAC:
        key = secret.encode()
    else:
        text = secret.removeprefix("whsec_")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            raise ValueError("is no Standard Webhooks secret, which is base64, behind whsec_") from None
    if len(key) < SHORTEST:
        raise ValueError(f"is too short: {SHORTEST} bytes or more are needed")
    return key


def verify(
    scheme: Scheme,
    keys: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: float = TOLERANCE,
) -> Signed:
    """Who signed these bytes. `headers`: names in small letters; `now`: seconds since 1970; `keys`: the newest first.

    Raises BadSignature. Every key is tried on every signature, in the same time whichever of them fits.
    """
    read = _read_standard if scheme is Scheme.STANDARD else _read_hmac
    event_id, signed, given = read(headers, body, now, tolerance)
    slots = [slot for slot, key in enumerate(keys) if _fits(_digest(scheme, key, signed), given)]
    if not slots:
        raise BadSignature("no signature fits")
    return Signed(event_id, slots[0])


def sign(scheme: Scheme, key: bytes, body: bytes, *, event_id: str, now: float) -> dict[str, str]:
    """The headers of a signed event, for whoever plays a detector."""
    moment = str(int(now))
    if scheme is Scheme.HMAC:
        return {"x-timestamp": moment, "x-signature": _digest(scheme, key, f"{moment}.".encode() + body).decode()}
    digest = _digest(scheme, key, f"{event_id}.{moment}.".encode() + body).decode()
    return {"webhook-id": event_id, "webhook-timestamp": moment, "webhook-signature": f"v1,{digest}"}


def _digest(scheme: Scheme, key: bytes, signed: bytes) -> bytes:
    made = hmac.new(key, signed, hashlib.sha256)
    return made.hexdigest().encode() if scheme is Scheme.HMAC else base64.b64encode(made.digest())


def _fits(digest: bytes, given: list[bytes]) -> bool:
    # As text: of base64, several spellings stand for the same bytes, and one alone is what was signed.
    found = [hmac.compare_digest(digest, one) for one in given]
    return any(found)


def _read_standard(
    headers: Mapping[str, str], body: bytes, now: float, tolerance: float
) -> tuple[str, bytes, list[bytes]]:
    event_id, moment, listed = (
        headers.get(f"webhook-{name}") or headers.get(f"svix-{name}") or "" for name in ("id", "timestamp", "signature")
    )
    if not _ID.fullmatch(event_id):
        raise BadSignature("the id is missing or malformed")
    _look_at(moment, now, tolerance)
    if len(listed) > _LONGEST_HEADER:
        raise BadSignature("the signature header is too long")
    tokens = listed.split()
    if len(tokens) > _MOST_TOKENS:
        raise BadSignature("there are too many signatures")
    given = [token[3:].encode(errors="replace") for token in tokens if token.startswith("v1,")]
    return event_id, f"{event_id}.{moment}.".encode() + body, given


def _read_hmac(headers: Mapping[str, str], body: bytes, now: float, tolerance: float) -> tuple[str, bytes, list[bytes]]:
    found = _HEX.fullmatch(headers.get("x-signature") or "")
    if not found:
        raise BadSignature("the signature is missing or malformed")
    moment = headers.get("x-timestamp")
    if moment is None:
        return "", body, [found[1].encode()]
    _look_at(moment, now, tolerance)
    return "", f"{moment}.".encode() + body, [found[1].encode()]


def _look_at(moment: str, now: float, tolerance: float) -> None:
    if not _MOMENT.fullmatch(moment):
        raise BadSignature("the moment is missing or malformed")
    if abs(now - int(moment)) > tolerance:
        raise BadSignature("the moment is too far from ours")
