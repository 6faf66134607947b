"""A02, A03: deliveries at once, with real transactions in threads. PostgreSQL alone, as `test_races`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from detection import callbacks
from detection.callbacks import Answer
from detection.models import AuditEvent, WebhookDelivery
from tests.detection import calling
from tests.detection.calling import BASE, body_of, completed, generic, row_of, signed, waiting
from tests.detection.test_races import at_once

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database that several connections share"),
    pytest.mark.usefixtures("committed_db", "pixels_only"),
]
Upload = Callable[..., Any]


@pytest.fixture(autouse=True)
def _house(settings: Any, configure: Callable[..., None], pixels_only: None) -> None:
    settings.DETECTION_PROVIDERS = generic()
    configure(PUBLIC_BASE_URL=BASE)


def test_a02_fifty_of_one_delivery_make_one_row(plate: Upload) -> None:
    picture = plate()
    body = body_of(completed(waiting(picture)))
    headers, now = signed(body), calling.timezone.now().timestamp()
    answers = at_once(*[lambda: callbacks.accept(calling.the(), "", headers, body, now=now)] * 50)
    assert (answers.count(Answer.KEPT), answers.count(Answer.KNOWN)) == (1, 49)
    row = WebhookDelivery.objects.get()
    assert row.repeats == 49
    at_once(*[lambda: callbacks.apply(row.pk)] * 8)
    assert (row_of(picture).status, calling.states()) == ("complete", ["applied"])
    assert AuditEvent.objects.filter(action="analysis.complete").count() == 1


def test_a03_two_deliveries_for_one_check_a_hundred_times(plate: Upload) -> None:
    """Whichever comes first ends it; the other changes nothing, and neither waits for the other for ever."""
    for number in range(100):
        picture = plate(f"picture {number}", seed=number)
        row = waiting(picture, f"an_{number}")
        said = {}
        for verdict in ("likely_ai_generated", "likely_human"):
            body = body_of(completed(row, vendor_id=f"an_{number}", verdict=verdict))
            said[f"{verdict}-{number}"] = body
        now = calling.timezone.now().timestamp()

        def arrive(event_id: str, body: bytes, now: float = now) -> Answer:
            answer = callbacks.accept(calling.the(), "", signed(body, event_id=event_id), body, now=now)
            callbacks.apply(WebhookDelivery.objects.get(event_id=event_id).pk)
            return answer

        answers = at_once(*[lambda one=one: arrive(*one) for one in said.items()])  # type: ignore[misc]
        assert answers == [Answer.KEPT, Answer.KEPT], answers
        kept = WebhookDelivery.objects.filter(event_id__in=list(said)).order_by("state")
        assert [one.state for one in kept] == ["applied", "ignored"]
        expected = {"likely_ai_generated": "likely_ai", "likely_human": "likely_human"}
        assert row_of(picture).verdict == expected[kept[0].event_id.rpartition("-")[0]]
    assert AuditEvent.objects.filter(action="analysis.complete").count() == 100
