"""Events that detectors deliver: kept at the door as they came, and applied by a worker.

`accept` is all that the door does: verify the bytes, write one row, ring nobody. `apply` is a worker's: read, match,
and hand on to `scanning`, which alone knows what an answer means. An event may be early, late, doubled or about
nothing of ours; a check that has ended stays as it ended.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, correlation, scanning
from detection.conf import settings
from detection.errors import ProviderError, SchemaMismatch
from detection.models import Analysis, WebhookDelivery, moments
from detection.providers import providers
from detection.providers.answers import read_json
from detection.providers.events import CalledBack, Subject
from detection.results import Accepted
from detection.scanning import calling
from detection.scanning.running import failed
from detection.signing import BadSignature
from detection.vocabulary import LIVE, AnalysisStatus, DeliveryState

logger = logging.getLogger("detection")

MOST_TRIES = 20
"""Tries that may break off, by a fault of ours or the end of a process, before a person has to look."""
_LONGEST_WAIT = 600.0
"""Seconds between two tries."""
_AT_WORK = 60.0
"""Seconds for which a try has a delivery to itself."""
_S = AnalysisStatus


class Answer(Enum):
    """What the door says of a delivery."""

    KEPT = 202
    KNOWN = 200
    CONFLICT = 409
    UNVERIFIED = 401


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who a delivery is from, as far as it was verified."""

    event_id: str
    slot: int | None = None
    reference: str = ""
    drive: int | None = None


def called(alias: str) -> CalledBack | None:
    """The detector of this alias, if it may call back; None: there is no such door."""
    provider = providers.get(alias)
    return provider if isinstance(provider, CalledBack) and provider.calls_back else None


def accept(provider: CalledBack, token: str, headers: Mapping[str, str], body: bytes, *, now: float) -> Answer:
    """Keep one delivery, if it is good: one INSERT. `headers`: names in small letters; `now`: seconds since 1970.

    Nothing of what isn't good is kept, or told to anybody but the log. Raises DatabaseError where the row can't be
    written: then the sender has to come again.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    try:
        sender = _verified(provider, token, headers, body, now=now)
    except BadSignature as error:
        facts = (provider.alias, error, len(body), sha256[:12])
        logger.warning("An event for %s was refused: %s (%d bytes, sha256 %s).", *facts)
        return Answer.UNVERIFIED
    row = WebhookDelivery(
        provider=provider.alias,
        event_id=sender.event_id,
        body_sha256=sha256,
        body=body,
        slot=sender.slot,
        reference=sender.reference,
        drive=sender.drive,
        next_try_at=moments.when_inserted(),
    )
    return Answer.KEPT if WebhookDelivery.objects.insert(row) else _once_more(row)


def _verified(provider: CalledBack, token: str, headers: Mapping[str, str], body: bytes, *, now: float) -> _Sender:
    if provider.signs_events:
        signed = provider.verify(headers, body, now=now, tolerance=settings.WEBHOOK_TOLERANCE)
        return _Sender(signed.event_id or f"sha256:{hashlib.sha256(body).hexdigest()}", signed.slot)
    addressed = calling.opened(provider.alias, token)
    if addressed is None:
        raise BadSignature("no address of ours")
    # The same words about two pictures are two events, where the address alone tells them apart.
    whole = hashlib.sha256(f"{addressed.analysis.hex}-{addressed.drive} ".encode() + body)
    return _Sender(f"sha256:{whole.hexdigest()}", None, addressed.analysis.hex, addressed.drive)


def _once_more(row: WebhookDelivery) -> Answer:
    """The id is known: the same words are counted, others are refused, and counted too."""
    kept = WebhookDelivery.objects.filter(provider=row.provider, event_id=row.event_id)
    is_same = kept.values_list("body_sha256", flat=True).get() == row.body_sha256
    kept.update(**{name: F(name) + 1 for name in ("repeats" if is_same else "conflicts",)})
    if is_same:
        return Answer.KNOWN
    logger.warning("The event %s of %s came with other words than before.", row.event_id, row.provider)
    return Answer.CONFLICT


def apply(pk: int) -> None:
    """A worker's try at one delivery; rung twice, late or for one that is done, it does nothing.

    The try is counted before any work. What breaks off, by an error of ours or the end of the process, is tried again.
    """
    now = moments.now()
    row = _claimed(pk, now)
    if row is None:
        return
    provider = called(row.provider)
    if provider is None:
        _end(row, DeliveryState.FAILED, _("This detector does not call back any more."))
    elif row.tries > MOST_TRIES:
        _end(row, DeliveryState.FAILED, _("It was begun many times and never ended. The log of the workers says why."))
    elif row.body is None:
        _end(row, DeliveryState.FAILED, _("What came is not kept any more."))
    else:
        with ExitStack() as broken_off:
            soon = now + timedelta(seconds=min(2.0**row.tries, _LONGEST_WAIT))
            mine = WebhookDelivery.objects.open().filter(pk=pk)
            broken_off.callback(mine.update, next_try_at=soon)
            _apply(row, provider, now)
            broken_off.pop_all()


def _claimed(pk: int, now: datetime) -> WebhookDelivery | None:
    due = WebhookDelivery.objects.due(now).filter(pk=pk)
    row = due.first()
    if row is None:
        return None
    wait = max(_AT_WORK, min(2.0**row.tries, _LONGEST_WAIT))
    if not due.update(tries=F("tries") + 1, next_try_at=now + timedelta(seconds=wait), rung_at=None):
        return None
    row.tries += 1
    return row


def _apply(row: WebhookDelivery, provider: CalledBack, now: datetime) -> None:
    row.keep_without(provider.secrets)
    try:
        subject = provider.event_of(read_json(bytes(row.body or b"")))
    except SchemaMismatch as error:
        _end(row, DeliveryState.FAILED, str(error))
        return
    analysis = _match(row, subject)
    if analysis is None:
        _not_yet(row, now, DeliveryState.UNMATCHED, _("No check of ours is known that it is about."))
        return
    row.analysis = analysis
    with correlation.bound(analysis.correlation):
        _apply_to(analysis, row, subject, provider, now)
        logger.info("An event of %s came to the check %s: %s.", row.provider, analysis.public_id, row.state)


def _apply_to(analysis: Analysis, row: WebhookDelivery, subject: Subject, provider: CalledBack, now: datetime) -> None:
    if reason := _why_not(row, subject, analysis):
        _end(row, DeliveryState.IGNORED, reason)
        return
    try:
        answer = provider.read_event(bytes(row.body or b""))
    except SchemaMismatch as error:
        _end(row, DeliveryState.FAILED, str(error))
    except ProviderError as error:
        _apply_failure(row, analysis, error, now)
    else:
        if isinstance(answer, Accepted):
            _end(row, DeliveryState.IGNORED, _("The detector was still at work."))
            return
        with transaction.atomic():
            if scanning.apply_result(analysis, answer, via="callback"):
                _end(row, DeliveryState.APPLIED, "")
            else:
                _end(row, DeliveryState.IGNORED, _ended())


def _apply_failure(row: WebhookDelivery, analysis: Analysis, error: ProviderError, now: datetime) -> None:
    """The detector says that it failed. While a worker still has the row, that worker's own answer comes first."""
    if analysis.status == _S.SCANNING:
        _not_yet(row, now, DeliveryState.WAITING, _("It waits for the worker that is sending the picture."))
    elif analysis.status == _S.AWAITING_CALLBACK:
        failed(analysis, error, lease=None, expected=_S.AWAITING_CALLBACK)
        _end(row, DeliveryState.APPLIED, str(error))
    else:
        _end(row, DeliveryState.IGNORED, _("The picture is sent again anyway."))


def _match(row: WebhookDelivery, subject: Subject) -> Analysis | None:
    """Our reference first, then the vendor's id. What came to an address of its own is about that analysis alone."""
    rows = Analysis.objects.select_related("asset").filter(provider=row.provider)
    if reference := _uuid(row.reference or subject.reference):
        found = rows.filter(public_id=reference).first()
        if found is not None or row.reference:
            return found
    if not subject.vendor_id:
        return None
    return rows.filter(provider_reference=subject.vendor_id).order_by("-pk").first()


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _why_not(row: WebhookDelivery, subject: Subject, analysis: Analysis) -> str:
    """Why this event changes nothing, by the first reason that fits; "" where it may."""
    if analysis.status not in LIVE:
        return _ended()
    if row.reference:
        if row.drive != analysis.redrives:
            return _earlier()
        if _uuid(subject.reference) not in (None, analysis.public_id):
            return _("It came to the address of one picture and speaks of another.")
    elif subject.vendor_id and analysis.provider_reference not in ("", subject.vendor_id[:200]):
        return _earlier()
    return _earlier() if analysis.status == _S.PENDING_SCAN else ""


def _ended() -> str:
    return _("The check had ended before; it stays as it ended.")


def _earlier() -> str:
    return _("It is about an earlier try; the picture has been sent again, or will be.")


def _not_yet(row: WebhookDelivery, now: datetime, state: DeliveryState, reason: str) -> None:
    """Look again later, the longer it is open the later; after a scan's deadline nobody waits for it any more."""
    age = (timezone.now() - row.received_at).total_seconds()
    if age > settings.SCAN_DEADLINE:
        _end(row, DeliveryState.FAILED, reason)
        return
    wait = min(max(2.0, age / 2), _LONGEST_WAIT)
    # It ended in order, so it is no try that broke off.
    _write(row, state, reason, tries=0, next_try_at=now + timedelta(seconds=wait), rung_at=None)


def _end(row: WebhookDelivery, state: DeliveryState, reason: str) -> None:
    _write(row, state, reason, next_try_at=None, done_at=timezone.now())


def _write(row: WebhookDelivery, state: DeliveryState, reason: str, **changes: Any) -> None:
    row.state = state
    # Only what is open: of two workers on one row, the first to end it is right.
    WebhookDelivery.objects.open().filter(pk=row.pk).update(
        state=state, reason=reason, analysis=row.analysis, **changes
    )


def deliver_again(row: WebhookDelivery, *, by: Any) -> str:
    """Let a worker look at it once more, and record who wished it; the sentence that says why not, "" where it is.

    The caller has asked whether this person may.
    """
    if row.state == DeliveryState.APPLIED:
        return _("It was applied already.")
    if row.body is None:
        return _("What came is not kept any more.")
    fresh = {"state": DeliveryState.WAITING, "reason": "", "tries": 0, "rung_at": None, "done_at": None}
    with transaction.atomic():
        rows = WebhookDelivery.objects.filter(pk=row.pk, body__isnull=False).exclude(state=DeliveryState.APPLIED)
        if not rows.update(next_try_at=moments.now(), **fresh):
            return _("It was applied already.")
        asset = row.analysis.asset if row.analysis is not None else None
        audit.record("event.delivered_again", asset=asset, by=by, provider=row.provider, event=row.event_id)
    return ""


def forget_bodies(now: datetime) -> int:
    """Delete the words of events whose time is over, a thousand at a time; that they came stays. The number deleted."""
    old = WebhookDelivery.objects.with_body_since_before(now - timedelta(seconds=settings.WEBHOOK_BODIES))
    return WebhookDelivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:1000])).update(body=None)
