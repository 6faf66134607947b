from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from detection import audit
from detection.history import access
from detection.models import Asset, AuditSeal, append_only
from tests.conftest import asset_of

KEY = "an-anchor-key-for-tests-alone-0123456789"


@pytest.fixture(autouse=True)
def _quick(settings: Any, pixels_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUDIT_ANCHOR_KEY = KEY
    monkeypatch.setattr(access, "_desks", [access._by_permission])  # as where no newsroom says otherwise


@pytest.fixture
def asset(plate: Callable[..., Any]) -> Asset:
    return asset_of(plate("Harbour"))


@pytest.fixture
def chain(asset: Asset) -> list[AuditSeal]:
    """A few events, all sealed."""
    for number in range(6):
        audit.record("asset.detached", asset=asset, number=number, at=timezone.now())
    audit.seal()
    return list(AuditSeal.objects.all())


@pytest.fixture
def as_owner() -> Callable[..., None]:
    """Run SQL as the database's owner could, who takes the triggers away and puts them back."""

    def run(sql: str, *values: Any) -> None:
        append_only.drop(connection)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute(sql, values)

    return run
