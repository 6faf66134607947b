"""Django's file cache, made safe for several processes: what one of them adds, no other adds too.

The newsroom's default cache where there is no Redis. It holds what processes must agree on and may lose, such as a
detector's login; nothing else is there to be asked. Named in `newsroom.settings` alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.files import locks


class SharedFileCache(FileBasedCache):
    """A file cache in which every act is one process's alone, by a lock on a file beside the values.

    Django's own looks and then writes, so that two processes may both add a key. It also deletes what it finds to be
    over by its name, under which another process may just have written anew; so reading takes the lock too. Folder
    and files are their owner's alone: values are pickled, and may be secrets. Past MAX_ENTRIES (300) some are lost.
    """

    def __init__(self, dir: str | Path, params: dict[str, Any]) -> None:
        self._is_mine, self._folder = False, Path(dir).absolute()
        super().__init__(str(dir), params)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set the key unless it is there, and say whether it was set. Of several processes exactly one hears yes."""
        with self._alone():
            return super().add(key, value, timeout, version)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default`."""
        with self._alone():
            return super().get(key, default, version)

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
        with self._alone():
            return super().has_key(key, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a number that is there, and give the sum. Raises ValueError where it isn't."""
        with self._alone():
            return super().incr(key, delta, version)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock. Django gives each thread a cache of its own, so within one of them nothing needs a lock."""
        if self._is_mine:
            yield
            return
        self._createdir()
        with open(os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "rb") as file:
            locks.lock(file, locks.LOCK_EX)  # let go when the file is closed, also by a process that dies
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
