"""Kept answers of one detector, read again after its adapter changed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from detection.errors import ProviderMisconfigured
from detection.providers import providers
from detection.providers.base import Provider
from detection.scanning import rereading
from detection.scanning.rereading import Reading, Reread


class Command(BaseCommand):
    """Read again, and say by verdicts what changed; running it again goes on where it ended."""

    help = "Read a detector's kept answers again by its present adapter. Asks nobody and sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("alias")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and write nothing.")
        parser.add_argument("--all", action="store_true", help="Also what the present adapter's version has read.")

    def handle(self, *args: Any, **options: Any) -> None:
        alias, is_dry = options["alias"], options["dry_run"]
        try:
            provider = _provider(alias)
            pks = rereading.to_read(alias, every=options["all"])
            found = [rereading.reread(pk, dry_run=is_dry) for pk in self._counted(pks)]
        except ProviderMisconfigured as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{provider.title}, adapter version {provider.adapter_version}.")
        self._tell(found, is_dry=is_dry)

    def _counted(self, pks: list[int]) -> Iterable[int]:
        """The keys, with a progress bar for a person who waits."""
        if not sys.stderr.isatty():
            return pks
        try:
            from tqdm import tqdm
        except ImportError:
            self.stderr.write(f"{len(pks)} kept answers to read.")
            return pks
        bar: Iterable[int] = tqdm(pks, unit="answer", file=sys.stderr)
        return bar

    def _tell(self, found: list[Reread], *, is_dry: bool) -> None:
        count = Counter(one.reading for one in found)
        verb = "Would change" if is_dry else "Changed"
        self.stdout.write(
            f"Kept answers read: {len(found)}. {verb}: {count[Reading.CHANGED]}. The same: {count[Reading.SAME]}."
        )
        for (before, after), times in sorted(_pairs(found).items()):
            told = f"{before} → {after}" if before != after else f"{before}, with other details"
            self.stdout.write(f"  {told}: {times}")
        for reading, sentence in _LEFT.items():
            if count[reading]:
                self.stdout.write(f"{sentence}: {count[reading]}.")


_LEFT = {
    Reading.UNREADABLE: "Not readable any more, left as they are",
    Reading.UNFINISHED: "Not a finished answer by this adapter, left as they are",
    Reading.OVERTAKEN: "Changed by somebody else meanwhile, left as they are now",
}


def _pairs(found: list[Reread]) -> Counter[tuple[str, str]]:
    return Counter((one.before, one.after) for one in found if one.reading is Reading.CHANGED)


def _provider(alias: str) -> Provider:
    """The configured detector. Raises CommandError where there is none, or where it keeps nothing to read again."""
    provider = providers.get(alias)
    if provider is None:
        raise CommandError(f"No detector is called {alias}. Configured: {', '.join(providers.aliases())}.")
    if not rereading.keeps_answers(provider):
        raise CommandError(f"{provider.title} keeps no answers that could be read again.")
    return provider
