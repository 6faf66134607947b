"""One id for everything that follows from one request: it stands in log lines, rows, outbound calls and the history.

A web request brings its own (`X-Request-ID`) or is given one; a check inherits it as its row is made; a task, which
carries a primary key alone, takes it from that row again. So the lines of several processes about one upload can be
put together. It says nothing of anybody: no word of it is read, and what doesn't look like an id is replaced.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"
LONGEST = 64
"""Characters."""
_LOOKS_LIKE_ONE = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("detection_correlation", default="")


def current() -> str:
    """The id of what is being done; "" where nothing gave one."""
    return _current.get()


def made() -> str:
    """A new one."""
    return uuid.uuid4().hex


def inherited() -> str:
    """For a new row: the id of what makes it, else a new one."""
    return current() or made()


def accepted(given: str) -> str:
    """`given` by whoever calls, if it looks like an id (8 to 64 letters, digits and hyphens); else a new one."""
    return given if _LOOKS_LIKE_ONE.fullmatch(given) else made()


@contextmanager
def bound(correlation: str) -> Iterator[None]:
    """While the block runs, this is the id of what is being done; "" leaves the one that stands."""
    token = _current.set(correlation or current())
    try:
        yield
    finally:
        _current.reset(token)
