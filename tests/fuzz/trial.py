"""One hostile file's way through the real sandbox, and what must hold at its end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detection import sandbox
from detection.errors import Rejected, SandboxFailed
from detection.vocabulary import Says

LIMITS = {"max_bytes": 60 * 2**20, "max_pixels": 50_000_000}
PATIENCE = 10.0
"""Seconds after which a call is a hang."""
PREVIEW_SIDE = 1_600
JOBS = ("examine", "render", "compression_map")


@dataclass
class Trial:
    """What became of one file: the outcome of each job by name, what it cost, and what should not have happened."""

    name: str
    says: Says | None = None
    outcomes: dict[str, str] = field(default_factory=dict)
    costs: list[sandbox.Cost] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def resident() -> int:
    """Bytes of memory that this process holds now; 0 where the platform doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096
    except OSError:
        return 0


class _Listener(logging.Handler):
    """Takes the costs and the last words of children off the sandbox's log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.costs: list[sandbox.Cost] = []
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.costs.append(record.cost)  # type: ignore[attr-defined]
        self.words = record.getMessage()


@contextmanager
def listening() -> Any:
    listener = _Listener()
    level, propagates = sandbox.logger.level, sandbox.logger.propagate
    sandbox.logger.addHandler(listener)
    sandbox.logger.setLevel(logging.DEBUG)
    sandbox.logger.propagate = False
    try:
        yield listener
    finally:
        sandbox.logger.removeHandler(listener)
        sandbox.logger.setLevel(level)
        sandbox.logger.propagate = propagates


def run(name: str, content: bytes, *, trust_lists: str = "") -> Trial:
    """Examine the file and, where its pixels could be read, make its preview and its compression map."""
    trial = Trial(name)

    def examine() -> str:
        found = sandbox.examine(content, filename=name, trust_lists=trust_lists, **LIMITS)
        trial.says = found.declared.says
        if (found.reading is None) == (found.rejected is None):
            trial.faults.append("examine: neither a reading nor a refusal, or both")
        if found.rejected:
            return _refusal(trial, "examine", *found.rejected)
        return "read"

    def render() -> str:
        made = sandbox.render(content, longest_side=PREVIEW_SIDE)
        if not made.content or max(made.width, made.height) > PREVIEW_SIDE:
            trial.faults.append("render: no picture, or too large a one")
        return "made"

    def compression_map() -> str:
        sandbox.compression_map(content)
        return "made"

    _timed(trial, "examine", examine)
    if trial.outcomes["examine"] == "read":
        _timed(trial, "render", render)
        _timed(trial, "compression_map", compression_map)
    return trial


def _refusal(trial: Trial, job: str, code: str, sentence: str) -> str:
    if not (code and sentence.endswith(".") and sentence.isprintable()):
        trial.faults.append(f"{job}: a refusal without a code or a whole sentence: {code!r} {sentence!r}")
    return code


def _timed(trial: Trial, job: str, call: Callable[[], str]) -> None:
    began = time.monotonic()
    with listening() as listener:
        try:
            outcome = call()
        except Rejected as refusal:
            outcome = _refusal(trial, job, refusal.code, refusal.sentence)
            if refusal.code == "unreadable":
                trial.faults.append(f"{job}: the child went down: {listener.words}")
        except SandboxFailed as error:
            outcome = "sandbox failed"
            trial.faults.append(f"{job}: blamed on us: {error} {listener.words}")
        except Exception as error:
            outcome = "raised"
            trial.faults.append(f"{job}: raised {type(error).__name__}: {error}")
    seconds = time.monotonic() - began
    if seconds > PATIENCE:
        trial.faults.append(f"{job}: took {seconds:.1f} s")
    trial.faults += [
        f"{job}: {cost.peak_bytes >> 20} MB" for cost in listener.costs if cost.peak_bytes > sandbox.MEMORY
    ]
    trial.outcomes[job] = outcome
    trial.costs += listener.costs


@dataclass
class Tally:
    """Many trials in numbers."""

    files: int = 0
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {job: Counter() for job in JOBS})
    faults: list[tuple[str, str]] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    dearest: tuple[int, str] = (0, "")

    def add(self, trial: Trial) -> None:
        self.files += 1
        for job, outcome in trial.outcomes.items():
            self.outcomes[job][outcome] += 1
        self.faults += [(trial.name, fault) for fault in trial.faults]
        for cost in trial.costs:
            self.slowest = max(self.slowest, (cost.seconds, f"{trial.name} {cost.job}"))
            self.dearest = max(self.dearest, (cost.peak_bytes, f"{trial.name} {cost.job}"))

    def as_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "outcomes": {job: dict(counts.most_common()) for job, counts in self.outcomes.items()},
            "faults": self.faults,
            "slowest_seconds": round(self.slowest[0], 2),
            "slowest": self.slowest[1],
            "child_peak_mb": self.dearest[0] // 2**20,
            "dearest": self.dearest[1],
        }
