"""What a page that stays open asks for now and then: the roll-up of its stories, and one story's notice.

Answers with ready HTML, so that a page without JavaScript and one that was brought up to date look the same.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from newsroom import permissions, rollup
from newsroom.models import Story

MOST = 100
"""How many stories one page may ask about at once."""


def address(story: Story | None = None) -> str:
    """Where a page asks; with a story, for its notice too."""
    base = reverse("newsroom:live")
    return base if story is None else f"{base}?notice={story.pk}"


def replace_name(story: Story, user: Any) -> str:
    """The name of the page that replaces a picture, for whoever may; else ""."""
    return "admin:newsroom_story_replace" if permissions.may(user, "newsroom.change_story", story) else ""


@staff_member_required
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """`?ids=1,2`: the roll-up of each; `?notice=1`: also that story's notice. What is not theirs is left out."""
    notice = _numbers(request.GET.get("notice", ""))[:1]
    wanted = [*notice, *_numbers(request.GET.get("ids", ""))][:MOST]
    own = permissions.stories(request.user, "newsroom.view_story").filter(pk__in=wanted).select_related("desk")
    rolled = rollup.of(own)
    body: dict[str, Any] = {
        "stories": {
            pk: {
                "version": one.version,
                "sentence": f"{one.story}: {one.sentence}",
                "html": render_to_string("newsroom/rollup.html", {"rolled": one}, request),
            }
            for pk, one in rolled.items()
        }
    }
    for pk in notice:
        if pk in rolled:
            # Another instance: what was worked out for the list must not stand in for a full answer.
            story = own.get(pk=pk)
            back = reverse("admin:newsroom_story_change", args=[pk])
            context = {"original": story, "back": back, "replace_name": replace_name(story, request.user)}
            body["notice"] = render_to_string("newsroom/notice.html", context, request)
    response = JsonResponse(body)
    response["Cache-Control"] = "private, no-store"
    return response


def _numbers(given: str) -> list[int]:
    parts = [part for part in given.split(",") if part.isascii() and part.isdigit() and len(part) < 18]
    return [int(part) for part in parts]
