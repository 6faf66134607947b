"""Each story's worst open picture on list, board and edit page; what an open page asks for; replacing a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from detection import audit, gate, reviewing, scanning
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import photo_like
from detection.vocabulary import Conclusion
from newsroom import labels, publishing, rollup, uploads
from newsroom.models import Desk, Photo, PictureUse, Placement, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db
NOTE = "The photographer sent the original file."


def test_the_worst_open_picture_stands_for_the_story(
    story: Story, scripted: ScriptedProvider, upload: Upload, held: Photo
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    [found] = rollup.of([Story.objects.get()]).values()
    assert (found.count, found.all, found.tone) == (1, 2, "stop")
    assert found.sentence == "1 of 2 pictures needs a look."
    assert str(asset_of(held).public_id) in found.url


def test_a_picture_that_readers_see_and_that_is_in_question_says_so(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="staff")
    publishing.publish(story, by=erin)
    assert rollup.of([Story.objects.get()])[story.pk].sentence == "No image asks for anything."
    scripted.will_return("likely_ai", ai_score=0.97)
    scanning.request_scan(photo, by=erin, force=True)
    assert "being checked" in rollup.of([Story.objects.get()])[story.pk].sentence
    drain()
    found = rollup.of([Story.objects.get()])[story.pk]
    assert (found.is_live, found.sentence) == (True, "The picture is live with an open question.")


def many(news: Desk, held: Photo, number: int) -> None:
    for one in range(number):
        story = Story.objects.create(slug=f"story-{one}", headline=f"Story {one}", desk=news)
        Placement.objects.create(story=story, photo=held)


def test_lists_ask_as_often_for_twenty_stories_as_for_two(
    news: Desk, held: Photo, erin: User, dana: User, client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(erin)
    many(news, held, 20)
    for address, most in (
        (reverse("newsroom:board"), 40),
        (reverse("admin:newsroom_story_changelist"), 40),
        (reverse("newsroom:start"), 75),
    ):
        with django_assert_max_num_queries(most):
            page = client.get(address).content.decode()
        assert page.count('class="n-rollup"') >= 15, address
        assert "The picture needs a look." in page, address


def test_labels_worked_out_together_are_those_worked_out_alone(
    news: Desk, sports: Desk, story: Story, held: Photo, dana: User
) -> None:
    asset, evidence = asset_of(held), gate.report(story).lines[0].evidence
    words = {"by": dana, "evidence": evidence, "reason_code": "original_seen", "note": NOTE}
    gate.override(story, asset, scope="desk", reader_label="Made with AI", **words)
    other = Story.objects.create(slug="other", headline="Other", desk=news)
    foreign = Story.objects.create(slug="foreign", headline="Foreign", desk=sports)
    for one in (other, foreign):
        Placement.objects.create(story=one, photo=held)
    reviewing.decide(asset, Conclusion.CONFIRMED_AI_ALTERED, subject=other, reader_label="Altered with AI", **words)
    stories = [Story.objects.get(pk=one.pk) for one in (story, other, foreign)]
    alone = [labels.for_readers(one, list(one.placements.all())) for one in stories]
    labels.attach(stories)
    assert [labels.attached(one) for one in stories] == alone
    assert [next(iter(one.values())) for one in alone] == ["Altered with AI", "Altered with AI", ""]


def test_an_open_page_is_told_of_its_own_stories_alone(
    story: Story, held: Photo, erin: User, sam: User, client: Client, scripted: ScriptedProvider
) -> None:
    address = f"{reverse('newsroom:live')}?notice={story.pk}&ids={story.pk},x,99999999999999999999"
    client.force_login(sam)
    assert client.get(address).json() == {"stories": {}}
    client.force_login(erin)
    first = client.get(address).json()
    assert first["stories"][str(story.pk)]["sentence"] == "Night launch: The picture needs a look."
    assert "Strong signs of AI generation" in first["notice"]
    assert f'value="{reverse("admin:newsroom_story_change", args=[story.pk])}"' in first["notice"], "the way back"
    scripted.will_return("likely_human", ai_score=0.02)
    scanning.request_scan(held, by=erin, force=True)
    drain()
    second = client.get(address).json()
    assert second["stories"][str(story.pk)]["version"] != first["stories"][str(story.pk)]["version"]
    assert client.get(address).json() == second, "nothing happened, nothing differs"


def test_the_edit_page_carries_the_roll_up_and_where_to_ask(
    story: Story, held: Photo, erin: User, client: Client
) -> None:
    client.force_login(erin)
    page = client.get(reverse("admin:newsroom_story_change", args=[story.pk])).content.decode()
    assert "The picture needs a look." in page
    assert f'data-live="{reverse("newsroom:live")}?notice={story.pk}"' in page
    assert 'type="module"' in page
    assert reverse("admin:newsroom_story_replace", args=[story.pk, held.pk]) in page


def replacement(**other: Any) -> dict[str, Any]:
    file = SimpleUploadedFile("better.jpg", photo_like(seed=77, size=(320, 240)), content_type="image/jpeg")
    return {"file": file, "their_tier": "staff", "their_credit": "Ines Moll"} | other


class TestReplacing:
    """From the warning, in one page: another picture takes the place and the use of one that is in question."""

    @pytest.fixture
    def address(self, story: Story, held: Photo) -> str:
        story.placements.update(position=4, use=PictureUse.ILLUSTRATION, reader_label="Made with AI")
        return reverse("admin:newsroom_story_replace", args=[story.pk, held.pk])

    def test_the_new_one_stands_where_the_old_one_stood(
        self, address: str, story: Story, held: Photo, erin: User, client: Client, scripted: ScriptedProvider
    ) -> None:
        client.force_login(erin)
        assert "takes the place of" in client.get(address).content.decode()
        scripted.will_return("likely_human", ai_score=0.02)
        answer = client.post(address, replacement())
        assert answer["Location"] == reverse("admin:newsroom_story_change", args=[story.pk])
        placement = story.placements.get()
        assert (placement.position, placement.use, placement.reader_label) == (4, "illustration", "")
        assert (placement.photo.source_tier, placement.photo.credit) == ("staff", "Ines Moll")
        assert Photo.objects.filter(pk=held.pk).exists()
        assert "story.picture_replaced" in [entry.action for entry in audit.history(subject=story)]
        drain()
        assert publishing.publish(story, by=erin).published

    def test_without_a_file_it_says_so_and_swaps_nothing(
        self, address: str, story: Story, held: Photo, erin: User, client: Client
    ) -> None:
        client.force_login(erin)
        answer = client.post(address, {})
        assert answer.status_code == 400
        assert "Choose a file." in answer.content.decode()
        assert story.placements.get().photo == held

    def test_where_there_is_no_room_nothing_is_swapped(
        self, address: str, story: Story, held: Photo, erin: User, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: Any, **kwargs: Any) -> None:
            raise uploads.NotStored("better.jpg", is_full=True)

        monkeypatch.setattr(uploads, "receive", full)
        client.force_login(erin)
        answer = client.post(address, replacement())
        assert answer.status_code == 507
        assert "no room left" in answer.content.decode()
        assert story.placements.get().photo == held

    @pytest.mark.parametrize(("name", "status"), [("sam", 404), ("avery", 403)])
    def test_it_is_for_whoever_writes_the_story(
        self, name: str, status: int, address: str, story: Story, held: Photo, client: Client, request: Any
    ) -> None:
        client.force_login(request.getfixturevalue(name))
        assert client.post(address, replacement()).status_code == status
        assert story.placements.get().photo == held


def test_a_pictures_page_names_every_story_that_uses_it(
    story: Story, held: Photo, erin: User, news: Desk, client: Client
) -> None:
    other = Story.objects.create(slug="other", headline="Another story", desk=news, state="published")
    Placement.objects.create(story=other, photo=held)
    client.force_login(erin)
    page = client.get(reverse("admin:newsroom_photo_change", args=[held.pk])).content.decode()
    assert page.index("Another story") < page.index("Night launch"), "what readers see comes first"
    assert "Published" in page


def test_the_script_is_a_module_without_anything_inline() -> None:
    root = Path(__file__).resolve().parents[2]
    source = (root / "static" / "newsroom" / "live.js").read_text()
    assert "eval(" not in source
    assert "innerHTML = html" in source, "our own fragments alone, parsed in a template element"
    for template in (root / "templates").rglob("*.html"):
        words = template.read_text()
        assert "<style" not in words, template
        assert " style=" not in words, template
        assert " onclick=" not in words, template
