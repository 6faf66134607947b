"""Pictures that lack an analysis, e.g. of an archive or from before the installation."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import registry, scanning, wording
from detection.errors import NotRegistered
from detection.management.progress import Progress
from detection.scanning import archive


class Command(BaseCommand):
    """Request scans for a model's pictures, behind the news; running it again goes on where it stopped."""

    help = (
        "Request checks for the pictures of a model, e.g. newsroom.Photo. They wait behind uploads, and workers take "
        "them as there is room. It may be interrupted, and goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument(
            "--unscanned",
            action="store_true",
            help="Only pictures that a configured detector has not looked at, in their present file.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Count, estimate what it takes, request nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = ", ".join(one.model for one in registry.asset_types()) or "none"
        try:
            kind = registry.asset_type(options["model"])
        except NotRegistered:
            raise CommandError(f"{options['model']} is no registered picture model. Known: {known}.") from None
        if options["dry_run"]:
            self._estimate(kind, unscanned=options["unscanned"])
        else:
            self._request(kind, unscanned=options["unscanned"])

    def _estimate(self, kind: registry.AssetType, *, unscanned: bool) -> None:
        pictures, calls = 0, Counter[str]()
        with Progress("pictures", archive.pictures(kind).count()) as progress:
            for portion in archive.walk(kind):
                chosen = [one for one in portion if one.aliases or not unscanned]
                pictures += len(chosen)
                calls.update(alias for one in chosen for alias in one.aliases)
                progress.step(len(portion))
        self.stdout.write(f"{pictures} pictures would be checked.")
        for one in archive.estimates(calls):
            self.stdout.write(_told(one))

    def _request(self, kind: registry.AssetType, *, unscanned: bool) -> None:
        requested = 0
        with Progress("pictures", archive.pictures(kind).count()) as progress:
            try:
                for portion in archive.walk(kind):
                    for one in portion:
                        # Each in a transaction of its own: whenever this ends, no picture is half requested.
                        if one.aliases or not unscanned:
                            scanning.request_of_archive(one.picture)
                            requested += 1
                        progress.step()
            except KeyboardInterrupt:
                again = "The same command with --unscanned goes on from here."
                raise CommandError(f"Stopped. {requested} checks requested. {again}", returncode=130) from None
        self.stdout.write(f"{requested} checks requested.")


def _told(one: archive.Estimate) -> str:
    """What an archive will take at one detector, in a line. Equal files are sent once, so it may be less."""
    if one.is_embedded:
        return f"  {one.title}: {one.calls} pictures read here, about {wording.lasted(one.seconds)} of one core."
    told = [f"at most {one.calls} calls"]
    if one.rate:
        told.append(f"{wording.lasted(one.seconds)} at {one.rate}")
    if one.budget:
        days = "1 day" if one.days == 1 else f"{one.days} days"
        told.append(f"{days} at its budget of {one.budget} a day, of which an archive gets {one.share}")
    return f"  {one.title}: {', '.join(told)}."
