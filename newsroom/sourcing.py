"""How sure the desk is of a picture's source. Being surer takes a desk chief and a reason; being less sure is free.

The tier decides how strictly the gate looks, so raising it is a way past the gate, and lowering it never is.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import Refused
from detection.models import Asset
from newsroom import permissions
from newsroom.models import Photo, SourceTier

RAISING = "detection.change_source_tier"
REASON = 15
"""Characters that a reason has at least."""
_SURE = ("", SourceTier.UNKNOWN, SourceTier.UGC, SourceTier.FREELANCE, SourceTier.AGENCY, SourceTier.STAFF)
"""From what nobody knows to one's own photographers."""


def is_raised(was: str, now: str) -> bool:
    """Whether `now` says that the desk is surer of the source than `was` does. "" and `unknown` say the same."""
    return _SURE.index(now or SourceTier.UNKNOWN) > _SURE.index(was or SourceTier.UNKNOWN)


def check(photo: Photo, was: str, now: str, *, by: Any, reason: str) -> None:
    """Raise NotPermitted, after the attempt was recorded, or Refused, where this person may not, or gives no reason."""
    if not is_raised(was, now):
        return
    asset = Asset.objects.of(photo).first()
    if not permissions.may(by, RAISING, photo):
        sentence = _("Being surer of a source takes a chief of the picture's desk. The attempt is recorded.")
        raise audit.denied(RAISING, asset=asset, subject=photo, by=by, sentence=sentence)
    if len(reason.strip()) < REASON:
        words = {"least": REASON}
        raise Refused(_("Say in at least %(least)d characters how the desk knows the source.") % words)


def change(photo: Photo, now: str, *, by: Any, reason: str = "") -> None:
    """Record another source for a picture, with the event. Raises as `check`."""
    was = photo.source_tier
    check(photo, was, now, by=by, reason=reason)
    with transaction.atomic():
        photo.source_tier = now
        photo.save(update_fields=["source_tier"])
        note_change(photo, was, by=by, reason=reason)


def note_change(photo: Photo, was: str, *, by: Any, reason: str) -> None:
    """The event of a change that was checked and saved."""
    asset = Asset.objects.of(photo).first()
    facts: dict[str, Any] = {"was": was, "now": photo.source_tier, "raised": is_raised(was, photo.source_tier)}
    audit.record("picture.tier_changed", asset=asset, subject=photo, by=by, note=reason.strip(), **facts)
