"""The only writer of a story's state, and the answers that every move gives. For the rest of `publishing` alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, gate
from detection.errors import DetectionError
from newsroom import permissions
from newsroom.models import Story, StoryState

OFF_SCHEDULE: dict[str, Any] = {"publish_at": None, "refused_at": None, "looks_ahead": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the request. `report`: the gate's, where it was asked. `is_permitted`: False for a 403.

    `mistake`: what is wrong with the words of the request, where neither the gate nor the story's state said no.
    """

    story: Story
    is_done: bool
    sentence: str
    report: gate.Report | None = None
    is_permitted: bool = True
    mistake: DetectionError | None = None

    @property
    def published(self) -> bool:
        """Whether the story is before readers now, by this request."""
        return self.is_done and self.story.state == StoryState.PUBLISHED

    @property
    def was_refused(self) -> bool:
        """Whether it was the gate that said no."""
        return self.report is not None and not self.is_done


def denied(story: Story, by: Any, permission: str = "newsroom.publish_story") -> Outcome | None:
    """The outcome for somebody who may not, which is recorded; None for somebody who may, and for the schedule."""
    if by is None or permissions.may(by, permission, story):
        return None
    audit.record("gate.denied", subject=story, by=by, permission=permission)
    sentence = _("You don't work on this story's desk, so you can't do that. Ask somebody who does.")
    return Outcome(story=story, is_done=False, sentence=sentence, is_permitted=False)


def move(
    story: Story, allowed: Iterable[StoryState], to: StoryState, *, due_by: datetime | None = None, **changes: Any
) -> bool:
    """Change the state by compare-and-set, `due_by`: only of a story due by then. False where somebody was first."""
    rows = Story.objects.filter(pk=story.pk, state__in=list(allowed))
    if due_by is not None:
        rows = rows.filter(publish_at__lte=due_by)
    moved = rows.update(state=to, updated_at=timezone.now(), **changes)
    story.refresh_from_db()
    return bool(moved)


def too_late(story: Story) -> Outcome:
    story.refresh_from_db()
    sentence = _("This story is %(state)s, so that can't be done now. Somebody may have been first; look again.")
    state = story.get_state_display().lower()
    return Outcome(story=story, is_done=False, sentence=sentence % {"state": state})


def done(story: Story, sentence: str, by: Any) -> Outcome:
    """Done, with the open questions named where there are any."""
    report = gate.report(story, user=by)
    return Outcome(story=story, is_done=True, sentence=f"{sentence} {report.sentence}" if report.refuses else sentence)
