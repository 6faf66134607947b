"""The operations page and the list of what left the house: what they say, and who may press what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import counting, errors, queue, switches, tallies
from detection.admin.pipeline import wording_of_age
from detection.models import Analysis, AuditEvent, Sweep, Worker
from detection.testing.draining import drain
from tests.conftest import Clock, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
PAGE, SENT = "/admin/detection/pipeline/", "/admin/detection/sent/"


@pytest.fixture
def otto(db: None) -> Client:
    """Operates."""
    client = Client()
    client.force_login(person("otto", "operate_provider", "redrive"))
    return client


def works(now: Any) -> None:
    Worker.objects.create(name="desk-1", host="h", pid=1, started_at=now, seen_at=now)
    Sweep.objects.create(name="sweep", ran_at=now)


def test_a_house_at_rest_says_so(otto: Client) -> None:
    works(timezone.now())
    page = otto.get(PAGE).content.decode()
    assert "Nothing waits longer than it should." in page
    assert "No detector has called back yet." in page
    assert "desk-1" in page


def test_what_is_wrong_stands_first_and_says_what_to_do(
    otto: Client, plate: Callable[..., Any], scripted: Any, clock: Clock
) -> None:
    scripted().will_fail(errors.SchemaMismatch("HTML."))
    plate()
    drain()
    plate(seed=2)
    switches.pause("second", reason="The bill is not paid.")
    counting.add("newsroom_webhook_received_total", 3, provider="first", result="bad_signature")
    tallies.flush()
    clock.move(minutes=6)
    page = otto.get(PAGE).content.decode()
    for sentence in (
        "No worker has been heard of for a minute: nothing is checked.",
        "Nobody looks for stuck checks.",
        "A picture has waited for its first look for 6 min.",
        "is not asked: The bill is not paid.",
        "1 check gave up.",
        "not signed by its secret 3",
    ):
        assert sentence in page, sentence
    clock.move(hours=25)
    otto.force_login(person("otis", "operate_provider"))
    page = otto.get(PAGE).content.decode()
    assert "1 check is open for over a day." in page
    assert "A picture has waited" not in page, "the stranded one is counted apart"


def test_the_broker_may_be_down(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*args: Any) -> int:
        raise errors.BrokerUnavailable("away")

    monkeypatch.setattr(queue, "waiting", down)
    monkeypatch.setattr(queue, "wake", down)
    assert "The broker does not answer." in otto.get(PAGE).content.decode()
    assert "Away" in otto.post(f"{PAGE}sweep/", follow=True).content.decode()


def test_its_buttons(otto: Client, plate: Callable[..., Any], scripted: Any) -> None:
    scripted().will_fail(errors.SchemaMismatch("HTML.")).will_return(verdict="likely_human", ai_score=0.02)
    plate()
    drain()
    switches.resume("first")
    assert "1 check is started again." in otto.post(f"{PAGE}redrive/", follow=True).content.decode()
    drain()
    assert Analysis.objects.get().status == "complete"
    assert "Nothing gave up." in otto.post(f"{PAGE}redrive/", follow=True).content.decode()
    otto.post(f"{PAGE}sweep/")
    drain()
    assert Sweep.objects.get(name="sweep")
    answer = otto.post("/admin/detection/providerswitch/first/pause/", {"reason": "The bill.", "from": "pipeline"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert otto.post("/admin/detection/providerswitch/first/resume/", {"from": "pipeline"})["Location"] == PAGE


def test_each_button_has_its_permission(erin: Any) -> None:
    """F08."""
    client = Client()
    client.force_login(erin)
    for address in (PAGE, SENT):
        assert client.get(address).status_code == 403
    assert client.post(f"{PAGE}sweep/").status_code == 403
    assert client.post(f"{PAGE}redrive/").status_code == 403
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == "detection.redrive"
    assert client.get(f"{PAGE}sweep/").status_code == 405
    client.force_login(person("otis", "redrive"))
    page = client.get(PAGE).content.decode()
    assert "Start again what gave up" in page
    assert "Look for stuck checks now" not in page


def test_it_asks_at_most_twenty_times(otto: Client, plate: Callable[..., Any]) -> None:
    """Besides what a host's own menu asks on each page of its admin."""
    works(timezone.now())
    for seed in range(3):
        plate(seed=seed)
    with CaptureQueriesContext(connection) as asked:
        otto.get(PAGE)
    assert len([one for one in asked.captured_queries if '"newsroom_' not in one["sql"]]) <= 20


def test_nothing_of_it_is_inline(otto: Client) -> None:
    page = otto.get(PAGE).content.decode()
    main = page[page.index('<div class="d-page">') :]
    assert "<script>" not in main
    assert "style=" not in main
    assert "onclick" not in main


def test_what_left_the_house_is_listed(
    otto: Client, avery: Any, plate: Callable[..., Any], scripted: Any, looked_at: Callable[..., Any]
) -> None:
    looked_at("Harbour", verdict="likely_human", ai_score=0.02)
    page = otto.get(SENT).content.decode()
    row = Analysis.objects.get()
    assert "Harbour" in page
    assert row.sent_sha256[:16] in page
    assert "New picture" in page
    Analysis.objects.update(redrives=1)
    assert "Started once more by a person" in otto.get(SENT).content.decode()
    Analysis.objects.update(redrives=0, is_second_opinion=True)
    client = Client()
    client.force_login(avery)
    assert "A second opinion" in client.get(f"{SENT}?provider__exact=first").content.decode()
    Analysis.objects.update(is_second_opinion=False, may_reuse=False, submitted_at=None)
    assert "A person asked for a new look" in otto.get(SENT).content.decode()
    Analysis.objects.update(calls=0)
    assert "Harbour" not in otto.get(SENT).content.decode()


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (300, "5 min"), (10_800, "3 h"), (200_000, "2 d")])
def test_ages_as_people_say_them(seconds: float, words: str) -> None:
    assert wording_of_age(seconds) == words
