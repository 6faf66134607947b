"""Each door of the API for each of the cast: the same predicate, gate and history as the pages."""

from __future__ import annotations

import errno
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from detection import scanning
from detection.models import Acknowledgement, AuditEvent, EvidenceView, Override, Review
from detection.testing.draining import drain
from newsroom.api.site import api
from newsroom.models import Desk, Photo, Placement, Story, StoryState
from tests.newsroom.api.conftest import API, Issue, Program, problem, read
from tests.newsroom.conftest import Upload, asset_of, person

pytestmark = pytest.mark.django_db
NOTE = "Seen the original on the photographer's laptop."
Cast = Callable[[str], Program]


@pytest.fixture
def cast(program: Issue, erin: User, dana: User, sam: User, avery: User, otto: User, rosa: User, sports: Desk) -> Cast:
    """Programs by the names of the cast; Chris is the chief of Sports, Wire a service that edits News."""

    def find(name: str) -> Program:
        if name == "anonymous":
            return program()
        if name == "wire":
            return program(person("wire", Desk.objects.get(slug="news")), is_service=True)
        if name == "chris":
            return program(person("chris", sports, "chief"))  # type: ignore[arg-type]
        return program(User.objects.get(username=name))

    return find


def acts(held: Photo, override: Override) -> dict[str, Callable[[Program], HttpResponse]]:
    asset = asset_of(held)
    one = f"/pictures/{asset.public_id}"
    place = f"/stories/night-launch{one}"
    words = {"evidence": asset.evidence, "reasonCode": "original_seen", "note": NOTE}
    return {
        "read story": lambda p: p.get("/stories/night-launch"),
        "read picture": lambda p: p.get(one),
        "read file": lambda p: p.get(f"{one}/files/preview"),
        "upload": lambda p: p.upload("night-launch"),
        "publish": lambda p: p.post("/stories/night-launch/publish"),
        "decide": lambda p: p.post(
            f"{one}/decisions", {"conclusion": "cannot_determine", "story": "night-launch", **words}
        ),
        "acknowledge": lambda p: p.post(f"{place}/acknowledgements", words),
        "override": lambda p: p.post(f"{place}/overrides", words),
        "revoke": lambda p: p.post(f"/overrides/{override.public_id}/revoke", {"reason": "Another picture came."}),
    }


ALLOWED: dict[str, dict[str, int]] = {
    # The story is held: publishing is refused, and there is nothing that an acknowledgement would be enough for.
    "erin": {"upload": 201, "publish": 409, "decide": 201, "acknowledge": 422, "override": 403, "revoke": 403},
    "dana": {"upload": 201, "publish": 409, "decide": 201, "acknowledge": 422, "override": 201, "revoke": 200},
    "wire": {"upload": 201, "publish": 409, "decide": 403, "acknowledge": 403, "override": 403, "revoke": 403},
    "avery": {"upload": 403, "publish": 403, "decide": 403, "acknowledge": 403, "override": 403, "revoke": 403},
    "rosa": {"upload": 403, "publish": 403, "decide": 403, "acknowledge": 403, "override": 403, "revoke": 403},
}
ACTS = ("upload", "publish", "decide", "acknowledge", "override", "revoke")
READS = ("read story", "read picture", "read file")


@pytest.mark.parametrize("name", ["anonymous", "erin", "dana", "wire", "avery", "sam", "chris", "otto", "rosa"])
def test_who_may_do_what(name: str, cast: Cast, held: Photo, story: Story, dana: User) -> None:
    """F03 F04 F08: anonymous 401; a foreign desk's editor, its chief and the operator find nothing; an auditor
    and a superuser read and do nothing; a service judges nothing; only the desk's chief overrides and revokes."""
    override = Override.objects.get(public_id=_overridden(cast("dana"), held))
    Override.objects.update(revoked_at=None, ends_at="2020-01-01T00:00Z")  # over, so that it holds nothing open
    caller = cast(name)
    expected = ALLOWED.get(name, dict.fromkeys(ACTS, 401 if name == "anonymous" else 404))
    reads = {"anonymous": 401}.get(name, 200 if name in ALLOWED else 404)
    found = {act: do(caller).status_code for act, do in acts(held, override).items()}
    assert found == dict.fromkeys(READS, reads) | expected
    story.refresh_from_db()
    assert story.state == StoryState.DRAFT


def _overridden(chief: Program, held: Photo) -> str:
    asset = asset_of(held)
    words = {"evidence": asset.evidence, "reasonCode": "original_seen", "note": NOTE}
    answer = read(chief.post(f"/stories/night-launch/pictures/{asset.public_id}/overrides", words))
    return str(answer["override"]["id"])


def test_lists_hold_what_the_account_may_see_and_no_more(cast: Cast, held: Photo, upload: Upload) -> None:
    """F08."""
    upload(into=None)  # Erin's own, on no desk
    for name, stories, pictures in (("erin", 1, 2), ("dana", 1, 1), ("sam", 0, 0), ("avery", 1, 2), ("otto", 0, 0)):
        caller = cast(name)
        found = [
            len(read(caller.get(path))["items"]) for path in ("/stories", "/pictures", "/pictures?story=night-launch")
        ]
        assert found == [stories, pictures, min(pictures, 1)], name


def test_a_refused_publication_says_what_holds_it_who_can_help_and_what_this_caller_may_do(
    cast: Cast, held: Photo, story: Story
) -> None:
    """F01: a flagged picture is held by the API as by the button."""
    body = problem(cast("erin").post("/stories/night-launch/publish"), 409, "held")
    assert body["level"] == "hold"
    assert body["who_can_clear"] == ["Dana"]
    assert body["actions"] == ["look", "replace", "send_to_chief"]
    assert [reason["asset"] for reason in body["reasons"]] == [str(asset_of(held).public_id)]
    assert cast("dana").post("/stories/night-launch/publish").status_code == 409
    assert problem(cast("wire").post("/stories/night-launch/publish"), 409, "held")["actions"] == ["look", "replace"]
    assert AuditEvent.objects.filter(action="gate.refused").count() == 3
    story.refresh_from_db()
    assert story.state == StoryState.DRAFT


def test_a_chief_s_override_lets_it_go_and_revoking_holds_it_again(cast: Cast, held: Photo, story: Story) -> None:
    """F03 F05."""
    dana, erin = cast("dana"), cast("erin")
    asset = asset_of(held)
    place = f"/stories/night-launch/pictures/{asset.public_id}/overrides"
    words = {"evidence": asset.evidence, "reasonCode": "original_seen", "note": NOTE}
    problem(dana.post(place, {**words, "note": " x "}), 422, "invalid")
    given = read(dana.post(place, words))
    assert (given["level"], given["override"]["isInForce"], given["override"]["by"]) == ("clear", True, "Dana")
    event = AuditEvent.objects.get(action="gate.override_granted")
    assert (event.facts["reason"], event.facts["evidence"]) == ("original_seen", asset.evidence)
    ended = read(dana.post(f"/overrides/{given['override']['id']}/revoke", {"reason": "Wrong picture."}))
    assert (ended["level"], ended["override"]["isInForce"]) == ("hold", False)
    problem(erin.post("/stories/night-launch/publish"), 409, "held")
    assert dana.post(place, words).status_code == 201
    out = read(erin.post("/stories/night-launch/publish"))
    assert (out["state"], out["slug"]) == ("published", "night-launch")
    assert Override.objects.count() == 2


def test_a_judgement_on_other_evidence_records_nothing_and_brings_the_new_one(
    cast: Cast, held: Photo, story: Story, dana: User
) -> None:
    """F07: what is decided is decided on the evidence that was read."""
    caller, asset = cast("dana"), asset_of(held)
    old = asset.evidence
    scanning.request_scan(held, by=dana, force=True)
    drain()
    place = f"/stories/night-launch/pictures/{asset.public_id}"
    words: dict[str, Any] = {"evidence": "0" * 64, "reasonCode": "original_seen", "note": NOTE}
    asset.refresh_from_db()
    for path, more in (
        (f"{place}/overrides", {}),
        (f"{place}/acknowledgements", {}),
        (f"/pictures/{asset.public_id}/decisions", {"conclusion": "accepted", "story": "night-launch"}),
    ):
        body = problem(caller.post(path, {**words, **more}), 409, "evidence-changed")
        assert body["evidence"] == body["asset"]["evidence"] == asset.evidence
    assert old != "0" * 64
    assert [model.objects.count() for model in (Override, Acknowledgement, Review)] == [0, 0, 0]


def test_an_editor_acknowledges_and_the_story_goes_out(cast: Cast, upload: Upload, story: Story) -> None:
    """F02."""
    asset = asset_of(upload(tier="ugc"))
    caller = cast("erin")
    problem(caller.post("/stories/night-launch/publish"), 409, "held")
    line = read(caller.get("/stories/night-launch"))["pictures"][0]
    assert (line["level"], line["actions"]) == ("acknowledge", ["look", "acknowledge", "replace"])
    words = {"evidence": line["evidence"], "reasonCode": "original_seen"}
    done = read(caller.post(f"/stories/night-launch/pictures/{asset.public_id}/acknowledgements", words))
    assert done["level"] == "clear"
    assert caller.post("/stories/night-launch/publish").status_code == 200
    assert AuditEvent.objects.get(action="gate.acknowledged").facts["through"].startswith("API token nrd_")


def test_a_chief_s_decision_clears_a_hold_and_the_answer_brings_the_state(cast: Cast, held: Photo) -> None:
    asset = asset_of(held)
    words = {
        "conclusion": "accepted",
        "evidence": asset.evidence,
        "story": "night-launch",
        "reasonCode": "original_seen",
        "note": NOTE,
    }
    body = read(cast("dana").post(f"/pictures/{asset.public_id}/decisions", words))
    assert (body["conclusion"], body["by"], body["asset"]["reviewState"]) == ("accepted", "Dana", "cleared")
    assert cast("erin").post("/stories/night-launch/publish").status_code == 200


def test_an_editor_sends_to_the_chief_once(cast: Cast, held: Photo) -> None:
    asset, caller = asset_of(held), cast("erin")
    words = {"evidence": asset.evidence, "note": "The photographer doesn't answer."}
    for _ in range(2):
        answer = caller.post(f"/stories/night-launch/pictures/{asset.public_id}/send-to-chief", words)
        assert (answer.status_code, "send_to_chief" in read(answer)["actions"]) == (200, False)
    assert AuditEvent.objects.filter(action="gate.sent_to_chief").count() == 1


def test_an_uploaded_picture_is_kept_as_by_the_form(cast: Cast, story: Story, erin: User) -> None:
    """C01: the file that is kept is the one that came."""
    content = b"\xff\xd8\xff not a picture at all"
    answer = cast("erin").upload("night-launch", content, sourceTier="agency", credit=" Wire ", keepInside="true")
    body = read(answer)
    assert answer.status_code == 201
    assert answer.headers["Location"] == body["href"]
    photo = Photo.objects.get()
    assert (photo.uploader, photo.source_tier, photo.credit, photo.keep_inside) == (erin, "agency", "Wire", True)
    with photo.image.open() as kept:
        assert kept.read() == content
    assert [one.photo for one in story.placements.all()] == [photo]
    assert AuditEvent.objects.get(action="story.picture_changed").facts["change"] == "added"
    assert read(cast("erin").get(body["href"].removeprefix(API)))["analysisStatus"] == "pending_scan"


def test_what_is_too_large_or_of_the_wrong_type_is_refused_before_it_is_read(
    cast: Cast, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C02."""
    caller = cast("erin")
    problem(caller.post("/stories/night-launch/pictures", {"file": "x"}), 415, "wrong-type")
    asset = uuid.uuid4()
    text = Client().post(
        f"{API}/pictures/{asset}/decisions", "{}", content_type="text/plain",
        headers={"Authorization": f"Bearer {caller.token}"},
    )  # fmt: skip
    problem(text, 415, "wrong-type")  # type: ignore[arg-type]
    problem(caller.post(f"/pictures/{asset}/decisions", {"note": "x" * 70_000}), 413, "too-large")
    for module in ("streaming", "uploads"):
        monkeypatch.setattr(f"newsroom.{module}.UPLOAD_CAP", 100)
    problem(caller.upload("night-launch"), 413, "too-large")
    name = SimpleUploadedFile("empty.jpg", b"")
    headers = {"Authorization": f"Bearer {caller.token}"}
    empty = Client().post(f"{API}/stories/night-launch/pictures", {"file": name}, headers=headers)
    assert "empty" in problem(empty, 422, "invalid")["detail"]  # type: ignore[arg-type]
    assert not Photo.objects.exists()


def test_a_form_s_field_that_is_left_empty_says_nothing(cast: Cast, story: Story) -> None:
    assert cast("erin").upload("night-launch", sourceTier="", keepInside="", credit="").status_code == 201
    photo = Photo.objects.get()
    assert (photo.source_tier, photo.keep_inside, photo.credit) == ("", False, "")


def test_a_day_that_is_used_up_is_told_as_too_many(cast: Cast, story: Story, settings: Any) -> None:
    """C08: the API shares the forms' quota."""
    settings.UPLOAD_FILES_A_DAY = 1
    caller = cast("erin")
    assert caller.upload("night-launch", key="one").status_code == 201
    assert caller.upload("night-launch", key="one").status_code == 201  # a replay costs nothing
    refusal = caller.upload("night-launch")
    assert "UPLOAD_FILES_A_DAY" in problem(refusal, 429, "too-many")["detail"]
    assert 1 <= int(refusal.headers["Retry-After"]) <= 86_401


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "{} {}", "\x00", '{"evidence": "\\ud800"}'])
def test_a_body_that_is_no_object_is_refused_in_words(body: str, cast: Cast, held: Photo) -> None:
    path = f"{API}/pictures/{asset_of(held).public_id}/decisions"
    headers = {"Authorization": f"Bearer {cast('erin').token}"}
    answer = Client().post(path, body, content_type="application/json", headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert read(answer)["detail"]  # type: ignore[arg-type]


def test_a_wrong_method_and_a_wrong_address_are_problems_too(cast: Cast) -> None:
    caller = cast("erin")
    refusal = caller.ask("delete", "/stories")
    problem(refusal, 405, "wrong-method")
    assert refusal.headers["Allow"] == "GET"
    for path in (
        "/nothing",
        "/stories/night-launch/",
        "/pictures/x",
        f"/pictures/{uuid.uuid4()}",
        "/stories/é",
        "/%0a",
    ):
        problem(caller.get(path), 404, "not-found")
        assert caller.post(path).status_code in (404, 405)


def test_a_member_that_is_not_known_is_named(cast: Cast, held: Photo) -> None:
    words = {"conclusion": "accepted", "evidence": "", "reason": "typo"}
    body = problem(cast("erin").post(f"/pictures/{asset_of(held).public_id}/decisions", words), 422, "invalid")
    assert [error["where"] for error in body["errors"]] == ["body.reason"]
    body = problem(cast("erin").get("/stories?stat=draft"), 422, "invalid")
    assert [error["where"] for error in body["errors"]] == ["query.stat"]
    assert "state, desk" in body["detail"]
    body = problem(cast("erin").upload("night-launch", tier="staff"), 422, "invalid")
    assert [error["where"] for error in body["errors"]] == ["form.tier"]
    assert Photo.objects.count() == 1


def test_pages_follow_each_other_without_gap_or_double(cast: Cast, news: Desk) -> None:
    for number in range(5):
        Story.objects.create(slug=f"s-{number}", headline=str(number), desk=news)
    caller, found, path = cast("erin"), [], f"{API}/stories?limit=2&state=draft"
    while path:
        page = read(caller.get(path.removeprefix(API)))
        found += [row["slug"] for row in page["items"]]
        path = page["next"]
        if len(found) == 2:
            Story.objects.create(slug="newer", headline="Newer", desk=news)
            Story.objects.get(slug="s-2").delete()
    assert found == ["s-4", "s-3", "s-1", "s-0"]
    for wrong in ("x", "0", "-1", "é", "9" * 30, "1.5"):
        problem(caller.get(f"/stories?cursor={wrong}"), 422, "invalid")


def test_an_answer_that_did_not_change_is_not_sent_again(cast: Cast, held: Photo) -> None:
    caller = cast("erin")
    first = caller.get("/stories/night-launch")
    again = caller.get("/stories/night-launch", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    Story.objects.update(headline="Morning launch")
    assert caller.get("/stories/night-launch", If_None_Match=first.headers["ETag"]).status_code == 200
    assert caller.ask("head", "/stories").status_code == 200


@pytest.mark.parametrize("path", ["/stories", "/pictures"])
def test_a_list_asks_the_database_as_often_for_many_as_for_one(
    path: str, cast: Cast, upload: Upload, story: Story, statements: Any
) -> None:
    upload(checked=False)
    caller = cast("erin")
    caller.get(path)
    with statements() as one:
        caller.get(path)
    for number in range(4):
        upload(checked=False)
        Story.objects.create(slug=f"s-{number}", headline="x", desk=story.desk)
    with statements() as many:
        caller.get(path)
    assert len(many) == len(one)


def test_the_description_is_complete_and_the_page_is_made_from_it(client: Client) -> None:
    description = json.loads(client.get(f"{API}/openapi.json").content)
    operations = [one for methods in description["paths"].values() for one in methods.values()]
    assert len(operations) == 18
    assert all(one["security"] == [{"Bearer": []}] and one["description"] and one["x-scope"] for one in operations)
    page = client.get(f"{API}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert all(f'id="{one["operationId"]}"' in text for one in operations)
    assert "<script" not in text
    assert " style=" not in text
    assert "https://" not in text.replace("https://testserver", "")


def test_every_door_asks_for_a_scope() -> None:
    """F08: no route of the API is open by oversight."""
    doors = [
        operation
        for bound in api._get_bound_routers()
        for view in bound.path_operations.values()
        for operation in view.operations
    ]
    assert len(doors) == 18
    assert all(type(one).__name__ == "Bearer" for door in doors for one in door.auth_callbacks)
    assert all(len(door.auth_callbacks) == 1 for door in doors)


def test_a_file_that_is_gone_is_a_problem(cast: Cast, held: Photo) -> None:
    held.image.storage.delete(str(held.image.name))
    problem(cast("erin").get(f"/pictures/{asset_of(held).public_id}/files/original"), 404, "not-found")


def test_what_nobody_foresaw_is_a_problem_that_tells_nothing(
    cast: Cast, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H02."""
    caller = cast("erin")
    for error, status, kind in (
        (KeyError("pw-canary"), 500, "went-wrong"),
        (OSError(errno.ENOSPC, "x"), 507, "no-room"),
    ):

        def breaks(*args: Any, error: Exception = error, **kwargs: Any) -> Any:
            raise error

        monkeypatch.setattr("newsroom.api.telling.story_in_full", breaks)
        headers = {"Authorization": f"Bearer {caller.token}"}
        answer = Client(raise_request_exception=False).get(f"{API}/stories/night-launch", headers=headers)
        problem(answer, status, kind)  # type: ignore[arg-type]
        assert b"canary" not in answer.content


def test_reading_the_evidence_is_noted_as_on_the_page(cast: Cast, held: Photo, erin: User) -> None:
    asset = asset_of(held)
    for _ in range(2):
        cast("erin").get(f"/pictures/{asset.public_id}")
    view = EvidenceView.objects.get()
    assert (view.asset, view.viewer_label, view.what, view.evidence) == (asset, "Erin", "api", asset.evidence)


def test_a_placed_picture_s_story_of_another_desk_is_not_named(cast: Cast, held: Photo, sports: Desk) -> None:
    """F08."""
    foreign = Story.objects.create(slug="cup", headline="Cup", desk=sports)
    Placement.objects.create(story=foreign, photo=held)
    assert read(cast("erin").get(f"/pictures/{asset_of(held).public_id}"))["stories"] == ["night-launch"]
