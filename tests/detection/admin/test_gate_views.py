"""The gate's forms: POST only, bound to the evidence, 403 and 409 as answers, typed words kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from detection.models import Acknowledgement, Asset, AuditEvent, Override
from tests.detection.admin import cast

NOTE = "Original raw file seen on the photographer's camera."


def words(asset: Asset, story: Any, **more: Any) -> dict[str, Any]:
    return {
        "subject": cast.name_of(story),
        "asset": str(asset.public_id),
        "evidence": asset.evidence,
        "reason_code": "original_seen",
        "note": NOTE,
        "seen": "on",
        **more,
    }


@pytest.mark.parametrize("name", ["acknowledge", "override", "revoke", "send"])
def test_the_forms_answer_to_post_alone(client: Any, dana: Any, name: str) -> None:
    client.force_login(dana)
    assert client.get(reverse(f"admin:detection_gate_{name}")).status_code == 405


def test_an_editor_acknowledges_an_open_question(client: Any, erin: Any) -> None:
    asset = cast.strong()
    story = cast.article(asset)
    client.force_login(erin)
    answer = client.post(reverse("admin:detection_gate_acknowledge"), words(asset, story))
    assert answer.status_code == 302
    assert Acknowledgement.objects.get().author == erin


def test_an_editor_cannot_override(client: Any, erin: Any) -> None:
    asset = cast.declared()
    client.force_login(erin)
    answer = client.post(
        reverse("admin:detection_gate_override"), words(asset, cast.article(asset), reader_label="Made with AI")
    )
    assert answer.status_code == 403
    assert not Override.objects.exists()


def test_a_chief_lets_one_story_go(client: Any, dana: Any) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    client.force_login(dana)
    answer = client.post(
        reverse("admin:detection_gate_override"),
        words(asset, story, reader_label="Made with AI", scope="story", next="/admin/otherhost/article/"),
    )
    assert answer["Location"] == "/admin/otherhost/article/"
    override = Override.objects.get()
    assert (override.reader_label, override.note, override.scope) == ("Made with AI", NOTE, "story")


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"evidence": "0" * 64}, 409, "The evidence changed"),
        ({"note": "Too short"}, 400, "at least 15 characters"),
        ({"reason_code": ""}, 400, "Choose a reason"),
        ({"reason_code": "because"}, 400, "because"),
        ({"reader_label": ""}, 400, "label for readers"),
        ({"ends_at": "tomorrow"}, 400, "Give the end as a date and a time"),
        ({"ends_at": "2001-01-01T10:00"}, 400, "already passed"),
        ({"scope": "world"}, 400, "world"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    client: Any, dana: Any, change: dict[str, str], status: int, sentence: str
) -> None:
    asset = cast.declared()
    typed = words(asset, cast.article(asset), reader_label="Made with AI") | change
    client.force_login(dana)
    answer = client.post(reverse("admin:detection_gate_override"), typed)
    page = answer.content.decode()
    assert answer.status_code == status
    assert sentence in page
    assert typed["note"].replace("'", "&#x27;") in page
    assert not Override.objects.exists()


def test_it_never_sends_anybody_to_a_foreign_host(client: Any, dana: Any) -> None:
    asset = cast.declared()
    client.force_login(dana)
    answer = client.post(
        reverse("admin:detection_gate_override"),
        words(asset, cast.article(asset), reader_label="Made with AI", next="https://elsewhere.example/"),
    )
    assert answer["Location"].startswith("/admin/detection/asset/")


def test_an_override_is_ended_with_a_reason(client: Any, dana: Any) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    client.force_login(dana)
    client.post(reverse("admin:detection_gate_override"), words(asset, story, reader_label="Made with AI"))
    override = Override.objects.get()
    revoke = reverse("admin:detection_gate_revoke")
    assert client.post(revoke, {"override": override.public_id, "reason": " "}).status_code == 400
    assert client.post(revoke, {"override": override.public_id, "reason": "New facts."}).status_code == 302
    assert Override.objects.get().revoked_at is not None


def test_the_page_of_an_overridden_story_offers_to_end_it(client: Any, dana: Any) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    client.force_login(dana)
    ends = (timezone.localtime() + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M")
    client.post(
        reverse("admin:detection_gate_override"), words(asset, story, reader_label="Made with AI", ends_at=ends)
    )
    url = reverse("admin:detection_asset_review", args=[asset.public_id])
    page = client.get(f"{url}?for={cast.name_of(story)}").content.decode()
    assert "End the override" in page
    assert "Cleared for this story by Dana Example" in page


@pytest.mark.parametrize("change", [{"asset": "nonsense"}, {"subject": "otherhost.article:999"}])
def test_what_is_not_there_is_not_found(client: Any, dana: Any, change: dict[str, str]) -> None:
    asset = cast.declared()
    client.force_login(dana)
    answer = client.post(reverse("admin:detection_gate_acknowledge"), words(asset, cast.article(asset)) | change)
    assert answer.status_code == 404


def test_a_stranger_finds_nothing_to_override(client: Any, sam: Any) -> None:
    asset = cast.declared()
    client.force_login(sam)
    answer = client.post(reverse("admin:detection_gate_override"), words(asset, cast.article(asset)))
    assert answer.status_code == 404


def sendings() -> int:
    return AuditEvent.objects.filter(action="gate.sent_to_chief").count()


def test_an_editor_sends_a_held_picture_to_the_chief_and_is_back_where_they_were(client: Any, erin: Any) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    client.force_login(erin)
    answer = client.post(
        reverse("admin:detection_gate_send"), words(asset, story, next="/admin/otherhost/article/", note="Please.")
    )
    assert answer["Location"] == "/admin/otherhost/article/"
    assert sendings() == 1


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"evidence": "0" * 64}, 409, "The evidence changed"),
        ({"subject": ""}, 400, "Open the picture from a story"),
    ],
)
def test_what_cannot_be_sent_is_said(
    client: Any, erin: Any, change: dict[str, str], status: int, sentence: str
) -> None:
    asset = cast.declared()
    client.force_login(erin)
    answer = client.post(reverse("admin:detection_gate_send"), words(asset, cast.article(asset)) | change)
    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert sendings() == 0


def test_the_button_is_for_those_who_may_send_and_gives_way_to_what_was_sent(client: Any, erin: Any, dana: Any) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    page = f"{reverse('admin:detection_asset_review', args=[asset.public_id])}?for={cast.name_of(story)}"
    client.force_login(dana)
    assert "Send to the desk chief" not in client.get(page).content.decode(), "Dana is the chief"
    client.force_login(cast.person("avery", "view_audit"))
    assert "Send to the desk chief" not in client.get(page).content.decode(), "Avery only reads"
    client.force_login(erin)
    assert "Send to the desk chief" in client.get(page).content.decode()

    client.post(reverse("admin:detection_gate_send"), words(asset, story, note="Only I could reach the source."))

    shown = client.get(page).content.decode()
    assert "Sent to the desk chief (Dana Example)" in shown
    assert 'class="d-send"' not in shown
    client.force_login(dana)
    shown = client.get(page).content.decode()
    assert "Sent to you by Erin Example" in shown
    assert "Only I could reach the source." in shown


@pytest.mark.parametrize("name", ["override", "revoke", "send"])
def test_a_403_is_true_about_the_record(client: Any, erin: Any, dana: Any, name: str) -> None:
    asset = cast.declared()
    story = cast.article(asset)
    typed = words(asset, story, reader_label="Made with AI", reason="No.")
    client.force_login(dana)
    client.post(reverse("admin:detection_gate_override"), typed)
    typed["override"] = str(Override.objects.get().public_id)
    client.force_login(cast.person("avery", "view_audit") if name == "send" else erin)

    answer = client.post(reverse(f"admin:detection_gate_{name}"), typed)

    assert answer.status_code == 403
    assert "The attempt is recorded." in answer.content.decode()
    assert AuditEvent.objects.filter(action="gate.denied").count() == 1
    assert Override.objects.get().revoked_at is None
