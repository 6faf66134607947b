"""`detection_status`: counts and ages, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from detection import budgets, errors, scanning, switches
from detection.models import Analysis, Asset
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Priority

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
KEYS = {
    "analyses",
    "archive_waits",
    "budgets",
    "calls",
    "oldest_seconds",
    "dead",
    "deliveries",
    "review_backlog",
    "switches",
    "workers",
    "unsealed",
}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_status", *arguments, stdout=out)
    return out.getvalue()


def test_an_empty_house() -> None:
    told = run()
    assert "No picture has been checked yet." in told
    assert "last sweep: never; start manage.py detection_worker" in told
    assert set(json.loads(run("--json"))) == KEYS


def test_a_house_at_work(plate: Callable[..., Any], looked_at: Callable[..., Asset], scripted: Any) -> None:
    looked_at(verdict="likely_ai", ai_score=0.97)
    scripted().will_fail(errors.SchemaMismatch("HTML."))
    plate(seed=2)
    drain()
    plate(seed=3)
    switches.pause("first", reason="The bill.")
    call_command("detection_sweep", stdout=StringIO())
    found = json.loads(run("--json"))
    assert found["analyses"] == {"first": {"complete": 1, "dead": 1, "pending_scan": 1}}
    assert found["calls"] == {"first": {"calls": 2, "scans": 2}}
    assert list(found["oldest_seconds"]) == ["pending_scan"]
    assert (found["dead"], found["review_backlog"], found["unsealed"]) == (1, 1, 0)
    assert found["switches"] == {"first": "The bill."}
    assert found["workers"]["rings_waiting"] >= 1
    assert found["workers"]["last_sweep_seconds"] < 60
    told = run()
    assert "first: complete 1, dead 1, pending_scan 1, 2 calls for 2 scans" in told
    assert "paused: first (The bill.)" in told
    assert "oldest pending_scan: " in told
    assert "gave up: 1, waiting for a person: 1" in told


def test_a_picture_that_was_sent_again_stands_out(plate: Callable[..., Any], scripted: Callable[..., Any]) -> None:
    """D02, E10. Twice the calls may be twice the bill."""
    human = {"verdict": "likely_human", "ai_score": 0.02}
    scripted().will_fail(errors.ProviderDown("502.")).will_return(**human).will_return(**human)
    for seed in (1, 2):
        plate(seed=seed)
    drain()
    pass_time()
    drain()
    assert json.loads(run("--json"))["calls"] == {"first": {"calls": 3, "scans": 2}}
    assert "first: complete 2, 3 calls for 2 scans" in run()


def test_budgets_and_archives_are_told_and_an_archive_is_not_called_old(
    plate: Callable[..., Any], detectors: Callable[..., None]
) -> None:
    detectors(first={"daily_budget": 500}, second={})
    scanning.request_of_archive(plate())
    Analysis.objects.update(priority=Priority.LATER)
    budgets.take("first", most=500, now=timezone.now())
    found = json.loads(run("--json"))
    assert found["budgets"] == {"first": {"used": 1, "most": 500}}
    assert (found["archive_waits"], found["oldest_seconds"]) == (1, {})
    told = run()
    assert "budget of first: 1 of 500 pictures today" in told
    assert "of archives, behind the news: 1" in told
