"""Detectors by command: what is configured, pause, resume, and a test of the credentials."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection import switches
from detection.errors import ProviderError
from detection.models import ProviderSwitch
from detection.providers import providers


class Command(BaseCommand):
    """status | pause | resume | test of one detector, or of all where that makes sense."""

    help = "Show, pause, resume or test a detector. The alias * stands for all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["status", "pause", "resume", "test"])
        parser.add_argument("alias", nargs="?", default="*")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["alias"]
        if alias != "*" and alias not in providers.aliases():
            known = ", ".join(providers.aliases())
            raise CommandError(f"No detector is called {alias}. Configured: {known}.")
        if options["verb"] == "pause":
            if not options["reason"]:
                raise CommandError("Say why with --reason; the screens and the history show it.")
            switches.pause(alias, reason=options["reason"])
        elif options["verb"] == "resume":
            switches.resume(alias, reason=options["reason"])
        elif options["verb"] == "test":
            self._test(alias)
            return
        self._status(alias)

    def _status(self, alias: str) -> None:
        paused = {row.alias: row for row in ProviderSwitch.objects.filter(is_paused=True)}
        if "*" in paused:
            self.stdout.write(f"All detectors are paused: {paused['*'].reason}")
        for name in providers.aliases() if alias == "*" else [alias]:
            state = f"paused: {paused[name].reason}" if name in paused else "on"
            self.stdout.write(f"{name} ({providers[name].title}): {state}")

    def _test(self, alias: str) -> None:
        failed = 0
        for name in providers.aliases() if alias == "*" else [alias]:
            began = time.monotonic()
            try:
                sentence = str(providers[name].check())
            except ProviderError as error:
                failed += 1
                sentence = f"FAILED: {error}"
            self.stdout.write(f"{name}: {sentence} ({(time.monotonic() - began) * 1000:.0f} ms)")
        if failed:
            raise CommandError(f"{failed} of the tested detectors did not answer well.")
