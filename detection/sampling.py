"""Which unflagged pictures chance chooses for a person to judge, before they see what the detector said.

Drawn by a hash that nobody picks: over our own random identifier and the evidence. So the choice is the same whoever
computes it and however often, and depends on neither picture nor source.
"""

from __future__ import annotations

import hashlib

from django.db import IntegrityError, transaction

from detection.conf import settings
from detection.models import Asset, Sample
from detection.policy import Rules
from detection.vocabulary import Signal


def share(rules: Rules) -> int:
    """Of a hundred pictures without signs, how many are chosen: as the policy says, else as set up (`SAMPLE`)."""
    return int(settings.SAMPLE if rules.sample is None else rules.sample)


def drawn(asset: Asset, signal: str, evidence: str, *, percent: int) -> int:
    """The percentage under which this picture, with this signal and evidence, is in the sample; 0: it is not.

    `percent`: the share that is in force.
    """
    if not percent or signal != Signal.NONE_FOUND or not evidence:
        return 0
    number = int(hashlib.sha256(f"{asset.public_id}:{evidence}".encode()).hexdigest()[:8], 16) % 10_000
    return percent if number < percent * 100 else 0


def note(asset: Asset) -> None:
    """Note a picture of the sample, once; within the transaction of its standing."""
    percent = asset.standing.get("sample")
    if not percent:
        return
    try:
        with transaction.atomic():
            Sample.objects.create(asset=asset, evidence=asset.evidence, percent=percent)
    except IntegrityError:
        return  # it was chosen before


def is_blind(asset: Asset) -> bool:
    """Whether what detectors said stays hidden, for nobody has judged this picture of the sample yet."""
    return bool(asset.standing.get("sample")) and not asset.conclusion
