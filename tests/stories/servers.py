"""Where a house keeps its rows and its rings: SQLite in its folder or a database on PostgreSQL, and Redis.

Whatever is made here is the house's own, under a name that no other run uses, and is gone when the house is.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import pytest

REDIS_DATABASES = range(1, 16)
"""Numbers that a house may take; 0 holds the note of which are taken."""
_TAKEN_FOR = 3600
_OURS = "houses:ours"

_KEPT = Path(tempfile.mkdtemp(prefix="newsroom-houses-"))
_MIGRATED = _KEPT / "migrated.sqlite3"
atexit.register(shutil.rmtree, _KEPT, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


class SqliteDatabase:
    """A file in the house's folder."""

    vendor = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "house.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def create(self) -> None:
        """Nothing to do: the first migration makes the file."""

    def migrate(self, migrate: Callable[[], object]) -> None:
        """The file as migrations leave it: run once in this process, copied for every further house."""
        if _MIGRATED.exists():
            _copy(_MIGRATED, self.path)
        else:
            migrate()
            _copy(self.path, _MIGRATED)

    def drop(self) -> None:
        """Nothing to do: the file goes with its folder."""

    def rows(self, query: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]


class PostgresDatabase:
    """A database of its own on the server that `url` names."""

    vendor = "postgresql"

    def __init__(self, url: str) -> None:
        self.server, self.name = url, f"house_{secrets.token_hex(6)}"
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{self.name}"))

    def create(self) -> None:
        self._tell(f'CREATE DATABASE "{self.name}"')

    def migrate(self, migrate: Callable[[], object]) -> None:
        """Each of them by its own migrations."""
        migrate()

    def drop(self) -> None:
        self._tell(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _tell(self, order: str) -> None:
        import psycopg

        with psycopg.connect(self.server.replace("postgres://", "postgresql://", 1), autocommit=True) as connection:
            connection.execute(order)

    def rows(self, query: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
        """Read as from SQLite: `?` for a value; a UUID, a moment and JSON come as the text that SQLite keeps."""
        import psycopg
        from psycopg.rows import dict_row
        from psycopg.types.string import TextLoader

        with psycopg.connect(self.url.replace("postgres://", "postgresql://", 1), row_factory=dict_row) as connection:
            connection.read_only = True
            connection.adapters.register_loader("jsonb", TextLoader)
            found = connection.execute(query.replace("%", "%%").replace("?", "%s").encode(), values).fetchall()
        return [{name: _as_in_sqlite(value) for name, value in row.items()} for row in found]


def _as_in_sqlite(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return int(value) if isinstance(value, bool) else value


def database_of(folder: Path) -> SqliteDatabase | PostgresDatabase:
    """On the server that this run's DATABASE_URL names, or a file in `folder`."""
    url = os.environ.get("DATABASE_URL", "")
    return PostgresDatabase(url) if re.match(r"postgres(ql)?://", url) else SqliteDatabase(folder)


class RedisNumber:
    """A numbered database on the Redis of REDIS_URL (else of this machine), empty at first and emptied at the end.

    A test that asks for it is skipped where no Redis answers.
    """

    def __init__(self) -> None:
        redis = pytest.importorskip("redis", reason="Redis's client is not here")
        parts = urlsplit(os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379")
        self._server = urlunsplit(parts._replace(path=""))
        self._notes = redis.Redis.from_url(self._server + "/0")
        try:
            self._notes.ping()
        except redis.ConnectionError:
            pytest.skip("Redis is not here")
        self.number = self._take()
        self.url = f"{self._server}/{self.number}"
        self.client = redis.Redis.from_url(self.url)

    def _take(self) -> int:
        import redis

        for number in REDIS_DATABASES:
            with closing(redis.Redis.from_url(f"{self._server}/{number}")) as client:
                # What a run left that was killed is ours too; what anybody else keeps there is not.
                is_ours = self._notes.sismember(_OURS, number)
                if (is_ours or not client.dbsize()) and self._notes.set(self._note(number), 1, nx=True, ex=_TAKEN_FOR):
                    self._notes.sadd(_OURS, number)
                    client.flushdb()
                    return number
        raise AssertionError("Every numbered database of this Redis is in use.")

    def _note(self, number: int) -> str:
        return f"houses:taken:{number}"

    def give_back(self) -> None:
        self.client.flushdb()
        self._notes.srem(_OURS, self.number)
        self._notes.delete(self._note(self.number))
        self.client.close()
        self._notes.close()


class OwnRedis:
    """A redis-server of our own on a loopback port, to stop and start; it keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not here")
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, empty, and wait till it answers."""
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        with (self.folder / "redis.log").open("ab") as log:
            command = ["redis-server", *options, "--dir", str(self.folder)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "redis.log").read_text()[-1000:]
            assert time.monotonic() < deadline, "redis-server did not answer in 10 s"
            time.sleep(0.05)

    def stop(self) -> None:
        """As a power cut would: what it holds is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
