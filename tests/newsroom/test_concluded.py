"""A conclusion counts on the desk it was made for: whoever works on another hears nothing of it, on no screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection import reviewing, waiting
from detection.models import Asset
from detection.vocabulary import Conclusion
from newsroom import uploads
from newsroom.api import tokens
from newsroom.models import Desk, Membership, Photo, Role, Story

from .conftest import asset_of

pytestmark = pytest.mark.django_db
NOTE = "Seen the original on the photographer's laptop."


@pytest.fixture(params=["noted", "not yet noted"])
def shared(request: Any, held: Photo, story: Story, sports: Desk, dana: User) -> Asset:
    """A picture that stands on News and on Sports, cleared on News by its chief; with and without the queue's notes."""
    cup = Story.objects.create(slug="cup", headline="The cup", desk=sports)
    uploads.place(held, cup)
    if request.param == "noted":
        waiting.note(story)
        waiting.note(cup)
    asset = asset_of(held)
    how: dict[str, Any] = {"note": NOTE, "reason_code": "original_seen"}
    reviewing.decide(asset, Conclusion.ACCEPTED, by=dana, evidence=asset.evidence, subject=story, **how)
    asset.refresh_from_db()
    return asset


Read = Callable[[User], dict[str, Any]]


@pytest.fixture
def told(client: Client, shared: Asset) -> Read:
    """Everything that one person can read about the picture's conclusion, by the page, its JSON and the API."""

    def read(user: User) -> dict[str, Any]:
        client.force_login(user)
        bearer = {"Authorization": f"Bearer {tokens.issue(user, name='test')[1]}"}
        state = client.get(reverse("detection:asset_json", args=[shared.public_id])).json()
        by_api = Client().get(f"/api/v1/pictures/{shared.public_id}", headers=bearer).json()
        listed = Client().get("/api/v1/pictures", headers=bearer).json()["items"][0]
        page = client.get(reverse("admin:detection_asset_review", args=[shared.public_id])).content.decode()
        pictures_url = reverse("admin:detection_asset_changelist")
        pictures = client.get(pictures_url).content.decode()
        filtered = [
            str(shared.public_id) in client.get(f"{pictures_url}?conclusion={word}").content.decode()
            for word in ("accepted", "none")
        ]
        assert (by_api["reviewState"], by_api["conclusion"]) == (state["reviewState"], state["conclusion"])
        return {
            "state": state["reviewState"],
            "conclusion": {state["conclusion"], listed["conclusion"]},
            "names the chief": "Dana" in page,
            "found by it, and by none": filtered,
            "listed": '"field-concluded">No objection to using it<' in pictures,
        }

    return read


def test_another_desk_s_person_reads_it_nowhere(told: Read, sam: User) -> None:
    """F08."""
    assert told(sam) == {
        "state": "quarantined",
        "conclusion": {None},
        "names the chief": False,
        "found by it, and by none": [False, True],
        "listed": False,
    }


def test_one_s_own_desk_s_person_and_a_reader_of_the_history_read_it(told: Read, erin: User, avery: User) -> None:
    everything = {
        "state": "cleared",
        "conclusion": {"accepted"},
        "names the chief": True,
        "found by it, and by none": [True, False],
        "listed": True,
    }
    assert told(erin) == everything
    read = told(avery)
    assert {name: read[name] for name in everything if name != "state"} == {
        name: everything[name] for name in everything if name != "state"
    }


@pytest.mark.parametrize("shared", ["noted"], indirect=True)
def test_for_whoever_works_on_both_it_is_as_open_as_on_the_one_where_most_is(
    told: Read, erin: User, sports: Desk
) -> None:
    Membership.objects.create(user=erin, desk=sports, role=Role.EDITOR)
    assert told(erin)["state"] == "quarantined"
    assert told(erin)["conclusion"] == {"accepted"}
