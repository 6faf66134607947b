"""Publishing past the gate in an emergency: by whom, bound to what, and the review that is due afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import audit, gate
from detection.errors import Refused
from detection.models import AuditEvent, GlassBreak, Override, PolicyVersion
from detection.policy import DEFAULT
from detection.providers.scripted import ScriptedProvider
from newsroom import permissions, publishing
from newsroom.models import Desk, Photo, Role, Story, StoryAlert, StoryState

from .conftest import Upload, asset_of, person

pytestmark = pytest.mark.django_db

NOTE = "The bridge is closed now; the picture was sent by a reader on it."


def seen(story: Story) -> str:
    return gate.seen_in(gate.report(story))


def words(story: Story, **other: Any) -> dict[str, Any]:
    known = {"typed": story.slug, "evidence": seen(story), "reason_code": "public_interest_urgent", "note": NOTE}
    return known | other


def policy(**changes: Any) -> None:
    PolicyVersion.objects.create(number=2, document={**DEFAULT, **changes}, activated_at=timezone.now())


def test_a_chief_publishes_past_open_questions_and_a_review_is_due_within_the_hour(
    story: Story, held: Photo, dana: User, client: Client
) -> None:
    client.force_login(dana)
    refused = client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).content.decode()
    assert "Publish in an emergency" in refused
    assert seen(story) in refused

    answer = client.post(reverse("admin:newsroom_story_move", args=[story.pk, "break-glass"]), words(story))

    assert answer.status_code == 302
    assert client.get(story.get_absolute_url()).status_code == 200
    broken = GlassBreak.objects.get()
    assert timedelta(minutes=59) < broken.due_at - timezone.now() <= timedelta(minutes=60)
    [event] = [entry for entry in audit.history(subject=story) if entry.action == "gate.glass_broken"]
    assert (event.actor_label, event.note, event.facts["level"]) == ("Dana", NOTE, "hold")
    assert event.facts["pictures"][0]["sentence"].startswith("Strong signs")
    assert "past open questions" in StoryAlert.objects.get(story=story).sentence
    story.refresh_from_db()
    assert gate.report(story).lines[0].level.refuses, "the question itself stays open"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"typed": "another-story"}, "Type the story"),
        ({"evidence": "0" * 64}, "changed"),
        ({"reason_code": ""}, "Choose a reason"),
        ({"note": "  urgent  "}, "at least 15 characters"),
    ],
)
def test_without_the_address_the_evidence_a_reason_or_a_note_nothing_goes_out(
    change: dict[str, str], said: str, story: Story, held: Photo, dana: User, client: Client
) -> None:
    client.force_login(dana)
    address = reverse("admin:newsroom_story_move", args=[story.pk, "break-glass"])
    answer = client.post(address, words(story, **change))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert said in page
    assert f'value="{seen(story)}"' in page, "the form is offered again, on what is open now"
    assert not GlassBreak.objects.exists()
    assert Story.objects.get(pk=story.pk).state == StoryState.DRAFT


def test_it_takes_the_permission_on_this_desk(story: Story, held: Photo, erin: User, sam: User, rosa: User) -> None:
    """F04: an editor, another desk's chief and a superuser; each attempt stands in the history."""
    sports_chief = person("petra", sam.memberships.get().desk, Role.CHIEF)
    for somebody in (erin, sports_chief, rosa):
        outcome = publishing.break_glass(story, by=somebody, **words(story))
        assert not outcome.is_done
        assert not outcome.is_permitted
    assert AuditEvent.objects.filter(action="gate.denied").count() == 3
    assert not GlassBreak.objects.exists()


def test_a_desk_may_let_its_editors(story: Story, held: Photo, erin: User, sam: User, news: Desk) -> None:
    Desk.objects.filter(pk=news.pk).update(editors_may_break_glass=True)
    assert not permissions.may(sam, "detection.break_glass", story)
    assert publishing.break_glass(story, by=erin, **words(story)).published


def test_a_story_that_the_gate_lets_go_breaks_nothing(
    story: Story, scripted: ScriptedProvider, upload: Upload, dana: User
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    upload(tier="staff")
    assert publishing.break_glass(story, by=dana, **words(story)).published
    assert not GlassBreak.objects.exists()


def stopped() -> None:
    policy(levels={**DEFAULT["levels"], "strong": {**DEFAULT["levels"]["strong"], "ugc": "stop"}})


def test_a_stop_gives_way_to_its_own_permission_alone(story: Story, held: Photo, dana: User, client: Client) -> None:
    """F01: the door of the level `stop`. Breaking the glass and a chief's override don't pass it."""
    stopped()
    asset, evidence = asset_of(held), gate.report(story).lines[0].evidence
    assert not publishing.break_glass(story, by=dana, **words(story)).is_done
    why = {"reason_code": "original_seen", "note": NOTE}
    with pytest.raises(Refused, match="policy stops this picture"):
        gate.override(story, asset, by=dana, evidence=evidence, **why)
    assert not publishing.publish(story, by=dana).is_done

    dana.user_permissions.add(Permission.objects.get(codename="override_stop"))
    dana = User.objects.get(pk=dana.pk)
    assert "override" in gate.report(story, user=dana).lines[0].actions
    gate.override(story, asset, by=dana, evidence=evidence, **why)
    assert publishing.publish(story, by=dana).published


def test_an_override_of_a_hold_does_not_pass_a_stop_that_comes_later(story: Story, held: Photo, dana: User) -> None:
    evidence = gate.report(story).lines[0].evidence
    gate.override(story, asset_of(held), by=dana, evidence=evidence, reason_code="original_seen", note=NOTE)
    assert not gate.report(story).refuses
    stopped()
    assert gate.report(story).level == "stop"
    assert not Override.objects.get().lifts_stop


class TestTheReview:
    """Somebody else looks at it within the hour; the desk hears of it when nobody does."""

    @pytest.fixture
    def broken(self, story: Story, held: Photo, dana: User) -> GlassBreak:
        assert publishing.break_glass(story, by=dana, **words(story)).published
        return GlassBreak.objects.get()

    def by(self, user: User, broken: GlassBreak, story: Story, **other: str) -> publishing.Outcome:
        known = {"outcome": "stands", "note": "Looked at the original with the reader."} | other
        return publishing.review(story, by=user, public_id=str(broken.public_id), **known)

    def test_another_chief_finds_it_on_the_start_page_and_records_it(
        self, broken: GlassBreak, story: Story, news: Desk, dana: User, erin: User, client: Client
    ) -> None:
        chief = person("ines", news, Role.CHIEF)
        client.force_login(erin)
        assert "review by" not in client.get(reverse("newsroom:start")).content.decode(), "not an editor's to review"
        client.force_login(chief)
        assert "Published in an emergency by Dana" in client.get(reverse("newsroom:start")).content.decode()
        page = client.get(reverse("admin:newsroom_story_change", args=[story.pk])).content.decode()
        assert "Record the review" in page
        assert not self.by(dana, broken, story).is_done, "not by whoever broke the glass"
        assert not self.by(chief, broken, story, note="Fine.").is_done
        assert not self.by(chief, broken, story, outcome="whatever").is_done
        assert not self.by(erin, broken, story).is_done

        form = {"public_id": broken.public_id, "outcome": "corrected", "note": "Asked the reader; label added."}
        client.post(reverse("admin:newsroom_story_move", args=[story.pk, "review"]), form)

        broken.refresh_from_db()
        assert (broken.outcome, broken.reviewed_by_label) == ("corrected", "Ines")
        assert "gate.glass_reviewed" in [entry.action for entry in audit.history(subject=story)]
        assert not self.by(chief, broken, story).is_done, "once"
        assert "Published in an emergency by" not in client.get(reverse("newsroom:start")).content.decode()

    def test_where_nobody_else_could_it_is_their_own(self, broken: GlassBreak, story: Story, dana: User) -> None:
        assert self.by(dana, broken, story).is_done

    def test_the_desk_is_alerted_once_when_it_is_overdue(self, broken: GlassBreak, story: Story) -> None:
        call_command("publish_due")
        assert StoryAlert.objects.filter(story=story).count() == 1
        GlassBreak.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        assert GlassBreak.objects.get().is_overdue(timezone.now())
        for _round in range(2):
            call_command("publish_due")
        assert "Nobody has reviewed" in StoryAlert.objects.filter(story=story).first().sentence  # type: ignore[union-attr]
        assert StoryAlert.objects.filter(story=story).count() == 2


def test_where_nobody_can_clear_it_the_refusal_says_what_then(
    story: Story, held: Photo, erin: User, dana: User
) -> None:
    assert "after Dana clears it" in gate.report(story, user=erin).lines[0].level_sentence
    dana.is_active = False
    dana.save()
    [line] = gate.report(story, user=erin).lines
    assert line.who_can_clear == ()
    assert "nobody who could clear it is on this desk now" in line.level_sentence
    assert "Publish without it" in line.level_sentence


def test_an_acknowledgement_takes_a_tick(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, client: Client
) -> None:
    """F01: the door of the level `acknowledge`."""
    scripted.will_return("likely_ai", ai_score=0.97)
    asset = asset_of(upload(tier="staff"))
    client.force_login(erin)
    form = {
        "subject": f"newsroom.story:{story.pk}",
        "asset": str(asset.public_id),
        "evidence": gate.report(story).lines[0].evidence,
        "reason_code": "original_seen",
    }
    answer = client.post(reverse("admin:detection_gate_acknowledge"), form)
    assert answer.status_code == 400
    assert "tick that you have" in answer.content.decode()
    assert publishing.publish(story, by=erin).was_refused
    client.post(reverse("admin:detection_gate_acknowledge"), form | {"seen": "on"})
    assert publishing.publish(story, by=erin).published
