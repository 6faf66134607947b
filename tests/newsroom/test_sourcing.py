"""Being surer of a picture's source takes a desk chief and a reason; being less sure takes neither."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection import audit, gate
from detection.errors import NotPermitted, Refused
from detection.models import AuditEvent
from newsroom import sourcing
from newsroom.models import Photo, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db
REASON = "Filed by our own stringer, called back on her number."
WORDS = {"headline": "", "credit": "", "licence": "", "caption": "", "alt_text": ""}


def send(client: Client, user: User, photo: Photo, **words: str) -> Any:
    client.force_login(user)
    return client.post(reverse("admin:newsroom_photo_change", args=[photo.pk]), {**WORDS, **words})


@pytest.mark.parametrize(
    ("was", "now", "raised"),
    [
        ("ugc", "staff", True),
        ("", "ugc", True),
        ("unknown", "", False),
        ("", "unknown", False),
        ("staff", "agency", False),
        ("agency", "staff", True),
        ("freelance", "unknown", False),
    ],
)
def test_which_change_makes_the_desk_surer(was: str, now: str, raised: bool) -> None:
    assert sourcing.is_raised(was, now) is raised


def test_an_editor_is_less_sure_without_asking_anybody(upload: Upload, erin: User, client: Client) -> None:
    photo = upload(tier="staff", checked=False)
    assert send(client, erin, photo, source_tier="ugc").status_code == 302
    photo.refresh_from_db()
    assert photo.source_tier == "ugc"
    event = AuditEvent.objects.get(action="picture.tier_changed")
    assert (event.facts["was"], event.facts["now"], event.facts["raised"]) == ("staff", "ugc", False)


def test_an_editor_is_not_surer_whatever_the_reason(held: Photo, story: Story, erin: User, client: Client) -> None:
    answer = send(client, erin, held, source_tier="staff", tier_reason=REASON)
    assert "takes a chief of the picture" in answer.content.decode()
    held.refresh_from_db()
    assert held.source_tier == "ugc"
    assert gate.report(story).refuses
    denied = AuditEvent.objects.get(action="gate.denied")
    assert denied.facts["permission"] == sourcing.RAISING


def test_a_chief_is_surer_with_a_reason_that_stands_in_the_history(held: Photo, dana: User, client: Client) -> None:
    assert "Say in at least 15 characters" in send(client, dana, held, source_tier="staff").content.decode()
    assert send(client, dana, held, source_tier="staff", tier_reason=REASON).status_code == 302
    held.refresh_from_db()
    assert held.source_tier == "staff"
    [entry] = [one for one in audit.history(asset=asset_of(held)) if one.action == "picture.tier_changed"]
    assert (entry.note, entry.facts["raised"]) == (REASON, True)


def test_the_same_holds_for_whoever_asks_in_python(held: Photo, erin: User, dana: User) -> None:
    with pytest.raises(NotPermitted):
        sourcing.change(held, "agency", by=erin, reason=REASON)
    with pytest.raises(Refused):
        sourcing.change(held, "agency", by=dana, reason="because")
    sourcing.change(held, "agency", by=dana, reason=REASON)
    sourcing.change(held, "unknown", by=erin)
    held.refresh_from_db()
    assert held.source_tier == "unknown"


def test_an_auditor_reads_the_source_and_no_form(held: Photo, avery: User, client: Client) -> None:
    client.force_login(avery)
    page = client.get(reverse("admin:newsroom_photo_change", args=[held.pk])).content.decode()
    assert "Reader or social media" in page
    assert "tier_reason" not in page
