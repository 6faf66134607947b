"""Who is told by e-mail and webhook, when, and what a message never holds."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import gate, signing
from detection.testing.draining import drain
from newsroom import alerts, publishing
from newsroom.environment import Environment
from newsroom.models import Desk, Photo, Story
from newsroom.notifications import sending, setting, telling
from newsroom.notifications.models import Notice, NoticeState, Wish

from .conftest import asset_of

pytestmark = pytest.mark.django_db
SECRET = "whsec_" + base64.b64encode(b"a-house-secret-of-32-bytes-long!").decode()


@pytest.fixture(autouse=True)
def _leaves(settings: Any) -> None:
    settings.NOTIFY = {"mail": True, "url": "", "secret": "", "shape": "standard"}
    settings.PUBLIC_BASE_URL = "https://news.example"


@pytest.fixture
def people(erin: User, dana: User, sam: User, avery: User, rosa: User) -> None:
    for one in (erin, dana, sam, avery, rosa):
        User.objects.filter(pk=one.pk).update(email=f"{one.username}@news.example")


def told() -> list[str]:
    return sorted(address for message in mail.outbox for address in message.to)


def send(story: Story, held: Photo, by: User) -> None:
    asset = asset_of(held)
    gate.send_to_chief(story, asset, by=by, evidence=asset.evidence, note="The witness of Lime Street sent it.")
    drain()


def goes_out(story: Story, **soon: float) -> Story:
    Story.objects.filter(pk=story.pk).update(publish_at=timezone.now() + timedelta(**soon))
    story.refresh_from_db()
    return story


def test_only_a_chief_of_the_desk_is_told_of_what_was_sent_to_the_chief(
    story: Story, held: Photo, erin: User, people: None
) -> None:
    goes_out(story, minutes=90)
    send(story, held, erin)
    send(story, held, erin)
    assert told() == ["dana@news.example"], "no superuser, no auditor, no other desk, not who sent it, and once"
    [message] = mail.outbox
    assert message.subject == "Night launch: needs you now"
    assert "A picture was sent to you" in message.body
    assert f"https://news.example/admin/newsroom/story/{story.pk}/change/" in message.body
    assert "Lime Street" not in message.body
    assert str(held) not in message.body
    assert Notice.objects.get().state == NoticeState.SENT


def test_what_can_wait_comes_once_a_day_in_one_message(
    story: Story, held: Photo, news: Desk, erin: User, dana: User, people: None
) -> None:
    other = Story.objects.create(slug="other", headline="Another story", desk=news)
    for one in (story, other):
        alerts.raise_alert(one, "It waits.", occasion="test:1", permission="detection.override_hold")
    drain()
    sending.ring_due(timezone.now())
    drain()
    assert mail.outbox == []
    Notice.objects.update(next_try_at=timezone.now())
    assert sending.ring_due(timezone.now()) == 1
    drain()
    [message] = mail.outbox
    assert message.subject == "2 stories wait for you"
    assert "Another story" in message.body
    assert "Night launch" in message.body
    assert sending.ring_due(timezone.now()) == 0


@pytest.mark.parametrize(
    ("wish", "urgent", "made"),
    [({"urgent": False}, True, 0), ({"urgent": False}, False, 1), ({"digest": False}, False, 0), ({}, True, 1)],
)
def test_each_person_chooses(
    wish: dict[str, bool], urgent: bool, made: int, story: Story, dana: User, people: None
) -> None:
    Wish.objects.create(user=dana, **wish)
    words = {"occasion": "test:1", "permission": "detection.override_hold", "is_urgent": urgent}
    assert telling.tell(story, "Because.", **words) == made


def test_whoever_left_meanwhile_is_not_told(story: Story, held: Photo, erin: User, dana: User, people: None) -> None:
    alerts.raise_alert(story, "It waits.", occasion="test:1", is_urgent=True)
    dana.memberships.update(ends_at=timezone.now())
    drain()
    assert told() == ["erin@news.example"]


def test_a_confidential_desks_headline_stays_here(story: Story, held: Photo, erin: User, people: None) -> None:
    Desk.objects.update(is_confidential=True)
    publishing.schedule(story, timezone.now() + timedelta(minutes=50), by=erin)
    call_command("publish_due")
    drain()
    assert {message.subject for message in mail.outbox} == {"A story of a confidential desk: needs you now"}
    assert all("Would be held at its time" in message.body for message in mail.outbox)
    assert not any("Night launch" in message.body + message.subject for message in mail.outbox)


def test_what_fails_is_tried_again_and_given_up_in_the_end(
    story: Story, dana: User, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"occasion": "test:1", "permission": "detection.override_hold", "is_urgent": True}
    telling.tell(story, "Because.", **words)

    def away(*args: Any, **kwargs: Any) -> None:
        raise OSError("the mail server is away")

    monkeypatch.setattr(sending.EmailMessage, "send", away)
    pauses = []
    for _try in range(len(sending.PAUSES)):
        notice = Notice.objects.get()
        assert notice.state == NoticeState.WAITING
        Notice.objects.update(next_try_at=timezone.now())
        sending.deliver(notice.pk)
        sending.deliver(notice.pk)  # a second ring finds nothing to do
        pauses.append(round((Notice.objects.get().next_try_at - timezone.now()).total_seconds() / 60))
    assert pauses == [2, 10, 60, 240, 720]
    assert (Notice.objects.get().state, Notice.objects.get().failure) == (NoticeState.FAILED, "OSError")


def test_a_digest_hour_that_has_passed_is_tomorrows(story: Story, dana: User) -> None:
    now = timezone.now().replace(hour=9, minute=30)
    assert telling.next_digest(Wish(digest_hour=8), now) == now.replace(hour=8, minute=0, second=0, microsecond=0) + (
        timedelta(days=1)
    )
    assert telling.next_digest(Wish(digest_hour=10), now) > now


class Receiver(BaseHTTPRequestHandler):
    """A house's own tool on loopback."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.answers.pop(0) if server.answers else 204)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook(settings: Any) -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/hook"
    settings.NOTIFY = {"mail": False, "url": address, "secret": SECRET, "shape": "standard"}
    settings.DETECTION = {**settings.DETECTION, "ALLOW_LOOPBACK": True}
    yield server
    server.shutdown()
    server.server_close()


def test_the_webhook_is_signed_and_its_id_stays_through_every_try(
    story: Story, held: Photo, erin: User, dana: User, hook: Any
) -> None:
    hook.answers = [503, 302]
    send(story, held, erin)
    for _try in range(2):
        Notice.objects.update(next_try_at=timezone.now())
        sending.deliver(Notice.objects.get().pk)
    assert Notice.objects.get().state == NoticeState.SENT
    assert len({headers["webhook-id"] for headers, _body in hook.got}) == 1
    assert len(hook.got) == 3
    key = signing.key_of(signing.Scheme.STANDARD, SECRET)
    for headers, body in hook.got:
        signing.verify(signing.Scheme.STANDARD, [key], headers, body, now=timezone.now().timestamp())
    event = json.loads(hook.got[0][1])
    assert event["type"] == "story.needs_somebody"
    assert (event["data"]["story"], event["data"]["desk"]) == ("night-launch", "news")
    assert "Lime Street" not in hook.got[0][1].decode()


def test_a_chat_program_gets_one_text_and_nothing_of_a_confidential_desk(
    story: Story, held: Photo, erin: User, dana: User, hook: Any, settings: Any
) -> None:
    settings.NOTIFY = {**settings.NOTIFY, "shape": "chat", "secret": ""}
    Desk.objects.update(is_confidential=True)
    send(story, held, erin)
    [(headers, body)] = hook.got
    assert "webhook-signature" not in headers
    assert list(json.loads(body)) == ["text"]
    assert json.loads(body)["text"].startswith("A story of a confidential desk: A picture was sent to you")
    assert b"Night launch" not in body


def test_a_person_sets_their_own_wishes(erin: User, dana: User, client: Client) -> None:
    client.force_login(erin)
    address = reverse("newsroom:notifications")
    assert "What you are told by e-mail" in client.get(address).content.decode()
    assert client.post(address, {"urgent": "on", "digest_hour": "17"}).status_code == 302
    wish = Wish.objects.get()
    assert (wish.user, wish.urgent, wish.digest, wish.digest_hour) == (erin, True, False, 17)
    assert client.post(address, {"digest_hour": "25"}).status_code == 400


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"EMAIL_URL": "smtp://mail.example"}, "DEFAULT_FROM_EMAIL"),
        ({"EMAIL_URL": "mail.example", "DEFAULT_FROM_EMAIL": "desk@news.example"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtp://mail.example:x", "DEFAULT_FROM_EMAIL": "desk@news.example"}, "EMAIL_URL"),
        ({"EMAIL_URL": "smtp://mail.example", "DEFAULT_FROM_EMAIL": "desk"}, "DEFAULT_FROM_EMAIL"),
        ({"NOTIFY_WEBHOOK_URL": "https://chat.news.example/x"}, "NOTIFY_WEBHOOK_SECRET"),
        ({"NOTIFY_WEBHOOK_SECRET": "not base64, but long enough!!"}, "NOTIFY_WEBHOOK_SECRET"),
        ({"NOTIFY_WEBHOOK_SHAPE": "xml"}, "NOTIFY_WEBHOOK_SHAPE"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=named):
        setting.read(Environment(given))


def test_a_mail_server_is_read_from_one_address() -> None:
    given = {"EMAIL_URL": "smtp+tls://desk:p%40ss@mail.example", "DEFAULT_FROM_EMAIL": "desk@news.example"}
    notify, read = setting.read(Environment(given))
    assert (read["EMAIL_HOST"], read["EMAIL_PORT"], read["EMAIL_USE_TLS"]) == ("mail.example", 587, True)
    assert (read["EMAIL_HOST_USER"], read["EMAIL_HOST_PASSWORD"]) == ("desk", "p@ss")
    assert notify == {"mail": True, "url": "", "secret": "", "shape": "standard"}
