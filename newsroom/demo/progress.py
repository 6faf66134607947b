"""How far the demo's preparation is: a bar on a terminal, a line now and then elsewhere. `launch` asks."""

from __future__ import annotations

from shutil import get_terminal_size
from time import monotonic
from typing import IO, Any, Self

from tqdm import tqdm

EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """One task of `total` steps: `with Progress("Pictures", 16, out) as progress: progress.to(3, "rocket.jpg")`."""

    def __init__(self, title: str, total: int, out: IO[str]) -> None:
        self._title, self._total, self._out = title, total, out
        self._said, self._done, self._at = -1, 0, monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._out.isatty():
            # Its watching thread would be in the way of the processes that are started meanwhile.
            tqdm.monitor_interval = 0
            shape = "{desc} {bar:24} {n_fmt} of {total_fmt} {postfix}"
            # A terminal that doesn't say how large it is counts as one of 80 by 24.
            width, height = get_terminal_size()
            self._bar = tqdm(
                total=self._total, desc=self._title, file=self._out, bar_format=shape, ncols=width, nrows=height
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str("")
            self._bar.close()
        elif self._said != self._done:
            self._say()

    def of(self, done: int, total: int, detail: str = "") -> None:
        """As `to`, where it only turns out on the way how many steps there are."""
        self._total = total
        if self._bar is not None:
            self._bar.total = total
        self.to(done, detail)

    def to(self, done: int, detail: str = "") -> None:
        """So many are done; `detail` says what is being done now."""
        self._done = done
        if self._bar is not None:
            self._bar.n = done
            self._bar.set_postfix_str(detail)
        elif self._said < 0 or (monotonic() - self._at >= EVERY and done != self._said):
            self._say()

    def _say(self) -> None:
        self._said, self._at = self._done, monotonic()
        self._out.write(f"{self._title}: {self._done} of {self._total}\n")
        self._out.flush()
