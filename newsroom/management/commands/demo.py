"""`demo`: a newsroom with held stories, in a browser; or, with --once, the table of what its checks came to."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from newsroom.demo import environment, launch, table


class Command(BaseCommand):
    """Everything lies under `var/demo`, or where NEWSROOM_VAR says; nothing of another installation is touched."""

    help = "Try the newsroom: its own data, a worker, and two detectors whose answers are scripted. Ctrl-C ends it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fresh", action="store_true", help="begin anew, with a new database and new pictures")
        parser.add_argument("--once", action="store_true", help="fill it, wait for the checks, print the table, end")
        parser.add_argument("--json", action="store_true", help="with --once: print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not environment.is_prepared(os.environ, process=os.getpid()):
            self._begin_again()
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell's background jobs ignore the first by default, and the second would leave children behind.
            signal.signal(number, signal.default_int_handler)
        try:
            if options["once"] or options["json"]:
                found = launch.once(is_fresh=options["fresh"], out=sys.stderr)
                self.stdout.write(json.dumps(found, indent=2) if options["json"] else table.as_text(found))
            else:
                launch.serve(is_fresh=options["fresh"], out=sys.stdout)
        except KeyboardInterrupt:
            self.stderr.write("Ended.")
            if options["once"] or options["json"]:
                sys.exit(130)

    def _begin_again(self) -> None:
        """The same process once more, with an environment of the demo's own; settings are read only once."""
        given = os.environ.get("NEWSROOM_VAR", "").strip()
        var = Path(given or settings.BASE_DIR / "var" / "demo").absolute()
        prepared = environment.prepared(os.environ, var=var, leader=os.getpid())
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.argv], prepared)  # noqa: S606, this very command
