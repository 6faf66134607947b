"""An editor sends a held picture to the chief: one click where it is met, and it stands first on the chief's desk."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection import gate, waiting
from detection.providers.scripted import ScriptedProvider
from newsroom import handed, publishing
from newsroom.models import Desk, Photo, Role, Story

from .conftest import Upload, asset_of, person

pytestmark = pytest.mark.django_db
NOTE = "The photographer sent the original."


def send(story: Story, photo: Photo, *, by: User, note: str = "") -> None:
    line = next(line for line in gate.report(story).lines if line.placed.picture == photo)
    gate.send_to_chief(story, asset_of(photo), by=by, evidence=line.evidence, note=note)


def clear(story: Story, photo: Photo, *, by: User) -> None:
    evidence = gate.report(story).lines[0].evidence
    gate.override(story, asset_of(photo), by=by, evidence=evidence, reason_code="original_seen", note=NOTE)


def start(client: Client, user: User) -> str:
    client.force_login(user)
    return client.get(reverse("newsroom:start")).content.decode()


def fields(page: str) -> tuple[str, dict[str, str]]:
    """The address and hidden fields of the form that sends to the chief."""
    form = re.search(r'<form method="post" action="([^"]+)" class="d-send">(.*?)</form>', page, re.DOTALL)
    assert form, "there is no button to send it"
    return form[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))


def test_one_click_on_the_story_page_and_the_page_says_who_got_it(
    story: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    client.force_login(erin)
    edit = reverse("admin:newsroom_story_change", args=[story.pk])
    address, typed = fields(client.get(edit).content.decode())

    answer = client.post(address, typed)

    assert answer["Location"] == edit, "back on the story"
    shown = client.get(edit).content.decode()
    assert "Sent to the desk chief (Dana)" in shown
    assert 'class="d-send"' not in shown


def test_the_refused_page_offers_it_too(story: Story, held: Photo, erin: User, dana: User, client: Client) -> None:
    client.force_login(erin)
    publish = reverse("admin:newsroom_story_move", args=[story.pk, "publish"])
    address, typed = fields(client.post(publish).content.decode())
    client.post(address, typed)
    assert "Sent to the desk chief (Dana)" in client.post(publish).content.decode()


def test_the_chief_finds_it_first_with_picture_name_and_the_way_to_the_evidence(
    story: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    send(story, held, by=erin, note="The account is two days old.")
    page = start(client, dana)
    assert page.index("Sent to you") < page.index("At work")
    section = page[page.index("Sent to you") : page.index("At work")]
    for wanted in (story.headline, str(held), "Sent by Erin", "two days old", f"{asset_of(held).public_id}/preview"):
        assert wanted in section
    assert f"/review/?for=newsroom.story:{story.pk}&amp;next=/" in section


def test_nobody_else_is_shown_it(
    story: Story, held: Photo, erin: User, avery: User, rosa: User, sports: Desk, client: Client
) -> None:
    send(story, held, by=erin)
    for somebody in (erin, avery, rosa, person("petra", sports, Role.CHIEF)):
        assert "Sent to you" not in start(client, somebody), somebody


def test_it_leaves_the_list_when_cleared_and_comes_back_with_the_question(
    story: Story, held: Photo, erin: User, dana: User
) -> None:
    send(story, held, by=erin)
    clear(story, held, by=dana)
    assert handed.waiting_for(dana) == []
    publishing.publish(story, by=erin)
    assert handed.waiting_for(dana) == []


def test_a_picture_taken_out_waits_no_longer(story: Story, held: Photo, erin: User, dana: User) -> None:
    send(story, held, by=erin)
    story.placements.all().delete()
    assert handed.waiting_for(dana) == []


def test_what_was_not_sent_does_not_wait(
    story: Story, held: Photo, scripted: ScriptedProvider, upload: Upload, erin: User, dana: User
) -> None:
    scripted.will_return("likely_ai", ai_score=0.97)
    other = upload(tier="ugc")
    send(story, other, by=erin)
    assert [one.line.label for one in handed.waiting_for(dana)] == [str(other)]


def test_after_an_override_the_chief_is_back_on_the_story(
    story: Story, held: Photo, dana: User, client: Client
) -> None:
    client.force_login(dana)
    edit = reverse("admin:newsroom_story_change", args=[story.pk])
    notice = client.get(edit).content.decode()
    [review] = set(re.findall(r'href="(/admin/detection/asset/[^"]+next=[^"#]+)', notice))
    assert review.endswith(f"&amp;next={edit}")
    page = client.get(review.replace("&amp;", "&")).content.decode()
    form = page[page.index(reverse("admin:detection_gate_override")) :]
    typed = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[: form.index("</form>")]))
    typed |= {"reason_code": "original_seen", "note": NOTE, "scope": "story"}
    assert client.post(reverse("admin:detection_gate_override"), typed)["Location"] == edit


def test_the_demos_tour_is_folded_for_those_at_work_and_open_for_visitors(
    story: Story, erin: User, client: Client, settings: object
) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    settings.DEMO_PASSWORD = "open sesame"  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = "tests.newsroom.test_demo"  # type: ignore[attr-defined]
    here = {"HTTP_HOST": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1"}
    visitors = client.get("/", **here).content.decode()
    client.force_login(erin)
    own = client.get("/", **here).content.decode()
    assert "open sesame" in visitors
    assert "n-tour-fold" not in visitors
    assert '<details class="n-tour-fold"><summary>A tour of two minutes</summary>' in own
    assert "open sesame" in own[own.index("n-tour-fold") : own.index("</details>")]


def test_the_queue_and_the_board_say_who_sent_it_and_when_while_it_is_held(
    story: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    queue, board = reverse("admin:detection_queue_changelist"), reverse("newsroom:board")
    said = "Sent to the desk chief by Erin, "
    waiting.note(story)
    for user in (erin, dana):
        client.force_login(user)
        assert said not in client.get(queue).content.decode() + client.get(board).content.decode()
    send(story, held, by=erin)
    for user in (erin, dana):
        client.force_login(user)
        assert said in client.get(queue).content.decode(), user
        assert said in client.get(board).content.decode(), user
    clear(story, held, by=dana)
    assert said not in client.get(board).content.decode()


def test_the_warning_explains_its_words_one_click_away(story: Story, held: Photo, erin: User, client: Client) -> None:
    client.force_login(erin)
    page = client.get(reverse("admin:newsroom_story_change", args=[story.pk])).content.decode()
    words = reverse("admin:detection_queue_words")
    notice = page[page.index("d-notice-lines") :]
    for anchor in ("level-hold", "signal-strong"):
        assert f'href="{words}#{anchor}"' in notice
        assert f'id="{anchor}"' in client.get(words).content.decode()
