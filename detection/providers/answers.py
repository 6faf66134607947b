"""Reading what a vendor sent: JSON strictly, Retry-After without trust, and a redacted copy fit to be kept.

Pure functions over bytes and plain values; asked by `http` and by every adapter.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from detection.errors import SchemaMismatch

MAX_DEPTH = 32
"""Levels of nesting that a vendor's JSON may have."""
RETRY_AFTER_CAP = 6 * 3600.0
"""Seconds; a vendor that asks for more is asked again after this."""
MAX_TEXT = 200
"""Characters of a vendor's id that are read."""
MASK = "[redacted]"
_SHORTEST_SECRET = 4
_SECRET_WORDS = frozenset(
    {
        "key",
        "apikey",
        "token",
        "secret",
        "signature",
        "password",
        "authorization",
        "credential",
        "credentials",
        "cookie",
    }
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_URL = re.compile(r"""(https?://)(?:[^\s"'<>/?#]*@)?([^\s"'<>?#]*)(?:[?#][^\s"'<>]*)?""", re.IGNORECASE)
_SIGNED = re.compile(r"(?<![\w-])[\w-]{16,}(?:\.[\w-]{16,})?\.[\w-]{43}(?![\w-])", re.ASCII)
"""A signed token, such as the one in a link of ours that a vendor repeats: parts of base64 and 32 signed bytes."""
_LINK = re.compile("https?://[!-~]{1,4000}", re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def read_json(content: bytes) -> dict[str, Any]:
    """A JSON object, read strictly: UTF-8, no NaN or infinity, no key twice, at most `MAX_DEPTH` deep.

    Raises SchemaMismatch, which says what was wrong and repeats nothing of the body.
    """

    def refuse(what: str) -> NoReturn:
        raise SchemaMismatch(f"The detector's answer is not the documented JSON ({what}). A person has to look.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            refuse("a key stands twice")
        return found

    def finite(text: str) -> float:
        return value if math.isfinite(value := float(text)) else refuse("a number without end")

    try:
        found = json.loads(content.decode("utf-8"), parse_constant=finite, parse_float=finite, object_pairs_hook=once)
    except (ValueError, RecursionError):
        refuse("it begins like a web page" if content.lstrip()[:1] == b"<" else "it cannot be read")
    if not isinstance(found, dict):
        refuse("not an object")
    if _depth(found) > MAX_DEPTH:
        refuse("too deeply nested")
    return found


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header asks for, 0 to `RETRY_AFTER_CAP`; None where it is absent, past or garbage.

    A date counts from the answer's own Date, so that a vendor's wrong clock doesn't matter. Never raises.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,12}", value):
        return min(float(value), RETRY_AFTER_CAP)
    until, since = _http_date(value), _http_date(headers.get("Date", "")) or now or datetime.now(UTC)
    if until is None or until < since:
        return None
    return min((until - since).total_seconds(), RETRY_AFTER_CAP)


def _http_date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def score(value: Any, name: str, *, most: float = 1.0) -> float:
    """A number from 0 to `most` as a share of 1. Out of range is an error, for clamping would invent evidence.

    Raises SchemaMismatch with the field's `name`; also where it is absent, text, or True.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise SchemaMismatch(f"The detector's {name} is not a number between 0 and {most:g}.")
    return float(value) if most == 1.0 else round(value / most, 6)


def share(value: Any, name: str, *, most: float = 1.0) -> float | None:
    """As `score`, but None where it is absent."""
    return None if value is None else score(value, name, most=most)


def amount(value: Any) -> float | None:
    """What is left of a plan, 0 to 1e12; None for anything else: what a vendor wrote may be too large for a float."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1e12 else None


def flag(given: Mapping[str, Any], name: str) -> bool | None:
    """True or False under that name; None where it is absent or null.

    Raises SchemaMismatch for anything else: "true" and 1 may mean yes, and must not pass for no.
    """
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise SchemaMismatch(f"The detector's {name} is neither true nor false. A person has to look.")
    return value


def text(given: Mapping[str, Any], name: str) -> str:
    """The text of that name, whole: one that is cut first hides a secret from whoever masks it. "" for none."""
    value = given.get(name)
    return value if isinstance(value, str) else ""


def part(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name. Raises SchemaMismatch where there is none: renamed, or of another shape."""
    value = given.get(name)
    if not isinstance(value, Mapping):
        raise SchemaMismatch(f"The detector's answer has no {name} as it is documented. A person has to look.")
    return value


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; nothing where it is no list, and what is no object is left out."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def identifier(value: Any, name: str = "id") -> str:
    """An id of the vendor's, 1 to `MAX_TEXT` printable characters. Raises SchemaMismatch for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise SchemaMismatch(f"The detector's analysis carries no {name}.")
    return value


def link(value: Any) -> str:
    """An address on the web, of ASCII that can be seen; "" for anything else, which nobody can fetch or store."""
    return value if isinstance(value, str) and _LINK.fullmatch(value) else ""


def moment(value: Any) -> datetime | None:
    """A time with its zone, as ISO 8601 writes it, in the years 2000 to 2100; None for anything else.

    A time near the ends of the calendar cannot be counted with, nor stored by every database.
    """
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo and 2000 <= found.year <= 2100 else None


def redact(value: Any, *, secrets: tuple[str, ...] = ()) -> Any:
    """A copy fit to be kept: values under secret-sounding keys and signed tokens masked, URLs without query, `secrets`
    never in it."""
    if isinstance(value, Mapping):
        return {
            redact(str(key), secrets=secrets): MASK if item and _is_secret(str(key)) else redact(item, secrets=secrets)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, secrets=secrets) for item in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, MASK) if len(secret) >= _SHORTEST_SECRET else value
    value = _SIGNED.sub(MASK, _URL.sub(r"\1\2", value))
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def redact_rest(text: str, *, secrets: tuple[str, ...]) -> str:
    """A text that was cut, and so ends in "…", may end in the midst of a secret: what is left of that is masked too."""
    head = text.removesuffix("…")
    if head == text:
        return text
    parts = [
        secret[:length] for secret in secrets for length in range(_SHORTEST_SECRET, min(len(secret), len(head) + 1))
    ]
    rest = max((part for part in parts if head.endswith(part)), key=len, default="")
    return head.removesuffix(rest) + MASK + "…" if rest else text


def _is_secret(key: str) -> bool:
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(key))
