"""The index of acceptance checks: each is shown by a test that carries its number, or named with the reason why not.

A test carries the numbers in its docstring (a class's or module's speaks for the tests in it) and that of its name, as
`test_a04_…`. `python -m tests.test_acceptance` prints which test shows what.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
RANGES = {
    "A": range(1, 23),  # callbacks
    "B": range(1, 19),  # outbound calls
    "C": range(1, 14),  # uploads and media
    "D": range(1, 15),  # crashes
    "E": range(1, 13),  # faults of detectors
    "F": range(1, 12),  # the gate, and who may what
    "G": range(1, 12),  # history
    "H": range(1, 10),  # secrets and the platform
    "I": range(1, 5),  # metrics
}
CHECKS = [f"{letter}{number:02}" for letter, numbers in RANGES.items() for number in numbers]
NOT_SHOWN: dict[str, str] = {}
"""Checks that no test shows, each with the reason."""
NUMBER = re.compile(r"\b[A-I]\d\d\b")
NAMED = re.compile(r"test_([a-i]\d\d)_")


@cache
def shown() -> dict[str, set[str]]:
    """The tests by the numbers in their docstrings; a class's or module's docstring speaks for the tests in it."""
    found: dict[str, set[str]] = {}
    for path in sorted([*TESTS.rglob("test_*.py"), *TESTS.rglob("*_cases.py")]):
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
            own |= {number.upper() for number in NAMED.findall(child.name)}
            yield from ((number, f"{place}::{child.name}") for number in own)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_shown_by_a_test_or_has_its_reason(check: str) -> None:
    tests = shown().get(check, set())
    assert bool(tests) != (check in NOT_SHOWN), f"{check}: shown by {sorted(tests)}, not shown because {NOT_SHOWN}"
    assert all(len(reason) > 40 for reason in NOT_SHOWN.values())


def test_every_reason_is_about_a_check_that_there_is() -> None:
    assert set(NOT_SHOWN) <= set(CHECKS)


def test_a_number_in_a_file_without_a_test_shows_nothing() -> None:
    source = '''
"""D99."""
def helper():
    """D98."""
class TestA:
    """D97."""
    def test_b(self):
        """D96."""
    def test_d95_c(self):
        pass
'''.strip()
    assert sorted(_numbered(ast.parse(source), "x.py", set())) == [
        ("D95", "x.py::TestA::test_d95_c"),
        ("D96", "x.py::TestA::test_b"),
        ("D97", "x.py::TestA::test_b"),
        ("D97", "x.py::TestA::test_d95_c"),
        ("D99", "x.py::TestA::test_b"),
        ("D99", "x.py::TestA::test_d95_c"),
    ]


if __name__ == "__main__":
    for check in CHECKS:
        print(  # noqa: T201
            check, ", ".join(sorted(shown().get(check, ()))) or f"NOT SHOWN: {NOT_SHOWN.get(check, 'no reason')}"
        )
