"""Whether a dossier is the one that was made, and its events stood in the chain. Needs no database and no newsroom."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.errors import Refused
from detection.history import anchoring
from detection.history.dossier import proving


class Command(BaseCommand):
    """Ends with 1 where anything does not fit."""

    help = "Verify a dossier's JSON file by itself; with anchors, against heads of the chain that were kept elsewhere."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the dossier's JSON file")
        parser.add_argument(
            "--anchor", metavar="FILE", help="heads of the chain that were kept elsewhere; needs the key"
        )
        parser.add_argument("--key-file", metavar="FILE", help="the key of the newsroom that made it; default: our own")
        parser.add_argument("--original", metavar="FILE", help="a picture: is it the one that the dossier is about?")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        try:
            made = json.loads(_read(file).decode())
            secret = _key(options["key_file"])
            anchors, wrong = _anchors(options["anchor"], secret)
            found = wrong + proving.check(made, secret=secret, anchors=anchors)
            picture = made["picture"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise CommandError(f"{file} is no dossier.") from None
        if options["original"]:
            given = hashlib.sha256(_read(options["original"])).hexdigest()
            if given != picture["sha256"]:
                found.append(f"{options['original']} is not the file that was judged.")
        if found:
            raise CommandError("\n".join(["This dossier does NOT stand.", *found[:20]]))
        self._sound(made, secret is not None, len(anchors), options["original"])

    def _sound(self, made: dict[str, Any], with_key: bool, anchors: int, original: str | None) -> None:
        label = made["picture"]["label"] or made["picture"]["public_id"]
        self.stdout.write(
            f"This dossier stands: {label}, {len(made['events'])} events of {made['chain']['seq']} entries."
        )
        if not with_key:
            self.stdout.write("Who signed it was not looked at: no key was given (--key-file).")
        if anchors:
            self.stdout.write(f"{anchors} anchors agree with it.")
        if original:
            self.stdout.write(f"{original} is the file that was judged.")


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _key(path: str | None) -> bytes | None:
    if path:
        return _read(path).strip()
    try:
        return anchoring.key()
    except Refused:
        return None


def _anchors(path: str | None, secret: bytes | None) -> tuple[list[anchoring.Anchor], list[str]]:
    if not path:
        return [], []
    if secret is None:
        raise CommandError("Anchors are read with the key that signed them: give --key-file.")
    return anchoring.read(_read(path).decode().splitlines(), secret)
