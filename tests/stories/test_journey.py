"""From an upload to the history, through real processes: what an editor, a desk chief and an auditor do and see."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from detection.testing import images
from tests.stories.house import GROUPS, House, Person, hidden

pytestmark = pytest.mark.processes
STRONG = {"verdict": "likely_ai_generated", "confidence": 0.97, "overlay": True, "model": "sandbox-2026-11"}
CLEARS = "The photographer sent the original with its raw file."
STORIES = ("cleared", "overridden", "changed", "moved", "walked-around")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house"), stories=STORIES, groups=GROUPS) as opened:
        yield opened


@pytest.fixture(scope="module")
def erin(house: House) -> Person:
    return house.person("erin")


@pytest.fixture(scope="module")
def dana(house: House) -> Person:
    return house.person("dana")


class Draft:
    """One story with one held picture."""

    def __init__(self, house: House, slug: str) -> None:
        self.house, self.slug = house, slug
        self.pk = house.sql("SELECT id FROM newsroom_story WHERE slug = ?", slug)[0]["id"]
        self.name = f"newsroom.story:{self.pk}"
        self.change = f"/admin/newsroom/story/{self.pk}/change/"

    @property
    def state(self) -> str:
        return str(self.house.sql("SELECT state FROM newsroom_story WHERE id = ?", self.pk)[0]["state"])

    @property
    def asset(self) -> dict[str, Any]:
        query = (
            "SELECT s.* FROM detection_asset s JOIN newsroom_placement p ON CAST(p.photo_id AS varchar) = s.object_key "
            "WHERE p.story_id = ? ORDER BY s.id"
        )
        found = self.house.sql(query, self.pk)
        return found[0] if found else {"signal": "", "public_id": ""}

    @property
    def is_settled(self) -> bool:
        """No detector is at work on the picture any more."""
        live = "('pending_scan', 'scanning', 'awaiting_callback', 'retry_pending')"
        query = f"SELECT 1 FROM detection_analysis WHERE asset_id = ? AND status IN {live}"
        return not self.house.sql(query, self.asset["id"])

    @property
    def has_overlay(self) -> bool:
        """What the detector highlights is fetched by a task of its own, after the verdict."""
        query = (
            "SELECT 1 FROM detection_storedoverlay o JOIN detection_analysis a ON o.analysis_id = a.id "
            "WHERE a.asset_id = ? AND o.status = 'ready'"
        )
        return bool(self.house.sql(query, self.asset["id"]))

    @property
    def review(self) -> str:
        raw = self.asset["public_id"]
        dashed = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        return f"/admin/detection/asset/{dashed}/review/?for={self.name}"

    def upload(self, person: Person, seed: int, *answers: dict[str, Any]) -> None:
        """A person adds a picture from a freelance source on the story's page; the detector finds strong signs."""
        content = images.photo_like(seed=seed)
        sha256 = hashlib.sha256(content).hexdigest()
        self.house.detector.will(*(answers or (STRONG,)), key="first", sha256=sha256)
        page = person.get(self.change)
        fields = form_fields(page.text) | {"their_tier": "freelance"}
        answer = person.post(self.change, files=[("new_pictures", ("launch.jpg", content, "image/jpeg"))], **fields)
        assert answer.status_code == 200, answer.text[:500]
        self.house.eventually(lambda: self.asset["signal"] == "strong" and self.is_settled, within=20)

    def move(self, person: Person, verb: str) -> requests.Response:
        return person.post(f"/admin/newsroom/story/{self.pk}/move/{verb}/")

    def events(self, action: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM detection_auditevent WHERE action = ? AND subject_key = ? ORDER BY id"
        return self.house.sql(query, action, str(self.pk))


def form_fields(page: str) -> dict[str, str]:
    """The fields of a page's edit form as a browser would send them back unchanged."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, kind = re.search(r'name="([^"]+)"', tag), re.search(r'type="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and (not kind or kind[1] in ("text", "hidden", "number")) and name[1] != "csrfmiddlewaretoken":
            found.setdefault(name[1], html.unescape(value[1]) if value else "")
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.S):
        found.setdefault(name, html.unescape(body).strip())
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        found.setdefault(name, chosen[1] if chosen else "")
    return {name: value for name, value in found.items() if not name.startswith(("_", "verb", "at"))}


def decide(person: Person, draft: Draft, evidence: str, **fields: str) -> requests.Response:
    words = {"action": "decide", "evidence": evidence, "conclusion": "accepted", "reason_code": "original_seen"}
    return person.post(draft.review, **(words | {"note": CLEARS} | fields))


def override(person: Person, draft: Draft, evidence: str, **fields: str) -> requests.Response:
    words = {"subject": draft.name, "asset": draft.asset["public_id"], "evidence": evidence, "scope": "story"}
    words |= {"reason_code": "trusted_source_confirmed", "note": CLEARS}
    return person.post("/admin/detection/asset/gate/override/", **(words | fields))


def test_a_held_story_is_cleared_by_a_chief_and_published(house: House, erin: Person, dana: Person) -> None:
    """F03, and the history of each step."""
    draft = Draft(house, "cleared")
    draft.upload(erin, 11)
    notice = erin.get(draft.change).text
    assert "Strong signs of AI generation" in notice
    assert "Dana" in notice
    refused = draft.move(erin, "publish")
    assert refused.status_code == 409
    assert draft.state == "draft"

    page = dana.get(draft.review)
    assert page.status_code == 200
    house.eventually(lambda: house.sql("SELECT 1 FROM detection_storedoverlay WHERE status = 'ready'"), within=15)
    evidence = hidden(page.text, "evidence")
    assert decide(dana, draft, evidence).status_code == 200
    assert draft.move(erin, "publish").status_code == 200
    assert draft.state == "published"
    assert requests.get(f"{house.url}/stories/cleared/", timeout=10).status_code == 200

    said = house.sql("SELECT * FROM detection_auditevent WHERE action = 'review.concluded' ORDER BY id DESC")[0]
    facts = json.loads(said["facts"])
    assert (facts["reason"], facts["evidence"], facts["policy"]) == ("original_seen", evidence, 1)
    assert said["actor_id"] is not None
    passed = json.loads(draft.events("gate.passed")[-1]["facts"])
    assert passed["policy"] == 1
    assert passed["pictures"][0]["evidence"] == evidence
    history = house.person("avery").get(draft.review.split("?")[0]).text
    assert "Dana" in history
    assert CLEARS in history


def test_a_held_story_is_overridden_by_a_chief_with_a_reason(house: House, erin: Person, dana: Person) -> None:
    """F03, F04."""
    draft = Draft(house, "overridden")
    draft.upload(erin, 12)
    evidence = draft.asset["evidence"]
    assert override(dana, draft, evidence, note="too short").status_code == 400
    mine = "SELECT * FROM detection_override WHERE subject_key = ?"
    assert house.sql(mine, str(draft.pk)) == []
    assert override(dana, draft, evidence).status_code == 200
    granted = house.sql(mine, str(draft.pk))[0]
    assert (granted["evidence"], granted["reason_code"], granted["note"]) == (
        evidence,
        "trusted_source_confirmed",
        CLEARS,
    )
    assert granted["policy_number"] == 1
    assert draft.move(erin, "publish").status_code == 200
    assert draft.state == "published"


def test_every_route_meets_the_same_gate(house: House, erin: Person) -> None:
    """F01, F04: a direct POST, a bulk action, the command, the schedule, and an editor's own override."""
    draft = Draft(house, "walked-around")
    draft.upload(erin, 13)
    assert draft.move(erin, "publish").status_code == 409
    bulk = erin.post("/admin/newsroom/story/", action="publish_selected", _selected_action=str(draft.pk))
    assert bulk.status_code == 409
    command = house.manage("publish", draft.slug, "--by", "erin", check=False)
    assert (command.returncode, draft.state) == (1, "draft")
    assert "Dana" in command.stderr
    assert override(erin, draft, draft.asset["evidence"]).status_code == 403
    assert draft.events("gate.denied")
    stranger = house.person("sam")
    assert override(stranger, draft, draft.asset["evidence"]).status_code in (403, 404)
    assert stranger.get(draft.review).status_code == 404
    schedule = (
        "import datetime as d; from django.utils import timezone; from newsroom.models import Story; "
        f"Story.objects.filter(pk={draft.pk}).update("
        "state='scheduled', publish_at=timezone.now() - d.timedelta(minutes=1))"
    )
    house.manage("shell", "-v0", "-c", schedule)
    house.manage("publish_due")
    assert draft.state == "scheduled"
    assert draft.events("gate.refused")


def test_a_changed_file_brings_the_hold_back(house: House, erin: Person, dana: Person) -> None:
    """F05."""
    draft = Draft(house, "changed")
    draft.upload(erin, 14)
    assert override(dana, draft, draft.asset["evidence"]).status_code == 200
    other = images.photo_like(seed=15)
    house.detector.will(STRONG, key="first", sha256=hashlib.sha256(other).hexdigest())
    (house.folder / "other.jpg").write_bytes(other)
    photo = draft.asset["object_key"]
    replace = (
        "from pathlib import Path; from django.core.files.base import ContentFile; from newsroom.models import Photo; "
        f"content = ContentFile(Path({str(house.folder / 'other.jpg')!r}).read_bytes()); "
        f"Photo.objects.get(pk={photo}).image.save('other.jpg', content)"
    )
    house.manage("shell", "-v0", "-c", replace)
    house.eventually(lambda: draft.asset["generation"] == 2 and draft.is_settled, within=20)
    assert draft.asset["signal"] == "strong"
    assert draft.move(erin, "publish").status_code == 409
    assert draft.state == "draft"


def test_evidence_that_changed_under_the_page_records_nothing_and_says_so(
    house: House, erin: Person, dana: Person
) -> None:
    draft = Draft(house, "moved")
    draft.upload(erin, 16, STRONG, {"verdict": "likely_ai_generated", "confidence": 0.95, "model": "sandbox-2026-12"})
    page = dana.get(draft.review)
    seen = hidden(page.text, "evidence")
    assert dana.post(draft.review, action="look_again").status_code == 200
    house.eventually(lambda: draft.is_settled and draft.asset["evidence"] != seen, within=20)
    before = house.sql("SELECT count(*) AS n FROM detection_review")[0]["n"]
    answer = decide(dana, draft, seen)
    assert answer.status_code == 409
    assert "The evidence changed" in answer.text
    assert CLEARS in answer.text
    assert override(dana, draft, seen).status_code == 409
    assert house.sql("SELECT count(*) AS n FROM detection_review")[0]["n"] == before
    assert draft.move(erin, "publish").status_code == 409
