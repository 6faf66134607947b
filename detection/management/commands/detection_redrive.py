"""Analyses that gave up, started once more; each with what became of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import scanning
from detection.management.progress import Progress
from detection.models import Analysis
from detection.vocabulary import AnalysisStatus


class Command(BaseCommand):
    """Redrive one analysis by its public id, or all that gave up."""

    help = "Start analyses that gave up once more: by public id, or --all, or --all --provider ALIAS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("public_id", nargs="*")
        parser.add_argument("--all", action="store_true")
        parser.add_argument("--provider", default="")
        parser.add_argument("--json", action="store_true", help="Print a list, one object an analysis.")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Analysis.objects.order_by("pk")
        if options["all"]:
            rows = rows.present().filter(status=AnalysisStatus.DEAD, asset__detached_at=None)
        elif options["public_id"]:
            rows = rows.filter(public_id__in=_known(options["public_id"]))
        else:
            raise CommandError("Name the analyses by public id, or say --all.")
        if options["provider"]:
            rows = rows.filter(provider=options["provider"])
        told = []
        pks = list(rows.values_list("pk", flat=True))
        with Progress("checks", len(pks)) as progress:
            for pk in pks:
                one = Analysis.objects.select_related("asset").get(pk=pk)
                for outcome in scanning.redrive_each([one], by=None):
                    told.append(_told(outcome))
                    if not options["json"]:
                        self.stdout.write(f"{one.public_id}: {outcome.sentence}")
                progress.step()
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
            return
        done = sum(one["started"] for one in told)
        self.stdout.write(f"{done} started once more, {len(told) - done} not.")


def _told(outcome: scanning.Redriven) -> dict[str, Any]:
    row = outcome.analysis
    return {
        "analysis": str(row.public_id),
        "provider": row.provider,
        "picture": row.asset.label,
        "started": outcome.is_started,
        "sentence": outcome.sentence,
    }


def _known(given: list[str]) -> list[uuid.UUID]:
    """The ids as they stand in the rows. Raises CommandError with those that are no analysis at all."""
    asked: dict[str, uuid.UUID | None] = {}
    for word in given:
        try:
            asked[word] = uuid.UUID(word)
        except ValueError:
            asked[word] = None
    ids = [one for one in asked.values() if one is not None]
    known = set(Analysis.objects.filter(public_id__in=ids).values_list("public_id", flat=True))
    if unknown := sorted(word for word, one in asked.items() if one not in known):
        raise CommandError(f"No analysis has the public id {', '.join(unknown)}. See the admin's list “Gave up”.")
    return ids
