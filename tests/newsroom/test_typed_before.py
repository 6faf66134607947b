"""What was typed before the session ended: it waits for its author, and nothing of it is recorded by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection.models import Override, Review
from newsroom import second_factor, sessions
from newsroom.models import Photo, Story

from .conftest import asset_of
from .test_signing_in import enrol, shown_by

pytestmark = pytest.mark.django_db
NOTE = "The photographer sent the raw file at noon."


@pytest.fixture
def review(story: Story, held: Photo) -> str:
    return reverse("admin:detection_asset_review", args=[asset_of(held).public_id]) + f"?for=newsroom.story:{story.pk}"


def let_it_end(client: Client) -> None:
    session = client.session
    session[sessions.SEEN] -= 3 * 3600
    session.save()


def sign_in(client: Client, name: str, address: str) -> Any:
    return client.post(address, {"username": name, "password": name})


def decision(**more: str) -> dict[str, str]:
    words = {"action": "decide", "conclusion": "cannot_determine", "reason_code": "original_seen", "note": NOTE}
    return {**words, "reader_label": "Made with <AI>", **more}


def test_a_note_is_there_again_after_signing_in(dana: User, client: Client, review: str) -> None:
    client.force_login(dana)
    client.get(review)
    let_it_end(client)

    answer = client.post(review, decision())
    assert answer.status_code == 302
    assert NOTE.split()[0] not in answer["Location"], "no address carries what was typed"
    assert sign_in(client, "dana", answer["Location"])["Location"] == review
    page = client.get(review).content.decode()

    assert "Nothing was recorded; what you typed is here again." in page
    assert NOTE in page
    assert 'value="cannot_determine" checked' in page
    assert "Made with &lt;AI&gt;" in page
    assert not Review.objects.exists()
    assert NOTE in client.get(review).content.decode(), "also after the page is loaded once more"
    client.post(review, decision(evidence="x"))
    assert "what you typed is here again" not in client.get(review).content.decode(), (
        "once it was sent, it is done with"
    )


def test_the_words_of_an_override_come_back_without_the_evidence_they_were_typed_for(
    story: Story, held: Photo, dana: User, client: Client, review: str
) -> None:
    client.force_login(dana)
    let_it_end(client)
    about = {"asset": str(asset_of(held).public_id), "subject": f"newsroom.story:{story.pk}", "evidence": "e" * 64}
    address = reverse("admin:detection_gate_override")
    answer = client.post(address, {**about, "reason_code": "original_seen", "note": NOTE, "scope": "desk"})
    assert sign_in(client, "dana", answer["Location"])["Location"] == review
    page = client.get(review).content.decode()
    assert NOTE in page
    assert "e" * 64 not in page
    assert not Override.objects.exists()


def test_it_waits_for_its_author_alone(dana: User, erin: User, client: Client, review: str) -> None:
    client.force_login(dana)
    let_it_end(client)
    answer = client.post(review, decision())
    sign_in(client, "erin", answer["Location"])
    assert NOTE not in client.get(review).content.decode()


def test_it_waits_while_the_code_is_asked_for(dana: User, client: Client, review: str, settings: Any) -> None:
    settings.SECOND_FACTOR = "everyone"
    key, _codes = enrol(dana)
    client.force_login(dana)
    second_factor_passed = client.session
    second_factor_passed[second_factor.STATE] = second_factor.SETTLED
    second_factor_passed.save()
    let_it_end(client)
    answer = client.post(review, decision())
    sign_in(client, "dana", answer["Location"])
    assert client.get(review).status_code == 302
    client.post(reverse("second_factor:code"), {"code": shown_by(key)})
    assert NOTE in client.get(review).content.decode()


def test_strangers_keep_nothing_without_a_token_or_a_page(review: str, db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(review, decision()).status_code == 403
    loose = Client()
    loose.post(review, {"action": "decide"})
    loose.post(reverse("admin:detection_gate_override"), {"asset": "nonsense", "note": NOTE})
    assert not list(loose.session.keys())
