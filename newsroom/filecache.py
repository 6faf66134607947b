"""Django's file cache, made safe for several processes: what one of them adds, no other adds too.

The newsroom's default cache where there is no Redis. It holds what processes must agree on and may lose, such as a
detector's login; nothing else is there to be asked. Named in `newsroom.settings` alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.files import locks

PATIENCE = 5.0
"""Seconds that the lock is waited for; whoever holds it for longer was stopped in the middle of an act."""
_LOOK_EVERY = 0.02


class Held(TimeoutError):
    """Another process has held the cache's lock for too long."""


class SharedFileCache(FileBasedCache):
    """A file cache in which every act is one process's alone, by a lock on a file beside the values.

    Django's own looks and then writes, so that two processes may both add a key. It also deletes what it finds to be
    over by its name, under which another process may just have written anew; so reading takes the lock too. Folder
    and files are their owner's alone: values are pickled, and may be secrets. Past MAX_ENTRIES (300) some are lost.

    Reading never fails: after a while it does without the lock, and a folder that can't be written holds nothing.
    Writing raises OSError where it can't be done, also where the lock doesn't come, or two processes might add one key.
    """

    def __init__(self, dir: str | Path, params: dict[str, Any]) -> None:
        self._is_mine, self._is_bare, self._folder = False, False, Path(dir).absolute()
        with suppress(OSError):  # from making the folder, which is the last that is done there and is done again later
            super().__init__(str(dir), params)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set the key unless it is there, and say whether it was set. Of several processes exactly one hears yes."""
        with self._alone():
            return super().add(key, value, timeout, version)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default`."""
        return self._read(partial(super().get, key, default, version), default)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Set the key, whether it is there or not."""
        with self._alone():
            super().set(key, value, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Let the key live for another `timeout` seconds; whether it was there."""
        with self._alone():
            return super().touch(key, timeout, version)

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Whether the key is there."""
        return bool(self._read(partial(super().has_key, key, version), False))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a number that is there, and give the sum. Raises ValueError where it isn't."""
        with self._alone():
            return super().incr(key, delta, version)

    def _read(self, ask: Callable[[], Any], otherwise: Any) -> Any:
        try:
            with self._alone():
                return ask()
        except Held:
            return self._read_bare(ask, otherwise)
        except OSError:
            # Nor read: a folder that we can't make our own may be anybody's, and values are pickled.
            return otherwise

    def _read_bare(self, ask: Callable[[], Any], otherwise: Any) -> Any:
        self._is_bare = True
        try:
            return ask()
        except Exception:
            # Whoever was stopped may have written half of it: then whatever the remaining bytes mean, it is no value.
            return otherwise
        finally:
            self._is_bare = False

    def _delete(self, fname: str) -> bool:
        # Private, so that the stubs don't have it.
        return False if self._is_bare else bool(super()._delete(fname))  # type: ignore[misc]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock. Django gives each thread a cache of its own, so within one of them nothing needs a lock.

        Raises Held where it doesn't come in time, OSError where the folder can't be written.
        """
        if self._is_mine:
            yield
            return
        self._createdir()
        with open(os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "rb") as file:
            give_up_at = time.monotonic() + PATIENCE
            # It is let go when the file is closed, also by a process that dies.
            while not locks.lock(file, locks.LOCK_EX | locks.LOCK_NB):
                if time.monotonic() >= give_up_at:
                    raise Held(f"Another process holds the lock of the cache in {self._folder}. Was one stopped?")
                time.sleep(_LOOK_EVERY)
            self._is_mine = True
            try:
                yield
            finally:
                self._is_mine = False

    def _createdir(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:
            self._folder.chmod(0o700)
