"""What a storage holds, read and written without trusting it: in pieces, within bounds of size and time.

Each backend raises errors of its own, and few of them are OSErrors. Here all of them become StorageUnavailable, so
that nobody else has to know whose they were; only FileNotFoundError keeps its meaning, which Django gives it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage, Storage
from django.db.models.fields.files import FieldFile

from detection.errors import StorageUnavailable

logger = logging.getLogger("detection")

SECONDS = 20.0
"""How long the reading of one file may take. Looked at between two pieces: one blocking call can't be broken off from
here, so a backend's own time-outs bound that, and the worker's task timeout bounds them all."""
SLOWEST = 1024 * 1024
"""Bytes a second below which a large file is given up: one of 60 MB may take a minute more."""
PIECE = 32 * 1024
"""Bytes asked for at once: small, so that a slow storage is noticed early."""

_EMPTY = "its folder is missing or empty"


@contextmanager
def answering(storage: Storage, *, may_be_empty: bool = False) -> Iterator[None]:
    """Whatever a storage raises in this block becomes StorageUnavailable; FileNotFoundError stays what it is.

    But not where nothing at all is there: a disk that isn't mounted says nothing about any of its files, unless the
    storage `may_be_empty`.
    """
    try:
        yield
    except FileNotFoundError as error:
        if not may_be_empty and not _is_there(storage):
            raise StorageUnavailable(f"{StorageUnavailable()} ({_EMPTY})") from error
        raise
    except StorageUnavailable:
        raise
    except SuspiciousFileOperation as error:
        raise FileNotFoundError(str(error)) from error  # no file of this storage can bear such a name
    except Exception as error:  # each backend raises errors of its own
        logger.warning("A storage failed: %s: %s", type(error).__name__, error)
        why = getattr(error, "strerror", None) or type(error).__name__
        raise StorageUnavailable(f"{StorageUnavailable()} ({why})") from error


def _is_there(storage: Storage) -> bool:
    """Whether a folder of files holds anything. Other storages tell by an error of their own."""
    if not isinstance(storage, FileSystemStorage):
        return True
    try:
        with os.scandir(storage.location) as entries:
            return any(entries)
    except OSError:
        return False


def size(storage: Storage, name: str) -> int | None:
    """Bytes of a file as its storage claims; None where it can't tell. Raises FileNotFoundError, StorageUnavailable."""
    with answering(storage):
        try:
            return int(storage.size(name))
        except NotImplementedError:
            return None


def read(storage: Storage, name: str, *, most: int, until: float | None = None, may_be_empty: bool = False) -> bytes:
    """A file's bytes, but never more than `most` + 1 of them, so that the caller can tell that there are more.

    `until`: the end by `time.monotonic`; SECONDS from now where none is given. `may_be_empty`: whether this file may
    be the first that the storage ever held. Raises FileNotFoundError, and StorageUnavailable also where it takes
    longer.
    """
    ends = time.monotonic() + SECONDS if until is None else until
    pieces, left = [], most + 1
    with answering(storage, may_be_empty=may_be_empty):
        _in_time(ends)
        with storage.open(name, "rb") as opened:
            while left > 0 and (piece := opened.read(min(PIECE, left))):
                pieces.append(piece)
                left -= len(piece)
                _in_time(ends)
    return b"".join(pieces)


def _in_time(ends: float) -> None:
    if time.monotonic() > ends:
        raise TimeoutError(None, "too slow")


class Download:
    """A file on its way out, piece by piece. Raises FileNotFoundError or StorageUnavailable before the first one.

    `size` in bytes as the storage claims; None where it can't tell. A storage that fails later breaks the iteration
    off, so that whoever downloads sees that something is missing.
    """

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        with answering(storage):
            self._file: IO[bytes] = storage.open(name, "rb")
        try:
            self.size = self._claimed()
            self._pieces = self._read()
            self._first = next(self._pieces, b"")
        except (FileNotFoundError, StorageUnavailable):
            self.close()
            raise

    def _claimed(self) -> int | None:
        with answering(self._storage):
            claimed: Any = getattr(self._file, "size", None)
        return claimed if isinstance(claimed, int) else None

    def _read(self) -> Iterator[bytes]:
        with answering(self._storage):
            while piece := self._file.read(PIECE):
                yield piece

    def __iter__(self) -> Iterator[bytes]:
        return itertools.chain([self._first] if self._first else [], self._pieces)

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(FileNotFoundError, StorageUnavailable), answering(self._storage):
            self._file.close()


def save(storage: Storage, name: str, content: Any) -> str:
    """Store `content`, a file, under `name` or a free name beside it; the name. Raises StorageUnavailable.

    Where it fails nothing half-written is left, as far as the storage still answers: Django's own leaves the piece
    that a full disk had room for. So let the name be one that nobody else would choose, or a copy's that can be made
    again.
    """
    try:
        with answering(storage):
            free = storage.get_available_name(name)
        try:
            with answering(storage):
                return str(storage.save(free, content))
        except (FileNotFoundError, StorageUnavailable):
            delete_quietly(storage, free)
            raise
    except FileNotFoundError as error:
        raise StorageUnavailable(f"{StorageUnavailable()} ({error.strerror or type(error).__name__})") from error


def save_for(file: FieldFile, filename: str, content: Any) -> str:
    """Store `content` where this field of a model puts a file of that name. Raises StorageUnavailable."""
    return save(file.storage, file.field.generate_filename(file.instance, filename), content)


def delete(storage: Storage, name: str) -> None:
    """Delete a file; one that is gone already is no error. Raises StorageUnavailable."""
    with contextlib.suppress(FileNotFoundError), answering(storage):
        storage.delete(name)


def delete_quietly(storage: Storage, name: str) -> None:
    """Delete a file that nobody refers to any more; where that fails it is logged, and the file stays behind."""
    try:
        delete(storage, name)
    except StorageUnavailable:
        logger.warning("A file that nobody needs could not be deleted: %s", name)
