"""The table of faults, shown at the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ROWS: list[tuple[str, ...]] = []
HEAD = ("fault", "database", "scans", "lost", "twice", "sent again", "last ended after the fault")


@pytest.fixture(scope="session")
def table() -> Callable[..., None]:
    """Add a row: what was done, and what became of the scans."""
    return lambda *cells: ROWS.append(tuple(str(cell) for cell in cells))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the rows, so that a run shows what it measured and not only that it passed."""
    if ROWS:
        terminalreporter.section("faults")
        for row in (HEAD, *ROWS):
            terminalreporter.write_line("| " + " | ".join(row) + " |")
