"""Each acceptance check about crashes (D) and faults of detectors (E) is shown by a test that carries its number."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
CHECKS = [*(f"D{number:02}" for number in range(1, 15)), *(f"E{number:02}" for number in range(1, 13))]
NOT_SHOWN: dict[str, str] = {}
"""Checks that no test shows, each with the reason."""
NUMBER = re.compile(r"\b[A-H]\d\d\b")


@cache
def shown() -> dict[str, set[str]]:
    """The tests by the numbers in their docstrings; a class's or module's docstring speaks for the tests in it."""
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        name = str(path.relative_to(TESTS))
        for number, test in _numbered(ast.parse(path.read_text(encoding="utf-8")), name, set()):
            found.setdefault(number, set()).add(test)
    return found


def _numbered(node: ast.Module | ast.ClassDef, place: str, above: set[str]) -> Iterator[tuple[str, str]]:
    numbers = above | set(NUMBER.findall(ast.get_docstring(node) or ""))
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from _numbered(child, f"{place}::{child.name}", numbers)
        elif isinstance(child, ast.FunctionDef) and child.name.startswith("test_"):
            own = numbers | set(NUMBER.findall(ast.get_docstring(child) or ""))
            yield from ((number, f"{place}::{child.name}") for number in own)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_shown_by_a_test_or_has_its_reason(check: str) -> None:
    tests = shown().get(check, set())
    assert bool(tests) != (check in NOT_SHOWN), f"{check}: shown by {sorted(tests)}, not shown because {NOT_SHOWN}"
    assert all(len(reason) > 40 for reason in NOT_SHOWN.values())


def test_a_number_in_a_file_without_a_test_shows_nothing() -> None:
    source = '''
"""D99."""
def helper():
    """D98."""
class TestA:
    """D97."""
    def test_b(self):
        """D96."""
'''.strip()
    assert sorted(_numbered(ast.parse(source), "x.py", set())) == [
        ("D96", "x.py::TestA::test_b"),
        ("D97", "x.py::TestA::test_b"),
        ("D99", "x.py::TestA::test_b"),
    ]
