"""The list of events: what each row tells, who may read its words, and delivering one or many again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from detection.models import AuditEvent, WebhookDelivery
from tests.detection import calling
from tests.detection.admin import cast
from tests.detection.calling import BASE, completed, deliver, generic, ring_and_apply, row_of, states, waiting

LIST = "admin:detection_webhookdelivery_changelist"


@pytest.fixture(autouse=True)
def _house(settings: Any, configure: Callable[..., None], _own_store: None) -> None:
    settings.DETECTION_PROVIDERS = generic()
    configure(PUBLIC_BASE_URL=BASE, PROVENANCE=False)


@pytest.fixture
def olu() -> Any:
    """Operates."""
    return cast.person("olu", "redrive", "operate_provider")


def again(client: Client, *rows: WebhookDelivery) -> Any:
    picked = {"action": "deliver_again", "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(LIST), picked, follow=True)


def test_each_is_told_with_what_became_of_it(client: Client, plate: Callable[..., Any], olu: Any) -> None:
    picture = plate()
    deliver(client, completed(waiting(picture)), event_id="ev_good")
    deliver(client, b"no json", event_id="ev_bad")
    deliver(client, {"data": {"request_id": "an_9"}}, event_id="ev_nobody")
    ring_and_apply()
    client.force_login(olu)
    page = client.get(reverse(LIST)).content.decode()
    for words in ("Applied", "Failed", "No check found yet", "No check of ours is known", "ev_bad", "cannot be read"):
        assert words in page, words
    only = client.get(reverse(LIST), {"state": "failed"}).content.decode()
    assert "ev_bad" in only
    assert "ev_good" not in only
    assert client.post(reverse("admin:detection_webhookdelivery_delete", args=[1])).status_code == 403


def test_the_words_are_for_those_who_may_read_raw_answers(client: Client, plate: Callable[..., Any], olu: Any) -> None:
    event = {**completed(waiting(plate())), "token": "CANARY-1", "note": f"<script>{calling.SECRET}</script>"}
    deliver(client, event)
    page = reverse("admin:detection_webhookdelivery_change", args=[WebhookDelivery.objects.get().pk])
    client.force_login(olu)
    assert "likely_ai_generated" not in client.get(page).content.decode()
    client.force_login(cast.person("ray", "operate_provider", "view_raw_payload"))
    shown = client.get(page).content.decode()
    assert "likely_ai_generated" in shown
    assert not [one for one in ("CANARY-1", calling.SECRET, "<script>[") if one in shown]


def test_delivering_many_again_tells_each_outcome(client: Client, plate: Callable[..., Any], olu: Any) -> None:
    first, second = plate(), plate("B", seed=2)
    deliver(client, completed(waiting(first)), event_id="ev_good")
    ring_and_apply()
    # As if a fault of ours had failed it.
    deliver(client, completed(waiting(second, "an_2"), vendor_id="an_2"), event_id="ev_failed")
    WebhookDelivery.objects.filter(event_id="ev_failed").update(state="failed", next_try_at=None)
    deliver(client, b"x", event_id="ev_gone")
    WebhookDelivery.objects.filter(event_id="ev_gone").update(state="failed", next_try_at=None, body=None)
    client.force_login(olu)
    page = again(client, *WebhookDelivery.objects.all()).content.decode()
    for words in ("1 event is delivered again.", "2 were not:", "It was applied already.", "is not kept any more."):
        assert words in page, words
    ring_and_apply()
    assert (states(), row_of(second).status) == (["applied", "applied", "failed"], "complete")
    entry = AuditEvent.objects.get(action="event.delivered_again")
    assert (entry.facts["event"], entry.facts["provider"]) == ("ev_failed", "vendor")


@pytest.mark.parametrize("permissions", [(), ("operate_provider",), ("view_audit", "view_raw_payload")])
def test_whoever_may_not_is_refused_and_recorded(client: Client, sam: Any, permissions: tuple[str, ...]) -> None:
    deliver(client, b"no json")
    ring_and_apply()
    client.force_login(cast.person("mo", *permissions) if permissions else sam)
    assert again(client, WebhookDelivery.objects.get()).status_code == 403
    assert states() == ["failed"]
    assert AuditEvent.objects.filter(action="gate.denied").count() == 1
    assert client.get(reverse(LIST)).status_code == (200 if "operate_provider" in permissions else 403)
