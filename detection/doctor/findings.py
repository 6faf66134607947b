"""One finding of the doctor: a word, what it is about, and what to type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.core import checks


class State(StrEnum):
    """How bad it is. Only `broken` makes the command end with 1."""

    OK = "ok"
    WARN = "warn"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` and `fix` are whole sentences; `fix` is empty where nothing has to be done."""

    state: State
    what: str
    fix: str = ""


def ok(what: str) -> Finding:
    """All is well with this."""
    return Finding(State.OK, what)


def warn(what: str, fix: str) -> Finding:
    """Works, but somebody should know."""
    return Finding(State.WARN, what, fix)


def broken(what: str, fix: str) -> Finding:
    """Does not work until somebody acts."""
    return Finding(State.BROKEN, what, fix)


def from_checks(messages: Iterable[checks.CheckMessage]) -> Iterator[Finding]:
    """The app's own system checks, in the doctor's words."""
    for message in messages:
        state = State.BROKEN if message.is_serious() else State.WARN
        yield Finding(state, str(message.msg), str(message.hint or ""))


def in_short(error: BaseException) -> str:
    """An error's own words in one line: of several lines the first, at most 200 characters."""
    words = " ".join(str(error).strip().partition("\n")[0].split()).rstrip(".")
    return (words if len(words) <= 200 else words[:199] + "…") or type(error).__name__
