"""A detector with bad days: a share of what it is asked goes wrong, drawn from a seed; and what its journal tells.

What befalls the n-th submission of a picture depends on the seed, the picture and n alone, so that a run can be told
again however its processes were scheduled. Asked by the random harness.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from detection.testing.detector import Answer, SandboxDetector, Stored
from detection.testing.wire import Call

KEY = "first"
WELL: dict[str, Any] = {"verdict": "likely_human", "confidence": 0.93}
HANG = 4.0
"""Seconds after which a connection that was left without an answer is closed."""
REFUSALS: tuple[dict[str, Any], ...] = (
    {"http": 500},
    {"http": 503},
    {"http": 503, "retry_after": 2},
    {"http": 429},
    {"http": 429, "retry_after": 2},
    {"http": 502, "html": True},
    {"silence": True},
    {"reset": True},
)
"""Nothing was taken, or it can't be told."""
LOST_POLLS: tuple[dict[str, Any], ...] = (
    {"http": 500},
    {"http": 404, "code": "not_found"},
    {"http": 429, "retry_after": 1},
    {"silence": True},
    {"reset": True},
    {"http": 504, "html": True},
)
EVENTS: tuple[dict[str, Any], ...] = (
    {},
    {"delay": 1.0},
    {"lost": True},
    {"times": 3},
    {"early": True},
    {"early": True, "times": 2},
    {"processing_after": True},
    {"forged": True},
)
"""What becomes of the event of an analysis, where the detector calls back: lost, doubled, early, reordered, forged."""
WEB_PAGE: dict[str, Any] = {"html": True}
"""A web page under the status 200: no answer of a detector, and tried again by nobody. A person looks."""


class TroubledDetector(SandboxDetector):
    """`share`: of the submissions, how many go wrong, 0 to 1. `calls_back`: answers come by events."""

    def __init__(self, *, seed: int, share: float = 0.1, calls_back: bool = False) -> None:
        super().__init__()
        self.seed, self.share, self.calls_back, self.loses_polls = seed, share, calls_back, True
        self.planned: Counter[str] = Counter()
        """How many events were planned of each kind."""
        self._asked: Counter[str] = Counter()
        self.web_pages = 0
        """How many submissions were answered by a web page: so many scans end with a person."""

    def lose_no_more_polls(self) -> None:
        """From now on a poll gets its answer; else the last analyses of a run would be those whose polls are lost, and
        every probe of an open breaker would be one of them."""
        self.loses_polls = False

    def next_poll(self, stored: Stored) -> Answer:
        """What is to be lost, while polls are lost."""
        return super().next_poll(stored) if self.loses_polls else {}

    def next_answer(self, key: str, sha256: str) -> Answer:
        """Well, slowly, or by one of the faults."""
        with self._lock:
            self._asked[sha256] += 1
            dice = Random(f"{self.seed}:{sha256}:{self._asked[sha256]}")
            delay = {"delay": round(dice.uniform(0.1, 0.7), 2)}
            if dice.random() >= self.share:
                return self._event(dice, delay) if self.calls_back else {**WELL, **delay}
            found = {**delay, **_fault(dice)}
            self.web_pages += found.get("html", False) and "http" not in found
            return found

    def _event(self, dice: Random, delay: dict[str, Any]) -> dict[str, Any]:
        """Accepted; the answer comes by an event, if that comes."""
        kind = dict(dice.choice(EVENTS))
        self.planned[", ".join(kind) or "plain"] += 1
        return {"accept": True, "after": dice.uniform(0, 2), "then": WELL, "event": kind, **delay}

    @property
    def submissions(self) -> list[Call]:
        """Every picture that came in, well answered or not."""
        return [call for call in list(self.calls) if call.method == "POST"]

    @property
    def paid(self) -> dict[str, int]:
        """By the caller's reference, how many analyses were made and billed."""
        with self._lock:
            return dict(Counter(stored.reference for stored in self._stored.values()))


def _fault(dice: Random) -> dict[str, Any]:
    kind = dice.choices(("refused", "lost answer", "accepted", "slow", "web page"), (8, 4, 5, 2, 1))[0]
    if kind == "refused":
        return dict(dice.choice(REFUSALS))
    if kind == "lost answer":
        return {**WELL, "drop_after_store": HANG}
    if kind == "accepted":
        polls = [dict(dice.choice(LOST_POLLS)) for _poll in range(dice.randint(0, 3))]
        return {"accept": True, "after": dice.uniform(0, 8), "polls": polls, "then": WELL}
    if kind == "slow":
        return {**WELL, "delay": dice.uniform(2, 6)}
    return dict(WEB_PAGE)


def most_in_a_second(calls: Iterable[Call] | Sequence[Any]) -> int:
    """The largest number of calls that began within any one second."""
    moments = sorted(call.at for call in calls)
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
