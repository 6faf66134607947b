"""What browsers are told with every answer, and that no page needs more than that."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from newsroom import headers
from newsroom.models import Photo, Story

from .conftest import asset_of

pytestmark = pytest.mark.django_db
INLINE = re.compile(r"<style|<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
LISTS = ("story", "photo", "desk", "membership")
RECORDS = ("asset", "queue", "gaveup", "analysis", "auditevent", "override", "policyversion", "providerswitch")


@pytest.fixture
def pages(story: Story, held: Photo) -> list[str]:
    about = f"?for=newsroom.story:{story.pk}"
    return [
        *("/", "/check/", "/signed-out/", "/nowhere/", "/admin/", "/admin/password_change/", "/admin/auth/user/"),
        *(reverse(f"admin:newsroom_{name}_changelist") for name in LISTS),
        *(reverse(f"admin:detection_{name}_changelist") for name in RECORDS),
        reverse("admin:newsroom_story_change", args=[story.pk]),
        reverse("admin:newsroom_story_add"),
        reverse("admin:newsroom_photo_change", args=[held.pk]),
        reverse("admin:detection_asset_review", args=[asset_of(held).public_id]) + about,
        reverse("detection:asset_json", args=[asset_of(held).public_id]),
    ]


def test_every_page_says_the_same_and_keeps_to_it(pages: list[str], dana: User, client: Client) -> None:
    """H07: the headers of every kind of page, and no inline script, style or handler on any."""
    dana.is_superuser = True
    dana.save()
    client.force_login(dana)
    for address in pages:
        answer = client.get(address)
        assert answer.status_code in (200, 403, 404), address
        assert answer.headers["Content-Security-Policy"] == headers.CONTENT_POLICY, address
        assert answer.headers["X-Frame-Options"] == "DENY", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        assert answer.headers["Referrer-Policy"] == "same-origin", address
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", address
        assert "geolocation=()" in answer.headers["Permissions-Policy"], address
        assert {"private", "no-store"} & set(answer.headers["Cache-Control"].split(", ")), address
        found = INLINE.search(answer.content.decode())
        assert found is None or answer.headers["Content-Type"] == "application/json", f"{address}: {found}"


def test_no_inline_code_is_allowed_anywhere() -> None:
    assert "unsafe" not in headers.CONTENT_POLICY
    assert "data:" not in headers.CONTENT_POLICY
    assert "*" not in headers.CONTENT_POLICY


def test_a_stricter_word_of_a_view_stands(held: Photo, dana: User, client: Client) -> None:
    client.force_login(dana)
    answer = client.get(reverse("detection:media", args=[asset_of(held).public_id, "original"]))
    answer.close()
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_readers_may_keep_what_is_public(client: Client, db: None) -> None:
    assert "Cache-Control" not in client.get("/").headers
