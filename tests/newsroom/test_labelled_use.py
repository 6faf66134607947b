"""A label goes with its picture wherever readers meet it, and what a person confirmed stands in the readers' copy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from detection import gate, reviewing
from detection.models import AuditEvent
from detection.providers.provenance import xmp
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.vocabulary import Conclusion
from newsroom import publishing
from newsroom.models import Desk, Photo, PictureUse, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db
NOTE = "The agency says so in its caption."
LABEL = "Made with AI"


def conclude(story: Story, photo: Photo, conclusion: Conclusion, *, by: User, label: str = LABEL) -> None:
    asset = asset_of(photo)
    words: dict[str, Any] = {"note": NOTE, "reason_code": "image_is_the_story", "subject": story}
    reviewing.decide(asset, conclusion, by=by, evidence=asset.evidence, reader_label=label, **words)
    drain()


def source_type(story: Story) -> str:
    with default_storage.open(story.placements.get().rendition) as file:
        found = dict(xmp.properties(xmp.search(file.read())) or ())
    return next((value.rpartition("/")[2] for name, value in found.items() if "source" in name), "")


@pytest.fixture
def labelled(story: Story, held: Photo, dana: User) -> Story:
    """A confirmed AI picture as the labelled subject of the story, acknowledged and published."""
    story.placements.update(use=PictureUse.SUBJECT)
    conclude(story, held, Conclusion.CONFIRMED_AI_GENERATED, by=dana)
    asset = asset_of(held)
    gate.acknowledge(story, asset, by=dana, evidence=asset.evidence, reason_code="image_is_the_story")
    assert publishing.publish(story, by=dana).published
    return story


def test_the_label_stands_on_the_page_and_in_the_feed(labelled: Story, client: Client) -> None:
    page = client.get(labelled.get_absolute_url()).content.decode()
    assert f'<strong class="n-label">{LABEL}</strong>' in page
    feed = client.get(reverse("newsroom:feed"))
    assert feed["Content-Type"].startswith("application/atom+xml")
    words = feed.content.decode()
    assert labelled.headline in words
    assert f"&lt;figcaption&gt;&lt;strong&gt;{LABEL}&lt;/strong&gt;" in words
    [address] = re.findall(r"&lt;img src=\"(http://testserver/renditions/[0-9a-f]+\.jpg)\"", words)
    copy = client.get(address.removeprefix("http://testserver"))
    assert b"".join(copy.streaming_content)[:3] == b"\xff\xd8\xff"  # type: ignore[attr-defined]
    assert 'rel="alternate" type="application/atom+xml"' in page


def test_the_feed_holds_what_is_published_in_as_few_queries_as_it_can(
    labelled: Story, news: Desk, client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        Story.objects.create(slug=f"out-{number}", headline=f"Out {number}", desk=news, state="published")
    Story.objects.create(slug="draft", headline="A draft", desk=news)
    with django_assert_max_num_queries(12):
        words = client.get(reverse("newsroom:feed")).content.decode()
    assert words.count("<entry>") == 13
    assert "A draft" not in words


def test_what_a_person_confirmed_is_written_into_the_readers_copy(labelled: Story) -> None:
    assert source_type(labelled) == "trainedAlgorithmicMedia"
    made = AuditEvent.objects.filter(action__startswith="rendition.made").latest("pk")
    assert made.facts["confirmed"] == "trainedAlgorithmicMedia"


def test_no_detector_and_no_other_conclusion_writes_it(
    story: Story, scripted: ScriptedProvider, upload: Upload, dana: User
) -> None:
    scripted.will_return("likely_ai", ai_score=0.97)
    photo = upload(tier="ugc")
    conclude(story, photo, Conclusion.ACCEPTED, by=dana, label="")
    assert publishing.publish(story, by=dana).published
    assert source_type(story) == ""
    before = story.placements.get().rendition

    conclude(story, photo, Conclusion.CONFIRMED_AI_ALTERED, by=dana, label="Altered with AI")

    assert source_type(story) == "compositeWithTrainedAlgorithmicMedia", "found out after publication"
    assert story.placements.get().rendition != before
    assert story.placements.get().is_live
