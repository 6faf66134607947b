"""`detection_trace`: the whole walk of one picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from detection import correlation, errors
from detection.models import Analysis
from detection.testing.draining import drain
from tests.conftest import asset_of
from tests.detection import calling

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_trace", *arguments, stdout=out)
    return out.getvalue()


def test_the_walk_is_told_in_order(plate: Callable[..., Any], scripted: Any, dana: Any) -> None:
    scripted().will_fail(errors.SchemaMismatch("HTML."))
    with correlation.bound("upload-4711"):
        asset = asset_of(plate())
    drain()
    row = Analysis.objects.get(asset=asset)
    for given in (str(asset.public_id), str(row.public_id), "upload-4711"):
        lines = run(given).splitlines()
        assert lines[0].startswith("Harbour: could_not_check (failed)")
        at = {
            word: next(i for i, line in enumerate(lines) if word in line) for word in ("requested", "begun", "Gave up")
        }
        assert at["requested"] < at["begun"] < at["Gave up"]
    assert any(line.startswith(f"check {row.public_id}: first dead, HTML., 1 tries, 1 calls") for line in lines)
    assert sum("correlation upload-4711" in line for line in lines) >= 5


def test_callbacks_stand_in_it_too(
    settings: Any, configure: Callable[..., None], client: Client, plate: Callable[..., Any]
) -> None:
    settings.DETECTION_PROVIDERS = calling.generic()
    configure(PUBLIC_BASE_URL=calling.BASE, PROVENANCE=False)
    row = calling.waiting(plate())
    calling.deliver(client, calling.completed(row))
    calling.ring_and_apply()
    told = json.loads(run(str(row.public_id), "--json"))
    assert told["asset"] == str(row.asset.public_id)
    kinds = [step["kind"] for step in told["steps"]]
    assert kinds.index("sent") < kinds.index("callback")
    assert [step["what"] for step in told["steps"] if step["kind"] == "callback"][-1].endswith("applied")


def test_an_id_that_nobody_knows_is_told_in_a_sentence() -> None:
    for given in ("nothing-of-ours", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(CommandError, match="is known"):
            run(given)
