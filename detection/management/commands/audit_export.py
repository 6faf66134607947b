"""The history as a file, and the answer to who could decide on a given day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date

from detection import audit
from detection.errors import NotPermitted
from detection.history import access, exporting


class Command(BaseCommand):
    """Writes FILE and FILE.manifest.json; each export is itself an event."""

    help = "Export the history with a manifest, check an exported file, or list who could override on a day."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="where to write; with --check, which file to look at")
        parser.add_argument("--format", choices=exporting.FORMATS, default="jsonl")
        parser.add_argument("--since", metavar="DATE", help="first day, as 2026-05-01")
        parser.add_argument("--until", metavar="DATE", help="last day")
        parser.add_argument("--desk", default="", help="only what was done on this desk (its short name)")
        parser.add_argument("--without-names", action="store_true", help="no names, notes and addresses")
        parser.add_argument("--by", metavar="USER", help="for whom; default: whoever runs this command")
        parser.add_argument("--reason", default="", help="what for; it stands in the history")
        parser.add_argument("--check", action="store_true", help="is an exported file whole? Exports nothing")
        parser.add_argument("--access", metavar="DATE", help="who could override on that day; exports no events")
        parser.add_argument("--permission", choices=access.DECIDING, default="override_hold", help="for --access")

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        if options["access"]:
            self._access(options)
        elif file is None:
            raise CommandError("Say where to write: manage.py audit_export history.jsonl.")
        elif options["check"]:
            self._check(Path(file))
        else:
            self._export(Path(file), options)

    def _export(self, path: Path, options: dict[str, Any]) -> None:
        if path.exists():
            raise CommandError(f"{path} is there already. Choose another name; nothing is written over.")
        wanted = exporting.Wanted(
            since=_day(options["since"]),
            until=_day(options["until"], end=True),
            names=not options["without_names"],
            desk=options["desk"],
        )
        try:
            manifest = exporting.begin(options["format"], wanted, by=_person(options["by"]), reason=options["reason"])
            with path.open("wb") as out:
                for line in exporting.lines(manifest):
                    out.write(line)
            told = json.dumps(manifest.as_json(), indent=2)
            path.with_name(f"{path.name}.manifest.json").write_text(told, encoding="utf-8")
        except NotPermitted as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{manifest.count} entries written to {path}, with {path.name}.manifest.json beside it.")

    def _check(self, path: Path) -> None:
        try:
            manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text(encoding="utf-8"))
            if manifest.get("format") != "jsonl":
                raise CommandError("Only JSON Lines verify by themselves; of a CSV file compare its sha256.")
            with path.open("rb") as rows:
                found = exporting.check(rows, manifest)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise CommandError("The manifest beside the file cannot be read.") from None
        if found:
            raise CommandError("\n".join(["This export is NOT whole.", *found[:10]]))
        self.stdout.write(f"This export is whole: {manifest['count']} entries, each what was sealed.")

    def _access(self, options: dict[str, Any]) -> None:
        day = _day(options["access"]) or timezone.now()
        by = _person(options["by"])
        if by is not None and not by.has_perm(exporting.PERMISSION):
            raise CommandError(str(audit.denied(exporting.PERMISSION, by=by)))
        permission = options["permission"]
        audit.record("audit.exported", by=by, note=options["reason"], format="access", day=str(day.date()))
        people = list(access.on(day.date(), permission))
        for line in _told(people):
            self.stdout.write(line)
        self.stdout.write(f"{len(people)} people held {permission} on {day.date()}, by the history's own events.")


def _told(people: list[access.Held]) -> Iterator[str]:
    for one in people:
        name = one.name or "(name erased)"
        yield "\t".join([name, one.person, one.role, ", ".join(one.desks), f"since {one.since:%Y-%m-%d %H:%M} UTC"])


def _person(name: str | None) -> Any:
    if not name:
        return None
    model = get_user_model()
    try:
        return model._default_manager.get(**{model.USERNAME_FIELD: name})
    except model.DoesNotExist:
        raise CommandError(f"There is no user called {name}.") from None


def _day(text: str | None, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        found: date | None = parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{text} is no day. Write it as 2026-05-31.")
    moment = datetime.combine(found, time.min, tzinfo=timezone.get_current_timezone())
    return moment + timedelta(days=1) if end else moment
