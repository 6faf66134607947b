"""What people do at the gate, each as permission + change + event in one place; and the question before publishing.

Every form carries the evidence its reader saw. If it differs now, nothing is recorded and the page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, four_eyes, policy, registry, signals, waiting
from detection.errors import EvidenceChanged, Refused
from detection.gate import passing, sending
from detection.gate.reporting import Line, Report, report
from detection.models import Acknowledgement, Asset, GlassBreak, Override, PolicyVersion
from detection.models.reviews import AboutSubject
from detection.standing import announce_again
from detection.vocabulary import Level
from detection.wording import REASON_CODES


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may go out, and the report that says why."""

    is_allowed: bool
    report: Report
    broken: GlassBreak | None = None
    """Where it went out past the gate in an emergency: the review that is due."""


def authorise(subject: models.Model, *, by: Any) -> Decision:
    """Ask, inside the publishing transaction, whether this may go out now. Answers; never raises for a refusal.

    1. Write the story's asset rows in key order: a verdict that lands now waits for us, or we for it.
    2. Derive the report anew. 3. Record the answer with what it rested on; tell listeners of a refusal.
    `by`: who asked, None for the schedule. Raises TransactionManagementError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("Call gate.authorise() inside transaction.atomic().")
    found = locked_report(subject, by=by)
    is_allowed = not found.refuses
    audit.record(
        "gate.passed" if is_allowed else "gate.refused",
        subject=subject,
        by=by,
        level=found.level,
        mode=found.mode,
        policy=found.policy_number,
        pictures=[
            {**line.as_json(), "base_level": line.base_level, "cleared_by": bool(line.cleared_by), "live": line.is_live}
            for line in found.lines
        ],
    )
    if is_allowed:
        passing.note(found)
    else:
        send = partial(
            signals.publication_refused.send_robust, sender=type(subject), subject=subject, report=found, by=by
        )
        transaction.on_commit(send, robust=True)
    return Decision(is_allowed, found)


def locked_report(subject: models.Model, *, by: Any) -> Report:
    """The report over rows that we hold; once more where a picture was placed between locking and reading."""
    placed = registry.publishable_type(subject).placed_in(subject)
    held = {asset.pk for asset in Asset.objects.of_many([one.picture for one in placed]).values()}
    Asset.objects.lock(held)
    found = report(subject, user=by)
    while not (judged := {line.asset.pk for line in found.lines if line.asset is not None}) <= held:
        held |= judged
        Asset.objects.lock(held)
        found = report(subject, user=by)
    return found


def _permit(subject: models.Model, asset: Asset, *, by: Any, permission: str) -> None:
    """Raise NotPermitted, after the attempt was recorded; before the act's own transaction, which it must outlive."""
    if not registry.publishable_type(subject).allows(by, permission, subject):
        raise audit.denied(permission, asset=asset, subject=subject, by=by)


def _line_of(subject: models.Model, asset: Asset, *, by: Any, evidence: str) -> tuple[Line, Report]:
    """The line of this picture as it stands under the lock. Raises EvidenceChanged, or Refused where it is gone."""
    Asset.objects.lock([asset.pk])
    found = report(subject, user=by)
    line = next((one for one in found.lines if one.asset is not None and one.asset.pk == asset.pk), None)
    if line is None:
        raise Refused(_("This picture is not part of this story any more. Nothing was recorded."))
    if line.evidence != evidence:
        raise EvidenceChanged
    if not evidence:
        raise Refused(_("Nobody has looked at this file yet. Ask for a check, or replace the picture."))
    return line, found


def check_reason(reason_code: str, note: str, *, needs_note: bool) -> None:
    """Raise Refused where no known reason was chosen, or a note that is needed is too short."""
    if reason_code not in REASON_CODES:
        raise Refused(_("Choose a reason. Nothing was recorded."))
    least = PolicyVersion.current().rules.min_note
    if (needs_note or reason_code == "other") and len(note.strip()) < least:
        raise Refused(_("Write a note of at least %(least)d characters. Nothing was recorded.") % {"least": least})


def _about(subject: models.Model, line: Line, found: Report, *, by: Any) -> dict[str, Any]:
    return {
        "subject_type": registry.content_type(subject),
        "subject_key": registry.key(subject),
        "subject_label": str(subject)[:200],
        "asset": line.asset,
        "evidence": line.evidence,
        "signal": line.signal,
        "desk": registry.publishable_type(subject).desk_of(subject),
        "policy_number": found.policy_number,
        "author": by,
        "author_label": audit.name_of(by),
        "author_role": audit.role_of(by),
    }


def _record(action: str, made: AboutSubject, subject: models.Model, line: Line, *, by: Any, **facts: Any) -> None:
    audit.record(
        action,
        asset=made.asset,
        subject=subject,
        by=by,
        reason=made.reason_code,
        note=made.note,
        evidence=made.evidence,
        signal=made.signal,
        level=line.level,
        policy=made.policy_number,
        desk=made.desk,
        role=made.author_role,
        sha256=made.asset.sha256,
        act=made.public_id,
        **facts,
    )


def acknowledge(
    subject: models.Model, asset: Asset, *, by: Any, evidence: str, reason_code: str, note: str = ""
) -> Acknowledgement:
    """Carry on with this story after a look at an open question. Raises NotPermitted, EvidenceChanged or Refused."""
    _permit(subject, asset, by=by, permission="detection.acknowledge_gate")
    with transaction.atomic():
        line, found = _line_of(subject, asset, by=by, evidence=evidence)
        check_reason(reason_code, note, needs_note=False)
        if line.level is not Level.ACKNOWLEDGE:
            words = {"sentence": line.level_sentence}
            raise Refused(_("There is nothing to acknowledge here now: %(sentence)s") % words)
        about = _about(subject, line, found, by=by)
        made = Acknowledgement.objects.create(reason_code=reason_code, note=note.strip(), **about)
        _record("gate.acknowledged", made, subject, line, by=by)
        waiting.reckon(made.asset, is_locked=True)
    return made


def send_to_chief(subject: models.Model, asset: Asset, *, by: Any, evidence: str, note: str = "") -> None:
    """Hand a held picture to whoever can clear it. Raises NotPermitted, EvidenceChanged or Refused.

    Changes no level. Sending what waits there already, on the same evidence, records nothing anew.
    """
    _permit(subject, asset, by=by, permission="detection.review_analysis")
    with transaction.atomic():
        line, found = _line_of(subject, asset, by=by, evidence=evidence)
        if not line.asks or line.level is not Level.HOLD:
            words = {"sentence": line.cleared_by or line.level_sentence}
            raise Refused(_("There is nothing for the desk chief to clear here now: %(sentence)s") % words)
        if line.sent is None:
            audit.record(
                sending.ACTION,
                asset=asset,
                subject=subject,
                by=by,
                note=note.strip(),
                picture=line.label,
                evidence=line.evidence,
                signal=line.signal,
                level=line.level,
                policy=found.policy_number,
            )


def override(
    subject: models.Model,
    asset: Asset,
    *,
    by: Any,
    evidence: str,
    reason_code: str,
    note: str,
    scope: str = "story",
    ends_at: datetime | None = None,
    reader_label: str = "",
    no_label_reason: str = "",
) -> Override:
    """Let one story go despite an open question, until a stated end. Raises NotPermitted, EvidenceChanged or Refused.

    `scope`: `story`, or `desk` for every story of this desk with the same file. `ends_at`: cut to the policy's
    longest; default: the policy's usual end. Where AI is declared or concluded, `reader_label` or why there is none.
    A `stop` yields to a holder of `override_stop` alone.
    """
    kind = registry.publishable_type(subject)
    lifts_stop = by is not None and kind.allows(by, "detection.override_stop", subject)
    if not lifts_stop:
        _permit(subject, asset, by=by, permission="detection.override_hold")
    if part := four_eyes.part_of(by, asset, desk=kind.desk_of(subject)):
        name, said = "detection.override_hold", four_eyes.sentence(part)
        raise audit.denied(name, asset=asset, subject=subject, by=by, sentence=said, four_eyes=part)
    words: dict[str, Any] = {
        "scope": scope,
        "reader_label": reader_label.strip(),
        "no_label_reason": no_label_reason.strip(),
    }
    with transaction.atomic():
        line, found = _line_of(subject, asset, by=by, evidence=evidence)
        check_reason(reason_code, note, needs_note=True)
        _check_override(line, lifts_stop=lifts_stop, **words)
        words["ends_at"], words["lifts_stop"] = _end_of(subject, ends_at), line.level is Level.STOP
        about = _about(subject, line, found, by=by)
        made = Override.objects.create(reason_code=reason_code, note=note.strip(), **words, **about)
        _record("gate.override_granted", made, subject, line, by=by, **words)
        _note(made.asset)
        send = partial(signals.override_granted.send_robust, sender=Override, override=made)
        transaction.on_commit(send, robust=True)
    return made


def _check_override(line: Line, *, lifts_stop: bool, scope: str, reader_label: str, no_label_reason: str) -> None:
    if line.level is Level.STOP and not lifts_stop:
        raise Refused(_("The policy stops this picture; an override does not lift that. Replace the picture."))
    if scope not in ("story", "desk"):
        raise Refused(_("Choose whether this covers this story or the whole desk."))
    if reader_label and no_label_reason:
        raise Refused(_("Give the label for readers, or say why there is none; not both. Nothing was recorded."))
    if line.needs_label and not reader_label and not no_label_reason:
        raise Refused(_("AI is declared for this picture: give the label for readers, or say why there is none."))


def _end_of(subject: models.Model, wanted: datetime | None) -> datetime:
    rules, now = PolicyVersion.current().rules, timezone.now()
    if wanted is not None:
        return policy.clamp_override_end(wanted, now=now, rules=rules)
    return policy.override_end(now, registry.publishable_type(subject).publish_at_of(subject), rules)


def revoke(override: Override, *, by: Any, reason: str) -> None:
    """End an override before its time. Raises NotPermitted or Refused; nothing unpublishes by itself."""
    kind = registry.publishable_type(override.subject_type.model_class() or "gone")
    subject = kind.find(override.subject_key)
    if not _may_revoke(override, kind, subject, by=by):
        raise audit.denied("detection.override_hold", asset=override.asset, subject=subject, by=by)
    if not reason.strip():
        raise Refused(_("Say why the override ends. Nothing was recorded."))
    with transaction.atomic():
        Asset.objects.lock([override.asset_id])
        changed = Override.objects.filter(pk=override.pk, revoked_at=None).update(
            revoked_at=timezone.now(), revoked_by_label=audit.name_of(by), revoked_reason=reason.strip()
        )
        if changed:
            audit.record(
                "gate.override_revoked",
                asset=override.asset,
                subject=subject,
                by=by,
                note=reason,
                override=override.public_id,
                desk=override.desk,
                evidence=override.evidence,
            )
            # A story that went out under it has to hear of it; nothing unpublishes by itself.
            announce_again(override.asset)
            _note(override.asset)


def _note(asset: Asset) -> None:
    """Note for the queue what an override of this file answers, or no longer does."""
    waiting.reckon(asset, is_locked=True)
    transaction.on_commit(partial(waiting.reckon_twins, asset), robust=True)


def _may_revoke(override: Override, kind: registry.PublishableType, subject: models.Model | None, *, by: Any) -> bool:
    """A chief of the story; of a story that is gone, a chief of its desk, for a desk's override outlives its story."""
    if subject is not None:
        return kind.allows(by, "detection.override_hold", subject)
    return any(kind.desk_of(one) == override.desk for one in kind.reachable(by, "detection.override_hold")[:500])
