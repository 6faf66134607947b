"""A story's pictures as readers get them, on its page and in the feed: never without their labels."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from newsroom import labels
from newsroom.models import Placement, Story


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture as readers get it: `url` leads to our own copy, `label` goes with it wherever it is shown."""

    placement: Placement
    label: str
    credit: str
    url: str


def pictures(story: Story) -> list[Shown]:
    """The pictures of a published story that went out and could be opened."""
    placements = list(story.placements.select_related("photo"))
    return _shown(placements, labels.for_readers(story, placements))


def pictures_of_all(stories: list[Story]) -> dict[int, list[Shown]]:
    """The same for many stories with prefetched placements, in three queries."""
    labels.attach(stories)
    return {story.pk: _shown(list(story.placements.all()), labels.attached(story) or {}) for story in stories}


def _shown(placements: list[Placement], words: dict[int, str]) -> list[Shown]:
    return [
        Shown(one, words[one.pk], labels.credit_of(one.photo), _address(one))
        for one in placements
        if one.is_live and one.rendition and one.rendition_of == one.published_file
    ]


def _address(placement: Placement) -> str:
    return reverse("newsroom:rendition", args=[placement.rendition.removeprefix("renditions/")])
