"""Orders to preserve, as a court or a lawyer gives them: what one covers is neither erased nor removed meanwhile."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import Refused
from detection.models import Asset, Preservation

PERMISSION = "detection.erase_personal"
"""Who may erase is also who is told what must not be erased."""


def permit(by: Any, *, sentence: str = "") -> None:
    """Raise NotPermitted, recorded, for whoever may not erase. `by=None` is the operator at the command line."""
    if by is not None and not (by.is_active and by.has_perm(PERMISSION)):
        raise audit.denied(PERMISSION, by=by, sentence=sentence)


def order(asset: Asset | None, *, reason: str, by: Any = None) -> Preservation:
    """Preserve what concerns one picture, or everything (None). Raises NotPermitted, or Refused without a reason."""
    permit(by)
    if not reason.strip():
        raise Refused(_("Say why this has to be preserved. Nothing was recorded."))
    with transaction.atomic():
        made = Preservation.objects.create(asset=asset, reason=reason.strip(), ordered_by_label=audit.name_of(by))
        audit.record("audit.preserved", asset=asset, by=by, note=reason.strip(), order=made.pk)
    return made


def end(made: Preservation, *, reason: str, by: Any = None) -> None:
    """End an order. Raises NotPermitted, or Refused without a reason or where it ended before."""
    permit(by)
    if not reason.strip():
        raise Refused(_("Say why the order ends. Nothing was recorded."))
    with transaction.atomic():
        if not Preservation.objects.filter(pk=made.pk, ended_at=None).update(ended_at=timezone.now()):
            raise Refused(_("This order has ended already."))
        audit.record("audit.released", asset=made.asset, by=by, note=reason.strip(), order=made.pk)


def covers_everything() -> bool:
    """Whether an order stands that covers the whole history."""
    return Preservation.objects.filter(asset=None, ended_at=None).exists()


def preserved_assets() -> list[int]:
    """The pictures that an order of their own covers."""
    return list(Preservation.objects.filter(ended_at=None).exclude(asset=None).values_list("asset", flat=True))


def refuse(what: str, sentence: str, *, by: Any, **facts: Any) -> Refused:
    """Record that erasing or removing was refused, and give the error to raise, outside the act's transaction."""
    audit.record("audit.refused", by=by, what=what, **facts)
    return Refused(sentence)
