"""`sandbox_detector`: plays an AI-image detector on this machine, so that everything can be tried without a vendor."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from detection.testing.detector import SandboxDetector, checked


class Command(BaseCommand):
    """Serve the generic detector profile on 127.0.0.1 until Ctrl-C. It reads no database."""

    help = "Plays an AI-image detector on 127.0.0.1. It never judges a picture: it answers from a script."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Port and script."""
        parser.add_argument("--port", type=int, default=9900, help=_("Port on 127.0.0.1; 0 takes any free one."))
        parser.add_argument("--script", type=Path, help=_("JSON file: which key and file get which answers."))

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. Raises CommandError for a script that cannot be used or a port that is taken."""
        try:
            detector = SandboxDetector(options["port"], _script(options["script"]))
        except (OSError, OverflowError) as error:
            raise CommandError(_("Port %(port)s cannot be used: %(error)s.") % {**options, "error": error}) from error
        self.stdout.write(_("Sandbox detector at %(url)s. Stop it with Ctrl-C.") % {"url": detector.url})
        self.stdout.flush()
        try:
            detector.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write(_("Stopped."))


def _script(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        script = json.loads(path.read_text(encoding="utf-8"))
        return checked(script)
    except OSError as error:
        raise CommandError(
            _("The script %(path)s cannot be read: %(error)s.") % {"path": path, "error": error}
        ) from error
    except ValueError as error:
        raise CommandError(
            _("The script %(path)s is not usable: %(error)s") % {"path": path, "error": error}
        ) from error
