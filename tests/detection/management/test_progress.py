"""How far a command is: a bar for a person at a terminal, a line now and then elsewhere, and nothing on its output."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from detection.management import progress
from detection.management.progress import Progress


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def walked(out: StringIO) -> str:
    with Progress("pictures", 3, out=out) as one:
        for _step in range(3):
            one.step()
    assert one.done == 3
    return out.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    pytest.importorskip("tqdm")
    told = walked(_Terminal())
    assert "3/3" in told
    assert "pictures" in told


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert walked(StringIO()) == ""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    assert walked(StringIO()) == "1 of 3 pictures\n2 of 3 pictures\n3 of 3 pictures\n"


def test_without_tqdm_a_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    assert walked(_Terminal()).splitlines()[-1] == "3 of 3 pictures"
