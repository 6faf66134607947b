"""The history as a file for somebody else: JSON Lines that verify by themselves, or CSV for a table, with a manifest.

Written in one pass, a thousand events at a time, whatever their number. That it was done is an event, recorded before
the first line leaves.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

import detection
from detection import audit
from detection.audit.chain import canonical, digest_of, link
from detection.models import AuditEvent, AuditPersonal, AuditSeal

PERMISSION = "detection.export_audit"
FORMATS = ("jsonl", "csv")
_CHUNK = 1000
_PIECE = 64 * 1024
"""Bytes of an archive that leave at once."""
COLUMNS = (
    *("entry", "at", "action", "picture", "about", "desk", "reason", "policy", "actor_id", "actor", "address"),
    *("note", "facts", "hash"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the history: from and until when (the end itself is left out), of which desk ("": of all, and what
    belongs to none), and whether names go with it."""

    since: datetime | None = None
    until: datetime | None = None
    names: bool = True
    desk: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "names": self.names,
            "desk": self.desk,
        }


@dataclass(slots=True)
class Manifest:
    """What was written: so that whoever gets the file can see that it is whole."""

    format: str
    wanted: Wanted
    made_by: str
    made_at: datetime
    event: int
    count: int = 0
    first: int | None = None
    last: int | None = None
    first_hash: str = ""
    last_hash: str = ""
    digest: Any = field(default_factory=hashlib.sha256)

    def as_json(self) -> dict[str, Any]:
        return {
            "v": 1,
            "tool": f"newsroom-detection {detection.__version__}",
            "format": self.format,
            "filters": self.wanted.as_json(),
            "made_by": self.made_by,
            "made_at": self.made_at.isoformat(),
            "export_event": self.event,
            "count": self.count,
            "first_entry": self.first,
            "last_entry": self.last,
            "first_hash": self.first_hash,
            "last_hash": self.last_hash,
            "sha256": self.digest.hexdigest(),
        }


def begin(kind: str, wanted: Wanted, *, by: Any = None, reason: str = "") -> Manifest:
    """Seal what waits, record that the history is exported, and begin the manifest. Raises NotPermitted."""
    if by is not None and not (by.is_active and by.has_perm(PERMISSION)):
        raise audit.denied(PERMISSION, by=by)
    audit.seal_all(most=10_000_000)
    event = audit.record("audit.exported", by=by, note=reason, format=kind, **wanted.as_json())
    return Manifest(kind, wanted, audit.name_of(by) or "command line", timezone.now(), event.pk)


def size(wanted: Wanted, *, most: int) -> int:
    """How many sealed entries that is; counted up to `most`, for more than that is all that anybody has to know."""
    return _of(wanted).order_by("seq").values("seq")[:most].count()


def lines(manifest: Manifest) -> Iterator[bytes]:
    """The file, line by line; the manifest is complete once the last was taken."""
    write = _jsonl if manifest.format == "jsonl" else _csv
    if manifest.format == "csv":
        yield _counted(manifest, _row(COLUMNS))
    for seal, event, values in _entries(manifest.wanted):
        manifest.count += 1
        manifest.first = seal.seq if manifest.first is None else manifest.first
        manifest.first_hash = manifest.first_hash or seal.hash
        manifest.last, manifest.last_hash = seal.seq, seal.hash
        yield _counted(manifest, write(seal, event, values))


class _Out(io.RawIOBase):
    """What an archive is written to: kept until it is taken, and never gone back in."""

    def __init__(self) -> None:
        super().__init__()
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, given: Any) -> int:
        self.held += given
        return len(given)

    def take(self) -> bytes:
        taken = bytes(self.held)
        self.held.clear()
        return taken


def archive(manifest: Manifest) -> Iterator[bytes]:
    """File and manifest as one ZIP archive, piece by piece: for a door that cannot give two files, nor wait for one."""
    name, out = f"history.{manifest.format}", _Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open(name, "w", force_zip64=True) as file:
            for line in lines(manifest):
                file.write(line)
                if len(out.held) >= _PIECE:
                    yield out.take()
        packed.writestr(f"{name}.manifest.json", json.dumps(manifest.as_json(), indent=2))
    yield out.take()


def _counted(manifest: Manifest, line: bytes) -> bytes:
    manifest.digest.update(line)
    return line


def _entries(wanted: Wanted) -> Iterator[tuple[AuditSeal, AuditEvent, dict[str, AuditPersonal]]]:
    after = 0
    while seals := list(_of(wanted).filter(seq__gt=after).order_by("seq")[:_CHUNK]):
        ids = [one.event_id for one in seals]
        values: dict[int, dict[str, AuditPersonal]] = {}
        if wanted.names:
            for value in AuditPersonal.objects.filter(event__in=ids):
                values.setdefault(value.event_id, {})[value.name] = value
        for one in seals:
            yield one, one.event, values.get(one.event_id, {})
        after = seals[-1].seq


def _of(wanted: Wanted) -> QuerySet[AuditSeal]:
    rows: QuerySet[AuditSeal] = AuditSeal.objects.select_related("event__asset")
    if wanted.since:
        rows = rows.filter(event__at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(event__at__lt=wanted.until)
    if wanted.desk:
        rows = rows.filter(event__desk=wanted.desk)
    return rows


def _jsonl(seal: AuditSeal, event: AuditEvent, values: Mapping[str, AuditPersonal]) -> bytes:
    body = {
        "entry": seal.seq,
        "prev": seal.prev,
        "digest": seal.digest,
        "hash": seal.hash,
        "event": canonical(event),
        "personal": {name: [value.salt, value.value] for name, value in sorted(values.items())},
    }
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _csv(seal: AuditSeal, event: AuditEvent, values: Mapping[str, AuditPersonal]) -> bytes:
    said = {name: value.value for name, value in values.items()}
    picture = event.asset.label or str(event.asset.public_id) if event.asset_id and event.asset else ""
    cells = (
        *(seal.seq, event.at.isoformat(), event.action, picture, event.subject_label, event.desk, event.reason),
        *(event.policy, event.actor_id, said.get("actor", ""), said.get("address", ""), said.get("note", "")),
        *(json.dumps(event.facts, ensure_ascii=False, sort_keys=True), seal.hash),
    )
    return _row(cells)


def _row(cells: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([neutral("" if one is None else str(one)) for one in cells])
    return out.getvalue().encode()


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def check(rows: Iterable[bytes], manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with an exported JSON Lines file, in sentences; nothing for one that is whole. Asks no database."""
    found: list[str] = []
    digest, count, prev, last = hashlib.sha256(), 0, "", 0
    whole = not any(manifest.get("filters", {}).get(name) for name in ("since", "until", "desk"))
    for row in rows:
        digest.update(row)
        count += 1
        try:
            body = json.loads(row)
            fits = _fits(body, prev if last and body["entry"] == last + 1 else None)
            last, prev = int(body["entry"]), str(body["hash"])
        except (ValueError, KeyError, TypeError, AttributeError):
            found.append(f"Line {count} is no entry of a history.")
            continue
        if not fits:
            found.append(f"Entry {last} is not what was sealed.")
    if count != manifest.get("count"):
        found.append(f"The manifest tells of {manifest.get('count')} entries, the file has {count}.")
    if digest.hexdigest() != manifest.get("sha256"):
        found.append("The file is not the one that the manifest was written for.")
    if whole and count and last != manifest.get("last_entry"):
        found.append("The file does not end with the entry that the manifest names.")
    return found


def _fits(body: Mapping[str, Any], prev: str | None) -> bool:
    digest = digest_of(body["event"])
    is_sealed = body["hash"] == (link(body["prev"], digest) if body["digest"] else body["hash"])
    is_same = not body["digest"] or body["digest"] == digest
    kept: dict[str, str] = json.loads(body["event"])["commitments"]
    names = all(kept.get(name) == audit.commitment(salt, value) for name, (salt, value) in body["personal"].items())
    return is_sealed and is_same and names and prev in (None, body["prev"])
