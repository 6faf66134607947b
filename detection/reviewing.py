"""A person looks at a picture: claims it, concludes, asks the source, or takes a conclusion back.

Each is permission + change + event in one transaction. A conclusion covers exactly the evidence its author saw,
and counts on the desk of the story it was decided for; elsewhere it is a hint.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, four_eyes, policy, registry, signals, waiting
from detection.errors import EvidenceChanged, Refused
from detection.models import Asset, Claim, PolicyVersion, Review
from detection.standing import evidence_of, present_analyses, settle, standing_review
from detection.vocabulary import Conclusion, Level, Signal
from detection.wording import REASON_CODES

CLAIM_FOR = timedelta(minutes=15)
UNDO_FOR = timedelta(minutes=10)


def _may(asset: Asset, *, by: Any, subject: models.Model | None, permission: str) -> bool:
    if subject is not None:
        return registry.publishable_type(subject).allows(by, permission, subject)
    picture = asset.picture()
    return picture is not None and asset.asset_type.allows(by, permission, picture)


def _is_placed(asset: Asset, subject: models.Model) -> bool:
    pictures = [placed.picture for placed in registry.publishable_type(subject).placed_in(subject)]
    here = [one for one in pictures if registry.key(one) == asset.object_key]
    return any(registry.content_type(one).pk == asset.content_type_id for one in here)


def check_place(asset: Asset, *, by: Any, subject: models.Model | None) -> None:
    """Raise NotPermitted, recorded, or Refused, where this person may not act on this picture, in this story or at all.

    Before the act opens its transaction, for the record of an attempt has to stay.
    """
    if not _may(asset, by=by, subject=subject, permission="detection.review_analysis"):
        raise audit.denied("detection.review_analysis", asset=asset, subject=subject, by=by)
    if subject is not None and not _is_placed(asset, subject):
        raise Refused(_("This picture is not part of this story any more. Nothing was recorded."))


def claim(asset: Asset, *, by: Any) -> Claim:
    """Say that one is looking, for 15 minutes; taking over is allowed and recorded. Raises NotPermitted.

    Claiming again while one's claim runs renews it, and records nothing new.
    """
    _permit_claim(asset, by=by)
    now = timezone.now()
    with transaction.atomic():
        held = Claim.objects.filter(asset=asset, until__gt=now).first()
        made, _created = Claim.objects.update_or_create(
            asset=asset,
            defaults={"author": by, "author_label": audit.name_of(by), "until": now + CLAIM_FOR},
        )
        if held is None or held.author_id != by.pk:
            taken = {"taken_from": held.author_label} if held is not None else {}
            audit.record("review.claimed", asset=asset, by=by, personal=taken, until=made.until)
    return made


def release(asset: Asset, *, by: Any) -> bool:
    """Give one's own claim back before it ends; whether there was one. Raises NotPermitted."""
    _permit_claim(asset, by=by)
    with transaction.atomic():
        gone, _each = Claim.objects.filter(asset=asset, author_id=by.pk, until__gt=timezone.now()).delete()
        if gone:
            audit.record("review.released", asset=asset, by=by)
    return bool(gone)


def _permit_claim(asset: Asset, *, by: Any) -> None:
    if not _may(asset, by=by, subject=None, permission="detection.review_analysis"):
        raise audit.denied("detection.review_analysis", asset=asset, by=by)


def decide(
    asset: Asset,
    conclusion: Conclusion,
    *,
    by: Any,
    evidence: str,
    subject: models.Model | None = None,
    note: str = "",
    reason_code: str = "",
    reader_label: str = "",
    no_label_reason: str = "",
) -> Review:
    """Record what a person concluded about a picture. Raises NotPermitted, EvidenceChanged or Refused.

    `subject`: the story it is decided for; its desk is where the conclusion counts, and there a holder of
    `override_hold` also clears a hold with it.
    """
    check_place(asset, by=by, subject=subject)
    _check_words(reason_code, reader_label, no_label_reason)
    is_holder = subject is not None and _may(asset, by=by, subject=subject, permission="detection.override_hold")
    desk = registry.publishable_type(subject).desk_of(subject) if subject is not None else ""
    rules = PolicyVersion.current().rules.of_desk(desk)
    part = four_eyes.part_of(by, asset, desk=desk) if is_holder else ""
    is_holder = is_holder and not part
    with transaction.atomic():
        Asset.objects.lock([asset.pk])
        asset.refresh_from_db()
        if evidence_of(asset, present_analyses(asset)) != evidence:
            raise EvidenceChanged
        if is_holder and _clears_hold(asset, conclusion, rules, subject):
            _needs_reason(asset, conclusion, note, reason_code, reader_label or no_label_reason, rules)
        made = Review.objects.create(
            asset=asset,
            evidence=evidence,
            conclusion=conclusion,
            reason_code=reason_code,
            note=note.strip(),
            reader_label=reader_label.strip(),
            desk=registry.publishable_type(subject).desk_of(subject) if subject is not None else "",
            by_holder=is_holder,
            author=by,
            author_label=audit.name_of(by),
        )
        _record(made, subject, by=by, no_label_reason=no_label_reason.strip(), part=part)
        _settled(asset, by=by)
    return made


def _settled(asset: Asset, *, by: Any) -> None:
    """Let what was said take effect; whoever said it is done with looking."""
    settle(asset)
    Claim.objects.filter(asset=asset, author_id=getattr(by, "pk", None)).delete()
    transaction.on_commit(partial(waiting.reckon_twins, asset), robust=True)


def _check_words(reason_code: str, reader_label: str, no_label_reason: str) -> None:
    if reason_code and reason_code not in REASON_CODES:
        raise Refused(_("Choose a reason from the list. Nothing was recorded."))
    if reader_label.strip() and no_label_reason.strip():
        raise Refused(_("Give the label for readers, or say why there is none; not both. Nothing was recorded."))


def _record(made: Review, subject: models.Model | None, *, by: Any, no_label_reason: str, part: str) -> None:
    held_back: dict[str, Any] = {"four_eyes": part} if part else {}
    audit.record(
        "review.concluded",
        asset=made.asset,
        subject=subject,
        by=by,
        conclusion=made.conclusion,
        reason=made.reason_code,
        note=made.note,
        reader_label=made.reader_label,
        no_label_reason=no_label_reason,
        evidence=made.evidence,
        signal=made.asset.signal,
        desk=made.desk,
        by_holder=made.by_holder,
        policy=PolicyVersion.current().number,
        **held_back,
    )
    transaction.on_commit(partial(signals.conclusion_recorded.send_robust, sender=Review, review=made), robust=True)


def _clears_hold(asset: Asset, conclusion: Conclusion, rules: policy.Rules, subject: models.Model | None) -> bool:
    """Whether this would let a held picture go: by the policy, the host's reasons, or an earlier conclusion."""
    picture = asset.picture()
    if conclusion not in (Conclusion.ACCEPTED, Conclusion.CANNOT_DETERMINE) or picture is None or subject is None:
        return False
    kind = registry.publishable_type(subject)
    second = bool(asset.standing.get("second_strong"))
    found = policy.Assessment(signal=Signal(asset.signal), row=asset.row, is_second_strong=second)
    level, _queued = policy.level_for(found, asset.asset_type.tier_of(picture), rules)
    said = standing_review(Review.objects.filter(asset=asset, evidence=asset.evidence, desk=kind.desk_of(subject)))
    is_confirmed = said is not None and Conclusion(said.conclusion).says_ai
    return is_confirmed or Level.HOLD in (level, *(reason.at_least for reason in kind.reasons_of(subject)))


def _needs_reason(
    asset: Asset, conclusion: Conclusion, note: str, reason_code: str, label: str, rules: policy.Rules
) -> None:
    if not reason_code:
        raise Refused(_("This clears a hold: choose a reason. Nothing was recorded."))
    if len(note.strip()) < rules.min_note:
        least = {"least": rules.min_note}
        raise Refused(_("This clears a hold: write a note of at least %(least)d characters.") % least)
    if policy.asks_for_label(Signal(asset.signal), conclusion) and not label.strip():
        raise Refused(_("AI is declared for this picture: give the label for readers, or say why there is none."))


def ask_source(asset: Asset, *, by: Any, evidence: str, subject: models.Model | None = None, note: str = "") -> Review:
    """Record that the source was asked; the picture waits and is at least to be acknowledged. Raises as `decide`."""
    return decide(asset, Conclusion.WAITING_FOR_SOURCE, by=by, evidence=evidence, subject=subject, note=note)


def undo(review: Review, *, by: Any) -> Review:
    """Take back one's own conclusion within ten minutes, as a reversal, while one may still judge the picture. Raises
    NotPermitted or Refused."""
    is_own = review.author_id == getattr(by, "pk", None)
    if not is_own or not _may(review.asset, by=by, subject=None, permission="detection.review_analysis"):
        raise audit.denied("detection.review_analysis", asset=review.asset, by=by)
    if timezone.now() > review.created_at + UNDO_FOR:
        raise Refused(_("Ten minutes have passed. Record a new conclusion instead."))
    with transaction.atomic():
        Asset.objects.lock([review.asset_id])
        if not review.conclusion or Review.objects.filter(reverses=review).exists():
            raise Refused(_("This conclusion was taken back already."))
        if Review.objects.filter(asset=review.asset_id, evidence=review.evidence, pk__gt=review.pk).exists():
            # The reversal would be the newest word, and silently take back somebody else's.
            raise Refused(_("A newer conclusion has been recorded since. Record a new one instead."))
        made = Review.objects.create(
            asset=review.asset,
            evidence=review.evidence,
            conclusion="",
            desk=review.desk,
            by_holder=False,
            author=by,
            author_label=audit.name_of(by),
            reverses=review,
        )
        audit.record("review.reversed", asset=review.asset, by=by, review=review.public_id, was=review.conclusion)
        _settled(review.asset, by=by)
    return made
