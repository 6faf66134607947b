"""The file cache that processes share: one of them adds, and nobody else reads."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsroom import filecache
from newsroom.filecache import SharedFileCache
from tests.newsroom.test_settings import values

ROOT = Path(__file__).resolve().parents[2]
ADD = """
import sys
from django.conf import settings
settings.configure()
from newsroom.filecache import SharedFileCache
cache = SharedFileCache(sys.argv[1], {})
print("ready", flush=True)
sys.stdin.readline()
print(sum(cache.add(f"key-{number}", sys.argv[2], 60) for number in range(100)))
for _ in range(200):
    cache.incr("sum")
"""


@pytest.fixture
def cache(tmp_path: Path) -> SharedFileCache:
    return SharedFileCache(tmp_path / "deep" / "cache", {"OPTIONS": {"MAX_ENTRIES": 10_000}})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_keeps_what_a_cache_keeps(cache: SharedFileCache) -> None:
    assert cache.add("a", 1, 60)
    assert not cache.add("a", 2, 60)
    assert (cache.get("a"), cache.get("b", 7), "a" in cache) == (1, 7, True)
    assert cache.incr("a", 4) == 5
    assert cache.touch("a", 90)
    assert not cache.touch("b")
    assert cache.delete("a")
    assert cache.get("a") is None
    cache.set_many({"c": 1, "d": 2})
    assert cache.get_many(["c", "d", "e"]) == {"c": 1, "d": 2}
    cache.clear()
    assert cache.get("c") is None


def test_what_is_over_may_be_added_anew(cache: SharedFileCache) -> None:
    assert cache.add("lock", "first", 0.05)
    time.sleep(0.1)
    assert cache.add("lock", "second", 60)
    assert cache.get("lock") == "second"


def test_folder_and_files_are_their_owners_alone(cache: SharedFileCache, tmp_path: Path) -> None:
    cache.set("a", "secret")
    folder = tmp_path / "deep" / "cache"
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 2

    folder.chmod(0o755)
    SharedFileCache(folder, {}).set("b", 1)
    assert mode(folder) == 0o700


def test_of_several_processes_that_add_a_key_one_is_told_that_it_did(cache: SharedFileCache, tmp_path: Path) -> None:
    cache.set("sum", 0)
    command = [sys.executable, "-c", ADD, str(tmp_path / "deep" / "cache")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    adding = [subprocess.Popen([*command, name], **pipes) for name in ("one", "two", "three")]  # type: ignore[call-overload]
    for process in adding:
        assert process.stdout.readline() == "ready\n"
    for process in adding:
        process.stdin.write("go\n")
        process.stdin.flush()
    added = [int(process.communicate(timeout=60)[0]) for process in adding]
    assert sum(added) == 100
    assert cache.get("sum") == 600


HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "rb+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def stopped(cache: SharedFileCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SharedFileCache]:
    """The cache, with two values, while a process that was stopped holds its lock."""
    monkeypatch.setattr(filecache, "PATIENCE", 0.3)
    cache.set("a", 1)
    cache.set("over", 2, 0.05)
    time.sleep(0.1)
    lock = tmp_path / "deep" / "cache" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        yield cache
        holder.kill()


def test_a_process_that_is_stopped_with_the_lock_blocks_nobody_for_ever(
    stopped: SharedFileCache, tmp_path: Path
) -> None:
    began = time.monotonic()
    assert (stopped.get("a"), stopped.get("b", 7), "a" in stopped, "b" in stopped) == (1, 7, True, False)
    for write in (
        lambda: stopped.set("a", 2),
        lambda: stopped.add("b", 2),
        lambda: stopped.incr("a"),
        lambda: stopped.touch("a"),
    ):
        with pytest.raises(TimeoutError, match="lock"):
            write()
    assert stopped.get("a") == 1
    assert 0.3 * 8 < time.monotonic() - began < 20

    # What is over is deleted under the lock alone: another process may just have written it anew.
    assert stopped.get("over") is None
    assert "over" not in stopped
    assert len(list((tmp_path / "deep" / "cache").glob("*.djcache"))) == 2


def test_what_is_half_written_is_a_miss(stopped: SharedFileCache, tmp_path: Path) -> None:
    for file in (tmp_path / "deep" / "cache").glob("*.djcache"):
        file.write_bytes(file.read_bytes()[:14])
    assert (stopped.get("a"), stopped.get("over", 7)) == (None, 7)


@pytest.mark.parametrize("is_file", [True, False])
def test_a_folder_that_cannot_be_written_is_a_miss_to_whoever_reads(tmp_path: Path, is_file: bool) -> None:
    folder = tmp_path / "cache"
    if is_file:
        folder.write_text("no folder")
    else:
        SharedFileCache(folder, {}).set("a", 1)
        (folder / "lock").unlink()
        (folder / "lock").mkdir()
    cache = SharedFileCache(folder, {})
    assert (cache.get("a"), cache.get("a", 7), "a" in cache) == (None, 7, False)
    assert cache.get_many(["a"]) == {}
    with pytest.raises(OSError, match="cache"):
        cache.set("a", 1)


def test_it_is_the_newsrooms_cache_where_there_is_no_redis(tmp_path: Path) -> None:
    found = values(tmp_path, "CACHES")["CACHES"]["default"]
    assert found == {"BACKEND": "newsroom.filecache.SharedFileCache", "LOCATION": str(tmp_path / "var" / "cache")}
    assert not (tmp_path / "var" / "cache").exists()
