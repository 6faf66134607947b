"""Whether the database answers, has what the app needs of it, and keeps the same time as this machine."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from detection import checks
from detection.doctor.findings import Finding, broken, from_checks, ok, warn
from detection.models import Sweep

SQLITE_WAITS = 5_000
"""Milliseconds that SQLite should wait for another writer."""
CONNECT_WITHIN = 5
"""Seconds within which PostgreSQL has to answer the doctor."""
CLOCKS_DIFFER = 5.0
"""Seconds between two clocks from which leases and deadlines are no longer what they say."""


def answers() -> Iterator[Finding]:
    """A connection can be made, and asked something."""
    if connection.vendor == "postgresql" and connection.connection is None:
        connection.settings_dict["OPTIONS"].setdefault("connect_timeout", CONNECT_WITHIN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    version = ".".join(str(part) for part in connection.get_database_version())
    yield ok(f"The database answers ({connection.display_name} {version}).")


def modes() -> Iterator[Finding]:
    """How it is written to: many processes share it, and none may wait for ever or fail at once."""
    if connection.vendor == "sqlite":
        yield from _sqlite_modes()
    elif connection.vendor != "postgresql":
        yield warn(f"Nobody has tried this app on {connection.display_name}.", "Use PostgreSQL, or SQLite.")
    elif connection.settings_dict.get("CONN_MAX_AGE") == 0 and "pool" not in connection.settings_dict["OPTIONS"]:
        fix = 'Set "CONN_MAX_AGE": 60 and "CONN_HEALTH_CHECKS": True in DATABASES.'
        yield warn("Every request opens a connection of its own.", fix)
    else:
        yield ok("Connections to PostgreSQL are kept.")


def _sqlite_modes() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        journal, waits = (_value(cursor, name) for name in ("journal_mode", "busy_timeout"))
    if journal == "memory":
        yield ok("The database lives in memory: it ends with this process.")
        return
    options = connection.settings_dict["OPTIONS"]
    wanted = {
        "init_command": ("PRAGMA journal_mode=WAL;", journal == "wal", "readers and the writer wait for each other"),
        "transaction_mode": (
            "IMMEDIATE",
            str(options.get("transaction_mode") or "").upper() in ("IMMEDIATE", "EXCLUSIVE"),
            "two writers may end each other",
        ),
        "timeout": (20, int(waits) >= SQLITE_WAITS, f"a writer waits {int(waits) / 1000:.0f} s for another"),
    }
    for option, (value, is_so, what) in wanted.items():
        if not is_so:
            quoted = f'"{value}"' if isinstance(value, str) else value
            yield warn(f"On SQLite {what}.", f'Set "{option}": {quoted} in OPTIONS of DATABASES.')
    if all(is_so for _value_, is_so, _what in wanted.values()):
        yield ok("SQLite keeps a write-ahead log, and its writers wait for each other.")


def _value(cursor: object, pragma: str) -> str:
    cursor.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]
    return str(cursor.fetchone()[0])  # type: ignore[attr-defined]


def migrated() -> Iterator[Finding]:
    """Every migration of the project is applied."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        first = plan[0][0]
        fix = "Run manage.py migrate."
        yield broken(f"Migrations are not applied: {len(plan)}, the first is {first.app_label} {first.name}.", fix)
    else:
        yield ok("All migrations are applied.")


def can_be_written() -> Iterator[Finding]:
    """A row can be written; it is taken back at once."""
    with transaction.atomic():
        Sweep.objects.update_or_create(name="doctor", defaults={"ran_at": timezone.now()})
        transaction.set_rollback(True)
    yield ok("The database can be written to.")


def history_stands() -> Iterator[Finding]:
    """The history's own refusal to change."""
    found = list(from_checks(checks.check_history(databases=["default"])))
    yield from found or [ok("The database itself refuses changes to the history.")]


def clock_agrees() -> Iterator[Finding]:
    """The database's clock and ours; SQLite has no other."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    apart = abs((timezone.now() - theirs).total_seconds())
    if apart > CLOCKS_DIFFER:
        fix = "Set both clocks by NTP: leases, deadlines and publication times depend on them."
        yield warn(f"The database's clock and this machine's are {apart:.0f} seconds apart.", fix)
    else:
        yield ok("The database's clock agrees with this machine's.")
