"""History refuses change in Python and in the database, also after a later migration has rebuilt its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

from detection import audit
from detection.models import AuditEvent, AuditSeal, append_only

pytestmark = pytest.mark.django_db


@pytest.fixture
def event(plate: Callable[..., Any], pixels_only: None) -> AuditEvent:
    plate()
    audit.seal()
    return AuditEvent.objects.order_by("pk").first()


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


TABLES = ["detection_auditevent", "detection_auditseal"]


@pytest.mark.parametrize(
    "act",
    [
        lambda event: AuditEvent.objects.update(action="x"),
        lambda event: AuditEvent.objects.all().delete(),
        lambda event: AuditEvent.objects.bulk_update([event], ["action"]),
        lambda event: AuditEvent.objects.bulk_create([event], ignore_conflicts=True),
        lambda event: AuditEvent.objects.bulk_create(
            [event], update_conflicts=True, update_fields=["action"], unique_fields=["id"]
        ),
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: AuditSeal.objects.update(hash="0"),
        lambda event: AuditSeal.objects.first().delete(),
        lambda event: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"action": "x"}),
    ],
)
def test_python_refuses_every_way_to_change_history(event: AuditEvent, act: Callable[[Any], Any]) -> None:
    """G02."""
    with pytest.raises(TypeError, match="append-only"):
        act(event)


def test_a_made_up_row_cannot_take_the_place_of_a_recorded_one(event: AuditEvent) -> None:
    """G02."""
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent(pk=event.pk, action="x").save()
    assert AuditEvent.objects.get(pk=event.pk).action != "x"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sql", ["UPDATE {t} SET {c} = {c}", "UPDATE {t} SET {c} = 'x'", "DELETE FROM {t}"])
def test_the_database_refuses_raw_changes(event: AuditEvent, table: str, sql: str) -> None:
    """G02."""
    column = {"detection_auditevent": "action", "detection_auditseal": "hash"}[table]
    with pytest.raises(DatabaseError, match="append-only"):
        run(sql.format(t=table, c=column))


@pytest.mark.parametrize("table", TABLES)
def test_sqlite_refuses_replace_and_upsert(event: AuditEvent, table: str) -> None:
    """G02. REPLACE deletes without firing a DELETE trigger."""
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own statement")
    for verb in ("REPLACE INTO", "INSERT OR REPLACE INTO"):
        with pytest.raises(DatabaseError, match="append-only"):
            run(f"{verb} {table} SELECT * FROM {table}")


@pytest.mark.parametrize("table", TABLES)
def test_postgresql_refuses_truncate_and_upsert(event: AuditEvent, table: str) -> None:
    """G02."""
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL's own statement")
    run("SET CONSTRAINTS ALL IMMEDIATE")  # else PostgreSQL refuses for the rows this test has just inserted
    with pytest.raises(DatabaseError, match="append-only"):
        run(f"TRUNCATE {table} CASCADE")
    key = append_only.TABLES[table]
    with pytest.raises(DatabaseError, match="append-only"):
        run(f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {key} = EXCLUDED.{key}")


@pytest.fixture
def without_triggers() -> Iterator[None]:
    append_only.drop(connection)
    yield
    append_only.install(connection)


def test_what_is_missing_is_named_and_put_back(without_triggers: None, event: AuditEvent) -> None:
    missing = append_only.missing(connection)
    assert {name.split("_no_")[0] for name in missing} == set(TABLES)
    run("UPDATE detection_auditevent SET action = action")
    append_only.install(connection)
    assert append_only.missing(connection) == []
    append_only.install(connection)
    with pytest.raises(DatabaseError, match="append-only"):
        run("UPDATE detection_auditevent SET action = action")


@pytest.mark.usefixtures("committed_db")
def test_a_later_migration_that_rebuilds_the_table_does_not_open_history(settings: Any) -> None:
    """Altering a table on SQLite copies it and loses its triggers; the next `migrate` puts them back."""
    audit.record("asset.detached")
    model = apps.get_model("detection", "AuditEvent")
    wider = models.CharField(max_length=61)
    wider.set_attributes_from_name("action")
    wider.model = model
    narrow = model._meta.get_field("action")
    with connection.schema_editor() as editor:
        editor.alter_field(model, narrow, wider)
    if connection.vendor == "sqlite":
        assert append_only.missing(connection)
    call_command("migrate", verbosity=0)
    assert append_only.missing(connection) == []
    with pytest.raises(DatabaseError, match="append-only"):
        run("UPDATE detection_auditevent SET action = 'x'")
    with connection.schema_editor() as editor:
        editor.alter_field(model, wider, narrow)
    append_only.install(connection)
