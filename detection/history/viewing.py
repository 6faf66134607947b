"""Who looked at the evidence about a picture: the one row that a GET may add, and never a change of anything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from detection import audit
from detection.models import Asset, EvidenceView

SAME_LOOK = timedelta(minutes=10)
"""Loading a page again within this time is the same look."""


def note(asset: Asset, *, by: Any, what: str = "review") -> None:
    """Note that this person looks at this evidence now; once for a look that goes on."""
    since = timezone.now() - SAME_LOOK
    seen = EvidenceView.objects.filter(asset=asset, viewer=by.pk, what=what, evidence=asset.evidence, at__gte=since)
    if not seen.exists():
        EvidenceView.objects.create(
            asset=asset, viewer=by, viewer_label=audit.name_of(by), what=what, evidence=asset.evidence
        )
