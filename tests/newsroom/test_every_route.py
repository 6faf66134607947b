"""Every address, asked as everybody, about what belongs to the News desk.

What each person gets is written down in `expected_routes.txt`. An address that isn't there fails the test until
somebody has said what is right for it, so that a new page can't be forgotten.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.urls import reverse

from detection.models import Acknowledgement, AuditEvent, Override, Review
from newsroom import uploads
from newsroom.models import Desk, Membership, Photo, Story

from .conftest import asset_of
from .sweeping import EXPECTED, MAY_WRITE, PEOPLE, SECRET, STRANGERS, House, build, expected, routes, told

pytestmark = pytest.mark.django_db
MENU = {"name": "", "app_label": "", "app_url": "", "models": []}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals, each of which Django would log."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def house(story: Story, held: Photo, erin: User, dana: User, sports: Desk) -> House:
    return build(story, held, erin, dana, sports)


def test_every_address_is_written_down() -> None:
    """F08: whoever adds an address says who may use it."""
    missing = routes().keys() - expected().keys()
    assert not missing, f"Say in {EXPECTED.name} what each of {PEOPLE} gets from: {sorted(missing)}"
    assert not expected().keys() - routes().keys(), "an address that isn't there any more is still written down"
    for key, block in expected().items():
        assert block.keys() == {"GET", "POST"}, key
        assert all(len(answers) == len(PEOPLE) for answers in block.values()), key


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everybody_gets_what_is_written_down(method: str, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """F08 F10: nobody reads or changes what is another desk's, and no look changes anything, whoever looks."""
    painted = SimpleTemplateResponse.rendered_content.fget  # type: ignore[attr-defined]
    known, wrong = expected(), []
    # The menu of every page is built for the same person from the same permissions that the pages themselves ask.
    monkeypatch.setattr(AdminSite, "get_app_list", lambda *args, **kwargs: [MENU])
    for who in PEOPLE:
        # What may be read here needs no painting: other tests look at these pages.
        shown = property(painted if who in STRANGERS else lambda response: "")
        monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", shown)
        for key, route in routes().items():
            answer, changed = house.ask(who, method, route)
            right = known[key][method][PEOPLE.index(who)]
            if told(answer) != right:
                wrong.append(f"{method} {key} as {who}: {told(answer)}, not {right}")
            if changed and (method == "GET" or who in STRANGERS):
                wrong.append(f"{method} {key} as {who} wrote {changed}")
            if who in STRANGERS and _tells(answer):
                wrong.append(f"{method} {key} as {who} tells what is the News desk's own")
            if hasattr(answer, "streaming_content"):
                answer.close()
    assert not wrong, "\n".join(wrong)


def _tells(answer: object) -> bool:
    content = b"" if getattr(answer, "streaming", False) else answer.content  # type: ignore[attr-defined]
    return (
        SECRET.encode() in content or "night-launch" in getattr(answer, "headers", {}).get("Location", "").split("?")[0]
    )


def test_without_its_token_no_form_is_taken(house: House, dana: User) -> None:
    """F11: but for the webhooks' door, whose callers are programs that sign, and the API, where no session counts."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(dana)
    for key, route in routes().items():
        if not key.startswith("detection:webhook"):
            answer = client.post(house.address(route), house.posted())
            if key.startswith("api:"):
                assert answer.status_code in (401, 403, 404, 405), key
                continue
            assert answer.status_code == (405 if key == "detection:handed" else 403), key


@pytest.mark.parametrize("how", ["the membership ends", "the account is closed"])
def test_an_open_page_of_somebody_who_left_records_nothing(how: str, house: House, dana: User) -> None:
    """F09: whoever left is refused with the next request, also by the page that still stands in their browser."""
    if how == "the account is closed":
        User.objects.filter(pk=dana.pk).update(is_active=False)
    else:
        Membership.objects.filter(user=dana).delete()
    for name in ("detection_asset_review", "detection_gate_override", "newsroom_story_move", "newsroom_photo_change"):
        answer, changed = house.ask("dana", "POST", routes()[f"admin:{name}"])
        assert told(answer) in (("in",) if "closed" in how else ("404", "gone", "403")), name
        assert not changed, name


def test_what_belongs_to_another_desk_is_not_smuggled_in_with_ones_own(house: House, held: Photo, sports: Desk) -> None:
    """F08: an address of one's own desk, and in the form another desk's picture, story, place or desk."""
    asset = asset_of(held)
    own = Story.objects.create(slug="cup", headline="The cup", desk=sports)
    client, things = house.clients["kim"], house.things
    before = [model.objects.count() for model in (Review, Acknowledgement, Override)]
    words = {
        "headline": "The cup",
        "slug": "cup",
        "body": "",
        "placements-TOTAL_FORMS": 0,
        "placements-INITIAL_FORMS": 0,
    }
    edit, move = reverse("admin:newsroom_story_change", args=[own.pk]), "admin:newsroom_story_move"
    about = f"newsroom.story:{own.pk}"

    client.post(edit, {**words, "desk": sports.pk, "attach": held.pk})
    client.post(edit, {**words, "desk": things["newsroom_desk.object_id"]})
    client.post(reverse(move, args=[own.pk, "publish-without"]), {"placement": things["placement"]})
    for name in ("acknowledge", "send", "override"):
        address = reverse(f"admin:detection_gate_{name}")
        assert client.post(address, {**house.posted(), "subject": about}).status_code == 404, name
    review = reverse("admin:detection_asset_review", args=[asset.public_id])
    assert client.post(f"{review}?for={about}", house.posted()).status_code == 404

    own.refresh_from_db()
    assert own.desk == sports
    assert not own.placements.exists()
    assert before == [model.objects.count() for model in (Review, Acknowledgement, Override)]


def test_a_picture_that_both_desks_use_shows_each_its_own_story_alone(house: House, held: Photo, sports: Desk) -> None:
    """F08: sharing a picture opens neither the other desk's story nor what was said about it there."""
    uploads.place(held, Story.objects.create(slug="cup", headline="The cup", desk=sports))
    review = reverse("admin:detection_asset_review", args=[asset_of(held).public_id])
    page = house.clients["kim"].get(review)
    assert page.status_code == 200
    assert f"{SECRET} headline" not in page.content.decode()
    assert house.clients["kim"].get(f"{review}?for={house.things['subject']}").status_code == 404


def test_a_refused_attempt_stands_in_the_history(house: House) -> None:
    before = AuditEvent.objects.filter(action="gate.denied").count()
    client = house.clients["erin"]
    client.post(reverse("admin:detection_gate_override"), house.posted())
    assert AuditEvent.objects.filter(action="gate.denied").count() == before + 1
    assert "detection_auditevent" in MAY_WRITE
