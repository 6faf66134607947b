"""Analyses that gave up, started once more."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from detection import scanning
from detection.models import Analysis
from detection.vocabulary import AnalysisStatus


class Command(BaseCommand):
    """Redrive one analysis by its public id, or all that gave up."""

    help = "Start analyses that gave up once more: by public id, or --all, or --all --provider ALIAS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("public_id", nargs="*")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--provider", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        dead = Analysis.objects.present().filter(status=AnalysisStatus.DEAD).select_related("asset")
        if options["provider"]:
            dead = dead.filter(provider=options["provider"])
        if not options["all"]:
            if not options["public_id"]:
                raise CommandError("Name the analyses by public id, or say --all.")
            dead = dead.filter(public_id__in=_known(options["public_id"], dead))
        done = 0
        for analysis in dead:
            is_new = scanning.redrive(analysis, by=None)
            done += is_new
            self.stdout.write(f"{analysis.public_id}: {'started once more' if is_new else 'a newer check is live'}")
        self.stdout.write(f"{done} started once more.")


def _known(given: list[str], dead: QuerySet[Analysis]) -> list[uuid.UUID]:
    """The ids as they stand in the rows. Raises CommandError with those that are no analysis that gave up."""
    known = {str(one): one for one in dead.values_list("public_id", flat=True)}
    if unknown := sorted(set(given) - set(known)):
        raise CommandError(f"No analysis that gave up has the public id {', '.join(unknown)}. See detection_status.")
    return [known[one] for one in given]
