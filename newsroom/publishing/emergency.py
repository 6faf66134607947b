"""Publishing past the gate in an emergency, and the review that somebody else owes within the hour."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from detection import gate, registry
from detection.errors import DetectionError, Refused
from detection.models import GlassBreak
from newsroom import alerts, permissions, uploads
from newsroom.models import Story
from newsroom.publishing import moving
from newsroom.publishing.going_out import let_out, prepared
from newsroom.publishing.moving import Outcome


def break_glass(story: Story, *, by: Any, typed: str, evidence: str, reason_code: str, note: str) -> Outcome:
    """Publish despite open questions. `typed`: the story's address, typed by hand; `evidence`: what the form showed.

    Everything but a `stop` gives way. The desk is alerted at once, and a review is due within the hour.
    """
    if (denied := moving.denied(story, by)) is not None:
        return denied
    if (denied := moving.denied(story, by, "detection.break_glass")) is not None:
        return denied
    if typed.strip() != story.slug:
        words = {"slug": story.slug}
        sentence = _("Not published. Type the story's address, %(slug)s, to show that you mean this one.")
        return _mistaken(story, Refused(sentence % words), by)
    uploads.request_missing_checks(story, by=by)
    if (lacking := prepared(story)) is not None:
        return lacking
    words = {"evidence": evidence, "reason_code": reason_code, "note": note}
    try:
        with transaction.atomic():
            decision = gate.authorise_anyway(story, by=by, **words)
            outcome = let_out(story, decision, by=by)
            if outcome.is_done and decision.broken is not None:
                _tell(story, decision.broken)
    except DetectionError as error:
        return _mistaken(story, error, by)
    return outcome


def _mistaken(story: Story, mistake: DetectionError, by: Any) -> Outcome:
    report = gate.report(story, user=by)
    return Outcome(story=story, is_done=False, sentence=str(mistake), report=report, mistake=mistake)


def _tell(story: Story, broken: GlassBreak) -> None:
    words = {"name": broken.author_label, "due": _time(broken.due_at), "note": broken.note}
    sentence = _("%(name)s published this in an emergency, past open questions. Review it by %(due)s. “%(note)s”")
    told = _("%(name)s published this in an emergency, past open questions. Review it by %(due)s.") % words
    how: dict[str, Any] = {"is_urgent": True, "told": told, "permission": "detection.override_hold"}
    alerts.raise_alert(story, sentence % words, occasion=f"glass:{broken.public_id}", **how)


def _time(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "H:i")


def to_review(user: Any, story: Story | None = None) -> QuerySet[GlassBreak]:
    """The emergency publications that this person has to review, the longest due first; of one story, where given."""
    own = permissions.stories(user, "detection.override_hold").annotate(key=Cast("pk", CharField(max_length=64)))
    waiting = GlassBreak.objects.filter(subject_type=registry.content_type(Story), reviewed_at=None)
    if story is not None:
        waiting = waiting.filter(subject_key=registry.key(story))
    return waiting.filter(subject_key__in=own.values("key"))


def review(story: Story, *, by: Any, public_id: str, outcome: str, note: str) -> Outcome:
    """Note what a look at an emergency publication came to."""
    broken = next((one for one in _waiting(story) if str(one.public_id) == public_id), None)
    if broken is None:
        sentence = _("Somebody has reviewed this already; the history says who and what it came to.")
        return Outcome(story=story, is_done=False, sentence=sentence)
    try:
        is_first = gate.review_afterwards(broken, by=by, outcome=outcome, note=note)
    except DetectionError as error:
        return Outcome(story=story, is_done=False, sentence=str(error))
    return Outcome(story=story, is_done=is_first, sentence=_("The review is recorded."))


def _waiting(story: Story) -> QuerySet[GlassBreak]:
    return GlassBreak.objects.filter(GlassBreak.about(story), reviewed_at=None)


def remind(now: datetime) -> int:
    """Alert the desk of each review that is overdue, once; how many are."""
    overdue = GlassBreak.objects.filter(subject_type=registry.content_type(Story), reviewed_at=None, due_at__lte=now)
    found = {one.subject_key: one for one in overdue}
    for story in Story.objects.filter(pk__in=[int(key) for key in found]).select_related("desk"):
        broken = found[registry.key(story)]
        words = {"name": broken.author_label, "due": _time(broken.due_at)}
        sentence = _("Nobody has reviewed what %(name)s published in an emergency; it was due at %(due)s.") % words
        how: dict[str, Any] = {"is_urgent": True, "permission": "detection.override_hold"}
        alerts.raise_alert(story, sentence, occasion=f"glass-overdue:{broken.public_id}", **how)
    return len(found)
