"""The database's own refusal to change history, on SQLite and PostgreSQL.

SQLite drops a table's triggers when a later migration rebuilds the table, so they are (re)created after
every migrate, and `missing` lets a system check and the doctor look. Source of the SQLite rule that
REPLACE deletes without firing a trigger: https://sqlite.org/lang_conflict.html, hence the INSERT trigger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES: dict[str, str] = {"detection_auditevent": "id", "detection_auditseal": "seq"}
"""Protected table → its primary key."""
_MESSAGE = "history is append-only"
_FUNCTION = "detection_append_only"


def _sqlite(table: str, key: str) -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
    return {
        f"{table}_no_update": f"BEFORE UPDATE ON {table} {refuse}",
        f"{table}_no_delete": f"BEFORE DELETE ON {table} {refuse}",
        f"{table}_no_replace": (
            f"BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) {refuse}"  # noqa: S608, our own names
        ),
    }


def _postgresql(table: str) -> dict[str, str]:
    return {
        f"{table}_no_change": f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()",
        f"{table}_no_truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
    }


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """Trigger name → (table, definition) for this database; nothing on others."""
    wanted: dict[str, tuple[str, str]] = {}
    for table, key in TABLES.items():
        if connection.vendor == "sqlite":
            wanted |= {name: (table, body) for name, body in _sqlite(table, key).items()}
        elif connection.vendor == "postgresql":
            wanted |= {name: (table, body) for name, body in _postgresql(table).items()}
    return wanted


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the triggers that should be there and are not."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    wanted = _wanted(connection)
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {row[0] for row in cursor.fetchall()}
    return sorted(set(wanted) - there)


def install(connection: BaseDatabaseWrapper) -> None:
    """Create what is missing; harmless when all are there, or while the tables aren't."""
    tables = set(connection.introspection.table_names())
    absent = missing(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and absent:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}'; END $$"
            )
        for name in absent:
            table, body = _wanted(connection)[name]
            if table in tables:
                cursor.execute(f"CREATE TRIGGER {name} {body}")


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away; only for the retention job and for tests that empty their database."""
    absent = set(missing(connection))
    with connection.cursor() as cursor:
        for name, (table, _) in _wanted(connection).items():
            if name not in absent:
                cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """One transaction in which protected rows may be deleted; whatever happens in it, the triggers stand afterwards."""
    with transaction.atomic(using=connection.alias):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else rows written just now keep the table in use
        drop(connection)
        yield
        install(connection)
