"""What a host's own admin pages show."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.detection.admin import cast


@pytest.fixture
def root(client: Any) -> Any:
    user = get_user_model().objects.create_superuser("root", password="x")
    client.force_login(user)
    return user


def test_a_hosts_picture_list_has_a_badge_for_each_picture(client: Any, root: Any) -> None:
    asset = cast.strong()
    page = client.get(reverse("admin:otherhost_plate_changelist")).content.decode()
    assert "Strong signs of AI generation" in page
    assert reverse("admin:detection_asset_review", args=[asset.public_id]) in page


def test_a_longer_list_of_badges_asks_no_more_queries(client: Any, root: Any) -> None:
    url = reverse("admin:otherhost_plate_changelist")
    cast.plate("Picture 0", seed=0)
    client.get(url)
    with CaptureQueriesContext(connection) as short:
        client.get(url)
    for seed in range(1, 5):
        cast.plate(f"Picture {seed}", seed=seed)
    with CaptureQueriesContext(connection) as long:
        client.get(url)
    assert len(long) == len(short)


def test_the_page_of_a_held_story_shows_the_notice(client: Any, root: Any) -> None:
    story = cast.article(cast.declared("Landing"))
    page = client.get(reverse("admin:otherhost_article_change", args=[story.pk])).content.decode()
    assert "The picture needs a look before publishing." in page
    assert "Landing" in page


def test_the_page_of_a_new_story_has_no_notice(client: Any, root: Any) -> None:
    assert "d-notice" not in client.get(reverse("admin:otherhost_article_add")).content.decode()
