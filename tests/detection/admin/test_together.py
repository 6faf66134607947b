"""One form for the pictures of a story that ask for the same thing: each its own act, with exceptions and outcomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse

from detection import gate
from detection.models import Acknowledgement, Asset, AuditEvent
from tests.detection.admin import cast


@pytest.fixture
def alike() -> list[Asset]:
    """Three pictures with strong signs, each another file."""
    return [cast.strong(f"Stand {number}", seed=20 + number) for number in range(3)]


def address(story: Any) -> str:
    return f"{reverse('admin:detection_gate_together')}?subject={cast.name_of(story)}"


def words(*assets: Asset, **more: Any) -> dict[str, Any]:
    evidence = {f"evidence_{asset.public_id}": asset.evidence for asset in assets}
    chosen = [str(asset.public_id) for asset in assets]
    return {"picture": chosen, **evidence, "reason_code": "original_seen", "seen": "on", "note": "", **more}


def shown(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_pictures_that_ask_the_same_stand_together_and_all_are_ticked(
    client: Any, erin: Any, alike: list[Asset]
) -> None:
    held, quiet = cast.declared(), cast.plate("Quiet", seed=40, verdict="likely_human", ai_score=0.02)
    story = cast.article(*alike, held, quiet)
    client.force_login(erin)
    page = shown(client.get(address(story)))
    assert re.findall(r'name="picture" value="([^"]+)" checked', page) == [
        str(line.asset.public_id) for line in gate.alike(gate.report(story, user=erin))[0] if line.asset
    ]
    assert str(held.public_id) not in page, "a hold is no acknowledgement"
    assert str(quiet.public_id) not in page


def test_one_form_acknowledges_what_is_ticked_and_tells_what_became_of_each(
    client: Any, erin: Any, alike: list[Asset]
) -> None:
    """D10: each picture its own row and event, on its own evidence; what changed meanwhile is named."""
    first, changed, left_out = alike
    story = cast.article(*alike)
    client.force_login(erin)
    told = words(first, changed)
    told[f"evidence_{changed.public_id}"] = "0" * 64
    page = shown(client.post(address(story), told | {"subject": cast.name_of(story)}, follow=True))
    assert [(one.asset, one.evidence) for one in Acknowledgement.objects.all()] == [(first, first.evidence)]
    assert AuditEvent.objects.filter(action="gate.acknowledged").count() == 1
    assert "Acknowledged for this story: Stand 0." in page
    assert "Stand 1: The evidence changed" in page
    assert str(left_out.public_id) in page, "it still asks"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"picture": []}, "Choose at least one picture."),
        ({"reason_code": ""}, "Choose a reason."),
        ({"seen": ""}, "tick that you have"),
        ({"reason_code": "other"}, "Write a note of at least"),
    ],
)
def test_what_is_missing_is_said_and_the_words_are_kept(
    client: Any, erin: Any, alike: list[Asset], missing: dict[str, Any], said: str
) -> None:
    story = cast.article(*alike)
    client.force_login(erin)
    answer = client.post(address(story), words(alike[0], note="Kept") | missing)
    assert answer.status_code == 400
    assert said in shown(answer)
    assert "Kept" in shown(answer)
    assert not Acknowledgement.objects.exists()


def test_nobody_acknowledges_without_the_permission_and_a_stranger_finds_no_story(
    client: Any, alike: list[Asset], sam: Any
) -> None:
    """F08."""
    story = cast.article(*alike)
    client.force_login(sam)
    assert client.get(address(story)).status_code == 404
    assert client.get(reverse("admin:detection_gate_together")).status_code == 404
    client.force_login(cast.person("kim", "review_analysis"))
    assert "No picture of this story is waiting" in shown(client.get(address(story)))
    assert client.post(address(story), words(alike[0])).status_code == 403
    assert not Acknowledgement.objects.exists()
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == "detection.acknowledge_gate"


def test_the_notice_leads_there_where_two_ask_the_same(erin: Any, alike: list[Asset]) -> None:
    def notice(story: Any) -> str:
        request = RequestFactory().get("/story/")
        request.user = erin
        template = Template("{% load detection_tags %}{% detection_notice story %}")
        return template.render(Context({"story": story, "request": request}))

    assert "Acknowledge several at once" in notice(cast.article(*alike[:2]))
    assert "Acknowledge several at once" not in notice(cast.article(alike[0], title="One"))
