"""The page of detectors: a test of each by a button, done elsewhere, and what it said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from detection import budgets, queue, switches
from detection.models import AuditEvent, ProviderCheck
from tests.detection.admin import cast

PAGE = "admin:detection_providerswitch_changelist"


@pytest.fixture
def olu(client: Client) -> Any:
    """Operates, and is logged in."""
    made = cast.person("olu", "operate_provider")
    client.force_login(made)
    return made


def shown(client: Client) -> str:
    answer = client.get(reverse(PAGE))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def press(client: Client, alias: str = "first") -> Any:
    return client.post(reverse("admin:detection_switch_test", args=[alias]))


def test_the_button_asks_a_worker_and_the_page_shows_what_it_said(client: Client, olu: Any) -> None:
    assert shown(client).count("Never tested.") == 3
    answer = press(client)
    assert answer["Location"] == reverse(PAGE)
    page = shown(client)
    assert "A worker tests the connection." in page
    assert "Test asked for, waiting for a worker." in page
    assert "Reload to see its answer." in page
    assert AuditEvent.objects.get(action="provider.test_requested").actor == olu

    cast.drain()
    page = shown(client)
    assert "Test passed</span> Scripted detector answers what it is told." in page
    assert "Olu Example, " in page
    assert " ms</p>" in page
    assert "waiting for a worker" not in page


def test_every_detector_has_the_button_and_the_switch_of_all_has_none(client: Client, olu: Any) -> None:
    page = shown(client)
    for alias in ("provenance", "first", "second"):
        assert f'action="{reverse("admin:detection_switch_test", args=[alias])}"' in page
    assert reverse("admin:detection_switch_test", args=["*"]) not in page
    assert press(client, "*").status_code == 404
    assert press(client, "nobody").status_code == 404


def test_a_stranger_s_press_is_refused_in_words_and_recorded(client: Client, sam: Any) -> None:
    client.force_login(sam)
    answer = press(client)
    assert answer.status_code == 403
    assert "Only operators may test a detector." in answer.content.decode()
    event = AuditEvent.objects.get()
    assert (event.action, event.actor) == ("gate.denied", sam)
    assert not ProviderCheck.objects.exists()
    assert queue.waiting() == 0
    assert press(client, "nobody").status_code == 403


def test_nothing_is_asked_for_by_a_get_or_without_the_token(olu: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olu)
    assert strict.get(reverse("admin:detection_switch_test", args=["first"])).status_code == 405
    assert press(strict).status_code == 403
    assert not ProviderCheck.objects.exists()
    strict.get(reverse(PAGE))
    token = strict.cookies["csrftoken"].value
    sent = strict.post(
        reverse("admin:detection_switch_test", args=["first"]), {"csrfmiddlewaretoken": token}, secure=False
    )
    assert sent.status_code == 302
    assert ProviderCheck.objects.count() == 1


def test_a_failure_what_is_left_and_a_pause_are_told(client: Client, olu: Any) -> None:
    now = timezone.now()
    done = {"done_at": now, "milliseconds": 240}
    ProviderCheck.objects.create(alias="first", ok=True, sentence="Old.", **done)
    ProviderCheck.objects.create(alias="first", ok=False, sentence="<b>Key</b> refused.", error_class="auth", **done)
    ProviderCheck.objects.create(
        alias="second", ok=True, sentence="Good.", remaining=41.5, unit="credits", asked_by_label="Olu", **done
    )
    page = shown(client)
    assert "Test failed</span> &lt;b&gt;Key&lt;/b&gt; refused." in page
    assert "Old." not in page
    assert "Good. Left of the plan: 41.50 credits." in page
    assert "took 240 ms" in page
    assert "It is still paused" not in page

    switches.pause("*", by=olu, reason="Election night.")
    assert shown(client).count("It is still paused: resume it.") == 1


def test_a_test_that_nobody_takes_asks_whether_anybody_works(client: Client, olu: Any) -> None:
    press(client)
    ProviderCheck.objects.update(asked_at=timezone.now() - timedelta(seconds=31))
    page = shown(client)
    assert "No worker has taken the test yet. Is detection_worker running?" in page
    assert "waiting for a worker" not in page


def test_more_tests_cost_the_page_no_more_queries(client: Client, olu: Any) -> None:
    shown(client)
    with CaptureQueriesContext(connection) as none:
        shown(client)
    for alias in ("provenance", "first", "second"):
        ProviderCheck.objects.create(alias=alias)
    with CaptureQueriesContext(connection) as three:
        shown(client)
    assert len(three) == len(none)


def test_the_page_shows_how_each_budget_stands(client: Any, detectors: Any) -> None:
    detectors(first={"daily_budget": 2}, second={})
    client.force_login(cast.person("olu", "operate_provider"))
    page = client.get(reverse("admin:detection_providerswitch_changelist")).content.decode()
    assert page.count("Sent today: 0 of at most 2 pictures.") == 1
    for _picture in range(2):
        budgets.take("first", most=2, now=timezone.now())
    page = client.get(reverse("admin:detection_providerswitch_changelist")).content.decode()
    assert "budget of 2 pictures is used up. Going on at 00:00." in page


def test_what_the_setting_pauses_is_shown_and_has_no_button(
    client: Client, olu: Any, configure: Callable[..., None]
) -> None:
    """E11."""
    resume = reverse("admin:detection_switch_resume", args=["first"])
    switches.pause("first", by=olu, reason="The bill.")
    assert f'action="{resume}"' in shown(client)
    configure(PAUSED="first")
    page = shown(client)
    assert page.count("Paused by the setting PAUSED (in the newsroom: DETECTION_PAUSED), which no button ends.") == 1
    assert f'action="{resume}"' not in page
    answer = client.post(resume)
    assert answer.status_code == 409
    assert "which no button ends." in answer.content.decode()
    assert switches.is_paused("first")
    configure(PAUSED="*")
    assert shown(client).count("which no button ends.") == 3
