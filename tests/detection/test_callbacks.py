"""What a worker makes of an event that was kept: matched, early, late, about nothing of ours, and told again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.test import Client
from django.utils import timezone

from detection import callbacks, scanning, sweeping
from detection.models import AuditEvent, WebhookDelivery, moments
from detection.results import Accepted
from detection.testing.draining import drain
from detection.views import webhooks
from tests.conftest import Clock
from tests.detection import calling
from tests.detection.calling import (
    ADDRESS,
    BASE,
    again,
    body_of,
    completed,
    deliver,
    generic,
    path_to,
    post,
    ring_and_apply,
    row_of,
    sending,
    signed,
    states,
    waiting,
)

pytestmark = pytest.mark.django_db
Upload = Callable[..., Any]


@pytest.fixture(autouse=True)
def _house(settings: Any, configure: Callable[..., None]) -> None:
    settings.DETECTION_PROVIDERS = generic()
    configure(PUBLIC_BASE_URL=BASE, PROVENANCE=False)
    webhooks.refusals = webhooks.Refusals()


def reasons() -> list[str]:
    return list(WebhookDelivery.objects.order_by("pk").values_list("reason", flat=True))


def test_the_bell_rings_once_and_again_if_nobody_came(client: Client, clock: Clock) -> None:
    deliver(client, completed_of_nobody())
    calling.queue.take_all()
    rung = []
    for _second in range(13):
        calling.queue.ring_due(moments.now())
        rung.append(len(calling.queue.take_all()))
        clock.move(seconds=1)
    assert (rung[0], sum(rung[1:10]), sum(rung[10:])) == (1, 0, 1)


def completed_of_nobody() -> dict[str, Any]:
    return {"data": {"request_id": "an_9", "reference": "no id of ours", "status": "complete", "verdict": "uncertain"}}


def test_a08_an_older_event_behind_the_last_one_changes_nothing(client: Client, plate: Upload) -> None:
    picture = plate()
    row = waiting(picture)
    deliver(client, completed(row), event_id="ev_1")
    deliver(client, completed(row, status="processing", verdict=None), event_id="ev_2")
    ring_and_apply()
    assert (row_of(picture).verdict, states()) == ("likely_ai", ["applied", "ignored"])


def test_a08_before_the_last_one_it_changes_nothing_either(client: Client, plate: Upload) -> None:
    picture = plate()
    row = waiting(picture)
    deliver(client, completed(row, status="processing", verdict=None), event_id="ev_1")
    ring_and_apply()
    assert (row_of(picture).status, states()) == ("awaiting_callback", ["ignored"])
    deliver(client, completed(row), event_id="ev_2")
    ring_and_apply()
    assert row_of(picture).status == "complete"


def test_a08_an_event_about_a_picture_that_was_deleted(client: Client, plate: Upload) -> None:
    picture = plate()
    row = waiting(picture)
    event = completed(row)
    picture.delete()
    assert deliver(client, event) == 202
    ring_and_apply()
    row.refresh_from_db()
    assert (row.status, states()) == ("superseded", ["ignored"])


def test_a08_what_is_about_nothing_of_ours_waits_and_is_matched_later(
    client: Client, plate: Upload, clock: Clock
) -> None:
    picture = plate()
    row = sending(picture)
    event = completed(row, vendor_id="an_7", reference=None)
    assert deliver(client, event) == 202
    ring_and_apply()
    assert states() == ["unmatched"]
    assert row.lease_token
    assert scanning.accept(row, Accepted(provider_reference="an_7"), lease=row.lease_token)
    clock.move(seconds=3)
    ring_and_apply()
    assert (row_of(picture).status, states()) == ("complete", ["applied"])


def test_what_is_about_nothing_of_ours_is_given_up_after_a_day(client: Client, clock: Clock) -> None:
    deliver(client, completed_of_nobody())
    tries = 0
    for _minute in range(26 * 60):
        clock.move(minutes=1)
        for row in WebhookDelivery.objects.due(moments.now()):
            callbacks.apply(row.pk)
            tries += 1
    assert states() == ["failed"]
    assert 20 < tries < 200
    assert reasons() == ["No check of ours is known that it is about."]


def test_our_reference_counts_before_the_vendors_id(client: Client, plate: Upload) -> None:
    first, second = plate(), plate("B", seed=2)
    waiting(second, "an_2")
    row = waiting(first, "an_1")
    deliver(client, completed(row, vendor_id="an_1"))
    ring_and_apply()
    assert [row_of(one).status for one in (first, second)] == ["complete", "awaiting_callback"]


def test_a_check_of_another_detector_is_none_of_its_business(client: Client, plate: Upload, settings: Any) -> None:
    picture = plate()
    row = waiting(picture)
    settings.DETECTION_PROVIDERS = {**generic(), **generic("other", webhook_secrets=calling.OTHER)}
    body = body_of(completed(row))
    assert post(client, body, signed(body, secret=calling.OTHER), path=path_to("other")).status_code == 202
    ring_and_apply()
    assert (row_of(picture).status, states()) == ("awaiting_callback", ["unmatched"])


def test_an_answer_while_the_row_waits_to_be_tried_again_is_taken(client: Client, plate: Upload) -> None:
    """A submission whose own answer was lost: the detector has it, and tells by an event."""
    picture = plate()
    row = sending(picture)
    assert scanning.postpone(
        row, at=timezone.now() + timedelta(hours=1), error=callbacks.ProviderError("lost"), lease=row.lease_token
    )
    deliver(client, completed(row))
    ring_and_apply()
    row = row_of(picture)
    assert (row.status, row.error_sentence, row.next_attempt_at) == ("complete", "", None)


def test_what_breaks_off_again_and_again_is_given_up(client: Client, plate: Upload) -> None:
    """The process ends in the middle: nothing but the count is left."""
    deliver(client, completed(waiting(plate())))
    WebhookDelivery.objects.update(tries=callbacks.MOST_TRIES)
    again()
    assert states() == ["failed"]
    assert "begun many times" in reasons()[0]


def test_a_detector_that_is_gone(client: Client, plate: Upload, settings: Any) -> None:
    picture = plate()
    deliver(client, completed(waiting(picture)))
    settings.DETECTION_PROVIDERS = generic(callbacks="off")
    ring_and_apply()
    assert reasons() == ["This detector does not call back any more."]


def test_of_two_workers_on_one_delivery_the_first_is_right(client: Client, plate: Upload) -> None:
    picture = plate()
    deliver(client, completed(waiting(picture)))
    late = WebhookDelivery.objects.get()
    late.analysis = row_of(picture)
    again()
    callbacks._apply(late, calling.the(), moments.now())
    assert (states(), AuditEvent.objects.filter(action="analysis.complete").count()) == (["applied"], 1)


def test_bodies_are_forgotten_and_that_they_came_is_not(client: Client, plate: Upload, clock: Clock) -> None:
    event = completed(waiting(plate()))
    deliver(client, event)
    ring_and_apply()
    deliver(client, completed_of_nobody(), event_id="ev_open")
    clock.move(days=29)
    assert sweeping.sweep(moments.now())["forgotten"] == 0
    clock.move(days=2)
    assert callbacks.forget_bodies(moments.now()) == 1
    assert [row.body is None for row in WebhookDelivery.objects.order_by("pk")] == [True, False]
    assert deliver(client, event) == 200


@responses.activate
@pytest.mark.parametrize("base", [BASE, ""])
def test_a_submission_carries_the_address_where_there_is_one(
    plate: Upload, configure: Callable[..., None], base: str
) -> None:
    configure(PUBLIC_BASE_URL=base)
    told = {"request_id": "an_1", "status": "processing"}
    responses.post(f"{ADDRESS}/v1/analyze-file", json=told, status=202)
    picture = plate()
    drain()
    sent = responses.calls[0].request.body
    assert isinstance(sent, bytes)
    assert (b"https://news.example/detection/webhooks/vendor/" in sent) is bool(base)
    row = row_of(picture)
    assert row.status == "awaiting_callback"
    # Without one nobody calls back, so it is asked for soon.
    assert row.next_attempt_at
    assert (row.next_attempt_at > timezone.now() + timedelta(minutes=9)) is bool(base)


def test_an_address_of_its_own_is_for_one_drive_of_one_analysis_of_one_detector(plate: Upload, settings: Any) -> None:
    hive = {"BACKEND": "detection.providers.hive.HiveProvider", "OPTIONS": {"api_key": "k", "callbacks": "on"}}
    settings.DETECTION_PROVIDERS = {"vendor": hive, "other": hive}
    row = waiting(plate())
    token = path_to(row=row).strip("/").rpartition("/")[2]
    found = scanning.calling.opened("vendor", token)  # type: ignore[attr-defined]
    assert found
    assert (found.analysis, found.drive) == (row.public_id, 0)
    opened = scanning.calling.opened  # type: ignore[attr-defined]
    wrong = [
        token + "x",
        token[:-1],
        "x" + token,
        token.upper(),
        "",
        ".",
        token.replace("-0.", "-1."),
        token + "\n",
        "ä",
    ]
    assert [opened("vendor", one) for one in wrong] == [None] * len(wrong)
    assert opened("other", token) is None
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-entirely-0123456789-0123456789-0123456789"
    assert opened("vendor", token) == found
    settings.SECRET_KEY_FALLBACKS = []
    assert opened("vendor", token) is None


def test_what_came_to_an_address_of_its_own_is_about_that_check_alone(
    client: Client, plate: Upload, settings: Any
) -> None:
    """The vendor's id may name another one of ours; the address does not vouch for that."""
    hive = {"BACKEND": "detection.providers.hive.HiveProvider", "OPTIONS": {"api_key": "k", "callbacks": "on"}}
    settings.DETECTION_PROVIDERS = {"vendor": hive}
    picture = plate()
    row = waiting(picture, "an_1")
    path = path_to(row=row)
    row.note(public_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    assert post(client, b'{"id": "an_1"}', {}, path=path).status_code == 202
    ring_and_apply()
    assert (states(), row_of(picture).status) == (["unmatched"], "awaiting_callback")


def test_h01_a_secret_that_the_vendor_repeats_is_not_kept(client: Client, plate: Upload, settings: Any) -> None:
    settings.DETECTION_PROVIDERS = generic(api_key="sk-CANARY-0123")
    picture = plate()
    row = waiting(picture)
    assert deliver(client, completed(row, model="for sk-CANARY-0123", echo=calling.SECRET)) == 202
    came = WebhookDelivery.objects.get()
    ring_and_apply()
    kept = WebhookDelivery.objects.get()
    assert (states(), row_of(picture).verdict) == (["applied"], "likely_ai")
    assert b"for [redacted]" in bytes(kept.body or b"")
    assert calling.SECRET.encode() not in bytes(kept.body or b"")
    assert kept.body_sha256 == came.body_sha256
