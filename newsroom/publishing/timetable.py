"""What the schedule does each minute: publish what is due, and judge beforehand what soon will be."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from detection import audit, gate
from newsroom import alerts
from newsroom.models import Story, StoryState
from newsroom.publishing import moving
from newsroom.publishing.going_out import publish
from newsroom.publishing.moving import Outcome

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=1)
"""How long a scheduled story that was refused at its time goes out by itself once somebody has cleared it."""
LOOKS_AHEAD = (timedelta(minutes=60), timedelta(minutes=15))
"""How long before its time a scheduled story is judged, so that its desk hears of a hold early enough."""

_S = StoryState


def publish_due(now: datetime) -> list[Outcome]:
    """Every minute: publish what is due, and look ahead at what soon will be. One outcome for each story that was due.

    A story refused at its time stays scheduled and goes out by itself once it is cleared within the hour; then it is
    a draft again, for what was urgent has passed.
    """
    for story in Story.objects.filter(state=_S.SCHEDULED, publish_at__gt=now, publish_at__lte=now + LOOKS_AHEAD[0]):
        with _on_its_own(story):
            _look_ahead(story, now)
    due = Story.objects.filter(state=_S.SCHEDULED, publish_at__lte=now).order_by("publish_at").select_related("desk")
    return [_publish_alone(story, now) for story in due]


@contextmanager
def _on_its_own(story: Story) -> Iterator[None]:
    """Whatever breaks with one story of the schedule is logged, and keeps no other from going out."""
    try:
        yield
    except Exception:
        logger.exception("The schedule could not go on with story %s.", story.pk)


def _publish_alone(story: Story, now: datetime) -> Outcome:
    outcome = Outcome(story=story, is_done=False, sentence=_("Not published: something went wrong here."))
    with _on_its_own(story):
        outcome = _publish_scheduled(story, now)
    is_open = not outcome.is_done and outcome.report is None
    if is_open and Story.objects.filter(pk=story.pk, state=_S.SCHEDULED, publish_at__lte=now).exists():
        _tell_it_broke(story, outcome.sentence, now)
    return outcome


def _tell_it_broke(story: Story, why: str, now: datetime) -> None:
    """Say once that a story can't go out for a reason that no desk can clear; after an hour it is a draft again."""
    story.refresh_from_db()
    due = story.publish_at or now
    sentence = _("It could not go out at its time and is tried for an hour. Tell whoever runs this site. %(why)s")
    if now >= due + GRACE:
        sentence = _("It could not go out within an hour of its time, so it is a draft again. %(why)s")
        if not moving.move(story, (_S.SCHEDULED,), _S.DRAFT, **moving.OFF_SCHEDULE):
            return
        audit.record("story.back_to_draft", subject=story, due=due)
    alerts.raise_alert(story, sentence % {"why": why}, occasion=f"broke:{due}:{story.state}", is_urgent=True)


def _publish_scheduled(story: Story, now: datetime) -> Outcome:
    report = gate.report(story)
    if story.refused_at is None or not report.refuses:
        outcome = publish(story, by=None, due_by=now)
        if not outcome.was_refused:
            return outcome
        report = outcome.report or report
    if story.publish_at is not None and now >= story.publish_at + GRACE:
        return _give_up(story, report)
    if story.refused_at is None:
        _note_refusal(story, report, now)
    sentence = _("Held at its time. It goes out by itself if it is cleared within the hour. %(why)s")
    return Outcome(story=story, is_done=False, sentence=sentence % {"why": report.sentence}, report=report)


def _note_refusal(story: Story, report: gate.Report, now: datetime) -> None:
    with transaction.atomic():
        due = Story.objects.filter(pk=story.pk, state=_S.SCHEDULED, publish_at__lte=now, refused_at=None)
        if due.update(refused_at=now):
            audit.record("story.refused_at_due", subject=story, level=report.level, due=story.publish_at)
            sentence = _("Not published at its time. It goes out by itself if it is cleared within the hour. %(why)s")
            _alert(story, "refused", sentence, report, is_urgent=True)
    story.refused_at = now


def _give_up(story: Story, report: gate.Report) -> Outcome:
    with transaction.atomic():
        due = story.publish_at
        if not moving.move(story, (_S.SCHEDULED,), _S.DRAFT, **moving.OFF_SCHEDULE):
            return moving.too_late(story)
        audit.record("story.back_to_draft", subject=story, level=report.level, due=due)
        sentence = _("Nobody cleared it within the hour, so it is a draft again. %(why)s")
        alerts.raise_alert(
            story, sentence % {"why": report.sentence}, occasion=f"gave up:{due and due.isoformat()}", is_urgent=True
        )
    return Outcome(story=story, is_done=False, sentence=sentence % {"why": report.sentence}, report=report)


def _look_ahead(story: Story, now: datetime) -> None:
    """Judge a scheduled story before its time, each look once, and tell its desk what would hold it."""
    left = (story.publish_at or now) - now
    looks = sum(left <= before for before in LOOKS_AHEAD)
    if looks <= story.looks_ahead:
        return
    with transaction.atomic():
        waiting = Story.objects.filter(pk=story.pk, state=_S.SCHEDULED, looks_ahead__lt=looks)
        report = gate.report(story) if waiting.update(looks_ahead=looks) else None
        if report is not None and report.refuses:
            _alert(story, f"ahead {looks}", _("Would be held at its time. %(why)s"), report, is_urgent=looks > 1)


def _alert(story: Story, kind: str, sentence: str, report: gate.Report, *, is_urgent: bool) -> None:
    due = story.publish_at.isoformat() if story.publish_at else ""
    alerts.raise_alert(story, sentence % {"why": report.sentence}, occasion=f"{kind}:{due}", is_urgent=is_urgent)
