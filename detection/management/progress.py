"""How far a command is: a bar for a person at a terminal, where tqdm is installed; else a line now and then."""

from __future__ import annotations

import sys
from time import monotonic
from typing import IO, Any, Self

EVERY = 5.0
"""Seconds between two lines where there is no bar."""


class Progress:
    """One task of about `total` steps: `with Progress("pictures", 16) as progress: progress.step()`.

    Written to standard error, so that what a command prints can be read by a script.
    """

    def __init__(self, unit: str, total: int, *, out: IO[str] | None = None) -> None:
        self._unit, self._total, self._out = unit, total, out or sys.stderr
        self.done = 0
        self._at = monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._out.isatty():
            self._bar = _bar(self._total, self._unit, self._out)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, by: int = 1) -> None:
        """So many more are done."""
        self.done += by
        if self._bar is not None:
            self._bar.update(by)
        elif monotonic() - self._at >= EVERY:
            self._at = monotonic()
            self._out.write(f"{self.done} of {self._total} {self._unit}\n")


def _bar(total: int, unit: str, out: IO[str]) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit=f" {unit}", file=out)
