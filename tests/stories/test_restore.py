"""`docs/howto/back-up-and-restore.md`, followed to the letter: its own commands, on the database of this run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detection.testing import images
from tests.stories.house import ROOT, House

pytestmark = pytest.mark.processes
PAGE = (ROOT / "docs" / "howto" / "back-up-and-restore.md").read_text()
BLOCKS = dict(re.findall(r"^```sh\n# ([^\n]+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(
        tmp_path / "house", web=False, groups=0, env={"AUDIT_ANCHOR_KEY": "a-key-that-signs-anchors-only"}
    ) as made:
        yield made


def run(house: House, block: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One block of the page, as it stands there."""
    folder = house.folder.parent
    places = {
        "BACKUP": str(folder / "backup"),
        "ANCHORS": str(folder / "elsewhere.jsonl"),
        "DATABASE": str(getattr(house.database, "path", "")),
        "MEDIA_ROOT": str(house.folder / "media"),
        "PATH": f"{Path(sys.executable).parent}:{house.env['PATH']}",
    }
    script = ["bash", "-euc", BLOCKS[block]]
    done = subprocess.run(script, cwd=ROOT, env={**house.env, **places}, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{block}: {done.stdout}\n{done.stderr}"
    return done


def bring(house: House, seed: int) -> None:
    folder = house.folder / f"in-{seed}"
    folder.mkdir()
    (folder / "picture.jpg").write_bytes(images.photo_like(seed))
    house.manage("ingest", str(folder), "--story", "launch")


def test_a_copy_is_restored_and_the_history_says_so(house: House) -> None:
    """G03: a restore older than the last anchor is reported as such, and goes on by a signed event."""
    kind = "SQLite" if house.database.vendor == "sqlite" else "PostgreSQL"
    if kind == "SQLite" and not shutil.which("sqlite3"):
        pytest.skip("sqlite3 is not here: it comes with Debian's package sqlite3")
    (house.folder.parent / "backup" / "media").mkdir(parents=True)
    bring(house, 1)
    run(house, f"back up, {kind}")
    assert "The history stands" in run_verify(house).stdout
    bring(house, 2)
    house.manage("audit_anchor", "--to", str(house.folder.parent / "elsewhere.jsonl"))
    assert len(house.sql("SELECT id FROM detection_asset")) == 2
    shutil.rmtree(house.folder / "media")
    (house.folder / "media").mkdir()
    run(house, f"restore, {kind}")
    after = run(house, "after either", check=False)
    assert after.returncode == 1, after.stdout
    assert "does NOT stand" in after.stderr
    assert len(house.sql("SELECT id FROM detection_asset")) == 1
    assert list((house.folder / "media").rglob("*.jpg")), "the pictures are back"
    told = run(house, "after a restore that is older than the last anchor")
    assert "The history stands" in told.stdout
    assert house.sql("SELECT id FROM detection_auditevent WHERE action = ?", "audit.restored")
    bring(house, 3)
    assert "The history stands" in run_verify(house).stdout


def run_verify(house: House) -> subprocess.CompletedProcess[str]:
    return house.manage("audit_verify", "--anchor", str(house.folder.parent / "elsewhere.jsonl"))
