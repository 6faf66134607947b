"""Pictures for the random harness: all of them distinct, brought in by a command in portions, until all are there."""

from __future__ import annotations

import math
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from detection.testing import images
from tests.stories.house import House


class Bringing(threading.Thread):
    """Brings pictures in, a portion at a time over `seconds`, again and again those that were not taken in."""

    def __init__(self, house: House, folder: Path, *, scans: int, seconds: float, seed: int) -> None:
        super().__init__(name="bringing", daemon=True)
        self.house, self.folder, self.seconds, self.seed = house, folder, seconds, seed
        self.names = [f"chaos-{number:05d}.jpg" for number in range(scans)]
        self.portions = max(3, min(30, int(seconds // 10), scans))
        self.over = threading.Event()
        self.again = 0
        """Portions of which something was not taken in at once."""

    def run(self) -> None:
        """To the last picture, or until `over`."""
        began, size = time.monotonic(), math.ceil(len(self.names) / self.portions)
        for number in range(self.portions):
            due = began + self.seconds * number / self.portions
            if self.over.wait(max(0.0, due - time.monotonic())):
                return
            self._bring(self.names[: (number + 1) * size])
        while not self.over.wait(2.0) and self._bring(self.names):
            pass

    def _bring(self, names: list[str]) -> bool:
        """Bring in those that are not there yet; whether there was any."""
        there = self._there()
        missing = [name for name in names if name not in there] if there is not None else []
        if not missing:
            return there is None
        with tempfile.TemporaryDirectory(dir=self.folder) as portion:
            for name in missing:
                number = self.names.index(name)
                picture = images.photo_like(self.seed * 1_000_000 + number, size=(64, 48))
                (Path(portion) / name).write_bytes(picture)
            with suppress(Exception):  # what was not taken in is seen by the rows, and tried again
                self.house.manage("ingest", portion, "--story", "launch", "--source", "agency", within=300)
        self.again += bool(set(missing) - (self._there() or set()))
        return True

    def _there(self) -> set[str] | None:
        with suppress(Exception):
            return {row["original_name"] for row in self.house.sql("SELECT original_name FROM newsroom_photo")}
        return None
