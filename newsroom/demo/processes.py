"""The demo's child processes: started each in a session of its own, and ended in order, whatever happens.

`launch` asks. A terminal's Ctrl-C reaches the launcher alone; it then ends its children the way each wants to be
ended, the last started first, and whoever lingers is killed with everything below it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

GRACE = 7.0
"""Seconds that a child is given to end by itself."""
_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Child:
    """One process. `log`: the file with what it said."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def said(self) -> str:
        """All that it said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_line(self) -> str:
        """The last thing it said, or ""."""
        return next((line.strip() for line in reversed(self.said().split("\n")) if line.strip()), "")


class Children:
    """The processes of one demo: `with Children(folder) as children: children.start("web", […])`."""

    def __init__(self, logs: Path, *, cwd: Path) -> None:
        self._logs, self._cwd = logs, cwd
        self._started: list[Child] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    def start(self, name: str, command: Sequence[str], *, passes: Sequence[int] = ()) -> Child:
        """Start one; `passes`: file numbers it inherits. Raises OSError where it cannot be started at all."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603, our own command
                command,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=passes,
                start_new_session=True,
                preexec_fn=_follow_parent if _LIBC else None,
            )
        child = Child(name, process, log)
        self._started.append(child)
        return child

    def lost(self) -> Child | None:
        """One that ended though nobody told it to, or None."""
        return next((child for child in self._started if child.has_ended), None)

    def end(self) -> None:
        """End all, the last started first; at most `GRACE` seconds each, and nothing is left behind."""
        while self._started:
            _end(self._started.pop().process)


def _follow_parent() -> None:
    """Be told to end when the launcher dies without a word."""
    if _LIBC is not None:
        _LIBC.prctl(_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    deadline = time.monotonic() + GRACE
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(deadline - time.monotonic())
        return
    # Some of these lead groups of their own, so each is ended by itself, and none is left to start another.
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int, *, parents: Callable[[], dict[int, int]] | None = None) -> list[int]:
    """Every process below this one, parents before their children."""
    known = (parents or _parents)()
    found, generation = [], {pid}
    while generation := {child for child, parent in known.items() if parent in generation}:
        found += sorted(generation)
    return found


def _parents() -> dict[int, int]:
    """The parent of every process of this machine that can be seen."""
    if sys.platform != "linux":
        command = ["/bin/ps", "-A", "-o", "pid=,ppid="]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
        return dict(zip(map(int, listed[::2]), map(int, listed[1::2]), strict=False))
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name before the last bracket may hold blanks and brackets itself.
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found
