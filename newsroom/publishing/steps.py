"""The moves that bring nothing before readers: hand in, put on the schedule, take away. The gate refuses none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import Refused
from newsroom import uploads
from newsroom.models import Story, StoryState
from newsroom.publishing import moving
from newsroom.publishing.moving import Outcome

FURTHEST = timedelta(days=366)
"""How far ahead a story may be scheduled: a year is a slip of the keys more often than a plan."""
_S = StoryState
_UNPUBLISHED = (_S.DRAFT, _S.SUBMITTED, _S.SCHEDULED, _S.WITHDRAWN)


def submit(story: Story, *, by: Any) -> Outcome:
    """Hand a draft to the desk. Nothing is refused; open questions are named."""
    if (denied := moving.denied(story, by, "newsroom.change_story")) is not None:
        return denied
    uploads.request_missing_checks(story, by=by)
    with transaction.atomic():
        if not moving.move(story, (_S.DRAFT, _S.WITHDRAWN), _S.SUBMITTED):
            return moving.too_late(story)
        audit.record("story.submitted", subject=story, by=by)
    return moving.done(story, _("Submitted."), by)


def schedule(story: Story, at: datetime, *, by: Any) -> Outcome:
    """Let a story go out by itself at `at`. It is judged then, and at 60 and 15 minutes before; never now."""
    if (denied := moving.denied(story, by)) is not None:
        return denied
    if (mistake := _wrong_time(at)) is not None:
        return Outcome(story=story, is_done=False, sentence=str(mistake), mistake=mistake)
    uploads.request_missing_checks(story, by=by)
    with transaction.atomic():
        if not moving.move(story, _UNPUBLISHED, _S.SCHEDULED, publish_at=at, refused_at=None, looks_ahead=0):
            return moving.too_late(story)
        audit.record("story.scheduled", subject=story, by=by, at=at)
    shown = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
    return moving.done(story, _("Scheduled for %(time)s.") % {"time": shown}, by)


def _wrong_time(at: datetime) -> Refused | None:
    now = timezone.now()
    if at <= now:
        return Refused(_("This time has passed. Choose a later one."))
    if at > now + FURTHEST:
        return Refused(_("This time is more than a year away. Choose an earlier one."))
    return None


def withdraw(story: Story, *, by: Any) -> Outcome:
    """Take a published story away from readers, or a scheduled one off the schedule. Never refused by the gate."""
    if (denied := moving.denied(story, by)) is not None:
        return denied
    was_scheduled = story.state == _S.SCHEDULED
    to, action = (_S.DRAFT, "story.unscheduled") if was_scheduled else (_S.WITHDRAWN, "story.withdrawn")
    with transaction.atomic():
        allowed = (_S.SCHEDULED,) if was_scheduled else (_S.PUBLISHED,)
        if not moving.move(story, allowed, to, **moving.OFF_SCHEDULE):
            return moving.too_late(story)
        story.placements.update(published_file="", published_use="")
        audit.record(action, subject=story, by=by)
    withdrawn = _("Withdrawn. Readers don't see it any more.")
    sentence = _("Taken off the schedule. It is a draft again.") if was_scheduled else withdrawn
    return Outcome(story=story, is_done=True, sentence=sentence)
