"""`detection_check FILE…`: what each file declares about itself, read offline in the sandbox. Needs no database."""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from detection import sandbox
from detection.conf import settings
from detection.errors import Rejected, SandboxFailed
from detection.results import Declared, Evidence
from detection.vocabulary import Says, Signal, Why

_WORDS = {
    Signal.DECLARED_AI: "Declares AI generation",
    Signal.DECLARED_AI_EDITED: "Declares editing with AI",
    Signal.CREDENTIALS_BROKEN: "Credentials do not match",
    Signal.NOTHING_DECLARED: "Declares no AI use",
    Signal.COULD_NOT_CHECK: "Could not be checked",
}
_SIGNALS: dict[Says | None, Signal] = {Says.AI: Signal.DECLARED_AI, Says.AI_EDITED: Signal.DECLARED_AI_EDITED}
_MANY = 5
_HELD = 4
"""Times the largest size that is read: up to here a file's declarations are looked at although it is too big."""


class Command(BaseCommand):
    """Reads files one after the other. One that cannot be read gets a sentence, the rest go on; the exit code is 1."""

    help = (
        "Read what picture files declare about themselves (C2PA, IPTC, EXIF, generator text). Sends nothing anywhere."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE…, --json, --trust-lists DIR."""
        parser.add_argument("files", nargs="+", metavar="FILE", help="Picture files: JPEG, PNG, WebP, HEIC or AVIF.")
        parser.add_argument("--json", action="store_true", help="Print a list with one object a file.")
        parser.add_argument(
            "--trust-lists",
            metavar="DIR",
            default=None,
            help="Folder of PEM anchors; default: DETECTION['TRUST_LISTS'].",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each file's answer as soon as it is there, or all of them as one JSON list at the end."""
        files: list[str] = options["files"]
        folder = settings.TRUST_LISTS if options["trust_lists"] is None else options["trust_lists"]
        if folder and not Path(folder).is_dir():
            raise CommandError(f"The trust lists are said to be in {folder}, which is not a folder.")
        checked = []
        for name in self._counted(files):
            checked.append(_check(name, str(folder)))
            if not options["json"]:
                self._show(checked[-1])
        if options["json"]:
            self.stdout.write(json.dumps([item.as_json() for item in checked], indent=2))
        unread = sum(item.signal is Signal.COULD_NOT_CHECK for item in checked)
        if unread:
            raise CommandError(f"{unread} of {len(files)} could not be checked; the reason stands with each.")

    def _counted(self, files: list[str]) -> Iterator[str]:
        """The names, with a progress bar for a person who waits for many."""
        if len(files) < _MANY or not sys.stderr.isatty():
            yield from files
            return
        try:
            from tqdm import tqdm
        except ImportError:
            for number, name in enumerate(files, 1):
                self.stderr.write(f"{number} of {len(files)}: {name}")
                yield name
            return
        bar: Iterable[str] = tqdm(files, unit="file", file=sys.stderr)
        yield from bar

    def _show(self, checked: _Checked) -> None:
        """The word first, then the sentences, then the evidence."""
        self.stdout.write(f"{_WORDS[checked.signal]}: {_printable(checked.name)}")
        if checked.rejected:
            self.stdout.write(f"    {_printable(checked.rejected[1])}")
        if checked.declared.sentence:
            self.stdout.write(f"    {_printable(checked.declared.sentence)}")
        for note in checked.notes:
            self.stdout.write(f"    {_printable(note)}")
        for item in checked.evidence:
            strength = f"[{item.strength}] " if item.strength else ""
            where = f"  ({_printable(item.where)})" if item.where else ""
            self.stdout.write(f"    {strength}{_printable(item.key)} = {item.value}{where}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """One file's answer; `rejected` is (code, sentence) where the file or its pixels could not be read."""

    name: str
    sha256: str = ""
    rejected: tuple[str, str] | None = None
    declared: Declared = Declared()  # noqa: RUF009 — frozen
    evidence: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def signal(self) -> Signal:
        """What this one file gives by itself: a declaration that was read counts even if its pixels were refused."""
        if self.declared.says in _SIGNALS:
            return _SIGNALS[self.declared.says]
        if self.declared.credentials.is_broken:
            return Signal.CREDENTIALS_BROKEN
        return Signal.COULD_NOT_CHECK if self.rejected else Signal.NOTHING_DECLARED

    def as_json(self) -> dict[str, Any]:
        """The documented object, one a file."""
        said = [item for item in self.evidence if item.says is not Says.OTHER and not _is_lead(item)]
        return {
            "file": self.name,
            "signal": self.signal,
            "why": Why.UNREADABLE if self.signal is Signal.COULD_NOT_CHECK else "",
            "credentials": {
                "state": self.declared.credentials,
                "signer": self.declared.signer,
                "codes": list(self.declared.codes),
            },
            "declared": [{"says": item.says, "key": item.key, "value": item.value} for item in said],
            "evidence": [asdict(item) for item in self.evidence],
            "rejected": {"code": self.rejected[0], "sentence": self.rejected[1]} if self.rejected else None,
            "sha256": self.sha256,
        }


def _is_lead(item: Evidence) -> bool:
    """A statement in a credential that does not match the file: evidence, but not what the file declares."""
    return item.kind == "c2pa" and item.strength == "E"


def _check(name: str, trust_lists: str) -> _Checked:
    path = Path(name)
    try:
        content = _content(path)
    except Rejected as refusal:
        return _Checked(name=name, rejected=(refusal.code, refusal.sentence))
    sha256 = hashlib.sha256(content).hexdigest()
    limits = {"max_bytes": settings.MAX_BYTES, "max_pixels": settings.MAX_PIXELS}
    try:
        found = sandbox.examine(content, filename=path.name, trust_lists=trust_lists, **limits)
    except Rejected as refusal:
        return _Checked(name=name, sha256=sha256, rejected=(refusal.code, refusal.sentence))
    except SandboxFailed as failure:
        return _Checked(name=name, sha256=sha256, rejected=("sandbox", str(failure)))
    return _Checked(
        name=name,
        sha256=sha256,
        rejected=found.rejected,
        declared=found.declared,
        evidence=found.evidence,
        notes=found.reading.notes if found.reading else (),
    )


def _content(path: Path) -> bytes:
    """The file's bytes, up to the limit. Raises Rejected where there is no such file or it cannot be read."""
    try:
        if path.is_dir():
            raise Rejected("folder", "This is a folder. Name the files in it.")
        if not path.is_file():
            raise Rejected("missing", "There is no such file. Check the name.")
        if path.stat().st_size > _HELD * settings.MAX_BYTES:
            raise Rejected("too_big", f"This file is over {_HELD} times the size that is read. Save a smaller copy.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise Rejected("not_opened", f"This file cannot be opened: {reason}.") from error


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
