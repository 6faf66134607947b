"""`detection_doctor`: what is wrong with this installation, and what to type."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import doctor
from detection.doctor import State


class Command(BaseCommand):
    """One line a finding: ok, warn or broken; what; and what to type. Ends with 1 where anything is broken."""

    help = "Look at everything that detection stands on, and say what is wrong and what to type."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument("--journey", action="store_true", help="Also walk a picture of our own through it.")
        parser.add_argument("--deep", action="store_true", help="Also ask each detector over the network.")

    def handle(self, *args: Any, **options: Any) -> None:
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)  # what a broken part logs, the findings say in a sentence
        try:
            self._look(deep=options["deep"], journey=options["journey"], as_json=options["json"])
        finally:
            logging.disable(before)

    def _look(self, *, deep: bool, journey: bool, as_json: bool) -> None:
        rows: list[dict[str, str]] = []
        left_out: list[str] = []
        for probe, found in doctor.examine(deep=deep, journey=journey):
            if found is None:
                left_out.append(probe.name)
            for one in found or ():
                rows.append({"probe": probe.name, "state": one.state, "what": one.what, "fix": one.fix})
                if not as_json:
                    self.stdout.write(f"{one.state:<7} {one.what} {one.fix}".rstrip())
        counts = {state.value: sum(row["state"] == state for row in rows) for state in State}
        if as_json:
            self.stdout.write(json.dumps({**counts, "left_out": left_out, "findings": rows}, indent=2))
        elif left_out:
            self.stdout.write(f"Left out, for they rest on what is broken: {', '.join(left_out)}.")
        if counts[State.BROKEN]:
            raise CommandError(f"Broken: {counts[State.BROKEN]}, to look at: {counts[State.WARN]}.")
