"""Everything about one picture on paper, for a lawyer or a standards editor: as JSON that verifies, and as a PDF.

The dossier's own digest is an event, sealed into the same chain, so that what stands in it beside the events is bound
to them. Making one is recorded, and so is that its maker saw the evidence.
"""

from __future__ import annotations

import json
from typing import Any

from detection import audit
from detection.history import viewing
from detection.history.dossier.collecting import collect
from detection.history.dossier.proving import digest, prove
from detection.models import Asset

PERMISSION = "detection.export_audit"


def make(asset: Asset, *, by: Any = None, reason: str = "") -> dict[str, Any]:
    """The whole dossier as plain values. Raises NotPermitted; whether this person may see the picture asks the door.

    1. Collect what the rows say. 2. Record its digest as an event, and seal. 3. Add the events with their proofs.
    """
    if by is not None and not (by.is_active and by.has_perm(PERMISSION)):
        raise audit.denied(PERMISSION, asset=asset, by=by)
    body = collect(asset, made_by=audit.name_of(by))
    audit.record("audit.dossier_made", asset=asset, by=by, note=reason, sha256=digest(body))
    if by is not None:
        viewing.note(asset, by=by, what="dossier")
    return body | prove(asset, body)


def as_json(made: dict[str, Any]) -> bytes:
    """The dossier as a file."""
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True).encode()
