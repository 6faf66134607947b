"""The threat model's page names a test for each row, and each of these tests is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (T\d+) \|(.*)\|$", PAGE, re.MULTILINE))
NAMED = re.compile(r"`([\w/]+\.py)::([\w:]+)`")


@cache
def names_in(name: str) -> frozenset[str]:
    """Its tests, as `test_a` and `TestB::test_c`."""
    path = TESTS / name
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module(body=[], type_ignores=[])
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(found)


def test_every_threat_has_its_row() -> None:
    assert len(ROWS) >= 22
    assert list(ROWS) == [f"T{number}" for number in range(1, len(ROWS) + 1)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_its_control_and_tests_that_are_there(row: str) -> None:
    _who, control, proof = ROWS[row].split("|")
    named = NAMED.findall(proof)
    assert len(control) > 40
    assert named
    assert [f"{path}::{test}" for path, test in named if test not in names_in(path)] == []
    assert len(named) == proof.count("`") // 2


def test_the_readme_leads_there() -> None:
    assert "docs/security.md" in (TESTS.parent / "README.md").read_text(encoding="utf-8")
