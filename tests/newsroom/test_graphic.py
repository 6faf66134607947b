"""Graphic pictures: ticked as they come in or on their page; readers of the site see what was published."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection.providers.scripted import ScriptedProvider
from newsroom import publishing
from newsroom.models import Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db


def test_it_is_blurred_wherever_the_newsroom_meets_it_and_never_for_readers(
    story: Story,
    upload: Upload,
    scripted: ScriptedProvider,
    erin: User,
    dana: User,
    client: Client,
    sign_in: Callable[[User], Client],
) -> None:
    scripted.will_return("likely_ai", ai_score=0.97)
    photo = upload(tier="ugc", is_graphic=True)
    assert asset_of(photo).is_graphic
    sign_in(erin)
    change = reverse("admin:newsroom_story_change", args=[story.pk])
    for address, kinds in {
        change: ["d-notice-thumb", "n-thumb"],
        reverse("admin:newsroom_photo_changelist"): ["n-thumb"],
        reverse("admin:newsroom_photo_change", args=[photo.pk]): ["n-preview"],
        reverse("admin:newsroom_story_replace", args=[story.pk, photo.pk]): ["n-preview"],
    }.items():
        page = client.get(address).content.decode()
        for kind in kinds:
            assert f'<details class="{kind} d-graphic">' in page, (address, kind)
    refused = client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).content.decode()
    assert '<details class="n-refused-thumb d-graphic">' in refused

    photo.is_graphic = False
    photo.save()
    assert not asset_of(photo).is_graphic
    assert "d-graphic" not in client.get(change).content.decode()

    photo.source_tier, photo.is_graphic = "staff", True
    photo.save()
    scripted.will_return("likely_human", ai_score=0.02)
    other = Story.objects.create(slug="calm", headline="Calm", desk=story.desk, author=erin)
    upload(tier="staff", into=other, is_graphic=True)
    assert publishing.publish(other, by=dana).published
    assert "d-graphic" not in client.get(other.get_absolute_url()).content.decode()
