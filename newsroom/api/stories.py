"""Stories: which there are, and how each stands at the gate."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from newsroom import permissions
from newsroom.api import shapes, telling
from newsroom.api.callers import caller_of
from newsroom.api.doors import SLUG, door, story_for
from newsroom.api.models import Scope
from newsroom.api.pages import Cursor, Limit, page_of
from newsroom.models import StoryState

router = Router(tags=["Stories"])
Slug = Annotated[str | None, Query(max_length=80, pattern=r"^[-a-zA-Z0-9_]*$")]


@door(router, "GET", "", scope=Scope.READ, gives=shapes.Stories, asks=("state", "desk", "cursor", "limit"))
def list_stories(
    request: HttpRequest,
    state: StoryState | None = None,
    desk: Slug = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> shapes.Stories:
    """The stories that the account may read, the newest first."""
    caller = caller_of(request)
    found = permissions.stories(caller.user, "newsroom.view_story").select_related("desk")
    if state:
        found = found.filter(state=state)
    if desk:
        found = found.filter(desk__slug=desk)
    page = page_of(found, request, cursor=cursor, limit=limit)
    return shapes.Stories(items=telling.story_rows(page.rows, caller), next=page.next, actions=caller.within(["look"]))


@door(router, "GET", SLUG, scope=Scope.READ, gives=shapes.Story)
def read_story(request: HttpRequest, slug: str) -> shapes.Story:
    """One story with its pictures, judged now: what would hold it, and who can help."""
    caller = caller_of(request)
    return telling.story_in_full(story_for(caller, slug), caller)
