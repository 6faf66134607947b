"""Every way to readers meets the same gate, and leaves the same history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import audit, gate, reviewing, scanning
from detection.models import AuditEvent
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import photo_like
from detection.vocabulary import Conclusion, Level
from newsroom import publishing, renditions
from newsroom.models import Desk, Photo, PictureUse, Story, StoryAlert, StoryState

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db

NOTE = "The photographer sent the original file."


def clear(story: Story, photo: Photo, *, by: User) -> None:
    asset = asset_of(photo)
    line = next(line for line in gate.report(story).lines if line.asset == asset)
    reviewing.decide(
        asset, Conclusion.ACCEPTED, by=by, evidence=line.evidence, subject=story, note=NOTE, reason_code="original_seen"
    )


def actions(story: Story) -> list[str]:
    return [entry.action for entry in reversed(audit.history(subject=story))]


def by_button(client: Client, story: Story, user: User) -> int:
    client.force_login(user)
    return client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).status_code


def by_bulk_action(client: Client, story: Story, user: User) -> int:
    client.force_login(user)
    chosen = {"action": "publish_selected", "_selected_action": [story.pk]}
    return client.post(reverse("admin:newsroom_story_changelist"), chosen).status_code


def by_command(client: Client, story: Story, user: User) -> int:
    with pytest.raises(SystemExit) as left:
        call_command("publish", story.slug, by=user.username)
    return 409 if left.value.code == 1 else 0


def by_schedule(client: Client, story: Story, user: User) -> int:
    Story.objects.filter(pk=story.pk).update(state=StoryState.SCHEDULED, publish_at=timezone.now())
    call_command("publish_due")
    return 409


def without_another_picture(client: Client, story: Story, user: User) -> int:
    return 200 if publishing.publish(story, by=user).is_done else 409


@pytest.mark.parametrize(
    "route", [by_button, by_bulk_action, by_command, by_schedule, without_another_picture], ids=lambda one: one.__name__
)
def test_every_route_to_readers_meets_the_gate(
    route: Callable[[Client, Story, User], int], client: Client, story: Story, held: Photo, erin: User
) -> None:
    assert route(client, story, erin) == 409
    story.refresh_from_db()
    assert story.state != StoryState.PUBLISHED
    assert "gate.refused" in actions(story)
    assert client.get(story.get_absolute_url()).status_code == 404


def test_a_chief_clears_the_picture_and_the_story_goes_out(story: Story, held: Photo, erin: User, dana: User) -> None:
    assert publishing.publish(story, by=erin).was_refused

    clear(story, held, by=dana)
    outcome = publishing.publish(story, by=erin)

    assert outcome.published, outcome.sentence
    assert actions(story)[-2:] == ["gate.passed", "story.published"]


def test_an_editors_acceptance_does_not_lift_a_hold(story: Story, held: Photo, erin: User) -> None:
    clear(story, held, by=erin)
    outcome = publishing.publish(story, by=erin)
    assert outcome.was_refused
    assert outcome.report is not None
    assert outcome.report.level is Level.HOLD


def test_an_overridden_story_goes_out_with_its_label(story: Story, held: Photo, dana: User, client: Client) -> None:
    asset = asset_of(held)
    evidence = gate.report(story).lines[0].evidence
    gate.override(
        story, asset, by=dana, evidence=evidence, reason_code="original_seen", note=NOTE, reader_label="Made with AI"
    )
    assert publishing.publish(story, by=dana).published
    assert "Made with AI" in client.get(story.get_absolute_url()).content.decode()


def test_a_stranger_may_not_publish_and_the_attempt_is_recorded(story: Story, sam: User) -> None:
    outcome = publishing.publish(story, by=sam)
    assert not outcome.is_done
    assert not outcome.is_permitted
    assert actions(story) == ["gate.denied"]


def test_a_refused_publication_answers_409_with_the_reasons(
    story: Story, held: Photo, erin: User, client: Client
) -> None:
    client.force_login(erin)
    answer = client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"]))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert str(held) in page
    assert "Strong signs of AI generation" in page
    assert "Publish without this picture" in page
    assert "Let this story go" not in page, "an editor is not offered the chief's form"


def test_a_chief_finds_the_override_form_on_the_refusal(story: Story, held: Photo, dana: User, client: Client) -> None:
    client.force_login(dana)
    address = reverse("admin:newsroom_story_move", args=[story.pk, "publish"])
    assert "Let this story go" in client.post(address).content.decode()
    form = {
        "subject": f"newsroom.story:{story.pk}",
        "asset": str(asset_of(held).public_id),
        "evidence": gate.report(story).lines[0].evidence,
        "reason_code": "original_seen",
        "note": NOTE,
        "scope": "story",
        "next": reverse("admin:newsroom_story_change", args=[story.pk]),
    }
    answer = client.post(reverse("admin:detection_gate_override"), form)
    assert (answer.status_code, answer["Location"]) == (302, form["next"])
    assert client.post(address).status_code == 302
    story.refresh_from_db()
    assert story.state == StoryState.PUBLISHED


def test_a_program_gets_the_reasons_as_json(story: Story, held: Photo, erin: User, client: Client) -> None:
    client.force_login(erin)
    address = reverse("admin:newsroom_story_move", args=[story.pk, "publish"])
    answer = client.post(address, headers={"accept": "application/json"})
    assert answer.status_code == 409
    assert answer.json()["level"] == "hold"
    assert answer.json()["reasons"][0]["signal"] == "strong"


def test_a_foreign_desks_story_does_not_exist_for_a_stranger(story: Story, sam: User, client: Client) -> None:
    client.force_login(sam)
    assert client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).status_code == 404


def test_a_get_moves_nothing(story: Story, erin: User, client: Client) -> None:
    client.force_login(erin)
    assert client.get(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).status_code == 405


def test_it_publishes_without_the_picture_that_is_held(story: Story, held: Photo, erin: User, client: Client) -> None:
    client.force_login(erin)
    placement = story.placements.get()
    address = reverse("admin:newsroom_story_move", args=[story.pk, "publish-without"])
    client.post(address, {"placement": placement.pk})
    story.refresh_from_db()
    assert story.state == StoryState.PUBLISHED
    assert not story.placements.exists()
    assert "story.picture_left_out" in actions(story)


def test_a_correction_of_a_published_story_is_not_refused(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    assert publishing.publish(story, by=erin).published
    photo = story.photos.get()
    scripted.will_return("likely_ai", ai_score=0.97)
    from_now_on(photo, erin)

    assert publishing.publish(story, by=erin).published


def from_now_on(photo: Photo, by: User) -> None:
    """Another look at a picture, which finds what the detector now says."""
    scanning.request_scan(photo, by=by, force=True)
    drain()


def test_a_live_picture_in_a_new_use_is_judged_again(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="freelance")
    story.placements.update(use=PictureUse.ILLUSTRATION)
    assert publishing.publish(story, by=erin).published
    scripted.will_return("likely_ai", ai_score=0.97)
    from_now_on(photo, erin)

    story.placements.update(use=PictureUse.PHOTOGRAPH)
    assert publishing.publish(story, by=erin).was_refused


def test_a_published_story_raises_one_alert_when_its_picture_is_found_suspicious(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="staff")
    assert publishing.publish(story, by=erin).published
    scripted.will_return("likely_ai", ai_score=0.97)
    from_now_on(photo, erin)

    alert = StoryAlert.objects.get(story=story)
    assert alert.is_urgent
    assert "Strong signs" in alert.sentence
    story.refresh_from_db()
    assert story.state == StoryState.PUBLISHED, "nothing unpublishes by itself"


def test_withdrawing_takes_the_story_and_its_pictures_from_readers(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, client: Client
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    publishing.publish(story, by=erin)
    address = reverse("newsroom:rendition", args=[story.placements.get().rendition.removeprefix("renditions/")])
    assert b"".join(client.get(address).streaming_content)[:3] == b"\xff\xd8\xff"  # type: ignore[attr-defined]

    assert publishing.withdraw(story, by=erin).is_done

    assert client.get(story.get_absolute_url()).status_code == 404
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("story_change", "placement_change"),
    [
        ({"state": StoryState.DRAFT}, {}),
        ({}, {"use": PictureUse.ILLUSTRATION}),
        ({}, {"published_file": "photos/another.jpg"}),
        ({}, {"rendition_of": "photos/another.jpg"}),
    ],
)
def test_a_copy_for_readers_is_served_only_as_it_was_published(
    story_change: dict[str, Any],
    placement_change: dict[str, Any],
    story: Story,
    scripted: ScriptedProvider,
    upload: Upload,
    erin: User,
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    publishing.publish(story, by=erin)
    name = story.placements.get().rendition.removeprefix("renditions/")
    assert renditions.public(name) is not None

    if story_change:
        Story.objects.filter(pk=story.pk).update(**story_change)
    if placement_change:
        story.placements.update(**placement_change)

    assert renditions.public(name) is None


class TestAScheduledStory:
    """Scheduling is never refused; at its time the gate is asked."""

    @pytest.fixture
    def due(self, story: Story, erin: User) -> Story:
        assert publishing.schedule(story, timezone.now() + timedelta(hours=2), by=erin).is_done
        story.refresh_from_db()
        return story

    def at(self, story: Story, minutes: float) -> Any:
        assert story.publish_at is not None
        return publishing.publish_due(story.publish_at + timedelta(minutes=minutes))

    def test_it_goes_out_at_its_time(self, due: Story) -> None:
        assert self.at(due, -1) == []
        assert [outcome.published for outcome in self.at(due, 0)] == [True]

    def test_it_is_judged_an_hour_and_a_quarter_of_an_hour_before(self, due: Story, held: Photo) -> None:
        for minutes, alerts in ((-90, 0), (-60, 1), (-50, 1), (-15, 2), (-14, 2)):
            self.at(due, minutes)
            assert StoryAlert.objects.filter(story=due).count() == alerts, minutes

    def test_refused_at_its_time_it_stays_scheduled_and_goes_out_once_it_is_cleared(
        self, due: Story, held: Photo, dana: User
    ) -> None:
        self.at(due, 0)
        self.at(due, 1)
        assert Story.objects.get(pk=due.pk).state == StoryState.SCHEDULED
        assert actions(due).count("gate.refused") == 1, "the history isn't filled each minute"
        assert actions(due).count("story.refused_at_due") == 1
        assert StoryAlert.objects.get(story=due, occasion__startswith="refused").is_urgent

        clear(due, held, by=dana)
        assert [outcome.published for outcome in self.at(due, 30)] == [True]

    def test_held_for_an_hour_it_is_a_draft_again(self, due: Story, held: Photo) -> None:
        self.at(due, 0)
        self.at(due, 60)
        left = Story.objects.get(pk=due.pk)
        assert (left.state, left.publish_at) == (StoryState.DRAFT, None)
        assert actions(due)[-2] == "story.back_to_draft"

    def test_a_time_that_has_passed_is_refused(self, story: Story, erin: User) -> None:
        assert not publishing.schedule(story, timezone.now(), by=erin).is_done

    def test_it_can_be_taken_off_the_schedule(self, due: Story, erin: User) -> None:
        assert publishing.withdraw(due, by=erin).is_done
        due.refresh_from_db()
        assert due.state == StoryState.DRAFT

    @pytest.mark.parametrize("change", [{"state": StoryState.DRAFT, "publish_at": None}, {"later": 60}])
    def test_taken_off_the_schedule_while_its_copies_are_made_it_stays_in_the_house(
        self, change: dict[str, Any], due: Story, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert due.publish_at is not None
        if "later" in change:
            change = {"publish_at": due.publish_at + timedelta(minutes=change["later"])}

        def somebody_is_faster(story: Story) -> None:
            Story.objects.filter(pk=story.pk).update(**change)

        monkeypatch.setattr(renditions, "prepare", somebody_is_faster)
        assert [outcome.is_done for outcome in self.at(due, 0)] == [False]
        left = Story.objects.get(pk=due.pk)
        assert left.state != StoryState.PUBLISHED
        assert "story.published" not in actions(due)
        assert not StoryAlert.objects.exists()

    def test_a_broken_story_keeps_no_other_from_going_out(
        self, due: Story, news: Desk, erin: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = Story.objects.create(slug="after", headline="After", desk=news)
        assert due.publish_at is not None
        publishing.schedule(other, due.publish_at + timedelta(seconds=1), by=erin)

        def break_one(story: Story) -> None:
            if story.pk == due.pk:
                raise RuntimeError("broken")

        monkeypatch.setattr(renditions, "prepare", break_one)
        assert [outcome.published for outcome in self.at(due, 1)] == [False, True]
        assert [outcome.published for outcome in self.at(due, 2)] == [False]
        assert StoryAlert.objects.get(story=due).is_urgent
        self.at(due, 61)
        assert Story.objects.get(pk=due.pk).state == StoryState.DRAFT

    def test_a_look_ahead_that_breaks_is_made_again(
        self, due: Story, held: Photo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(gate, "report", lambda *args, **kwargs: 1 / 0)
            self.at(due, -59)
        self.at(due, -58)
        assert StoryAlert.objects.filter(story=due).count() == 1


def test_a_full_disk_is_an_answer_and_nothing_goes_out(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")

    def full(*args: Any, **kwargs: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(renditions.default_storage, "save", full)
    outcome = publishing.publish(story, by=erin)
    assert not outcome.is_done
    assert "could not be stored" in outcome.sentence
    assert Story.objects.get(pk=story.pk).state == StoryState.DRAFT


@pytest.mark.parametrize("move", [publishing.publish, publishing.submit])
def test_a_picture_that_nobody_asked_about_is_asked_about_on_the_way_out(
    move: Callable[..., publishing.Outcome], story: Story, erin: User
) -> None:
    photo = Photo(image=ContentFile(photo_like(size=(64, 64)), name="x.jpg"), source_tier="ugc")
    Photo.objects.bulk_create([photo])
    story.placements.create(photo=photo)
    assert gate.report(story).lines[0].asset is None

    move(story, by=erin)

    asset_of(photo)
    assert "acknowledge" in gate.report(story, user=erin).lines[0].actions


def test_a_check_that_cannot_be_requested_stops_nobody(
    story: Story, erin: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    photo = Photo(image=ContentFile(photo_like(size=(64, 64)), name="x.jpg"), source_tier="ugc")
    Photo.objects.bulk_create([photo])
    story.placements.create(photo=photo)
    monkeypatch.setattr(scanning, "request_scan", lambda *args, **kwargs: 1 / 0)
    assert publishing.submit(story, by=erin).is_done
    assert "No check could be requested" in caplog.text


@pytest.mark.parametrize(
    ("state", "move", "is_done"),
    [
        (StoryState.DRAFT, publishing.submit, True),
        (StoryState.PUBLISHED, publishing.submit, False),
        (StoryState.SUBMITTED, publishing.submit, False),
        (StoryState.DRAFT, publishing.withdraw, False),
        (StoryState.WITHDRAWN, publishing.publish, True),
        (StoryState.SUBMITTED, publishing.publish, True),
    ],
)
def test_a_move_that_does_not_fit_the_state_says_so(
    state: StoryState, move: Callable[..., publishing.Outcome], is_done: bool, story: Story, erin: User
) -> None:
    Story.objects.filter(pk=story.pk).update(state=state)
    story.refresh_from_db()
    assert move(story, by=erin).is_done is is_done


def test_who_published_what_and_why_stands_in_the_history(story: Story, held: Photo, erin: User, dana: User) -> None:
    publishing.publish(story, by=erin)
    clear(story, held, by=dana)
    publishing.publish(story, by=erin)
    erin.delete()

    people = [(entry.action, entry.actor_label) for entry in reversed(audit.history(subject=story))]
    assert ("gate.refused", "Erin") in people
    assert ("story.published", "Erin") in people
    assert AuditEvent.objects.filter(action="review.concluded").count() == 1
