"""What moves a story by a token: the same functions as the buttons, the same history, and nobody's second gate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from detection.models import AuditEvent, GlassBreak, Review
from newsroom.api.models import ApiToken
from newsroom.models import Desk, Photo, Role, Story, StoryAlert, StoryState
from tests.newsroom.api.conftest import Issue, Program, problem, read
from tests.newsroom.conftest import asset_of, person

pytestmark = pytest.mark.django_db
NOTE = "The bridge is closed now; the picture was sent by a reader on it."
IN_AN_HOUR = {"at": (timezone.now() + timedelta(hours=1)).isoformat()}


def actions(caller: Program) -> set[str]:
    return set(read(caller.get("/stories/night-launch"))["actions"])


def words(caller: Program, **other: Any) -> dict[str, Any]:
    evidence = read(caller.get("/stories/night-launch"))["openEvidence"]
    known = {"evidence": evidence, "typed": "night-launch", "reasonCode": "public_interest_urgent", "note": NOTE}
    return known | other


def test_a_story_s_whole_life_and_what_may_be_done_at_each_step(erin: User, story: Story, program: Issue) -> None:
    caller = program(erin)
    place = "/stories/night-launch"
    known = {"look", "upload"}
    assert actions(caller) == known | {"submit", "schedule", "publish"}
    assert read(caller.post(f"{place}/submit"))["state"] == "submitted"
    problem(caller.post(f"{place}/submit"), 409, "moved")
    assert (
        "later one" in problem(caller.post(f"{place}/schedule", {"at": "2020-01-01T00:00Z"}), 422, "invalid")["detail"]
    )
    problem(caller.post(f"{place}/schedule", {"at": "tomorrow"}), 422, "invalid")
    far = caller.post(f"{place}/schedule", {"at": "9999-12-31T23:59:59Z"})
    assert "more than a year away" in problem(far, 422, "invalid")["detail"]
    problem(caller.post(f"{place}/schedule", {"at": "0001-01-01T00:00:00+14:00"}), 422, "invalid")
    scheduled = read(caller.post(f"{place}/schedule", IN_AN_HOUR))
    assert scheduled["state"] == "scheduled"
    assert scheduled["publishAt"].startswith(IN_AN_HOUR["at"][:16])
    assert actions(caller) == known | {"schedule", "publish", "withdraw"}
    assert read(caller.post(f"{place}/withdraw"))["state"] == "draft"
    assert read(caller.post(f"{place}/publish"))["state"] == "published"
    assert actions(caller) == known | {"publish", "withdraw"}
    problem(caller.post(f"{place}/schedule", IN_AN_HOUR), 409, "moved")
    gone = read(caller.post(f"{place}/withdraw"))
    assert (gone["state"], "publish" in gone["actions"], "submit" in gone["actions"]) == ("withdrawn", True, True)
    done = AuditEvent.objects.filter(action__startswith="story.", subject_key=str(story.pk)).order_by("pk")
    assert [event.action for event in done] == [
        *("story.submitted", "story.scheduled", "story.unscheduled", "story.published", "story.withdrawn"),
    ]


def test_who_may_not_withdraw_puts_no_story_off_either(erin: User, story: Story, program: Issue) -> None:
    """A service that could give a scheduled story a time next year would have taken it away from tonight's readers."""
    service, place = program(erin, is_service=True), "/stories/night-launch/schedule"
    assert "schedule" in actions(service)
    assert service.post(place, IN_AN_HOUR).status_code == 200
    assert "schedule" not in actions(service)
    later = {"at": (timezone.now() + timedelta(days=300)).isoformat()}
    assert problem(service.post(place, later), 403, "lacks-scope")["needs"] == "withdraw"
    assert program(erin).post(place, later).status_code == 200
    assert AuditEvent.objects.get(action="gate.denied").facts["permission"] == "api.withdraw"


def test_a_chief_s_token_publishes_past_the_gate_where_it_was_issued_for_that(
    dana: User, held: Photo, story: Story, program: Issue
) -> None:
    caller = program(dana, scopes=["read", "publish", "emergency"])
    refusal = problem(caller.post("/stories/night-launch/publish"), 409, "held")
    assert "break_glass" in refusal["actions"]
    assert refusal["openEvidence"] == words(caller)["evidence"]
    out = read(caller.post("/stories/night-launch/break-glass", words(caller)))
    assert (out["state"], out["level"]) == ("published", "hold")
    broken = GlassBreak.objects.get()
    assert (broken.author, broken.note) == (dana, NOTE)
    assert "past open questions" in StoryAlert.objects.get(story=story).sentence
    event = AuditEvent.objects.get(action="gate.glass_broken")
    assert event.facts["through"] == f"API token {ApiToken.objects.get().prefix}"


@pytest.mark.parametrize(
    ("change", "status", "kind", "said"),
    [
        ({"typed": "another"}, 422, "invalid", "Type the story"),
        ({"evidence": "0" * 64}, 409, "evidence-changed", "changed"),
        ({"note": "urgent"}, 422, "invalid", "at least 15 characters"),
        ({"reasonCode": "because"}, 422, "invalid", "must be one of"),
    ],
)
def test_an_emergency_asks_for_the_same_words_as_the_form(
    change: dict[str, str], status: int, kind: str, said: str, dana: User, held: Photo, story: Story, program: Issue
) -> None:
    caller = program(dana, scopes=["read", "emergency"])
    body = problem(caller.post("/stories/night-launch/break-glass", words(caller, **change)), status, kind)
    assert said in body["detail"]
    assert not GlassBreak.objects.exists()
    story.refresh_from_db()
    assert story.state == StoryState.DRAFT


def test_no_service_no_usual_token_and_no_editor_publishes_past_the_gate(
    dana: User, erin: User, sports: Desk, held: Photo, story: Story, program: Issue
) -> None:
    """F04: past the gate goes a person who answers for it, by a token that names it; each attempt is recorded."""
    place = "/stories/night-launch/break-glass"
    usual, service = program(dana), program(dana, is_service=True)
    assert "emergency" not in read(usual.get("/me"))["token"]["scopes"]
    ApiToken.objects.filter(is_service=True).update(scopes="read publish withdraw emergency")
    assert problem(usual.post(place, words(usual)), 403, "lacks-scope")["needs"] == "emergency"
    told = problem(service.post(place, words(usual)), 403, "lacks-scope")
    assert "A service never publishes past the gate." in told["detail"]
    assert "break_glass" not in problem(service.post("/stories/night-launch/publish"), 409, "held")["actions"]
    problem(service.post("/stories/night-launch/withdraw"), 403, "lacks-scope")
    problem(program(erin, scopes=["emergency"]).post(place, words(usual)), 403, "not-permitted")
    chris = person("chris", sports, Role.CHIEF)
    problem(program(chris, scopes=["emergency"]).post(place, words(usual)), 404, "not-found")
    denied = AuditEvent.objects.filter(action="gate.denied").order_by("pk")
    assert [event.facts["permission"] for event in denied] == [
        *("api.emergency", "api.emergency", "api.withdraw", "detection.break_glass"),
    ]
    assert not GlassBreak.objects.exists()


def test_a_decision_is_taken_back_by_its_author_within_ten_minutes(
    dana: User, erin: User, held: Photo, story: Story, program: Issue
) -> None:
    caller, asset = program(dana), asset_of(held)
    decision = {
        "conclusion": "accepted",
        "evidence": asset.evidence,
        "story": "night-launch",
        "reasonCode": "original_seen",
        "note": NOTE,
    }
    decided = read(caller.post(f"/pictures/{asset.public_id}/decisions", decision))
    assert (decided["asset"]["reviewState"], decided["actions"]) == ("cleared", ["look", "decide", "undo"])
    undo = f"/decisions/{decided['id']}/undo"
    problem(program(erin).post(undo), 403, "not-permitted")
    undone = caller.post(undo)
    body = read(undone)
    assert (undone.status_code, body["undoes"], body["conclusion"]) == (201, decided["id"], "accepted")
    assert (body["asset"]["reviewState"], body["asset"]["conclusion"]) == ("quarantined", None)
    assert "taken back already" in problem(caller.post(undo), 422, "invalid")["detail"]
    problem(caller.post("/stories/night-launch/publish"), 409, "held")
    assert Review.objects.count() == 2, "both steps stand"
    event = AuditEvent.objects.get(action="review.reversed")
    assert event.facts["through"].startswith("API token nrd_")


def test_after_ten_minutes_or_on_another_desk_nothing_is_taken_back(
    dana: User, sam: User, held: Photo, story: Story, program: Issue
) -> None:
    caller, asset = program(dana), asset_of(held)
    decision = {"conclusion": "waiting_for_source", "evidence": asset.evidence, "story": "night-launch"}
    decided = read(caller.post(f"/pictures/{asset.public_id}/decisions", decision))
    problem(program(sam).post(f"/decisions/{decided['id']}/undo"), 404, "not-found")
    Review.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    assert "Ten minutes" in problem(caller.post(f"/decisions/{decided['id']}/undo"), 422, "invalid")["detail"]
    assert Review.objects.count() == 1


def test_every_event_by_a_token_names_the_person_the_token_and_the_address(
    dana: User, held: Photo, story: Story, program: Issue
) -> None:
    """G07: whatever is done, and whatever is refused."""
    caller, asset = (
        program(dana, scopes=[*("read", "upload", "publish", "withdraw", "review", "override", "emergency")]),
        asset_of(held),
    )
    last = AuditEvent.objects.latest("pk").pk
    place = f"/stories/night-launch/pictures/{asset.public_id}"
    how = {"evidence": asset.evidence, "reasonCode": "original_seen", "note": NOTE}
    caller.post("/stories/night-launch/submit")
    caller.post("/stories/night-launch/publish")
    caller.post("/stories/night-launch/break-glass", words(caller))
    caller.post("/stories/night-launch/withdraw")
    caller.post("/stories/night-launch/schedule", IN_AN_HOUR)
    caller.post(f"{place}/send-to-chief", {"evidence": asset.evidence})
    caller.post(f"{place}/acknowledgements", how)
    given = read(caller.post(f"{place}/overrides", how))
    caller.post(f"/overrides/{given['override']['id']}/revoke", {"reason": "Another picture was meant."})
    decided = read(caller.post(f"/pictures/{asset.public_id}/decisions", {**how, "conclusion": "cannot_determine"}))
    caller.post(f"/decisions/{decided['id']}/undo")
    caller.upload("night-launch", sourceTier="ugc")
    caller.ask("post", "/stories/night-launch/pictures", {})
    Story.objects.update(desk=Desk.objects.create(name="Culture", slug="culture"))
    program(dana, scopes=["read"]).post("/stories/night-launch/publish")

    prefixes = [f"API token {token.prefix}" for token in ApiToken.objects.all()]
    by_people = AuditEvent.objects.filter(pk__gt=last).exclude(action="api_token.issued")
    told = {event.action: event for event in by_people.order_by("pk")}
    assert len(told) >= 14
    for event in by_people:
        if event.actor_id is None:
            assert event.action in BY_THE_SYSTEM, event.action
            continue
        private = {value.name: value.value for value in event.personal.all()}
        assert event.actor_id == dana.pk, event.action
        assert (private.get("actor"), private.get("address")) == ("Dana", "127.0.0.1"), event.action
        assert event.facts.get("through") in prefixes, event.action


BY_THE_SYSTEM = {"asset.standing_changed", "story.alerted", "rendition.made", "analysis.requested", "scan.requested"}
"""What follows from an act, and is nobody's own."""
