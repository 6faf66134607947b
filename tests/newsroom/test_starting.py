"""The start page serves each role: what is theirs to do stands first, and what is not theirs stands nowhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from detection import audit, gate, waiting
from detection.models import Override
from newsroom.models import Desk, Photo, Placement, Story, StoryState

from .conftest import asset_of

pytestmark = pytest.mark.django_db
CHIEFS = ("Holds for you to clear", "Overrides that end within four hours", "Live with open questions</h2>")
NOTE = "The photographer sent the original."


def start(client: Client, user: User) -> str:
    client.force_login(user)
    return client.get(reverse("newsroom:start")).content.decode()


def section(page: str, title: str) -> str:
    rest = page[page.index(title) :]
    return rest[: rest.index("</section>")]


@pytest.fixture
def soon(story: Story, held: Photo) -> Story:
    """Erin's held story, which goes out in ten minutes."""
    Story.objects.filter(pk=story.pk).update(
        state=StoryState.SCHEDULED, publish_at=timezone.now() + timedelta(minutes=10, seconds=30)
    )
    story.refresh_from_db()
    waiting.note(story)
    return story


def test_an_editor_meets_their_own_held_stories_first(
    soon: Story, held: Photo, erin: User, news: Desk, dana: User, client: Client
) -> None:
    other = Story.objects.create(slug="hers", headline="Another launch", desk=news, author=dana)
    Placement.objects.create(story=other, photo=held)
    page = start(client, erin)
    assert soon.headline in section(page, "Yours, with open questions")
    assert other.headline not in section(page, "Yours, with open questions")
    assert other.headline in section(page, "At work</h2>")
    assert "in 10 minutes" in section(page, "Out within the hour, and held")
    assert not [title for title in (*CHIEFS, "The house") if title in page]


def test_a_chief_meets_what_only_a_chief_can_clear(
    soon: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    page = start(client, dana)
    assert "picture 0" in section(page, CHIEFS[0])
    assert "in 10 minutes" in section(page, "Out within the hour, and held")
    [line] = gate.report(soon).lines
    gate.send_to_chief(soon, asset_of(held), by=erin, evidence=line.evidence)
    page = start(client, dana)
    assert "None besides those above." in section(page, CHIEFS[0]), "it stands under “Sent to you”"
    words = {"by": dana, "evidence": line.evidence, "reason_code": "original_seen", "note": NOTE}
    gate.override(soon, asset_of(held), **words)
    page = start(client, dana)
    assert CHIEFS[1] not in page, "its end is not near"
    Override.objects.update(ends_at=timezone.now() + timedelta(hours=2))
    assert soon.headline in section(start(client, dana), CHIEFS[1])
    assert not [title for title in CHIEFS if title in start(client, erin)]


def test_what_readers_see_with_an_open_question_stands_on_the_chief_s_page(
    story: Story, held: Photo, dana: User, client: Client
) -> None:
    placement = story.placements.get()
    Placement.objects.filter(pk=placement.pk).update(published_file=held.image.name, published_use=placement.use)
    Story.objects.filter(pk=story.pk).update(state=StoryState.PUBLISHED, published_at=timezone.now())
    waiting.note(Story.objects.get(pk=story.pk))
    assert "picture 0" in section(start(client, dana), CHIEFS[2])


def test_who_looks_after_the_house_sees_how_it_does(avery: User, otto: User, client: Client) -> None:
    page = section(start(client, avery), "The house")
    assert "The history was never verified here." in page
    for name in ("detection_report_overrides", "detection_report_detectors", "detection_report_coverage"):
        assert reverse(f"admin:{name}") in page
    assert "worker" not in page, "an auditor runs nothing"
    audit.record("audit.verified", ok=True, entries=1)
    assert "The history was last verified" in section(start(client, avery), "The house")
    page = section(start(client, otto), "The house")
    assert "No worker has been heard of" in page
    assert reverse("admin:detection_pipeline_changelist") in page
    assert reverse("admin:detection_report_overrides") not in page


def test_each_role_s_page_asks_as_often_for_many_stories_as_for_few(
    soon: Story,
    held: Photo,
    news: Desk,
    erin: User,
    dana: User,
    avery: User,
    client: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(12):
        story = Story.objects.create(slug=f"more-{number}", headline=f"More {number}", desk=news, author=dana)
        Placement.objects.create(story=story, photo=held)
        waiting.note(story)
    for user in (erin, dana, avery):
        client.force_login(user)
        with django_assert_max_num_queries(80):
            page = client.get(reverse("newsroom:start")).content.decode()
        assert page.count('class="n-rollup"') == 13
    assert "Out within the hour" not in page, "an auditor can do nothing about it"
