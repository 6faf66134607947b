"""The address at which a detector calls back: made here, and read again here.

A detector that signs its events gets one address for all pictures. One that signs nothing gets an address of its own
for each drive of each analysis; its last part is that analysis and a mark that only this site can make. It is stored
nowhere. `address` is asked by `running`, `opened` by the door, `in_the_way` by the checks.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from django.core import signing
from django.urls import reverse

from detection.conf import settings
from detection.models import Analysis
from detection.providers.base import Provider
from detection.providers.events import CalledBack
from detection.scanning import handing

_SALT = "detection.scanning.calling."
_CLAIMS = re.compile(r"([0-9a-f]{32})-([0-9]{1,9})", re.ASCII)
in_the_way = handing.in_the_way
"""The sentence that says why no detector can call back here; "" where nothing is in the way."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """What an address of its own stands for: which analysis, and in which of its drives."""

    analysis: uuid.UUID
    drive: int


def is_awaited(provider: Provider) -> bool:
    """Whether an event of this detector's may come, so that it is not asked at once."""
    return provider.calls_back and not (isinstance(provider, CalledBack) and in_the_way())


def address(analysis: Analysis, provider: Provider) -> str:
    """Where this detector is to send its answer about this analysis; "" where it is asked for instead."""
    if not isinstance(provider, CalledBack) or not is_awaited(provider):
        return ""
    parts = [provider.alias] if provider.signs_events else [provider.alias, _mark(analysis)]
    path = reverse("detection:webhook" if provider.signs_events else "detection:webhook_of", args=parts)
    return f"{settings.PUBLIC_BASE_URL.rstrip('/')}{path.rstrip('/')}/"


def _signer(alias: str) -> signing.Signer:
    return signing.Signer(salt=_SALT + alias, sep=".")


def _mark(analysis: Analysis) -> str:
    return _signer(analysis.provider).sign(f"{analysis.public_id.hex}-{analysis.redrives}")


def opened(alias: str, token: str) -> Addressed | None:
    """What the last part of an address stands for; None for one that this site did not make for this detector.

    Compared in constant time, by every key that Django still takes. Asks no database.
    """
    try:
        claims = _CLAIMS.fullmatch(_signer(alias).unsign(token))
    except signing.BadSignature:
        return None
    return Addressed(uuid.UUID(claims[1]), int(claims[2])) if claims else None
