"""`ingest DIR --story SLUG`: bring a folder of picture files into a story, by name. It refuses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from detection.models import Asset
from newsroom.models import SourceTier, Story
from newsroom.uploads import NotStored, Particulars, receive


class Command(BaseCommand):
    help = (
        "Bring every file of a folder into a story. A file that turns out to be broken is taken in and said to be so."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path)
        parser.add_argument("--story", required=True, metavar="SLUG", help="the story's address")
        parser.add_argument(
            "--source", default="", choices=["", *SourceTier.values], help="how well the source is known"
        )
        parser.add_argument("--keep-inside", action="store_true", help="send none of them to a detector outside")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        story = Story.objects.select_related("desk").filter(slug=options["story"]).first()
        if story is None:
            raise CommandError(
                f"There is no story at {options['story']!r}. Write it first, then bring its pictures in."
            )
        known = Particulars(source_tier=options["source"], keep_inside=True if options["keep_inside"] else None)
        rows = []
        for number, path, count in _numbered(folder):
            row = _take_in(path, story, known)
            rows.append(row)
            said = row["error"] or f"picture {row['photo']}"
            self.stderr.write(f"{number}/{count} {path.name}: {said}")
        if options["json"]:
            self.stdout.write(json.dumps({"story": story.slug, "photos": rows}, ensure_ascii=False))
        else:
            taken = sum(not row["error"] for row in rows)
            self.stdout.write(f"{taken} of {len(rows)} files taken into “{story}”. Checks run in the background.")


def _numbered(folder: Path) -> Iterator[tuple[int, Path, int]]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for number, path in enumerate(files, start=1):
        yield number, path, len(files)


def _take_in(path: Path, story: Story, known: Particulars) -> dict[str, Any]:
    """One file as a picture of the story; a file that cannot even be read from the disk is named and passed over."""
    try:
        with path.open("rb") as file:
            photo = receive(File(file, name=path.name), by=None, story=story, particulars=known)
    except NotStored as error:
        return {"file": path.name, "photo": None, "asset": None, "error": str(error)}
    except (OSError, DatabaseError) as error:
        return {"file": path.name, "photo": None, "asset": None, "error": f"Not taken in: {error}."}
    asset = Asset.objects.of(photo).first()
    return {"file": path.name, "photo": photo.pk, "asset": str(asset.public_id) if asset else None, "error": None}
