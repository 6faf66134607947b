"""Pictures that lack an analysis, e.g. of an archive or from before the installation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model

from detection import registry, scanning
from detection.errors import NotRegistered
from detection.models import Analysis, Asset


class Command(BaseCommand):
    """Request scans for a model's pictures; running it again goes on where it ended."""

    help = "Request checks for the pictures of a model, e.g. newsroom.Photo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model")
        parser.add_argument("--unscanned", action="store_true", help="Only pictures that have no analysis at all.")
        parser.add_argument("--dry-run", action="store_true", help="Count, and request nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = ", ".join(one.model for one in registry.asset_types()) or "none"
        try:
            kind = registry.asset_type(options["model"])
        except NotRegistered:
            raise CommandError(f"{options['model']} is no registered picture model. Known: {known}.") from None
        pictures = list(self._pictures(kind, unscanned=options["unscanned"]))
        if options["dry_run"]:
            self.stdout.write(f"{len(pictures)} pictures would be checked.")
            return
        for count, picture in enumerate(pictures, start=1):
            scanning.request_scan(picture)
            if count % 100 == 0 and sys.stderr.isatty():
                self.stderr.write(f"{count} of {len(pictures)}", ending="\r")
        self.stdout.write(f"{len(pictures)} checks requested.")

    def _pictures(self, kind: registry.AssetType, *, unscanned: bool) -> Iterator[Model]:
        content_type = registry.content_type(kind.model_class)
        analysed = Analysis.objects.filter(asset__content_type=content_type).values("asset")
        known = set(Asset.objects.filter(pk__in=analysed).values_list("object_key", flat=True))
        for picture in kind.model_class._default_manager.order_by("pk").iterator():
            if kind.file_of(picture) and not (unscanned and registry.key(picture) in known):
                yield picture
