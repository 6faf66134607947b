"""A01 to A17, the door in this process: what it answers, in which order, and what it leaves in the database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from detection import callbacks, queue
from detection.models import AuditEvent, WebhookDelivery
from detection.views import webhooks
from tests.conftest import Clock
from tests.detection import calling
from tests.detection.calling import (
    BASE,
    body_of,
    completed,
    deliver,
    generic,
    path_to,
    post,
    ring_and_apply,
    row_of,
    signed,
    states,
    waiting,
)

pytestmark = pytest.mark.django_db
Upload = Callable[..., Any]
GOOD = b'{"data": {"request_id": "an_1", "status": "processing"}}'


@pytest.fixture(autouse=True)
def _house(settings: Any, configure: Callable[..., None]) -> None:
    settings.DETECTION_PROVIDERS = generic()
    configure(PUBLIC_BASE_URL=BASE, PROVENANCE=False)
    webhooks.refusals = webhooks.Refusals()


def test_a01_one_event_one_verdict_one_entry_in_the_history(client: Client, plate: Upload) -> None:
    picture = plate()
    assert deliver(client, completed(waiting(picture))) == 202
    ring_and_apply()
    assert (row_of(picture).status, states()) == ("complete", ["applied"])
    assert AuditEvent.objects.filter(action="analysis.complete").count() == 1
    assert AuditEvent.objects.get(action="analysis.complete").facts["via"] == "callback"


def test_the_door_writes_one_row_and_rings_nobody(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    queue.take_all()
    with statements() as sent:
        assert deliver(client, GOOD) == 202
    assert [one.split()[0] for one in sent] == ["INSERT"]
    assert queue.waiting() == 0


def test_an_answer_touches_no_session(client: Client, erin: Any) -> None:
    client.force_login(erin)
    with CaptureQueriesContext(connection) as asked:
        answer = post(client, GOOD, signed(GOOD))
    assert (answer.status_code, answer.content, dict(answer.cookies)) == (202, b"", {})
    assert [one["sql"] for one in asked if "django_session" in one["sql"] or "auth_user" in one["sql"]] == []


def test_the_order_of_the_door(client: Client, settings: Any, logged: Any) -> None:
    """Design 5: each of these has every later fault too."""
    rf = RequestFactory(enforce_csrf_checks=True)

    def status(alias: str, method: str, **meta: Any) -> int:
        request = rf.generic(method, path_to(alias), data=b"x", **meta)
        request.META |= {"CONTENT_LENGTH": "1", **meta}
        return webhooks.webhook(request, alias).status_code

    settings.DETECTION_PROVIDERS = {
        **generic(),
        **generic("off", callbacks="off"),
        **generic("bare", webhook_secrets=""),
    }
    assert [status(alias, "GET") for alias in ("nobody", "off", "provenance")] == [404, 404, 404]
    assert [status("bare", method, CONTENT_LENGTH="") for method in ("GET", "HEAD", "PUT", "OPTIONS")] == [405] * 4
    assert [status("bare", "POST", CONTENT_LENGTH=length) for length in ("", "-1", "x", "١", "1.0")] == [411] * 5
    assert status("bare", "POST", CONTENT_LENGTH="65537", CONTENT_TYPE="text/plain") == 413
    assert status("bare", "POST", CONTENT_LENGTH="9" * 18, CONTENT_TYPE="text/plain") == 413
    assert status("bare", "POST", CONTENT_TYPE="text/plain") == 415
    assert status("bare", "POST", CONTENT_TYPE="application/json; charset=utf-8") == 503
    assert status("vendor", "POST", CONTENT_TYPE="application/json") == 401
    assert WebhookDelivery.objects.count() == 0


def test_no_address_of_its_own_for_a_detector_that_signs(client: Client) -> None:
    assert post(client, GOOD, signed(GOOD), path=path_to() + "something/").status_code == 404


def test_a04_every_refusal_is_alike_and_leaves_nothing(
    client: Client, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    good = signed(GOOD)
    wrong = [
        {},
        {**good, "webhook-id": "ev_2"},
        {**good, "webhook-timestamp": "1"},
        {**good, "webhook-signature": "v1,x"},
    ]
    with statements() as sent:
        answers = [post(client, GOOD, headers) for headers in wrong] + [post(client, GOOD[:-1] + b" ", good)]
    assert {(one.status_code, one.content, one["Content-Type"]) for one in answers} == {
        (401, b"Not accepted.\n", "text/plain; charset=utf-8")
    }
    assert sent == []


def test_a06_a_secret_that_the_caller_brings_is_no_secret(client: Client, settings: Any, logged: Any) -> None:
    body = GOOD
    own = signed(body, secret=calling.OTHER)
    brought = {
        **own,
        "X-Webhook-Secret": calling.OTHER,
        "Webhook-Secrets": calling.OTHER,
        "Authorization": calling.OTHER,
    }
    path = f"{path_to()}?secret={calling.OTHER}&webhook_secrets={calling.OTHER}"
    assert post(client, body, brought, path=path).status_code == 401
    settings.DETECTION_PROVIDERS = generic(webhook_secrets="")
    assert post(client, body, brought, path=path).status_code == 503
    assert WebhookDelivery.objects.count() == 0


def test_a09_replayed_later(client: Client, plate: Upload, clock: Clock) -> None:
    picture = plate()
    body = body_of(completed(waiting(picture)))
    headers = signed(body)
    assert post(client, body, headers).status_code == 202
    ring_and_apply()
    version = row_of(picture).asset.standing_version
    clock.move(minutes=6)
    assert post(client, body, headers).status_code == 401
    clock.move(days=3)
    assert post(client, body, signed(body)).status_code == 200
    ring_and_apply()
    assert (states(), row_of(picture).asset.standing_version) == (["applied"], version)


def test_a10_other_words_under_the_same_id(client: Client, plate: Upload) -> None:
    picture = plate()
    row = waiting(picture)
    assert deliver(client, completed(row)) == 202
    assert deliver(client, completed(row, verdict="likely_human")) == 409
    ring_and_apply()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.conflicts, delivery.repeats, row_of(picture).verdict) == (1, 0, "likely_ai")


def test_the_same_id_of_another_detector_is_another_event(client: Client, settings: Any) -> None:
    settings.DETECTION_PROVIDERS = {**generic(), **generic("other")}
    assert [deliver(client, GOOD, path=path_to(alias)) for alias in ("vendor", "other")] == [202, 202]


def test_a11_a_host_that_wants_everybody_signed_in(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    settings.APPEND_SLASH = True
    client = Client(enforce_csrf_checks=True)
    paths = (path_to(), path_to().rstrip("/"))
    assert [deliver(client, GOOD, event_id=f"ev_{len(path)}", path=path) for path in paths] == [202, 202]
    assert [post(client, GOOD, {}, path=path).status_code for path in paths] == [401, 401]


def test_a12_a_fault_while_applying_loses_nothing(
    client: Client, plate: Upload, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Any
) -> None:
    """The fault is ours, so it is injected here; the door is outside of the request's transaction."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert "default" in webhooks.webhook._non_atomic_requests  # type: ignore[attr-defined]
    picture = plate()
    assert deliver(client, completed(waiting(picture))) == 202

    def fail(*args: Any, **options: Any) -> bool:
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.scanning, "apply_result", fail)
        ring_and_apply()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.tries, row_of(picture).status) == ("waiting", 1, "awaiting_callback")
    assert "deliver" in logged[0].getMessage()
    clock.move(seconds=11)
    ring_and_apply()
    assert (row_of(picture).status, states()) == ("complete", ["applied"])


@pytest.mark.parametrize("value", ["1.2.3.4:5555", "[::1]:9", "garbage, ä", "x" * 4096, "", "\x00"])
def test_a13_whatever_the_forwarded_header_says(client: Client, value: str) -> None:
    found = post(client, GOOD, {**signed(GOOD), "X-Forwarded-For": value, "Forwarded": value})
    assert found.status_code == 202


def test_a15_a_peer_that_goes_on_is_told_to_wait_and_a_good_event_passes(client: Client, clock: Clock) -> None:
    found = [post(client, GOOD, {}).status_code for _time in range(60)]
    assert (found[:30], set(found[32:])) == ([401] * 30, {429})
    answer = post(client, GOOD, {})
    assert (answer["Retry-After"], answer.content) == ("60", b"Too many. Try again later.\n")
    assert post(client, GOOD, {}, REMOTE_ADDR="10.0.0.9").status_code == 401
    assert deliver(client, GOOD) == 202
    assert WebhookDelivery.objects.count() == 1


def test_the_count_of_refusals_refills_and_stays_small() -> None:
    refusals = webhooks.Refusals(burst=3, refill=1.0, peers=10)
    assert [refusals.is_one_too_many("a", 0.0) for _time in range(5)] == [False, False, False, True, True]
    assert [refusals.is_one_too_many("a", at) for at in (1.0, 1.0, 2.0)] == [False, True, False]
    for number in range(1000):
        refusals.is_one_too_many(str(number), 2.0)
    assert len(refusals._full_at) == 10


def test_a_database_that_is_away_asks_the_sender_to_come_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, logged: Any
) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise DatabaseError("database is locked")

    monkeypatch.setattr(type(WebhookDelivery.objects.all()), "insert", away)
    monkeypatch.setattr(type(WebhookDelivery.objects), "insert", away)
    answer = post(client, GOOD, signed(GOOD))
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_what_is_refused_is_logged_without_a_word_of_it(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    post(client, b'{"secret": "CANARY-1"}', {"webhook-id": "CANARY-2", "webhook-signature": "CANARY-3"})
    assert "22 bytes" in caplog.text
    assert "CANARY" not in caplog.text


def test_an_address_of_its_own_stands_in_no_log(
    client: Client, plate: Upload, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DETECTION_PROVIDERS = {
        "vendor": {"BACKEND": "detection.providers.hive.HiveProvider", "OPTIONS": {"api_key": "k", "callbacks": "on"}}
    }
    caplog.set_level(logging.DEBUG)
    path = path_to(row=waiting(plate()))
    token = path.strip("/").rpartition("/")[2]
    assert len(token) > 70
    assert post(client, b"x", {}, path=path, kind="text/plain").status_code == 415
    assert post(client, b"x", {}, path=path[:-4] + "/").status_code == 401
    assert client.get(path).status_code == 405
    assert "/detection/webhooks/vendor/[token]" in caplog.text
    assert token[33:60] not in caplog.text
    assert all(not getattr(record, "request", None) for record in caplog.records)


_NAMES = st.sampled_from(
    ["webhook-id", "webhook-timestamp", "webhook-signature", "x-signature", "content-type", "x-forwarded-for"]
)


@trying(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.dictionaries(_NAMES, st.text(st.characters(max_codepoint=255), max_size=60)),
    body=st.binary(min_size=1, max_size=200),
    is_signed=st.booleans(),
    path=st.sampled_from(["", "/", "/x", "//", "/%00/", "/a.b"]),
)
def test_a17_nothing_that_comes_is_a_fault_of_ours(
    client: Client, headers: dict[str, str], body: bytes, is_signed: bool, path: str
) -> None:
    found = post(client, body, {**headers, **(signed(body) if is_signed else {})}, path=path_to().rstrip("/") + path)
    assert found.status_code < 500
    for row in WebhookDelivery.objects.all():
        callbacks.apply(row.pk)
    assert set(states()) <= {"failed", "unmatched"}
    WebhookDelivery.objects.all().delete()
