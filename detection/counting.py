"""What one process counts, in memory, until it is added to the totals in the database: a name, labels, a number.

Anybody may count; `tallies` takes it from here. Labels are words of closed sets: never a picture, a person, an address.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Upper ends of what durations are sorted into, in seconds."""
Key = tuple[str, str]
"""A name, and its labels as `text` writes them."""

_lock = threading.Lock()
_counts: dict[Key, float] = {}


def text(labels: dict[str, str]) -> str:
    """Labels in one order: `outcome=ok,provider=first`."""
    return ",".join(f"{name}={labels[name]}" for name in sorted(labels))


def labels(written: str) -> dict[str, str]:
    """What `text` wrote, read again."""
    return dict(pair.split("=", 1) for pair in written.split(",") if pair)


def add(name: str, by: float = 1, **labels: str) -> None:
    """Count."""
    with _lock:
        key = name, text(labels)
        _counts[key] = _counts.get(key, 0.0) + by


def parts(name: str, seconds: float, labels: dict[str, str]) -> Iterator[tuple[Key, float]]:
    """One duration as what is counted of it: its bucket, the sum and the number."""
    end = next((str(end) for end in BUCKETS if seconds <= end), "+Inf")
    yield (f"{name}_bucket", text({**labels, "le": end})), 1
    yield (f"{name}_sum", text(labels)), seconds
    yield (f"{name}_count", text(labels)), 1


def observe(name: str, seconds: float, **labels: str) -> None:
    """Count one duration."""
    with _lock:
        for key, by in parts(name, seconds, labels):
            _counts[key] = _counts.get(key, 0.0) + by


@contextmanager
def timed(name: str, **labels: str) -> Iterator[dict[str, str]]:
    """Count how long the block takes; it may add to the labels that it is given."""
    began = monotonic()
    try:
        yield labels
    finally:
        observe(name, monotonic() - began, **labels)


def take() -> dict[Key, float]:
    """All that was counted since the last time; from now on it is the caller's."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
        return taken


def _begin_anew() -> None:
    """A process that was forked has counted nothing yet, and its lock is its own."""
    global _lock
    _lock = threading.Lock()
    _counts.clear()


os.register_at_fork(after_in_child=_begin_anew)
