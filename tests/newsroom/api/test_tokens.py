"""Tokens: what they open, what they never open, how they end; and what of them is kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import audit
from detection.models import AuditEvent, AuditPersonal
from newsroom.api import limits, tokens
from newsroom.api.models import ApiToken
from newsroom.models import Desk, Membership, Photo, Story
from tests.newsroom.api.conftest import Issue, Program, problem, read
from tests.newsroom.conftest import asset_of

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("api_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_a_token_once_that_works_and_keeps_only_its_digest(erin: User, story: Story) -> None:
    out, err = command("erin")
    text = out.strip()
    assert out == f"{text}\n"
    assert text not in err
    me = read(Program(text).get("/me"))
    assert (me["account"], me["desks"][0]["slug"], me["token"]["isService"]) == ("erin", "news", False)
    assert me["actions"] == [
        *("look", "upload", "submit", "schedule", "publish", "withdraw", "decide", "undo", "acknowledge")
    ]
    kept = ApiToken.objects.get()
    assert text.startswith(kept.prefix)
    secret = text.rpartition("_")[2]
    assert all(secret not in str(value) for value in ApiToken.objects.values().get().values())
    event = AuditEvent.objects.get(action="api_token.issued")
    assert secret not in str(event.facts)
    # Whose it is stands there by number: an event of nobody's would keep a name that is to be erased.
    assert event.facts["account"] == str(erin.pk)
    assert not AuditPersonal.objects.filter(event=event).exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nobody"], "nobody"),
        (["erin", "--scopes", "everything"], "everything"),
        (["erin", "--service", "--scopes", "read", "override"], "override"),
        (["erin", "--days", "0"], "366"),
        (["erin", "--highest-tier", "royal"], "staff"),
    ],
)
def test_the_command_refuses_in_a_sentence(arguments: list[str], named: str, erin: User) -> None:
    with pytest.raises(CommandError, match=named):
        command(*arguments)
    assert not ApiToken.objects.exists()


def test_a_token_that_is_no_more_or_never_was_opens_nothing(erin: User, program: Issue) -> None:
    """F09: a person who was deactivated, and a token that was revoked or is over, are refused with the next request."""
    caller = program(erin)
    assert caller.get("/me").status_code == 200
    kept = ApiToken.objects.get()
    for change in ({"expires_at": timezone.now()}, {"revoked_at": timezone.now()}, {"digest": "0" * 64}):
        before = {name: getattr(kept, name) for name in change}
        ApiToken.objects.update(**change)
        refusal = caller.get("/me")
        problem(refusal, 401, "no-token")
        assert refusal.headers["WWW-Authenticate"] == 'Bearer realm="newsroom", error="invalid_token"'
        ApiToken.objects.update(**before)
    User.objects.filter(pk=erin.pk).update(is_active=False)
    problem(caller.get("/me"), 401, "no-token")
    for wrong in ("", "x", "nrd_", caller.token[:-1], caller.token + "a", "nrd_00000000_" + "a" * 43, "ü", "a b"):
        header = {"Authorization": f"Bearer {wrong}"}
        assert Client().get("/api/v1/me", headers=header).status_code == 401, wrong
    assert Client().get("/api/v1/me", headers={"Authorization": f"Basic {caller.token}"}).status_code == 401


def test_a_person_who_left_the_desk_finds_nothing_there_with_the_next_request(
    erin: User, story: Story, program: Issue
) -> None:
    """F09."""
    caller = program(erin)
    assert caller.get("/stories/night-launch").status_code == 200
    Membership.objects.update(ends_at=timezone.now())
    problem(caller.get("/stories/night-launch"), 404, "not-found")
    problem(caller.upload("night-launch"), 404, "not-found")
    assert Photo.objects.count() == 0


def test_a_session_opens_nothing_and_needs_no_csrf_token(dana: User, story: Story) -> None:
    """F11: where no cookie counts, no page can make a browser act. Signed in, and with CSRF checks on, it is 401."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(dana)
    problem(client.post("/api/v1/stories/night-launch/publish"), 401, "no-token")  # type: ignore[arg-type]
    problem(client.get("/api/v1/stories"), 401, "no-token")  # type: ignore[arg-type]


def test_a_service_never_judges_whatever_its_row_says(dana: User, held: Photo, story: Story, program: Issue) -> None:
    """F04: a chief's account behind a service token still decides nothing, and each attempt is recorded."""
    service = program(dana, is_service=True)
    ApiToken.objects.update(scopes="read upload publish review override")
    asset = asset_of(held)
    words: dict[str, Any] = {"evidence": asset.evidence, "reasonCode": "original_seen", "note": "Seen in full."}
    place = f"/stories/night-launch/pictures/{asset.public_id}"
    for path in (f"/pictures/{asset.public_id}/decisions", f"{place}/acknowledgements", f"{place}/send-to-chief"):
        assert problem(service.post(path, words), 403, "lacks-scope")["needs"] == "review"
    assert problem(service.post(f"{place}/overrides", words), 403, "lacks-scope")["needs"] == "override"
    denied = AuditEvent.objects.filter(action="gate.denied", actor_id=dana.pk)
    assert [event.facts["permission"] for event in denied.order_by("pk")] == [*["api.review"] * 3, "api.override"]
    assert denied.filter(subject_label="Night launch").count() == 3
    assert not {"decide", "acknowledge", "override"} & set(read(service.get("/me"))["actions"])
    assert read(service.get("/stories/night-launch"))["pictures"][0]["actions"] == ["look", "replace"]


@pytest.mark.parametrize("scope", ["read", "upload", "publish"])
def test_a_scope_opens_its_doors_and_no_other(scope: str, erin: User, story: Story, program: Issue) -> None:
    caller = program(erin, scopes=[scope])
    answers = {
        "read": caller.get("/stories").status_code,
        "upload": caller.upload("night-launch").status_code,
        "publish": caller.post("/stories/night-launch/publish").status_code,
    }
    opened = {"read": 200, "upload": 201, "publish": 200}
    assert answers == {name: opened[name] if name == scope else 403 for name in answers}


@pytest.mark.parametrize(
    ("how", "tier", "status"),
    [
        ({"is_service": True}, "freelance", 201),
        ({"is_service": True}, "agency", 403),
        ({"is_service": True}, "", 201),
        ({"is_service": True, "highest_tier": "agency"}, "agency", 201),
        ({"is_service": True, "highest_tier": "agency"}, "staff", 403),
        ({}, "staff", 201),
    ],
)
def test_a_token_claims_no_source_above_its_highest(
    how: dict[str, Any], tier: str, status: int, erin: User, story: Story, program: Issue
) -> None:
    answer = program(erin, **how).upload("night-launch", **({"sourceTier": tier} if tier else {}))
    assert answer.status_code == status
    if status == 403:
        problem(answer, 403, "source-too-high")
    assert [photo.source_tier for photo in Photo.objects.all()] == ([tier] if status == 201 else [])


def test_requests_are_counted_for_each_token_and_for_whoever_has_none(
    erin: User, dana: User, program: Issue, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 120.0 + 60 * erin.pk)
    settings.API_RATE = 2
    first, second = program(erin), program(dana)
    assert [first.get("/me").status_code for _ in range(3)] == [200, 200, 429]
    refusal = first.get("/me")
    problem(refusal, 429, "too-many")
    assert 1 <= int(refusal.headers["Retry-After"]) <= 61
    assert second.get("/me").status_code == 200
    monkeypatch.setattr(limits, "STRANGERS", 1)
    assert {Program().get("/me", X_Forwarded_For=f"10.0.0.{n}").status_code for n in range(3)} == {401, 429}


def test_last_use_is_noted_at_most_once_a_minute(erin: User, program: Issue) -> None:
    caller = program(erin)
    caller.get("/me")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    caller.get("/me")
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    caller.get("/me")
    assert ApiToken.objects.get().last_used_at > first  # type: ignore[operator]


def test_what_a_token_does_says_so_in_the_history(erin: User, story: Story, program: Issue) -> None:
    program(erin).upload("night-launch")
    prefix = ApiToken.objects.get().prefix
    uploaded = AuditEvent.objects.get(action="picture.uploaded")
    assert [entry.actor_label for entry in audit.history(subject=Photo.objects.get())] == [f"Erin (API token {prefix})"]
    assert (str(uploaded.actor_id), uploaded.facts["through"]) == (str(erin.pk), f"API token {prefix}")


LIST = "admin:newsroom_apitoken_changelist"


def test_the_admin_shows_one_s_own_tokens_or_everybody_s_and_ends_them(
    erin: User, sam: User, otto: User, news: Desk, program: Issue, sign_in: Callable[[User], Client]
) -> None:
    mine, foreign = program(erin), program(sam)
    own = ApiToken.objects.get(user=erin)
    others = ApiToken.objects.get(user=sam)
    page = sign_in(erin).get(reverse(LIST)).content.decode()
    assert own.prefix in page
    assert others.prefix not in page
    assert mine.token not in page
    act = {"action": "revoke_selected", "_selected_action": [own.pk, others.pk]}
    assert sign_in(erin).post(reverse(LIST), act).status_code == 302
    assert mine.get("/me").status_code == 401
    assert foreign.get("/me").status_code == 200
    page = sign_in(otto).get(reverse(LIST)).content.decode()
    assert own.prefix in page
    assert others.prefix in page
    sign_in(otto).post(reverse(LIST), act)
    assert foreign.get("/me").status_code == 401
    revoked = AuditEvent.objects.filter(action="api_token.revoked")
    assert revoked.count() == 2  # the one that was revoked before is not revoked again
    assert not tokens.revoke(own, by=erin)


def test_the_admin_neither_makes_nor_changes_nor_deletes_a_token(
    rosa: User, erin: User, program: Issue, sign_in: Callable[[User], Client]
) -> None:
    program(erin)
    client = sign_in(rosa)
    key = ApiToken.objects.get().pk
    assert client.get(reverse("admin:newsroom_apitoken_add")).status_code == 403
    assert client.get(reverse("admin:newsroom_apitoken_delete", args=[key])).status_code == 403
    assert client.post(reverse("admin:newsroom_apitoken_change", args=[key]), {"name": "x"}).status_code == 403
