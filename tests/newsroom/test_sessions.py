"""When a session ends, and the pages for whoever it ended for, or for whom something went wrong."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from newsroom import sessions

pytestmark = pytest.mark.django_db
HOUR = 3600


def put_back(client: Client, **by: int) -> None:
    """Let so many seconds have passed since the session began, or since the last click."""
    session = client.session
    for name, seconds in by.items():
        session[{"began": sessions.BEGAN, "seen": sessions.SEEN}[name]] -= seconds
    session.save()


def is_in(client: Client, **headers: str) -> bool:
    return client.get(reverse("admin:index"), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("passed", "still"),
    [
        ({"seen": 2 * HOUR - 60}, True),
        ({"seen": 2 * HOUR + 60}, False),
        ({"began": 12 * HOUR - 60}, True),
        ({"began": 12 * HOUR + 60}, False),
    ],
)
def test_a_session_ends_without_clicks_and_at_the_end_of_a_day(
    passed: dict[str, int], still: bool, erin: User, client: Client
) -> None:
    client.force_login(erin)
    put_back(client, **passed)
    assert is_in(client) is still


@pytest.mark.parametrize(("dest", "counts"), [("document", True), ("empty", False), ("image", False)])
def test_what_a_page_fetches_by_itself_is_no_click(dest: str, counts: bool, erin: User, client: Client) -> None:
    client.force_login(erin)
    put_back(client, seen=2 * HOUR - 100)
    assert is_in(client, **{"Sec-Fetch-Dest": dest})
    put_back(client, seen=200)
    assert is_in(client) is counts


def test_a_session_from_before_this_was_installed_gets_its_clock(erin: User, client: Client) -> None:
    client.force_login(erin)
    session = client.session
    del session[sessions.BEGAN], session[sessions.SEEN]
    session.save()
    assert is_in(client)
    assert sessions.BEGAN in client.session


def test_signing_in_takes_a_new_session_and_signing_out_leaves_nothing(erin: User, client: Client) -> None:
    client.get(reverse("admin:login"))
    client.session["planted"] = "x"
    planted = client.session.session_key
    client.cookies["sessionid"] = planted or ""
    client.post(reverse("admin:login"), {"username": "erin", "password": "erin"})
    assert is_in(client)
    mine = client.session.session_key
    assert mine != planted
    answer = client.post(reverse("admin:logout"), follow=True)
    assert "You are signed out." in answer.content.decode()
    client.cookies["sessionid"] = mine or ""
    assert not is_in(client)


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/nowhere/", 404, "There is nothing at this address"),
        ("/admin/auth/user/", 403, "What you do here does not include this page"),
    ],
)
def test_whatever_is_refused_says_what_to_do(address: str, status: int, words: str, erin: User, client: Client) -> None:
    client.force_login(erin)
    answer = client.get(address)
    assert (answer.status_code, words in answer.content.decode()) == (status, True)
    told = client.get(address, headers={"Accept": "application/json"})
    assert told.status_code == status
    assert words in told.json()["sentence"]


def test_a_form_from_before_the_last_sign_in_says_how_to_keep_what_was_typed(erin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(erin)
    answer = client.post(reverse("admin:newsroom_story_add"), {"headline": "Typed for an hour"})
    assert answer.status_code == 403
    assert "your browser still has what you typed" in answer.content.decode()
