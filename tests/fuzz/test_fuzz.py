"""A few dozen spoilt files in each run of the tests; `python -m tests.fuzz.run` tries thousands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from detection.testing import images
from tests.fuzz import mutations, run, seeds, trial

FILES = 18
SHARES = 3


@pytest.mark.parametrize("share", range(SHARES))
def test_spoilt_files_end_in_a_reading_or_a_named_refusal(share: int) -> None:
    tally = trial.Tally()
    for number in range(share, FILES, SHARES):
        tally.add(trial.run(*run.file_number(number, 1, seeds.own())))
    assert tally.faults == []
    assert tally.files == FILES // SHARES


def test_a_number_and_a_seed_make_the_same_file_again() -> None:
    good = {name: content for name, content in seeds.own().items() if "signed" not in name}
    for number in range(30):
        assert run.file_number(number, 7, good) == run.file_number(number, 7, good)
    assert run.file_number(0, 7, good) != run.file_number(1, 7, good)


@pytest.mark.parametrize("mutation", dict.fromkeys(mutations.ALL), ids=lambda one: one.__name__)
def test_each_way_of_spoiling_changes_each_format_and_survives_nonsense(mutation: Callable[..., bytes]) -> None:
    for name, content in seeds.own().items():
        assert any(mutation(content, Random(seed)) != content for seed in range(8)), name
    for nonsense in (b"\0", b"\xff\xd8", mutations.PNG, b"RIFF\xff\xff\xff\xffWEBP", b"\0\0\0\x08ftypheic", b"x" * 99):
        for seed in range(12):
            mutation(nonsense, Random(seed))


def test_the_structure_of_each_format_is_followed() -> None:
    for name, content in seeds.own().items():
        found = mutations.pieces(content)
        assert len(found) >= 2, name
        if "signed" in name:
            assert any(content[one.start + 4 : one.start + 8] == b"jumb" for one in found), name


def test_mended_checksums_let_a_reader_go_on() -> None:
    content = images.photo_like(format="PNG", size=(64, 64))
    spoilt = content[:16] + b"\0\0\0\x40" + content[20:-8] + b"\0\0\0\0" + content[-4:]
    assert mutations.mended(spoilt) == mutations.mended(mutations.mended(spoilt))
    assert mutations.mended(content) == content


def test_a_child_that_breaks_down_is_a_fault_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    done = trial.run("any", images.photo_like(size=(64, 64)))
    assert done.outcomes == {"examine": "sandbox failed"}
    assert "blamed on us" in done.faults[0]


def test_the_command_ends_with_a_summary_and_keeps_the_file_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", "--seed", "1", "--keep", str(tmp_path)]
    done = subprocess.run([*command, "--only", "3"], capture_output=True, cwd=run.ROOT, text=True, check=False)
    summary = json.loads(done.stdout)
    assert (summary["files"], done.returncode, summary["faults"]) == (1, 0, [])
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("3-")
