"""What people see: readers the published, each desk its own, and the label where one was concluded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from detection import audit, gate, redaction, reviewing, waiting
from detection.providers.scripted import ScriptedProvider
from detection.vocabulary import Conclusion
from newsroom import publishing, uploads
from newsroom.models import Desk, Photo, PictureUse, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db

NOTE = "The agency says that it was made with a generator."


def page(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


@pytest.fixture
def confirmed(story: Story, held: Photo, dana: User) -> Photo:
    """The chief confirmed that AI made it, and gave the words for readers; the story uses it as an illustration."""
    story.placements.update(use=PictureUse.ILLUSTRATION)
    reviewing.decide(
        asset_of(held),
        Conclusion.CONFIRMED_AI_GENERATED,
        by=dana,
        evidence=gate.report(story).lines[0].evidence,
        subject=story,
        note=NOTE,
        reason_code="illustration_labelled",
        reader_label="Illustration made with AI",
    )
    return held


def test_readers_see_the_credit_and_the_concluded_label(
    story: Story, confirmed: Photo, dana: User, erin: User, client: Client
) -> None:
    Photo.objects.filter(pk=confirmed.pk).update(credit="Agency X", licence="CC BY 4.0", alt_text="A rocket")
    line = gate.report(story).lines[0]
    assert line.level == "acknowledge", "labelled, it is no photograph any more"
    gate.acknowledge(story, asset_of(confirmed), by=erin, evidence=line.evidence, reason_code="illustration_labelled")
    assert publishing.publish(story, by=erin).published

    shown = page(client, story.get_absolute_url())

    assert "Illustration made with AI" in shown
    assert "Agency X, CC BY 4.0" in shown
    assert 'alt="A rocket"' in shown
    assert "photos/" not in shown, "readers never learn where the original lies"


def test_a_label_that_was_taken_back_is_not_shown(story: Story, confirmed: Photo, dana: User) -> None:
    review = asset_of(confirmed).reviews.first()
    assert review is not None
    reviewing.undo(review, by=dana)
    assert gate.report(story).lines[0].placed.reader_label == ""


def test_a_picture_without_a_conclusion_has_no_label(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, client: Client
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    publishing.publish(story, by=erin)
    shown = page(client, story.get_absolute_url())
    assert "<figure>" in shown
    assert "n-label" not in shown


def test_readers_find_the_published_stories_and_no_others(story: Story, erin: User, client: Client) -> None:
    Story.objects.create(slug="secret", headline="Not yet", desk=story.desk)
    publishing.publish(story, by=erin)
    shown = page(client, reverse("newsroom:start"))
    assert "Night launch" in shown
    assert "Not yet" not in shown


def test_the_start_page_shows_a_persons_own_desk_and_what_waits(
    story: Story, held: Photo, erin: User, sports: Desk, client: Client
) -> None:
    Story.objects.create(slug="cup", headline="The cup", desk=sports)
    client.force_login(erin)
    shown = page(client, reverse("newsroom:start"))
    assert "Night launch" in shown
    assert "needs a look" in shown
    assert "The cup" not in shown


@pytest.mark.parametrize("address", ["admin:newsroom_story_changelist", "admin:newsroom_photo_changelist"])
def test_lists_hold_only_what_is_of_ones_own_desk(
    address: str, story: Story, held: Photo, erin: User, sam: User, client: Client
) -> None:
    wanted = story.headline if "story" in address else str(held)
    client.force_login(erin)
    assert wanted in page(client, reverse(address))
    client.force_login(sam)
    assert wanted not in page(client, reverse(address))


def test_the_picture_list_is_filtered_by_signal(
    held: Photo, upload: Upload, scripted: ScriptedProvider, erin: User, client: Client
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    other = upload(tier="staff")
    client.force_login(erin)
    shown = page(client, reverse("admin:newsroom_photo_changelist") + "?signal=strong")
    assert str(held) in shown
    assert f">{other}<" not in shown


def test_the_story_page_says_what_who_and_the_next_click(
    story: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    client.force_login(erin)
    shown = page(client, reverse("admin:newsroom_story_change", args=[story.pk]))
    assert "The picture needs a look" in shown
    assert "Strong signs of AI generation" in shown
    assert "Dana" in shown
    assert f"/admin/detection/asset/{asset_of(held).public_id}/review/?for=newsroom.story:{story.pk}" in shown


def test_an_auditor_reads_a_story_and_changes_nothing(story: Story, held: Photo, avery: User, client: Client) -> None:
    client.force_login(avery)
    address = reverse("admin:newsroom_story_change", args=[story.pk])
    shown = page(client, address)
    assert 'name="headline"' not in shown
    assert "Publish now" not in shown
    assert client.post(address, {"headline": "Changed"}).status_code == 403
    assert client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).status_code == 403


def test_a_pictures_file_and_whether_it_is_kept_inside_are_not_edited(
    held: Photo, erin: User, dana: User, client: Client
) -> None:
    address = reverse("admin:newsroom_photo_change", args=[held.pk])
    for who in (erin, dana):
        client.force_login(who)
        shown = page(client, address)
        assert 'name="source_tier"' in shown
        assert 'name="image"' not in shown
        assert 'name="keep_inside"' not in shown


def test_another_desks_picture_cannot_be_attached(
    story: Story, held: Photo, sam: User, sports: Desk, client: Client
) -> None:
    cup = Story.objects.create(slug="cup", headline="The cup", desk=sports)
    client.force_login(sam)
    form = {"headline": "The cup", "slug": "cup", "desk": sports.pk, "attach": held.pk}
    form |= {"placements-TOTAL_FORMS": 0, "placements-INITIAL_FORMS": 0}
    answer = client.post(reverse("admin:newsroom_story_change", args=[cup.pk]), form)
    assert answer.status_code == 200, "the form comes back"
    assert not cup.placements.exists()


def test_a_story_cannot_be_moved_to_a_desk_one_is_not_on(
    story: Story, erin: User, sports: Desk, client: Client
) -> None:
    client.force_login(erin)
    form = {"headline": "Night launch", "slug": story.slug, "desk": sports.pk}
    form |= {"placements-TOTAL_FORMS": 0, "placements-INITIAL_FORMS": 0}
    client.post(reverse("admin:newsroom_story_change", args=[story.pk]), form)
    story.refresh_from_db()
    assert story.desk.slug == "news"


def test_no_page_of_ours_carries_script_or_style_inline(
    story: Story, held: Photo, erin: User, dana: User, client: Client, settings: object
) -> None:
    client.force_login(dana)
    refused = client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).content.decode()
    shown = [refused, *(page(client, reverse(f"newsroom:{name}")) for name in ("start", "check"))]
    shown.append(page(client, reverse("admin:newsroom_story_change", args=[story.pk])))
    for one in shown:
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)(?![^>]*json)", one)


def test_the_installations_notice_stands_on_every_page(
    settings: object, erin: User, story: Story, client: Client
) -> None:
    settings.DETECTION_NOTICE = "Demo: this detector's answers are scripted."  # type: ignore[attr-defined]
    client.force_login(erin)
    for address in ("/", "/check/", "/admin/", reverse("admin:newsroom_story_change", args=[story.pk])):
        assert "answers are scripted." in page(client, address), address


def test_uploads_have_no_address(held: Photo, client: Client) -> None:
    assert client.get(f"/media/{held.image.name}").status_code == 404
    assert client.get(f"/{held.image.name}").status_code == 404
    assert client.get(f"/renditions/{held.image.name}").status_code == 404


@pytest.mark.parametrize("is_same_picture", [True, False], ids=["same picture", "same file"])
def test_a_desk_wide_override_brings_its_label_to_the_desks_other_stories(
    is_same_picture: bool, story: Story, held: Photo, upload: Upload, dana: User, sports: Desk
) -> None:
    other = Story.objects.create(slug="other", headline="Other", desk=story.desk)
    abroad = Story.objects.create(slug="cup", headline="The cup", desk=sports)
    with held.image.open("rb") as file:
        content = file.read()
    photo = held if is_same_picture else upload(into=None, content=content)
    for one in (other, abroad):
        uploads.place(photo, one)
    gate.override(
        story,
        asset_of(held),
        by=dana,
        evidence=gate.report(story).lines[0].evidence,
        reason_code="original_seen",
        note=NOTE,
        reader_label="Made with AI",
        scope="desk",
    )
    label = {one.slug: gate.report(one).lines[0].placed.reader_label for one in (story, other, abroad)}
    assert label == {story.slug: "Made with AI", "other": "Made with AI", "cup": ""}


def placement_form(story: Story, **changes: object) -> dict[str, object]:
    placement = story.placements.get()
    one = {"id": placement.pk, "story": story.pk, "use": placement.use, "reader_label": placement.reader_label}
    one |= {"position": placement.position, **changes}
    form = {"headline": story.headline, "slug": story.slug, "desk": story.desk_id}
    form |= {"placements-TOTAL_FORMS": 1, "placements-INITIAL_FORMS": 1}
    return form | {f"placements-0-{name}": value for name, value in one.items()}


def changes_of(story: Story) -> list[dict[str, object]]:
    entries = [one for one in audit.history(subject=story) if one.action == "story.picture_changed"]
    return [
        {name: entry.facts[name] for name in entry.facts if name not in ("picture", "correlation")} for entry in entries
    ]


def test_what_a_form_changes_about_a_picture_stands_in_the_history(
    story: Story, held: Photo, erin: User, client: Client
) -> None:
    client.force_login(erin)
    address = reverse("admin:newsroom_story_change", args=[story.pk])
    client.post(address, placement_form(story))
    assert changes_of(story) == [], "nothing changed"
    client.post(address, placement_form(story, use="illustration", reader_label="Made with AI"))
    now = {"use": "illustration", "label": "Made with AI"}
    assert changes_of(story) == [{"change": "changed", "was_use": "photograph", "was_label": "", **now}]
    client.post(address, placement_form(story, DELETE="on"))
    assert changes_of(story)[0] == {"change": "removed", **now}
    client.post(address, placement_form_without(story) | {"attach": held.pk})
    assert changes_of(story)[0]["change"] == "added"


def placement_form_without(story: Story) -> dict[str, object]:
    form = {"headline": story.headline, "slug": story.slug, "desk": story.desk_id}
    return form | {"placements-TOTAL_FORMS": 0, "placements-INITIAL_FORMS": 0}


def test_a_label_that_readers_lose_after_publication_is_told(
    story: Story, held: Photo, erin: User, dana: User, client: Client
) -> None:
    story.placements.update(use=PictureUse.ILLUSTRATION, reader_label="Made with AI")
    evidence = gate.report(story).lines[0].evidence
    reviewing.decide(
        asset_of(held), Conclusion.CONFIRMED_AI_GENERATED, by=dana, evidence=evidence, subject=story, note=NOTE
    )
    line = gate.report(story).lines[0]
    gate.acknowledge(story, asset_of(held), by=erin, evidence=line.evidence, reason_code="illustration_labelled")
    assert publishing.publish(story, by=erin).published
    story.alerts.all().delete()

    client.force_login(erin)
    client.post(reverse("admin:newsroom_story_change", args=[story.pk]), placement_form(story, reader_label=""))

    assert story.placements.get().reader_label == ""
    assert story.alerts.get().is_urgent


def test_a_shared_pictures_page_names_no_story_of_another_desk(
    story: Story, held: Photo, sam: User, avery: User, sports: Desk, client: Client
) -> None:
    uploads.place(held, Story.objects.create(slug="cup", headline="The cup", desk=sports))
    address = reverse("admin:newsroom_photo_change", args=[held.pk])
    client.force_login(sam)
    shown = page(client, address)
    assert "The cup" in shown
    assert story.headline not in shown
    client.force_login(avery)
    assert story.headline in page(client, address)


def test_a_shared_pictures_history_tells_another_desk_when_and_what_but_not_about_which_story(
    story: Story, held: Photo, dana: User, sam: User, avery: User, sports: Desk, client: Client
) -> None:
    uploads.place(held, Story.objects.create(slug="cup", headline="The cup", desk=sports))
    evidence = gate.report(story).lines[0].evidence
    known = {"by": dana, "evidence": evidence, "note": NOTE, "reason_code": "original_seen"}
    gate.override(story, asset_of(held), **known, reader_label="Made with AI")  # type: ignore[arg-type]
    address = reverse("admin:detection_asset_review", args=[asset_of(held).public_id])
    for reader, is_told in ((sam, False), (dana, True), (avery, True)):
        client.force_login(reader)
        shown = page(client, address)
        assert "Override granted for a story" in shown
        assert (story.headline in shown, NOTE in shown) == (is_told, is_told), reader
        assert ("On another desk" in shown) is not is_told


def queue_of(client: Client, user: User) -> list[str]:
    client.force_login(user)
    shown = client.get(reverse("admin:detection_queue_changelist")).context["rows"]
    return [row.place.asset.object_key for row in shown]


@pytest.mark.parametrize(
    ("for_story", "left_for"),
    # An editor's word leaves the hold to the desk's chief; one for no story answers for none.
    [("news", {"dana", "sam"}), ("none", {"erin", "dana", "sam"}), ("cup", {"erin", "dana"})],
)
def test_a_conclusion_takes_a_picture_off_the_queue_of_the_desk_where_it_counts(
    for_story: str,
    left_for: set[str],
    story: Story,
    held: Photo,
    erin: User,
    dana: User,
    sam: User,
    sports: Desk,
    client: Client,
) -> None:
    cup = Story.objects.create(slug="cup", headline="The cup", desk=sports)
    uploads.place(held, cup)
    waiting.note(story)
    waiting.note(cup)
    subject = {"news": story, "cup": cup, "none": None}[for_story]
    evidence = gate.report(story).lines[0].evidence
    by = sam if subject == cup else erin
    review = reviewing.decide(asset_of(held), Conclusion.ACCEPTED, by=by, evidence=evidence, subject=subject)
    people = {"erin": erin, "dana": dana, "sam": sam}
    assert {name for name, user in people.items() if queue_of(client, user)} == left_for
    reviewing.undo(review, by=by)
    assert all(queue_of(client, user) for user in people.values()), "taken back, it asks again"


def test_h02_an_error_nobody_foresaw_shows_no_secret_and_logs_none(
    story: Story, erin: User, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its key stands in the exception and in a variable of its frame, as a library's may."""

    def broken(*args: Any, **options: Any) -> None:
        secret = settings.SECRET_KEY
        raise RuntimeError(f"no answer for {secret}")

    monkeypatch.setattr("newsroom.views.render", broken)
    redaction.on_every_handler()
    caplog.handler.addFilter(redaction.RedactionFilter())
    client = Client(raise_request_exception=False)
    client.force_login(erin)
    answer = client.get(reverse("newsroom:start"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert settings.SECRET_KEY not in answer.content.decode()
    assert "no answer for [redacted]" in caplog.text
    assert settings.SECRET_KEY not in caplog.text
    assert all(settings.SECRET_KEY not in f"{vars(record)}" for record in caplog.records)
