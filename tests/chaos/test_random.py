"""D12, short: random harm to a house of real processes for half a minute, then the count."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.chaos.run import Run, read
from tests.chaos.telling import table

pytestmark = [pytest.mark.processes, pytest.mark.chaos]
ARGUMENTS = "--scans 40 --seconds 30 --timers short --patience 45 --seed 7"


def test_random_harm_loses_doubles_and_strands_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = Run(read(ARGUMENTS.split()), tmp_path).go()

    with capsys.disabled():
        sys.stdout.write(f"\n{table(found)}\n")
    assert found["harms"] > 5
    assert found["is_well"]
