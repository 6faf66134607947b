"""Write the signed head of the history down where the database cannot reach."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.errors import Refused
from detection.history import anchoring


class Command(BaseCommand):
    """One line of JSON, on standard output or at the end of a file."""

    help = "Seal the history and print its signed head: keep it on another machine, and give it to audit_verify."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", metavar="FILE", help="append to this file instead of printing")
        parser.add_argument(
            "--restored",
            metavar="REASON",
            help="the database was restored from a copy older than the last anchor: say why, and go on from here",
        )

    def handle(self, *args: Any, to: str | None, restored: str | None, **options: Any) -> None:
        if restored is not None and not restored.strip():
            raise CommandError("Say why the database was restored: --restored 'disk failure, copy of 3 May'.")
        try:
            line = anchoring.anchor(restored=restored is not None, reason=restored or "")
        except Refused as error:
            raise CommandError(str(error)) from None
        if to is None:
            self.stdout.write(line)
            return
        try:
            with open(to, "a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CommandError(f"{to} cannot be written: {error.strerror}. The anchor was: {line}") from None
