"""Whether the history is the one that was recorded; names the first entry that is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import audit
from detection.errors import Refused
from detection.history import anchoring
from detection.history.verifying import Verification, verify

_SHOWN = 10


class Command(BaseCommand):
    """Ends with 1 where anything does not fit."""

    help = "Walk the history's chain, and compare it with anchors that were kept outside the database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anchor", metavar="FILE", help="the file that audit_anchor wrote, one anchor a line")
        parser.add_argument("--read-only", action="store_true", help="seal nothing and record nothing, as on a replica")

    def handle(self, *args: Any, anchor: str | None, read_only: bool, **options: Any) -> None:
        anchors, wrong = self._anchors(anchor) if anchor else ([], [])
        found = verify(anchors, seal=not read_only)
        for remark in found.remarks:
            self.stdout.write(remark)
        said = [*wrong, *_told(found)]
        if not read_only:
            first = found.first
            audit.record("audit.verified", ok=not said, entries=found.entries, first=first.seq if first else None)
        if said:
            raise CommandError("\n".join(["The history does NOT stand.", *said]))
        self.stdout.write(_summary(found, with_anchors=bool(anchor)))

    def _anchors(self, path: str) -> tuple[list[anchoring.Anchor], list[str]]:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            anchors, wrong = anchoring.read(lines, anchoring.key())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}.") from None
        except Refused as error:
            raise CommandError(str(error)) from None
        if not anchors and not wrong:
            raise CommandError(f"{path} holds no anchor. manage.py audit_anchor --to {path} writes one.")
        return anchors, wrong


def _told(found: Verification) -> list[str]:
    first = found.first
    if first is None:
        return []
    others = sorted((one for one in found.problems if one is not first), key=lambda one: one.seq)
    lines = [f"First bad entry: {first.seq}. {first.sentence}", *(one.sentence for one in others[: _SHOWN - 1])]
    if len(others) >= _SHOWN:
        lines.append(f"And {len(others) - _SHOWN + 1} more.")
    return [*lines, _unsealed(found)]


def _unsealed(found: Verification) -> str:
    return f"Sealed just now: {found.sealed_now}. Not sealed: {found.unsealed}."


def _summary(found: Verification, *, with_anchors: bool) -> str:
    lines = [f"The history stands: {found.entries} entries, none missing, none changed."]
    if found.removed:
        lines.append(f"{found.removed} events were removed after their time; their seals stand.")
    if with_anchors:
        lines.append(f"{found.anchors} anchors agree.")
    else:
        lines.append(
            "No anchor was given: a tail that was cut off, or a chain that was written anew, shows only there."
        )
    return "\n".join([*lines, _unsealed(found)])
