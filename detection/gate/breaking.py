"""Publishing in an emergency: by permission, on the evidence that was seen, with a review by somebody else afterwards.

It passes everything but a `stop`. The host asks `authorise_anyway` in its publishing transaction, in the place of
`authorise`; nothing is lowered by it, so that the next publication is asked about as before.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, registry
from detection.errors import EvidenceChanged, Refused
from detection.gate import passing
from detection.gate.acts import Decision, check_reason, locked_report
from detection.gate.facts import Holders, facts_of
from detection.gate.reporting import Report
from detection.models import GlassBreak
from detection.vocabulary import Level

REVIEW_WITHIN = timedelta(minutes=60)
"""How soon somebody has to look at a story that went out past the gate."""
OUTCOMES = ("stands", "corrected", "withdrawn")
_BREAK, _REVIEW = "detection.break_glass", "detection.override_hold"


def seen_in(report: Report) -> str:
    """The digest of everything that a report's reader saw of its open pictures: what a breaking is bound to."""
    lines = sorted(f"{line.asset.pk if line.asset else ''}:{line.evidence}:{line.level}" for line in report.open_lines)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def can_break(report: Report, *, by: Any) -> bool:
    """Whether this person may publish past this refusal."""
    kind = registry.publishable_type(report.subject)
    is_open = report.refuses and report.level is not Level.STOP
    return is_open and by is not None and kind.allows(by, _BREAK, report.subject)


def authorise_anyway(subject: models.Model, *, by: Any, evidence: str, reason_code: str, note: str) -> Decision:
    """Let it go past the gate, inside the publishing transaction, and make the review that is due.

    Where the gate lets it go anyway nothing is broken. A `stop`, or a person who may not, is a Decision that refuses:
    raising would take back the record of it. Raises EvidenceChanged, or Refused for a missing reason or note.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("Call gate.authorise_anyway() inside transaction.atomic().")
    found = locked_report(subject, by=by)
    if not found.refuses:
        audit.record("gate.passed", subject=subject, by=by, level=found.level, policy=found.policy_number)
        passing.note(found)
        return Decision(True, found)
    if not can_break(found, by=by):
        audit.record("gate.denied", subject=subject, by=by, permission=_BREAK, level=found.level)
        return Decision(False, found)
    if evidence != seen_in(found):
        raise EvidenceChanged
    check_reason(reason_code, note, needs_note=True)
    now = timezone.now()
    pictures = [line.as_json() for line in found.open_lines]
    made = GlassBreak.objects.create(
        subject_type=registry.content_type(subject),
        subject_key=registry.key(subject),
        subject_label=str(subject)[:200],
        desk=registry.publishable_type(subject).desk_of(subject),
        level=found.level,
        evidence=evidence,
        pictures=pictures,
        reason_code=reason_code,
        note=note.strip(),
        author=by,
        author_label=audit.name_of(by),
        due_at=now + REVIEW_WITHIN,
    )
    audit.record(
        "gate.glass_broken",
        subject=subject,
        by=by,
        reason=reason_code,
        note=note.strip(),
        level=found.level,
        policy=found.policy_number,
        evidence=evidence,
        pictures=pictures,
        review_due=made.due_at,
        act=made.public_id,
    )
    passing.note(found)
    return Decision(True, found, made)


def review_afterwards(broken: GlassBreak, *, by: Any, outcome: str, note: str) -> bool:
    """Note what a look afterwards came to; False where somebody was first. Raises NotPermitted or Refused.

    By somebody else than whoever broke the glass, unless nobody else who could is active.
    """
    kind = registry.publishable_type(broken.subject_type.model_class() or "gone")
    subject = kind.find(broken.subject_key)
    if subject is None or not kind.allows(by, _REVIEW, subject):
        raise audit.denied(_REVIEW, subject=subject, by=by)
    if by.pk == broken.author_id and others_who_review(subject, by=by):
        raise Refused(_("Somebody else has to look at what you published in an emergency. Nothing was recorded."))
    if outcome not in OUTCOMES:
        raise Refused(_("Say what the review came to. Nothing was recorded."))
    check_reason("other", note, needs_note=True)
    with transaction.atomic():
        open_ = GlassBreak.objects.filter(pk=broken.pk, reviewed_at=None)
        words = {"outcome": outcome, "review_note": note.strip(), "reviewed_by_label": audit.name_of(by)}
        if not open_.update(reviewed_at=timezone.now(), **words):
            return False
        audit.record("gate.glass_reviewed", subject=subject, by=by, note=note, outcome=outcome, act=broken.public_id)
    return True


def others_who_review(subject: models.Model, *, by: Any) -> tuple[str, ...]:
    """The active people besides this one who can look at it afterwards; at most five names."""
    holders = Holders(facts_of(subject, [], now=timezone.now()), by)
    return tuple(audit.name_of(one) for one in holders.people(_REVIEW) if one.pk != by.pk)
