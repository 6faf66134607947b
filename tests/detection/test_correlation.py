"""One id for everything that follows from one request, and log lines that carry it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from detection import correlation, scanning, sweeping, tasks
from detection.logs import CorrelationFilter, JsonFormatter
from detection.middleware import CorrelationMiddleware
from detection.models import Analysis, AuditEvent, WebhookDelivery
from detection.testing.draining import drain
from tests.conftest import Clock, asset_of
from tests.detection import calling

EVIL = ("short", "with space in it", "x" * 65, "line\r\nbreak-123", "ünïcode-12345", "")


@pytest.mark.parametrize("given", EVIL)
def test_what_does_not_look_like_an_id_is_replaced(given: str) -> None:
    """G07."""
    made = correlation.accepted(given)
    assert made != given
    assert correlation.accepted(made) == made


@pytest.mark.parametrize(("given", "is_taken"), [("desk-4711-abc", True), ("x" * 10_000, False), ("a;b=c12345", False)])
def test_a_request_names_its_id_in_the_answer(given: str, is_taken: bool) -> None:
    """G07."""
    seen: list[str] = []

    def page(request: Any) -> HttpResponse:
        seen.append(correlation.current())
        return HttpResponse("")

    answer = CorrelationMiddleware(page)(RequestFactory().get("/", headers={"X-Request-ID": given}))
    assert (seen == [given]) is is_taken
    assert answer.headers["X-Request-ID"] == seen[0]
    assert correlation.current() == ""


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only")
def test_a_check_inherits_the_id_and_its_events_carry_it(plate: Callable[..., Any], scripted: Any) -> None:
    """I04, in one process: the task carries a key alone, and takes the id from the row."""
    scripted().will_return(verdict="likely_human", ai_score=0.02)
    with correlation.bound("upload-4711"):
        asset = asset_of(plate())
    drain()
    assert correlation.current() == ""
    row = Analysis.objects.get(asset=asset)
    assert (row.status, row.correlation) == ("complete", "upload-4711")
    told = AuditEvent.objects.filter(asset=asset, action__startswith="analysis.")
    assert {event.action for event in told} == {"analysis.requested", "analysis.scanning", "analysis.complete"}
    assert {event.facts["correlation"] for event in told} == {"upload-4711"}


@pytest.mark.django_db
def test_what_an_event_brings_carries_the_id_of_its_check(
    settings: Any, configure: Callable[..., None], client: Client, plate: Callable[..., Any]
) -> None:
    settings.DETECTION_PROVIDERS = calling.generic()
    configure(PUBLIC_BASE_URL=calling.BASE, PROVENANCE=False)
    with correlation.bound("upload-4711"):
        row = calling.waiting(plate())
    calling.deliver(client, calling.completed(row))
    calling.ring_and_apply()
    assert AuditEvent.objects.get(action="analysis.complete").facts["correlation"] == "upload-4711"
    assert WebhookDelivery.objects.get().correlation not in ("", "upload-4711")


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only")
def test_the_sweep_gives_up_under_the_id_of_the_row(plate: Callable[..., Any], clock: Clock, configure: Any) -> None:
    configure(MAX_ATTEMPTS=1)
    with correlation.bound("upload-4711"):
        row = Analysis.objects.get(asset=asset_of(plate()))
    row.claim(until=clock.now(), now=clock.now())
    row.note(attempts=2)
    clock.move(minutes=1)
    sweeping.sweep(clock.now())
    assert AuditEvent.objects.get(action="analysis.dead").facts["correlation"] == "upload-4711"


@pytest.mark.django_db
@pytest.mark.usefixtures("pixels_only", "logged")
def test_what_a_task_logs_carries_the_id(
    plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with correlation.bound("upload-4711"):
        row = Analysis.objects.get(asset=asset_of(plate()))
    lines: list[str] = []

    def broken(pk: int) -> None:
        raise ValueError("odd")

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    monkeypatch.setattr(scanning, "run_scan", broken)
    monkeypatch.setattr(logging.getLogger("detection"), "handlers", [Keeps()])
    tasks.scan(row.pk)
    told = json.loads(lines[-1])
    assert (told["correlation"], told["level"]) == ("upload-4711", "ERROR")
    assert "ValueError: odd" in told["exception"]


def test_a_line_of_json_stays_one_line_and_tells_no_request() -> None:
    record = logging.makeLogRecord({"name": "detection", "msg": "first\nsecond %s", "args": ("third",), "page": "x"})
    record.request = "Cookie: secret"
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["message"], told["page"], told["correlation"]) == ("first\nsecond third", "x", None)
    assert "secret" not in line
    assert CorrelationFilter().filter(record)
    assert vars(record)["correlation"] == "-"
    try:
        raise ValueError("odd")
    except ValueError:
        record.exc_info = sys.exc_info()
    assert "ValueError: odd" in json.loads(JsonFormatter().format(record))["exception"]
