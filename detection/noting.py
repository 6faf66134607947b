"""A person writes down what they know about a picture: checks that were made, what the source answered, a note; and
whether it is graphic.

It moves no level and is no conclusion. Each is permission + row + event in one transaction, and carries the evidence
that its author saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from detection import audit, registry, reviewing
from detection.errors import EvidenceChanged, Refused
from detection.models import Asset, Note
from detection.standing import evidence_of, present_analyses
from detection.vocabulary import NoteKind

MOST = 4_000
"""Characters of one text."""


def note(
    asset: Asset, words: Mapping[NoteKind, str], *, by: Any, evidence: str, subject: models.Model | None = None
) -> list[Note]:
    """Record several things at once; `words`: what was found, by kind. A check may stand without words.

    Raises NotPermitted, EvidenceChanged, or Refused where nothing is said.
    """
    reviewing.check_place(asset, by=by, subject=subject)
    told = {kind: text.strip()[:MOST] for kind, text in words.items() if kind.is_check or text.strip()}
    if not told:
        raise Refused(_("Tick what was done, or write what you know. Nothing was recorded."))
    with transaction.atomic():
        Asset.objects.lock([asset.pk])
        asset.refresh_from_db()
        if evidence_of(asset, present_analyses(asset)) != evidence:
            raise EvidenceChanged
        return [_noted(asset, kind, text, by=by, subject=subject) for kind, text in told.items()]


def _noted(asset: Asset, kind: NoteKind, text: str, *, by: Any, subject: models.Model | None) -> Note:
    made = Note.objects.create(
        asset=asset,
        evidence=asset.evidence,
        kind=kind,
        text=text,
        desk=registry.publishable_type(subject).desk_of(subject) if subject is not None else "",
        generation=asset.generation,
        author=by,
        author_label=audit.name_of(by),
    )
    audit.record(
        "review.noted",
        asset=asset,
        subject=subject,
        by=by,
        noted=kind,
        note=text,
        evidence=made.evidence,
        desk=made.desk,
        act=made.public_id,
    )
    return made


def mark_graphic(asset: Asset, *, by: Any, is_graphic: bool, subject: models.Model | None = None) -> None:
    """Say that a picture shows what nobody should meet unasked, or doesn't: it is blurred till its reader reveals it.

    Saying what stands already records nothing. Raises NotPermitted.
    """
    reviewing.check_place(asset, by=by, subject=subject)
    with transaction.atomic():
        Asset.objects.lock([asset.pk])
        asset.refresh_from_db()
        if asset.is_graphic == is_graphic:
            return
        Asset.objects.filter(pk=asset.pk).update(said_graphic=is_graphic)
        asset.said_graphic = is_graphic
        audit.record("asset.graphic_marked", asset=asset, subject=subject, by=by, is_graphic=is_graphic)


def known(asset: Asset) -> list[Note]:
    """What was written down about the present file, the newest first."""
    return list(Note.objects.filter(asset=asset, generation=asset.generation))
