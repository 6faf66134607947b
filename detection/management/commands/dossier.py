"""Everything about one picture as a file: JSON that verifies, or a PDF to read."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.history import dossier
from detection.history.dossier import paper, pictures, proving
from detection.models import Asset


class Command(BaseCommand):
    """The ending of the file's name says which."""

    help = "Write the dossier of one picture to FILE: .json, which dossier_verify reads, or .pdf."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("public_id", help="the picture's identifier, as its pages' addresses have it")
        parser.add_argument("file", help="where to write: a name that ends in .json or .pdf")
        parser.add_argument("--reason", default="", help="what for; it stands in the history")

    def handle(self, *args: Any, public_id: str, file: str, reason: str, **options: Any) -> None:
        path = Path(file)
        if path.suffix not in (".json", ".pdf"):
            raise CommandError("Name a file that ends in .json or .pdf.")
        if path.exists():
            raise CommandError(f"{path} is there already. Choose another name; nothing is written over.")
        try:
            asset = Asset.objects.get(public_id=uuid.UUID(public_id))
        except (ValueError, Asset.DoesNotExist):
            raise CommandError(f"There is no picture {public_id}.") from None
        made = dossier.make(asset, reason=reason)
        is_paper = path.suffix == ".pdf"
        content = paper.draw(made, pictures=pictures.of(asset)) if is_paper else dossier.as_json(made)
        try:
            path.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{path} written: {len(made['events'])} events, sha256 {proving.digest(made)}.")
