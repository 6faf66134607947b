"""A link to one picture, for a detector that fetches pictures: made here, and opened again here.

The link is the whole credential of whoever holds it, so it is signed, cannot be guessed, leads to exactly the bytes
that it was made for, and dies by itself: after a quarter of an hour, and as soon as the analysis waits for nothing any
more, was started once more, or may not leave the house. It sleeps while a person's pause stands. Nothing is stored for
it: the analysis's row is the switch.
`link` is asked by `running`, `opened` by the door `views.handed`, `in_the_way` by the checks and the doctor.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.db import transaction
from django.db.models import F
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, switches
from detection.conf import settings
from detection.errors import HouseFault, NotRegistered, PausedMeanwhile, Rejected
from detection.models import Analysis, moments
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import ScanRequest
from detection.scanning.reading import Sendable, is_of, is_protected, load, sendable
from detection.vocabulary import AnalysisStatus

logger = logging.getLogger("detection")

MAX_AGE = 15 * 60
"""Seconds a link lives."""
WAY_IN = "Set PUBLIC_BASE_URL in DETECTION (in the newsroom: the variable PUBLIC_BASE_URL), or let it take uploads."
"""What to do where something is `in_the_way`."""
_AHEAD = 60
"""Seconds that the clock of the process that made a link may be ahead of the one that opens it."""
_SALT = "detection.scanning.handing"
_OPEN = (AnalysisStatus.SCANNING, AnalysisStatus.AWAITING_CALLBACK)
"""While a detector may come for the picture."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a link leads to. `filename` is of our making: the picture's own may say who is in it."""

    content: bytes
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class _Claims:
    """What is signed: which analysis, in which of its drives, which bytes, and when (seconds since 1970).

    Of the row only what a second try of the same drive leaves as it is: a detector whose answer was lost may still come
    for the picture with the link of the first.
    """

    analysis: uuid.UUID
    redrives: int
    sha256: str
    made_at: int

    def signed(self) -> str:
        """The token: the claims and a random part, so that no two are alike. "." divides, for it needs no quoting."""
        claims = [self.analysis.hex, self.redrives, self.sha256, self.made_at, secrets.token_urlsafe(16)]
        return signing.Signer(salt=_SALT, sep=".").sign_object(claims)

    @classmethod
    def of(cls, token: str) -> _Claims | None:
        """Read back what `signed` wrote; None for everything else."""
        try:
            analysis, redrives, sha256, made_at, _random = signing.Signer(salt=_SALT, sep=".").unsign_object(token)
        except signing.BadSignature:
            return None
        return cls(uuid.UUID(analysis), redrives, sha256, made_at)


def fetches(provider: Provider) -> bool:
    """Whether this detector is given a link to the picture, and not the picture."""
    return provider.takes_url and not provider.takes_upload


def in_the_way() -> str:
    """The sentence that says why no detector can fetch anything here; "" where nothing is in the way."""
    base = settings.PUBLIC_BASE_URL
    if not base:
        return _("PUBLIC_BASE_URL is not set, so nobody outside knows how to reach this site.")
    parts = urlsplit(base)
    if parts.scheme != "https" and not (settings.ALLOW_LOOPBACK and _is_loopback(parts.hostname or "")):
        words = _("PUBLIC_BASE_URL is %(base)s: what a detector is given must begin with https (http: loopback alone).")
        return words % {"base": base}
    try:
        _address("x")
    except NoReverseMatch:
        return _("detection.urls is not among the addresses of this site.")
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(token: str) -> str:
    return f"{settings.PUBLIC_BASE_URL.rstrip('/')}{reverse('detection:handed', args=[f'{token}/'])}"


def link(analysis: Analysis, made: Sendable) -> str:
    """The address at which this detector may fetch exactly these bytes, for `MAX_AGE` seconds; made anew for each try.

    Recorded in the history, without the link. Raises HouseFault where none may be made: the site has no address, or
    the picture has changed, was deleted or is kept inside since it was read; the next try of the row says which.
    Raises PausedMeanwhile where the detector waits for a person.
    """
    if sentence := in_the_way():
        raise HouseFault(sentence)
    if switches.waits_for_a_person(analysis.provider):
        raise PausedMeanwhile(until=moments.now() + switches.LOOK_AGAIN)
    made_at, sha256 = timezone.now().replace(microsecond=0), made.request.sha256
    with transaction.atomic():
        claims = _Claims(analysis.public_id, analysis.redrives, sha256, int(made_at.timestamp()))
        row = _under_way(claims, made_at)
        if row is None:
            raise HouseFault(_("No link to this picture can be made now. Trying again."))
        until = made_at + timedelta(seconds=MAX_AGE)
        facts: dict[str, Any] = {"analysis": row.public_id, "sha256": sha256, "until": until}
        audit.record("picture.handed_out", asset=row.asset, provider=row.provider, **facts)
    return _address(claims.signed())


def opened(token: str, now: datetime) -> Handed | None:
    """What this link leads to at `now`; None where it leads nowhere, for whatever reason: nobody outside is told.

    Writes nothing to the database. A copy is made again, as it was made for the link. Raises HouseFault, also where
    the storage does not answer: then a later try may help.
    """
    claims = _Claims.of(token)
    if claims is None:
        return None
    analysis = _under_way(claims, now)
    if analysis is None:
        made_at = datetime.fromtimestamp(claims.made_at, UTC)
        logger.info("A link to a picture was used when it was dead: analysis %s, of %s.", claims.analysis, made_at)
        return None
    made = _again(analysis)
    if made is None or hashlib.sha256(made.content).hexdigest() != claims.sha256:
        logger.warning("The bytes that a link was made for are not there any more: analysis %s.", claims.analysis)
        return None
    facts = (analysis.public_id, analysis.provider, made.media_type, len(made.content), claims.sha256)
    logger.info("A picture is fetched by its link: analysis %s, by %s: %s, %d bytes, sha256 %s.", *facts)
    return Handed(made.content, made.media_type, made.filename)


def _under_way(claims: _Claims, now: datetime) -> Analysis | None:
    """The analysis for which a link is alive at `now`, fresh from the database."""
    if not -_AHEAD <= now.timestamp() - claims.made_at < MAX_AGE:
        return None
    rows = Analysis.objects.select_related("asset", "asset__content_type").filter(
        public_id=claims.analysis,
        redrives=claims.redrives,
        status__in=_OPEN,
        generation=F("asset__generation"),
        asset__detached_at=None,
        # Empty between two tries; otherwise what the row says was sent is all that there is to fetch.
        sent_sha256__in=["", claims.sha256],
    )
    analysis = rows.first()
    if analysis is None or is_protected(analysis.asset) or switches.waits_for_a_person(analysis.provider):
        return None
    return analysis


def _again(analysis: Analysis) -> ScanRequest | None:
    """What was sent, made once more; None where the file changed, or the detector is not to be sent this any more."""
    provider = providers.get(analysis.provider)
    if provider is None or not fetches(provider):
        return None
    try:
        content = load(analysis.asset)
        # Bytes that nobody has read are not opened here.
        made = sendable(analysis, provider, content) if is_of(content, analysis.asset.sha256) else ""
    except (NotRegistered, Rejected):
        return None
    return None if isinstance(made, str) else made.request
