"""A worker's walk through one row. It may be rung twice, late, or for a row that somebody else has: all harmless.

The attempt is counted and committed before any work, so that a process that dies in the middle has left a trace;
every later write checks the fencing token.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from detection import audit, backoff, pulse, queue
from detection.conf import settings
from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    HeldBack,
    HouseFault,
    ImageRefused,
    ProviderError,
    Rejected,
)
from detection.models import Analysis, moments
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import Accepted, Declared, ScanResult
from detection.scanning import calling, handing
from detection.scanning.applying import accept, apply_result, claim_name, give_up, postpone, reject, skip
from detection.scanning.pacing import (
    Leave,
    has_room,
    hold_back,
    next_try,
    note_answer,
    note_error,
    put_back,
    wait_for_room,
    wait_for_turn,
)
from detection.scanning.rationing import given_back_unless_sent, spend
from detection.scanning.reading import Sendable, is_of, is_protected, load, read, sendable
from detection.scanning.requesting import begin_anew
from detection.scanning.reusing import answered_already
from detection.vocabulary import AnalysisStatus, Says, Why

_S = AnalysisStatus
_random = random.SystemRandom()


def run_scan(pk: int) -> None:
    """Try one analysis once.

    1. Not configured any more: skipped. Paused, or no slot soon: the row waits, and that is no attempt.
    2. Claim; another was first: done. Count the attempt, commit.
    3. Read the file, once a generation. Use an equal answer again, or wait for the equal scan before us.
    4. Send it, or look it up where an earlier try was left without an answer.
    5. Answer → applied; accepted → waits; error → postponed, rejected or given up.
    """
    # Only what is due: a ring that came twice must not use up a slot, or the breaker's one probe.
    now = moments.now()
    analysis = Analysis.objects.select_related("asset").due(now).filter(pk=pk).first()
    if analysis is None:
        return
    provider = providers.get(analysis.provider)
    if provider is None:
        # Without a why: nothing was due from a detector that is gone.
        skip(analysis, sentence=_("This detector is not configured any more."))
        return
    leave = Leave() if provider.is_embedded else hold_back(analysis, provider, now)
    if leave is None:
        return
    lease = _claim(analysis, now)
    if lease is None:
        return
    before = analysis.submitted_at
    with pulse.renewing(analysis, lease, at_most=queue.task_seconds()):
        try:
            _try(analysis, provider, lease, leave)
        except Rejected as refusal:
            reject(analysis, code=refusal.code, sentence=refusal.sentence, lease=lease)
        except HeldBack as error:
            put_back(analysis, error, lease=lease)
        except ProviderError as error:
            failed(analysis, error, lease=lease, sent_before=before)


def _claim(analysis: Analysis, now: datetime) -> uuid.UUID | None:
    """Take the row, count the attempt and record both, committed before any work."""
    with transaction.atomic():
        if not has_room(analysis, now):
            wait_for_room(analysis, now)
            return None
        lease = analysis.claim(until=now + timedelta(seconds=settings.LEASE), now=now)
        if lease is None:
            return None
        analysis.note(lease=lease, attempts=F("attempts") + 1, why="", sent_sha256="")
        analysis.refresh_from_db()
        audit.record(
            "analysis.scanning",
            asset=analysis.asset,
            analysis=analysis.public_id,
            provider=analysis.provider,
            attempt=analysis.attempts,
            claim=claim_name(lease),
        )
    if analysis.attempts > settings.MAX_ATTEMPTS:
        give_up(analysis, error=HouseFault(_("The check was begun several times and never ended.")), lease=lease)
        return None
    return lease


def _try(analysis: Analysis, provider: Provider, lease: uuid.UUID, leave: Leave) -> None:
    asset = analysis.asset
    content: bytes | Rejected
    try:
        content = load(asset)
    except Rejected as refusal:
        content = refusal
    if asset.is_read and asset.sha256 and isinstance(content, bytes) and not is_of(content, asset.sha256):
        begin_anew(asset)
        return
    if not asset.is_read:
        read(asset, content)
    if not analysis.note(lease=lease, file_sha256=asset.sha256):
        return
    if isinstance(content, Rejected):
        raise content
    if asset.rejected_code and provider.looks_at_pixels:
        raise Rejected(asset.rejected_code, asset.rejected_sentence)
    if provider.looks_at_pixels:
        if is_protected(asset):
            skip(analysis, why=Why.PROTECTED, sentence=_("Kept inside: not sent to any detector."), lease=lease)
            return
        if answered_already(analysis, lease):
            return
    made = sendable(analysis, provider, content)
    if isinstance(made, str):
        skip(analysis, why=Why.UNSUPPORTED, sentence=made, lease=lease)
        return
    answer = _ask(analysis, provider, made, lease, leave)
    if answer is None:
        return
    if not provider.is_embedded:
        note_answer(analysis, is_retry=leave.is_retry)
    if isinstance(answer, Accepted):
        accept(analysis, answer, lease=lease)
    elif asset.rejected_code and not _says_ai(answer.declared):
        # Nothing declared in a file we could not read is not the same as a file that declares nothing.
        raise Rejected(asset.rejected_code, asset.rejected_sentence)
    else:
        apply_result(analysis, answer, lease=lease)


def _says_ai(declared: Declared | None) -> bool:
    return declared is not None and (declared.says in (Says.AI, Says.AI_EDITED) or declared.broken_says is not None)


def _ask(
    analysis: Analysis, provider: Provider, made: Sendable, lease: uuid.UUID, leave: Leave
) -> ScanResult | Accepted | None:
    """Look up what an earlier try may have left at the vendor, else send; None: nothing more to do for this worker."""
    if analysis.submitted_at:
        # What is looked up was given about these bytes, not about the file as it was read.
        analysis.note(lease=lease, sent_sha256=made.request.sha256)
    if analysis.submitted_at and not provider.finds_by_reference and provider.polls and analysis.provider_reference:
        # Begun, and left without an answer, under an id that we kept: it is asked for, not sent and paid for again.
        accept(analysis, Accepted(provider_reference=analysis.provider_reference), lease=lease)
        return None
    if not provider.is_embedded:
        wait_for_turn(analysis, provider, leave)
    if analysis.submitted_at and provider.finds_by_reference:
        found = provider.find(made.request.reference)
        if found is not None:
            return found
        wait_for_turn(analysis, provider, replace(leave, is_retry=False))
    request = replace(made.request, callback_url=calling.address(analysis, provider))
    if handing.fetches(provider):
        # First what its link will serve, which may be a rendition: a link to anything else is none.
        analysis.note(lease=lease, sent_sha256=request.sha256, as_sent=made.as_sent)
        request = replace(request, url=handing.link(analysis, made))
    if not spend(analysis, provider, lease=lease):
        return None
    is_ours = analysis.note(
        lease=lease,
        submitted_at=moments.now(),
        calls=F("calls") + 1,
        sent_sha256=made.request.sha256,
        as_sent=made.as_sent,
        provider_reference="",
    )

    def keep(reference: str) -> None:
        if not analysis.note(lease=lease, provider_reference=reference[:200]):
            raise HouseFault(_("Another worker has this picture now, so it was not sent by this one."))

    with given_back_unless_sent(provider):
        return provider.submit(replace(request, note_reference=keep)) if is_ours else None


def failed(
    analysis: Analysis,
    error: ProviderError,
    *,
    lease: uuid.UUID | None,
    expected: AnalysisStatus | None = None,
    sent_before: datetime | None = None,
) -> None:
    """What follows from an error: the breaker and the limiter learn of it, the row waits or ends.

    `expected`: the status that the row must still have, where no lease says that it is ours. `sent_before`: when an
    earlier try sent the picture, if that is still open.
    """
    now = moments.now()
    sent_at = analysis.submitted_at
    note_error(analysis, error, begun=now if sent_at is None or sent_at == sent_before else sent_at, now=now)
    analysis.refresh_from_db()
    if isinstance(error, ImageRefused):
        said: dict[str, Any] = {"code": error.error_class, "vendor_code": error.provider_code, "sentence": str(error)}
        reject(analysis, **said, why=Why.UNSUPPORTED, lease=lease, expected=expected)
        return
    faults = analysis.faults + (0 if error.counts else 1)
    decision = _decided(analysis, error, faults=faults, now=now)
    if isinstance(decision, backoff.Stop):
        give_up(analysis, error=error, lease=lease, expected=expected)
        return
    attempts = analysis.attempts - (0 if error.counts else 1)
    clean: dict[str, Any] = {}
    if isinstance(error, AnalysisLost):
        # Under the key of before, the vendor would answer with the analysis it has given up.
        clean = {"submitted_at": None, "provider_reference": "", "redrives": F("redrives") + 1}
    elif lease is not None and not isinstance(error, AmbiguousTimeout) and analysis.submitted_at != sent_before:
        # The detector answered this try's own call. What became of an earlier one is still to be looked up.
        clean = {"submitted_at": None, "provider_reference": ""}
    at = next_try(decision.at, error, alias=analysis.provider, now=now)
    if _may_cost_again(analysis, error):
        at = max(at, min(now + timedelta(seconds=backoff.before_paying_again(analysis.calls)), analysis.deadline_at))
    postpone(
        analysis,
        at=at,
        error=error,
        lease=lease,
        expected=expected,
        attempts=max(attempts, 0),
        faults=faults,
        **clean,
    )


def _may_cost_again(analysis: Analysis, error: ProviderError) -> bool:
    """Whether the detector may have taken the picture, and neither knows a repetition nor can be asked for it."""
    provider = providers.get(analysis.provider)
    if provider is None or not isinstance(error, AmbiguousTimeout) or provider.is_idempotent:
        return False
    return not (provider.finds_by_reference or (provider.polls and analysis.provider_reference))


def _decided(analysis: Analysis, error: ProviderError, *, faults: int, now: datetime) -> backoff.Again | backoff.Stop:
    return backoff.decide(
        error,
        attempts=analysis.attempts,
        faults=faults,
        first_at=analysis.deadline_at - timedelta(seconds=settings.SCAN_DEADLINE),
        now=now,
        base=settings.RETRY_BASE,
        cap=settings.RETRY_CAP,
        max_attempts=settings.MAX_ATTEMPTS,
        deadline_seconds=settings.SCAN_DEADLINE,
        rng=_random,
    )


def crashed(analysis: Analysis) -> bool:
    """A worker died with this row in its hands: try again later, or give up after as many as allowed.

    False where the worker has renewed its claim meanwhile, or somebody else was first.
    """
    now = moments.now()
    lease = analysis.take_over(until=now + timedelta(seconds=settings.LEASE), now=now)
    if lease is None:
        return False
    error = HouseFault(_("The process that was checking this picture stopped in the middle."))
    decision = backoff.after_crash(
        attempts=analysis.attempts,
        now=now,
        base=settings.RETRY_BASE,
        cap=settings.RETRY_CAP,
        max_attempts=settings.MAX_ATTEMPTS,
        rng=_random,
    )
    if isinstance(decision, backoff.Stop):
        return give_up(analysis, error=error, lease=lease)
    return postpone(analysis, at=decision.at, error=error, lease=lease)
