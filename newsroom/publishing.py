"""The one way to readers: every button, bulk action, schedule, command and interface comes through here.

The gate is asked in the transaction that publishes, on the pictures that then go out. A refusal is an answer, not an
error: it is recorded, and the outcome says why and who can help. The only writer of a story's state.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import audit, gate
from newsroom import alerts, permissions, renditions, uploads
from newsroom.models import Placement, Story, StoryState

logger = logging.getLogger(__name__)

GRACE = timedelta(hours=1)
"""How long a scheduled story that was refused at its time goes out by itself once somebody has cleared it."""
LOOKS_AHEAD = (timedelta(minutes=60), timedelta(minutes=15))
"""How long before its time a scheduled story is judged, so that its desk hears of a hold early enough."""

_S = StoryState
_OFF_SCHEDULE: dict[str, Any] = {"publish_at": None, "refused_at": None, "looks_ahead": 0}
_UNPUBLISHED = (_S.DRAFT, _S.SUBMITTED, _S.SCHEDULED, _S.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the request. `report`: the gate's, where it was asked. `is_permitted`: False for a 403."""

    story: Story
    is_done: bool
    sentence: str
    report: gate.Report | None = None
    is_permitted: bool = True

    @property
    def published(self) -> bool:
        """Whether the story is before readers now, by this request."""
        return self.is_done and self.story.state == _S.PUBLISHED

    @property
    def was_refused(self) -> bool:
        """Whether it was the gate that said no."""
        return self.report is not None and not self.is_done


def publish(story: Story, *, by: Any, due_by: datetime | None = None) -> Outcome:
    """Publish, or publish again after a change, if the gate lets it.

    `by`: None for the schedule alone; `due_by`: only if it is still scheduled and due by then.

    1. Ask who is asking. 2. Ask for the checks that nobody asked for, and make the readers' copies, unless a look says
    that the gate refuses anyway. 3. In one transaction: ask the gate, move the story, note which files went out.
    """
    if (denied := _denied(story, by)) is not None:
        return denied
    uploads.request_missing_checks(story, by=by)
    if not gate.report(story, user=by).refuses:
        try:
            renditions.prepare(story)
        except renditions.NotStored:
            sentence = _("Not published: the copies for readers could not be stored. Tell whoever runs this site.")
            return Outcome(story=story, is_done=False, sentence=sentence)
    with transaction.atomic():
        decision = gate.authorise(story, by=by)
        if not decision.is_allowed:
            story.refresh_from_db()
            sentence = _("Not published. %(why)s") % {"why": decision.report.sentence}
            return Outcome(story=story, is_done=False, sentence=sentence, report=decision.report)
        now = timezone.now()
        first = story.published_at if story.state == _S.PUBLISHED else now
        allowed = _S if due_by is None else (_S.SCHEDULED,)
        if not _move(story, allowed, _S.PUBLISHED, due_by=due_by, published_at=first or now, **_OFF_SCHEDULE):
            return _too_late(story)
        missing = _note_what_went_out(decision.report)
        audit.record("story.published", subject=story, by=by, level=decision.report.level, not_shown=missing)
    return Outcome(story=story, is_done=True, sentence=_published_sentence(missing), report=decision.report)


def _published_sentence(missing: int) -> str:
    left_out = ngettext(
        "%(count)d picture could not be opened, so readers don't see it.",
        "%(count)d pictures could not be opened, so readers don't see them.",
        missing,
    ) % {"count": missing}
    return _("Published.") + (f" {left_out}" if missing else "")


def _note_what_went_out(report: gate.Report) -> int:
    """Stamp exactly the files and uses that were judged; the number of those that readers will not see."""
    missing = 0
    for line in report.lines:
        photo = line.placed.picture
        judged = Placement.objects.filter(story=report.subject.pk, photo=photo.pk, use=line.placed.use)
        name = photo.image.name  # type: ignore[attr-defined]
        judged.update(published_file=name, published_use=line.placed.use)
        missing += not judged.filter(rendition_of=name).exclude(rendition="").exists()
    return missing


def submit(story: Story, *, by: Any) -> Outcome:
    """Hand a draft to the desk. Nothing is refused; open questions are named."""
    if (denied := _denied(story, by, "newsroom.change_story")) is not None:
        return denied
    uploads.request_missing_checks(story, by=by)
    with transaction.atomic():
        if not _move(story, (_S.DRAFT, _S.WITHDRAWN), _S.SUBMITTED):
            return _too_late(story)
        audit.record("story.submitted", subject=story, by=by)
    return _done(story, _("Submitted."), by)


def schedule(story: Story, at: datetime, *, by: Any) -> Outcome:
    """Let a story go out by itself at `at`. It is judged then, and at 60 and 15 minutes before; never now."""
    if (denied := _denied(story, by)) is not None:
        return denied
    if at <= timezone.now():
        return Outcome(story=story, is_done=False, sentence=_("This time has passed. Choose a later one."))
    uploads.request_missing_checks(story, by=by)
    with transaction.atomic():
        if not _move(story, _UNPUBLISHED, _S.SCHEDULED, publish_at=at, refused_at=None, looks_ahead=0):
            return _too_late(story)
        audit.record("story.scheduled", subject=story, by=by, at=at)
    shown = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
    return _done(story, _("Scheduled for %(time)s.") % {"time": shown}, by)


def withdraw(story: Story, *, by: Any) -> Outcome:
    """Take a published story away from readers, or a scheduled one off the schedule. Never refused by the gate."""
    if (denied := _denied(story, by)) is not None:
        return denied
    was_scheduled = story.state == _S.SCHEDULED
    to, action = (_S.DRAFT, "story.unscheduled") if was_scheduled else (_S.WITHDRAWN, "story.withdrawn")
    with transaction.atomic():
        allowed = (_S.SCHEDULED,) if was_scheduled else (_S.PUBLISHED,)
        if not _move(story, allowed, to, **_OFF_SCHEDULE):
            return _too_late(story)
        story.placements.update(published_file="", published_use="")
        audit.record(action, subject=story, by=by)
    withdrawn = _("Withdrawn. Readers don't see it any more.")
    sentence = _("Taken off the schedule. It is a draft again.") if was_scheduled else withdrawn
    return Outcome(story=story, is_done=True, sentence=sentence)


def publish_without(story: Story, placement: Placement, *, by: Any) -> Outcome:
    """Take one picture out of the story and publish the rest, if the gate has nothing against the rest."""
    if (denied := _denied(story, by)) is not None:
        return denied
    with transaction.atomic():
        if not Placement.objects.filter(pk=placement.pk, story=story).delete()[0]:
            return _too_late(story)
        audit.record("story.picture_left_out", subject=story, by=by, picture=str(placement.photo))
    return publish(story, by=by)


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
        if not _move(story, (_S.SCHEDULED,), _S.DRAFT, **_OFF_SCHEDULE):
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
        if not _move(story, (_S.SCHEDULED,), _S.DRAFT, **_OFF_SCHEDULE):
            return _too_late(story)
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


def _denied(story: Story, by: Any, permission: str = "newsroom.publish_story") -> Outcome | None:
    """The outcome for somebody who may not, which is recorded; None for somebody who may, and for the schedule."""
    if by is None or permissions.may(by, permission, story):
        return None
    audit.record("gate.denied", subject=story, by=by, permission=permission)
    sentence = _("You don't work on this story's desk, so you can't do that. Ask somebody who does.")
    return Outcome(story=story, is_done=False, sentence=sentence, is_permitted=False)


def _move(
    story: Story, allowed: Iterable[StoryState], to: StoryState, *, due_by: datetime | None = None, **changes: Any
) -> bool:
    """Change the state by compare-and-set, `due_by`: only of a story due by then. False where somebody was first."""
    rows = Story.objects.filter(pk=story.pk, state__in=list(allowed))
    if due_by is not None:
        rows = rows.filter(publish_at__lte=due_by)
    moved = rows.update(state=to, updated_at=timezone.now(), **changes)
    story.refresh_from_db()
    return bool(moved)


def _too_late(story: Story) -> Outcome:
    story.refresh_from_db()
    sentence = _("This story is %(state)s, so that can't be done now. Somebody may have been first; look again.")
    state = story.get_state_display().lower()
    return Outcome(story=story, is_done=False, sentence=sentence % {"state": state})


def _done(story: Story, sentence: str, by: Any) -> Outcome:
    """Done, with the open questions named where there are any."""
    report = gate.report(story, user=by)
    return Outcome(story=story, is_done=True, sentence=f"{sentence} {report.sentence}" if report.refuses else sentence)
