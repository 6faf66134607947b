"""What a person does about a picture, by a token of theirs: decide, undo, acknowledge, hand over, override, revoke.

Each carries the evidence that was read. If it is another now, nothing is recorded, and the answer brings the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Status

from detection import gate, registry, reviewing
from detection.errors import EvidenceChanged, NotPermitted, Refused
from detection.models import Asset, Review
from detection.models import Override as Given
from newsroom.api import shapes, telling
from newsroom.api.callers import Caller, caller_of
from newsroom.api.doors import PICTURE, SLUG, door, picture_for, story_for
from newsroom.api.limits import JSON
from newsroom.api.models import Scope
from newsroom.api.problems import Problem
from newsroom.api.words import Acknowledge, Decide, Override, Revoke, SendToChief
from newsroom.models import Story

_Judgement = TypeVar("_Judgement", bound=Callable[..., Any])
router = Router(tags=["Judging"])
_IN_STORY = f"/stories{SLUG}/pictures{PICTURE}"


def _judges(
    path: str, *, gives: Any, scope: Scope = Scope.REVIEW, status: int = 201
) -> Callable[[_Judgement], _Judgement]:
    """Hang a judgement: words in JSON, and a conflict where the evidence is another by now."""
    return door(router, "POST", path, scope=scope, gives=gives, status=status, takes=JSON, refuses=(409,))


@contextmanager
def _told(asset: Asset, caller: Caller) -> Iterator[None]:
    """A refusal of the gate or of the review as its problem."""
    try:
        yield
    except EvidenceChanged as error:
        fresh = telling.evidence_about(Asset.objects.select_related("content_type").get(pk=asset.pk), caller)
        more = {"evidence": fresh["evidence"], "asset": fresh}
        raise Problem("evidence-changed", str(error), more=more) from error
    except NotPermitted as error:
        raise Problem("not-permitted", str(error)) from error
    except Refused as error:
        raise Problem("invalid", str(error)) from error


@_judges(f"/pictures{PICTURE}/decisions", gives=shapes.Decided)
def decide(request: HttpRequest, asset_id: UUID, words: Decide) -> Status[shapes.Decided]:
    """Record a conclusion about a picture. It counts on the desk of the story it is decided for; where its author holds
    the permission to clear a hold there, it clears one."""
    caller = caller_of(request)
    asset, _photo = picture_for(caller, asset_id)
    story = story_for(caller, words.story) if words.story else None
    with _told(asset, caller):
        made = reviewing.decide(
            asset,
            words.conclusion,
            by=caller.user,
            evidence=words.evidence,
            subject=story,
            note=words.note,
            reason_code=words.reason_code or "",
            reader_label=words.reader_label,
            no_label_reason=words.no_label_reason,
        )
    decided = shapes.Decided(
        id=str(made.public_id),
        conclusion=made.conclusion,
        evidence=made.evidence,
        by=made.author_label,
        created_at=made.created_at,
        asset=_as_it_stands(asset, caller),
        actions=caller.within(["look", "decide", "undo"]),
    )
    return Status(201, decided)


@door(router, "POST", "/decisions/{uuid:decision_id}/undo", scope=Scope.REVIEW, gives=shapes.Undone, status=201)
def undo_decision(request: HttpRequest, decision_id: UUID) -> Status[shapes.Undone]:
    """Take back a conclusion of one's own within ten minutes. Both steps stay in the history; what it settled is open
    again."""
    caller = caller_of(request)
    review = get_object_or_404(Review.objects.select_related("asset"), public_id=decision_id)
    asset, _photo = picture_for(caller, review.asset.public_id)
    with _told(asset, caller):
        made = reviewing.undo(review, by=caller.user)
    undone = shapes.Undone(
        id=str(made.public_id),
        undoes=str(review.public_id),
        conclusion=review.conclusion,
        by=made.author_label,
        created_at=made.created_at,
        asset=_as_it_stands(asset, caller),
        actions=caller.within(["look", "decide"]),
    )
    return Status(201, undone)


@_judges(f"{_IN_STORY}/acknowledgements", gives=shapes.Acknowledged)
def acknowledge(request: HttpRequest, slug: str, asset_id: UUID, words: Acknowledge) -> Status[shapes.Acknowledged]:
    """Carry on with this story after a look at an open question. Never clears a hold."""
    caller = caller_of(request)
    story, asset = _both(caller, slug, asset_id)
    with _told(asset, caller):
        made = gate.acknowledge(
            story, asset, by=caller.user, evidence=words.evidence, reason_code=words.reason_code, note=words.note
        )
    return Status(201, _acted(str(made.public_id), story, asset, caller, words.evidence))


@_judges(f"{_IN_STORY}/send-to-chief", gives=shapes.Acknowledged, status=200)
def send_to_chief(request: HttpRequest, slug: str, asset_id: UUID, words: SendToChief) -> shapes.Acknowledged:
    """Hand a held picture to whoever can clear it. Changes nothing else; sent twice, it is recorded once."""
    caller = caller_of(request)
    story, asset = _both(caller, slug, asset_id)
    with _told(asset, caller):
        gate.send_to_chief(story, asset, by=caller.user, evidence=words.evidence, note=words.note)
    return _acted(None, story, asset, caller, words.evidence)


@_judges(f"{_IN_STORY}/overrides", gives=shapes.Overridden, scope=Scope.OVERRIDE)
def override(request: HttpRequest, slug: str, asset_id: UUID, words: Override) -> Status[shapes.Overridden]:
    """Let this story go despite an open question, until a stated end, with a reason and a note."""
    caller = caller_of(request)
    story, asset = _both(caller, slug, asset_id)
    with _told(asset, caller):
        made = gate.override(story, asset, by=caller.user, **words.model_dump())
    return Status(201, _overridden(made, story, caller))


@door(
    router,
    "POST",
    "/overrides/{uuid:override_id}/revoke",
    scope=Scope.OVERRIDE,
    gives=shapes.Overridden,
    takes=JSON,
)
def revoke_override(request: HttpRequest, override_id: UUID, words: Revoke) -> shapes.Overridden:
    """End an override before its time. A story that went out under it hears of it, and stays out."""
    caller = caller_of(request)
    given = get_object_or_404(Given.objects.select_related("asset", "subject_type"), public_id=override_id)
    if given.subject_type_id != registry.content_type(Story).pk:
        raise Http404
    story = story_for(caller, Story.objects.filter(pk=given.subject_key).values_list("slug", flat=True).first() or "")
    with _told(given.asset, caller):
        gate.revoke(given, by=caller.user, reason=words.reason)
    given.refresh_from_db()
    return _overridden(given, story, caller)


def _as_it_stands(asset: Asset, caller: Caller) -> shapes.Asset:
    asset.refresh_from_db()
    return shapes.Asset.model_validate(telling.evidence_about(asset, caller))


def _both(caller: Caller, slug: str, asset_id: UUID) -> tuple[Story, Asset]:
    story = story_for(caller, slug)
    asset, _photo = picture_for(caller, asset_id)
    return story, asset


def _acted(act: str | None, story: Story, asset: Asset, caller: Caller, evidence: str) -> shapes.Acknowledged:
    line = telling.line_of(story, asset, caller)
    return shapes.Acknowledged(
        id=act,
        story=story.slug,
        asset_id=str(asset.public_id),
        evidence=evidence,
        level=line.level if line else "",
        actions=line.actions if line else [],
    )


def _overridden(given: Given, story: Story, caller: Caller) -> shapes.Overridden:
    line = telling.line_of(story, given.asset, caller)
    return shapes.Overridden(
        override=telling.override_shape(given, story, caller),
        story=story.slug,
        level=line.level if line else "",
        actions=line.actions if line else [],
    )
