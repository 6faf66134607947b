"""What a desk lets go out of confirmed AI pictures: none, the labelled subject, a labelled illustration."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import gate, scanning
from detection.errors import Refused
from detection.models import PolicyVersion
from detection.policy import DEFAULT, Rules
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.vocabulary import Conclusion, Level
from newsroom import access, permissions, publishing
from newsroom.models import Desk, Membership, Photo, PictureUse, Role, Story

from .conftest import Upload, asset_of, person
from .test_labelled_use import NOTE, conclude

pytestmark = pytest.mark.django_db
ILLUSTRATION, SUBJECT, PHOTOGRAPH = PictureUse.ILLUSTRATION, PictureUse.SUBJECT, PictureUse.PHOTOGRAPH


def rule(**labelled: Any) -> None:
    PolicyVersion.objects.create(number=2, document={**DEFAULT, "labelled_use": labelled}, activated_at=timezone.now())


@pytest.mark.parametrize(
    ("uses", "use", "label", "level"),
    [
        ([], ILLUSTRATION, "Made with AI", Level.HOLD),  # never
        ([], SUBJECT, "Made with AI", Level.HOLD),
        (["subject"], SUBJECT, "Made with AI", Level.ACKNOWLEDGE),  # only as the labelled subject
        (["subject"], SUBJECT, "", Level.HOLD),
        (["subject"], ILLUSTRATION, "Made with AI", Level.HOLD),
        (["illustration"], ILLUSTRATION, "Made with AI", Level.ACKNOWLEDGE),  # labelled illustration
        (["illustration", "subject"], PHOTOGRAPH, "Made with AI", Level.HOLD),  # a label is no licence for a photograph
    ],
)
def test_each_desk_has_its_rule(
    uses: list[str], use: PictureUse, label: str, level: Level, story: Story, held: Photo, dana: User
) -> None:
    rule(desks={"news": uses})
    story.placements.update(use=use)
    asset_words = {"by": dana, "label": label or "Made with AI"}
    conclude(story, held, Conclusion.CONFIRMED_AI_GENERATED, **asset_words)
    if not label:
        asset_of(held).reviews.update(reader_label="")
    assert gate.report(story).lines[0].level is level


def test_a_desk_with_a_standards_editor_waits_for_that_person(
    story: Story, held: Photo, news: Desk, dana: User
) -> None:
    rule(standards=["news"])
    story.placements.update(use=SUBJECT)
    conclude(story, held, Conclusion.CONFIRMED_AI_GENERATED, by=dana)
    asset = asset_of(held)
    words: dict[str, Any] = {"evidence": asset.evidence, "reason_code": "image_is_the_story", "note": NOTE}
    words["reader_label"] = "Made with AI"
    assert gate.report(story).level is Level.STOP
    with pytest.raises(Refused, match="policy stops this picture"):
        gate.override(story, asset, by=dana, **words)
    assert not publishing.publish(story, by=dana).is_done

    ines = person("ines", news, Role.STANDARDS)
    [line] = gate.report(story, user=dana).lines
    assert line.who_can_clear == ("Ines",)
    assert "ask Ines" in line.level_sentence
    [line] = gate.report(story, user=ines).lines
    assert "or let this one story go" in line.level_sentence, "nobody is sent to themselves"
    gate.override(story, asset, by=ines, **words)
    assert publishing.publish(story, by=dana).published


@pytest.mark.parametrize("wrong", ["news", [1], None])
def test_a_list_of_desks_is_a_list_of_desks(wrong: Any) -> None:
    with pytest.raises(Refused, match="labelled_use.standards"):
        Rules.parse({"labelled_use": {"standards": wrong}})


def test_a_changed_result_on_a_published_story_comes_with_ways_to_correct_it(
    story: Story, scripted: ScriptedProvider, upload: Upload, erin: User, client: Client
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="freelance")
    assert publishing.publish(story, by=erin).published
    scripted.will_return("likely_ai", ai_score=0.97)
    scanning.request_scan(photo, by=erin, force=True)
    drain()
    client.force_login(erin)
    page = client.get(reverse("admin:newsroom_story_change", args=[story.pk])).content.decode()
    alert = page[page.index("n-corrections") : page.index("I have seen this")]
    assert str(asset_of(photo).public_id) in alert
    assert reverse("admin:newsroom_story_replace", args=[story.pk, photo.pk]) in alert
    assert reverse("admin:newsroom_story_move", args=[story.pk, "withdraw"]) in alert
    assert "#placements-group" in alert


def test_a_chief_who_is_standards_editor_of_another_desk_clears_that_desk_s_stop_alone(
    story: Story, held: Photo, news: Desk, sports: Desk, dana: User
) -> None:
    Membership.objects.create(user=dana, desk=sports, role=Role.STANDARDS)
    dana = User.objects.get(pk=dana.pk)
    theirs = Story.objects.create(slug="final", headline="The final", desk=sports)
    assert permissions.may(dana, "detection.override_hold", story), "chief here"
    assert not permissions.may(dana, "detection.override_stop", story), "standards editor there, not here"
    assert permissions.may(dana, "detection.override_stop", theirs)
    assert not permissions.may(dana, "detection.break_glass", theirs), "chief here, not there"
    assert dict(access.held(dana, ["override_stop"])) == {"override_stop": [("sports", None)]}

    rule(standards=["news"])
    story.placements.update(use=SUBJECT)
    conclude(story, held, Conclusion.CONFIRMED_AI_GENERATED, by=dana)
    asset = asset_of(held)
    words: dict[str, Any] = {"evidence": asset.evidence, "reason_code": "image_is_the_story", "note": NOTE}
    with pytest.raises(Refused, match="policy stops this picture"):
        gate.override(story, asset, by=dana, reader_label="Made with AI", **words)


def test_a_chief_who_reads_of_a_hold_is_told_that_it_is_theirs(story: Story, held: Photo, dana: User) -> None:
    [line] = gate.report(story, user=dana).lines
    assert "after you clear it" in line.level_sentence
    assert "Dana" not in line.level_sentence
