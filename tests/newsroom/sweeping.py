"""The parts of the sweep over all addresses: which there are, who asks, about what, and what an answer means."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from detection.models import Analysis, Override, PolicyVersion, Review, StoredOverlay, WebhookDelivery
from newsroom import roles
from newsroom.api import tokens
from newsroom.api.models import ApiToken, Scope
from newsroom.models import Desk, Membership, Photo, Role, Story

from .conftest import asset_of, person

SECRET = "Zanzibar"
"""Stands in every word of the News desk's own; on no page may a person of another desk read it."""
PEOPLE = ("nobody", "left", "erin", "dana", "kim", "otto", "avery", "rosa")
"""Nobody is signed in; Left was chief of News and isn't any more; Erin edits News and Dana is its chief; Kim is that on
Sports, so what an editor there may do, Kim may too; Otto operates, Avery audits, Rosa is a superuser without a desk."""
EXPECTED = Path(__file__).with_name("expected_routes.txt")
STRANGERS = frozenset({"nobody", "left", "kim"})
WRITING = {"INSERT", "UPDATE", "DELETE", "REPLACE"}
MAY_WRITE = (
    "django_session",
    "detection_auditevent",
    "detection_auditpersonal",
    "detection_evidenceview",
    "axes_",
    "newsroom_apitoken",
)
"""What even a refusal may write: the session, the record of the attempt, that evidence was seen, a token's last use."""


@dataclass(frozen=True)
class Route:
    """One address: its name where it has one of its own, else what stands in the URL configuration."""

    key: str
    pattern: URLPattern = field(compare=False)
    whole: str = ""


def routes() -> dict[str, Route]:
    """Every address of the URL configuration by its key, in its order; the other host's are for tests of their own."""
    found = {route.key: route for route in _walk(get_resolver().url_patterns, "", "")}
    return {key: route for key, route in found.items() if "otherhost" not in key}


def expected() -> dict[str, dict[str, list[str]]]:
    """What is written down for each address: by method, the answers in the order of PEOPLE."""
    found: dict[str, dict[str, list[str]]] = {}
    block: dict[str, list[str]] = {}
    for line in EXPECTED.read_text(encoding="utf-8").splitlines():
        if line.startswith(("GET ", "POST ")):
            method, *answers = line.split()
            block = {**block, method: answers} if method == "POST" else {method: answers}
        elif line.startswith(" "):
            assert line.strip() not in found, f"{line.strip()} is written down twice"
            found[line.strip()] = block
    return found


def _walk(patterns: Any, namespace: str, above: str) -> Iterator[Route]:
    for one in patterns:
        whole = above + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from _walk(one.url_patterns, inner, whole)
        else:
            yield Route(f"{namespace}{one.name}" if one.name else whole, one, whole)


@dataclass
class House:
    """What the News desk has, each thing by the word under which an address asks for it."""

    clients: dict[str, Client]
    things: dict[str, Any]
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, who: str, method: str, route: Route) -> tuple[Any, list[str]]:
        """One request as one of PEOPLE, taken back afterwards: the answer, and what `written` tells."""
        client = self.clients[who]
        session = client.cookies.get("sessionid")
        kept = session.value if session else ""
        with undone():
            if route.key.startswith("api:"):
                answer, changed = written(lambda: self._by_token(who, method, route))
            else:
                given = self.posted() if method == "POST" else {}
                answer, changed = written(lambda: getattr(client, method.lower())(self.address(route), given))
        client.cookies.clear()
        if kept:
            client.cookies["sessionid"] = kept
        return answer, changed

    def _by_token(self, who: str, method: str, route: Route) -> Any:
        """A request of the API, where no session counts: by a person's token, with a body that the door takes."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who in self.tokens else {}
        program, address = Client(raise_request_exception=False), self.address(route)
        if method == "GET":
            return program.get(address, headers=headers)
        words = {"evidence": self.things["evidence"], "note": "Seen the original file."}
        bodies: dict[str, dict[str, Any]] = {
            "api:decide": {
                **words,
                "conclusion": "accepted",
                "reasonCode": "original_seen",
                "story": self.things["slug"],
            },
            "api:acknowledge": {**words, "reasonCode": "original_seen"},
            "api:send_to_chief": words,
            "api:override": {**words, "reasonCode": "original_seen"},
            "api:revoke_override": {"reason": "Seen the original file."},
            "api:schedule_story": {"at": (timezone.now() + timedelta(days=30)).isoformat()},
            "api:break_glass": {**words, "reasonCode": "original_seen", "typed": self.things["slug"]},
        }
        if route.key == "api:upload_picture":
            return program.post(address, {"file": ContentFile(b"x", name="x.jpg")}, headers=headers)
        return program.post(address, bodies.get(route.key, {}), content_type="application/json", headers=headers)

    def posted(self) -> dict[str, Any]:
        """One body for every form: each takes from it what it knows."""
        words = {"note": "Seen the original file.", "reason": "Seen the original file.", "reason_code": "original_seen"}
        about = {"asset": self.things["public_id"], **{name: self.things[name] for name in _IN_BODIES}}
        return {**words, **about, "action": "decide", "conclusion": "accepted", "post": "yes", "seen": "on"}

    def address(self, route: Route) -> str:
        """The route's address with the News desk's own objects in it."""
        name = route.key.rpartition(":")[2]
        model = "_".join(name.split("_")[:2])
        given: dict[str, Any] = {}
        for word in route.pattern.pattern.converters or route.pattern.pattern.regex.groupindex:
            given[word] = self.things.get(f"{name}.{word}", self.things.get(f"{model}.{word}", self.things.get(word)))
        if route.key == "api:nothing":
            return "/api/v1/nothing/here"
        if name == "autocomplete":
            return f"{reverse(route.key)}?app_label=newsroom&model_name=membership&field_name=user"
        if route.key == route.whole:  # without a name: an admin page's short form, or the admin's answer to all else
            if "url" in given:
                return "/admin/nothing/here/"
            if "<" not in route.whole:
                return f"/{route.whole}"
            app_and_model = "_".join(route.whole.split("/")[1:3])
            return "/" + route.whole.replace("<path:object_id>", str(self.things[f"{app_and_model}.object_id"]))
        return reverse(route.key, kwargs=given)


_IN_BODIES = ("subject", "evidence", "override", "placement")


def build(story: Story, held: Photo, erin: User, dana: User, sports: Desk) -> House:
    """The cast at their desks, and one of everything on the News desk."""
    Story.objects.filter(pk=story.pk).update(headline=f"{SECRET} headline", body=f"{SECRET} body")
    Photo.objects.filter(pk=held.pk).update(headline=f"{SECRET} picture", caption=SECRET, credit=SECRET)
    asset = asset_of(held)
    type(asset).objects.filter(pk=asset.pk).update(label=f"{SECRET} picture")
    kim = person("kim", sports, Role.CHIEF)
    left = person("left", story.desk, Role.CHIEF)
    Membership.objects.filter(user=left).update(ends_at=timezone.now() - timedelta(seconds=1))
    otto, avery = person("otto"), person("avery")
    otto.groups.add(Group.objects.get(name=roles.OPERATORS))
    avery.groups.add(Group.objects.get(name=roles.AUDITORS))
    rosa = User.objects.create_superuser("rosa", password="rosa")
    clients = {"nobody": Client(raise_request_exception=False)}
    for user in (left, erin, dana, kim, otto, avery, rosa):
        clients[user.username] = Client(raise_request_exception=False)
        clients[user.username].force_login(user)
    cast = User.objects.filter(username__in=clients)
    known = {user.username: tokens.issue(user, name="sweep", scopes=list(Scope))[1] for user in cast}
    return House(clients, _things(story, held, dana), known)


def _things(story: Story, held: Photo, dana: User) -> dict[str, Any]:
    asset = asset_of(held)
    analysis = Analysis.objects.get(asset=asset, provider="scripted")
    StoredOverlay.objects.create(analysis=analysis, kind="heatmap", status="ready", file="detection/overlays/x.png")
    override = Override.objects.create(
        asset=asset,
        subject_type_id=_type_of(story),
        subject_key=str(story.pk),
        subject_label=f"{SECRET} headline",
        evidence=asset.evidence,
        note=SECRET,
        reason_code="other",
        desk="news",
        policy_number=1,
        author=dana,
        author_label="Dana",
        ends_at=timezone.now() + timedelta(hours=2),
    )
    said = {"conclusion": "cannot_determine", "note": SECRET, "desk": "news", "author": dana, "author_label": "Dana"}
    review = Review.objects.create(asset=asset, evidence="0" * 64, **said)
    delivery = WebhookDelivery.objects.create(
        provider="scripted", event_id=f"{SECRET}-event", body_sha256="0" * 64, body=SECRET.encode(), analysis=analysis
    )
    membership = Membership.objects.get(user__username="erin")
    return {
        "public_id": asset.public_id,
        "detection_analysis_raw.public_id": analysis.public_id,
        "detection_redrive.public_id": analysis.public_id,
        "rendition": "original",
        "slug": story.slug,
        "name": f"{uuid.uuid4().hex}.jpg",
        "alias": "scripted",
        "token": "a-token-that-was-never-given-out",
        "pk": story.pk,
        "asset_id": asset.public_id,
        "override_id": override.public_id,
        "decision_id": review.public_id,
        "read_file.name": "original",
        "newsroom_apitoken.object_id": ApiToken.objects.get(user=dana).pk,
        "verb": "publish",
        "photo": held.pk,
        "content_type_id": _type_of(story),
        "object_id": str(story.pk),
        "app_label": "detection",
        "id": dana.pk,
        "newsroom_desk.object_id": story.desk_id,
        "newsroom_membership.object_id": membership.pk,
        "newsroom_story.object_id": story.pk,
        "newsroom_photo.object_id": held.pk,
        "detection_asset.object_id": asset.pk,
        "detection_queue.object_id": asset.pk,
        "detection_analysis.object_id": analysis.pk,
        "detection_gaveup.object_id": analysis.pk,
        "detection_override.object_id": override.pk,
        "detection_sent.object_id": analysis.pk,
        "detection_webhookdelivery.object_id": delivery.pk,
        "detection_auditevent.object_id": asset.events.first().pk,
        "detection_policyversion.object_id": PolicyVersion.current().pk,
        "detection_providerswitch.object_id": 1,
        "auth_user.object_id": dana.pk,
        "auth_group.object_id": Group.objects.get(name=roles.CHIEFS).pk,
        "override": override.public_id,
        "evidence": asset.evidence,
        "subject": f"newsroom.story:{story.pk}",
        "placement": story.placements.get().pk,
        "django_q_schedule.object_id": 1,
        "django_q_success.object_id": "1",
        "django_q_failure.object_id": "1",
        "django_q_ormq.object_id": 1,
    }


def _type_of(story: Story) -> int:
    return ContentType.objects.get_for_model(story).pk


def told(answer: Any) -> str:
    """An answer in a word: `in` leads to the sign-in, `gone` to the admin's start, `on` elsewhere; else the status."""
    if answer.status_code not in (301, 302, 303):
        return str(answer.status_code)
    path = answer["Location"].split("?")[0]
    if path == reverse("admin:login"):
        return "in"
    return "gone" if path == reverse("admin:index") else "on"


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def written(ask: Callable[[], Any]) -> tuple[Any, list[str]]:
    """The answer, and the statements that changed what a refusal, or a look, may not change."""
    changed: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split(" ", 3)
        if words[0].upper() in WRITING and not any(f'"{table}' in sql for table in MAY_WRITE):
            changed.append(sql[:200])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        answer = ask()
    return answer, changed
