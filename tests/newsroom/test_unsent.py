"""A story's words that were typed before the session ended are in the form again, for their author and nobody else."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from detection.models import AuditEvent
from newsroom.admin import unsent
from newsroom.models import Photo, Story

from .test_typed_before import let_it_end, sign_in

pytestmark = pytest.mark.django_db
BODY = "The second stage burned for <six> minutes.\n\nThen it was quiet."


@pytest.fixture
def edit(story: Story) -> str:
    return reverse("admin:newsroom_story_change", args=[story.pk])


def words(story: Story, **more: object) -> dict[str, object]:
    known = {"headline": "Night launch, in full", "slug": story.slug, "desk": story.desk_id, "body": BODY}
    pictures = {}
    for number, placement in enumerate(story.placements.all()):
        one = {"id": placement.pk, "story": story.pk, "use": "illustration", "reader_label": "Typed", "position": 3}
        pictures |= {f"placements-{number}-{name}": value for name, value in one.items()}
    count = len(story.placements.all())
    sizes = {"placements-TOTAL_FORMS": count, "placements-INITIAL_FORMS": count}
    return {**known, **sizes, **pictures, **more}


def ended(client: Client, user: User, address: str, typed: dict[str, object]) -> str:
    """Send a form with a session that has just ended; where that leads."""
    client.force_login(user)
    client.get(address)
    let_it_end(client)
    answer = client.post(address, typed)
    assert answer.status_code == 302
    return str(answer["Location"])


def test_headline_body_and_labels_are_there_again_and_nothing_was_saved(
    story: Story, held: Photo, erin: User, client: Client, edit: str
) -> None:
    file = ContentFile(b"a picture", name="new.jpg")
    led = ended(client, erin, edit, words(story, new_pictures=file, their_credit="A reader"))
    assert "quiet" not in led, "no address carries what was typed"
    assert sign_in(client, "erin", led)["Location"] == edit

    page = client.get(edit).content.decode()
    assert 'value="Night launch, in full"' in page
    assert "burned for &lt;six&gt; minutes." in page
    assert 'value="Typed"' in page
    assert 'value="A reader"' in page
    assert "What you typed is here again" in page
    assert "Choose files anew" in page
    story.refresh_from_db()
    assert (story.headline, story.body) == ("Night launch", "Up it went.")
    assert not AuditEvent.objects.filter(action="story.picture_changed", facts__change="changed").exists()
    assert Photo.objects.count() == 1

    assert client.post(edit, words(story)).status_code == 302
    story.refresh_from_db()
    assert story.body.replace("\r\n", "\n") == BODY
    assert "What you typed is here again" not in client.get(edit).content.decode(), "once it was sent, it is done with"


def test_a_new_story_s_words_wait_too(story: Story, erin: User, client: Client) -> None:
    add = reverse("admin:newsroom_story_add")
    led = ended(client, erin, add, words(story, slug="second-launch"))
    assert sign_in(client, "erin", led)["Location"] == add
    page = client.get(add).content.decode()
    assert 'value="second-launch"' in page
    assert "burned for &lt;six&gt; minutes." in page
    assert Story.objects.count() == 1


def test_nobody_else_reads_them_also_not_in_the_same_browser(
    story: Story, erin: User, dana: User, client: Client, edit: str
) -> None:
    led = ended(client, erin, edit, words(story))
    sign_in(client, "dana", led)
    assert "burned for" not in client.get(edit).content.decode()
    assert "burned for" not in Client().get(led).content.decode()


def test_a_change_made_meanwhile_is_named(story: Story, erin: User, client: Client, edit: str) -> None:
    sign_in(client, "erin", ended(client, erin, edit, words(story)))
    assert "changed since" not in client.get(edit).content.decode()
    story.headline = "Another hand"
    story.save()
    assert "The story has been changed since" in client.get(edit).content.decode()


def test_strangers_and_novels_fill_no_session(
    story: Story, erin: User, client: Client, edit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Client()
    stranger.post(edit, words(story))
    assert not list(stranger.session.keys())
    monkeypatch.setattr(unsent, "_MOST", 20)
    before = Session.objects.count()
    ended(client, erin, edit, words(story))
    assert Session.objects.count() <= before + 1
    assert not client.session.get("newsroom_unsent")
