"""Before readers, if the gate lets it: asked in the transaction that publishes, on the pictures that then go out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import audit, gate
from detection.models import Asset
from newsroom import renditions, uploads
from newsroom.models import Placement, Story, StoryState
from newsroom.publishing import moving
from newsroom.publishing.moving import Outcome

_S = StoryState


def publish(story: Story, *, by: Any, due_by: datetime | None = None) -> Outcome:
    """Publish, or publish again after a change, if the gate lets it.

    `by`: None for the schedule alone; `due_by`: only if it is still scheduled and due by then.

    1. Ask who is asking. 2. Ask for the checks that nobody asked for, and make the readers' copies, unless a look says
    that the gate refuses anyway. 3. In one transaction: ask the gate, move the story, note which files went out.
    """
    if (denied := moving.denied(story, by)) is not None:
        return denied
    uploads.request_missing_checks(story, by=by)
    if not gate.report(story, user=by).refuses and (lacking := prepared(story)) is not None:
        return lacking
    with transaction.atomic():
        return let_out(story, gate.authorise(story, by=by), by=by, due_by=due_by)


def prepared(story: Story) -> Outcome | None:
    """Make the readers' copies, before the transaction; None where all are stored, else the outcome that says so."""
    try:
        renditions.prepare(story)
    except renditions.NotStored:
        sentence = _("Not published: the copies for readers could not be stored. Tell whoever runs this site.")
        return Outcome(story=story, is_done=False, sentence=sentence)
    return None


def let_out(story: Story, decision: gate.Decision, *, by: Any, due_by: datetime | None = None) -> Outcome:
    """Act on the gate's answer, in the transaction in which it was given."""
    if not decision.is_allowed:
        story.refresh_from_db()
        sentence = _("Not published. %(why)s") % {"why": decision.report.sentence}
        return Outcome(story=story, is_done=False, sentence=sentence, report=decision.report)
    now = timezone.now()
    first = story.published_at if story.state == _S.PUBLISHED else now
    allowed = _S if due_by is None else (_S.SCHEDULED,)
    changes = {"published_at": first or now, **moving.OFF_SCHEDULE}
    if not moving.move(story, allowed, _S.PUBLISHED, due_by=due_by, **changes):
        return moving.too_late(story)
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


def publish_without(story: Story, placement: Placement, *, by: Any) -> Outcome:
    """Take one picture out of the story and publish the rest, if the gate has nothing against the rest."""
    if (denied := moving.denied(story, by)) is not None:
        return denied
    with transaction.atomic():
        if not Placement.objects.filter(pk=placement.pk, story=story).delete()[0]:
            return moving.too_late(story)
        asset = Asset.objects.of(placement.photo).first()
        audit.record("story.picture_left_out", asset=asset, subject=story, by=by, picture=str(placement.photo))
    return publish(story, by=by)
