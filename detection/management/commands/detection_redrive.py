"""Analyses that gave up, started once more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

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
            dead = dead.filter(public_id__in=options["public_id"])
        done = 0
        for analysis in dead:
            is_new = scanning.redrive(analysis, by=None)
            done += is_new
            self.stdout.write(f"{analysis.public_id}: {'started once more' if is_new else 'a newer check is live'}")
        self.stdout.write(f"{done} started once more.")
