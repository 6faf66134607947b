"""What every test may ask for. Real parts: a real database, real files, real HTTP on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files; a test that asks for it is skipped where it is absent."""
    if not CORPUS.is_dir():
        pytest.skip("the shared corpus of real files is not beside this checkout")
    return CORPUS
