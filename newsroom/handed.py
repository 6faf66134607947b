"""What editors sent to a desk chief: the held pictures that wait for this very person. The start page asks.

Derived from the history and the gate each time, so that a picture leaves the list the moment it asks for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, F, Q
from django.db.models.functions import Cast

from detection import gate
from detection.templatetags.detection_tags import review_url
from newsroom import permissions
from newsroom.models import Placement, Story

MOST = 30
"""How many stories are looked at, the next to go out first."""


@dataclass(frozen=True, slots=True)
class Handed:
    """One picture in one story that somebody sent to the chief."""

    story: Story
    line: gate.Line
    url: str

    @property
    def sent(self) -> gate.Sent | None:
        """Who sent it, when, with which words."""
        return self.line.sent


def waiting_for(user: Any, *, back: str = "") -> list[Handed]:
    """What waits for this person, who must be able to clear it. `back`: where an override's form leads afterwards."""
    found = []
    for story in _stories(user):
        for line in gate.report(story, user=user).open_lines:
            if line.sent is not None and line.asset is not None:
                url = review_url(line.asset, story, back)
                found.append(Handed(story, line, url))
    return found


def _stories(user: Any) -> list[Story]:
    """The stories of this chief's desks about which anything was sent and whose pictures are not all out."""
    asked = Placement.objects.exclude(published_file=F("photo__image"), published_use=F("use")).values("story")
    own = permissions.stories(user, "detection.override_hold").annotate(key=Cast("pk", CharField(max_length=64)))
    sent = own.filter(Q(key__in=gate.sent_keys(Story)), Q(pk__in=asked))
    return list(sent.select_related("desk").order_by(F("publish_at").asc(nulls_last=True), "-updated_at")[:MOST])
