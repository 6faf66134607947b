"""A picture in question that comes back in another guise brings its question with it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from PIL import Image

from detection import gate
from detection.gate import near
from detection.models import Asset
from detection.providers.scripted import ScriptedProvider
from detection.testing.images import photo_like
from detection.vocabulary import Conclusion, Level
from newsroom import publishing
from newsroom.models import Desk, Photo, Placement, Story

from .conftest import Upload, asset_of
from .test_publishing import clear

pytestmark = pytest.mark.django_db
CONTENT = photo_like(seed=31, size=(320, 240))


def smaller(content: bytes = CONTENT) -> bytes:
    """The same picture, smaller and in another format."""
    saved = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").resize((240, 180)).save(saved, "WEBP", quality=60)
    return saved.getvalue()


@pytest.fixture
def swapped(story: Story, scripted: ScriptedProvider, upload: Upload, erin: User) -> Photo:
    """A held picture was left out, and comes back as a smaller copy in which the detector finds nothing."""
    scripted.will_return("likely_ai", ai_score=0.97)
    first = upload(tier="ugc", content=CONTENT)
    outcome = publishing.publish_without(story, story.placements.get(photo=first), by=erin)
    assert outcome.is_done
    publishing.withdraw(story, by=erin)
    scripted.will_return("likely_human", ai_score=0.02)
    return upload(tier="staff", content=smaller())


def test_the_earlier_question_stands_beside_the_copy(story: Story, swapped: Photo, erin: User) -> None:
    [line] = gate.report(story, user=erin).lines
    assert line.signal == "none_found"
    assert line.level is Level.ACKNOWLEDGE
    assert "A very similar picture stood in this story" in line.notes[0]
    assert "About that one: Strong signs" in line.notes[0]
    assert publishing.publish(story, by=erin).was_refused
    asset = asset_of(swapped)
    gate.acknowledge(story, asset, by=erin, evidence=asset.evidence, reason_code="original_seen")
    assert publishing.publish(story, by=erin).published


def test_another_picture_and_another_story_have_nothing_to_do_with_it(
    story: Story, swapped: Photo, news: Desk, scripted: ScriptedProvider, upload: Upload
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff", content=photo_like(seed=88, size=(320, 240)))
    other = Story.objects.create(slug="other", headline="Other", desk=news)
    Placement.objects.create(story=other, photo=swapped)
    assert [line.level for line in gate.report(story).lines] == [Level.ACKNOWLEDGE, Level.CLEAR]
    assert [line.level for line in gate.report(other).lines] == [Level.CLEAR]
    assert [one.level for one in gate.overview([story, other])] == [Level.ACKNOWLEDGE, Level.CLEAR]


def test_a_question_that_was_answered_does_not_come_back(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, dana: User
) -> None:
    scripted.will_return("likely_ai", ai_score=0.97)
    first = upload(tier="ugc", content=CONTENT)
    clear(story, first, by=dana)
    publishing.publish_without(story, story.placements.get(), by=erin)
    Asset.objects.filter(pk=asset_of(first).pk).update(conclusion=Conclusion.ACCEPTED)
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff", content=smaller())
    assert gate.report(story).lines[0].level is Level.CLEAR


def test_after_thirty_days_it_is_forgotten(story: Story, swapped: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "WITHIN", timedelta(0))
    assert gate.report(story).lines[0].level is Level.CLEAR


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("00ff00ff00ff00ff", "00ff00ff00ff00ff", 0),
        ("00ff00ff00ff00ff", "00ff00ff00ff00fe", 1),
        ("00ff00ff00ff00ff", "00ff00ff00ff0000", 8),
        ("00ff00ff00ff00ff", "00ff00ff00fe0000", None),
        ("0000000000000000", "0000000000000001", None),  # nothing in the picture, which is like any other
        ("ffffffffffffffff", "ffffffffffffffff", None),
        ("", "00ff00ff00ff00ff", None),
    ],
)
def test_how_near_is_near(one: str, other: str, expected: int | None) -> None:
    assert near._distance(one, other) == expected
