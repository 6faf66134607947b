"""The published stories as an Atom feed: with the copies readers get, and with each picture its label."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.syndication.views import Feed
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from newsroom import showing
from newsroom.models import Story, StoryState

if TYPE_CHECKING:
    _Feed = Feed["Entry", HttpRequest]
else:
    _Feed = Feed

MOST = 20
"""How many stories the feed holds, the newest first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One story in the feed, with its pictures and their absolute addresses."""

    story: Story
    pictures: list[tuple[str, showing.Shown]]


@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """`/feed/`: a story's pictures stand in its content, each with label, caption and credit in one figure."""
    response: HttpResponse = _LatestStories()(request)
    response["Cache-Control"] = "public, max-age=60"
    return response


class _LatestStories(_Feed):
    """Made anew for each request; what it works out stands with the stories themselves."""

    feed_type = Atom1Feed
    title = _("Newsroom")
    subtitle = _("Published stories")

    def link(self) -> str:
        return reverse("newsroom:start")

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpRequest:
        return request

    def items(self, request: HttpRequest) -> list[Entry]:
        published = Story.objects.filter(state=StoryState.PUBLISHED).order_by("-published_at").select_related("desk")
        stories = list(published[:MOST])
        prefetch_related_objects(stories, "placements__photo")
        shown = showing.pictures_of_all(stories)
        return [
            Entry(story, [(request.build_absolute_uri(one.url), one) for one in shown[story.pk]]) for story in stories
        ]

    def item_title(self, item: Entry) -> str:
        return item.story.headline

    def item_link(self, item: Entry) -> str:
        return item.story.get_absolute_url()

    def item_description(self, item: Entry) -> str:
        return render_to_string("newsroom/feed_entry.html", {"story": item.story, "pictures": item.pictures})

    def item_pubdate(self, item: Entry) -> datetime | None:
        return item.story.published_at

    def item_updateddate(self, item: Entry) -> datetime:
        return item.story.updated_at

    def item_categories(self, item: Entry) -> list[str]:
        return [item.story.desk.name]
