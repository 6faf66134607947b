"""The ends of a try: each is one transaction that moves the row, records the event and settles the picture.

All of them take the worker's fencing token where there is one; False means that somebody was first, and then
nothing was written.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import DataError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, signals
from detection.conf import settings
from detection.errors import ProviderError, SchemaMismatch
from detection.models import Analysis, Asset, PolicyVersion, moments
from detection.policy import wants_second_opinion
from detection.providers import providers
from detection.results import Accepted, ScanResult
from detection.scanning import calling, keeping
from detection.scanning.asking import ask_the_next, pixel_aliases
from detection.standing import finding_of, settle
from detection.vocabulary import AnalysisStatus, Why

_S = AnalysisStatus


def claim_name(lease: uuid.UUID) -> str:
    """A claim as the history names it: enough to tell whose write it was, not enough to write in its place."""
    return lease.hex[:8]


def move(
    analysis: Analysis,
    to: AnalysisStatus,
    *,
    lease: uuid.UUID | None = None,
    expected: AnalysisStatus | None = None,
    by: Any = None,
    facts: dict[str, Any] | None = None,
    action: str = "",
    **changes: Any,
) -> bool:
    """One step of the life cycle: lock the picture, move the row, record the event, settle the picture."""
    with transaction.atomic():
        Asset.objects.lock([analysis.asset_id])
        before = analysis.status
        if not analysis.advance(to, lease=lease, expected=expected, **changes):
            return False
        claim: dict[str, Any] = {"claim": claim_name(lease)} if lease else {}
        audit.record(
            action or f"analysis.{to}",
            asset=analysis.asset,
            by=by,
            analysis=analysis.public_id,
            provider=analysis.provider,
            before=before,
            generation=analysis.generation,
            **claim,
            **(facts or {}),
        )
        settle(analysis.asset)
    return True


def apply_result(
    analysis: Analysis,
    result: ScanResult,
    *,
    lease: uuid.UUID | None = None,
    expected: AnalysisStatus | None = None,
    via: str = "sync",
    reused_from: Analysis | None = None,
) -> bool:
    """Record a finished answer, once: verdict, evidence, event, standing, and the rings for what follows from it.

    Raises SchemaMismatch for an answer that the database refuses: else its task would fail, and pay for it anew.
    """
    try:
        return _applied(analysis, result, lease=lease, expected=expected, via=via, reused_from=reused_from)
    except (DataError, ValueError, OverflowError) as error:
        raise SchemaMismatch(_("The detector's answer holds something that cannot be stored.")) from error


def _applied(
    analysis: Analysis,
    result: ScanResult,
    *,
    lease: uuid.UUID | None,
    expected: AnalysisStatus | None,
    via: str,
    reused_from: Analysis | None,
) -> bool:
    overlay = keeping.prepare(result.overlay)
    with keeping.discarded_unless_saved(overlay), transaction.atomic():
        moved = move(
            analysis,
            _S.COMPLETE,
            lease=lease,
            expected=expected,
            facts={
                "verdict": result.verdict,
                "score": result.ai_score,
                "model": result.model,
                "request": _told(analysis, result.provider_reference),
                "via": via,
                "warnings": list(result.warnings),
                # The file that was judged; the picture's own is recorded when it is read.
                "sent_sha256": (reused_from or analysis).sent_sha256,
                "reused_from": reused_from.public_id if reused_from else None,
            },
            completed_at=timezone.now(),
            why="",
            error_class="",
            error_sentence="",
            reused_from=reused_from,
            **columns_of(result),
        )
        if not moved:
            return False
        if overlay is not None:
            keeping.attach(overlay, analysis)
        _ask_second_opinion(analysis)
        transaction.on_commit(
            partial(signals.analysis_completed.send_robust, sender=Analysis, analysis=analysis), robust=True
        )
    return True


def _told(analysis: Analysis, reference: str) -> str:
    """The vendor's id as the history may tell it."""
    provider = providers.get(analysis.provider)
    return "" if provider is not None and provider.reference_is_secret else reference


def columns_of(result: ScanResult) -> dict[str, Any]:
    """The row's columns for a result; also used when a kept answer is read again."""
    return {
        "verdict": result.verdict,
        "basis": result.basis,
        "raw_verdict": result.raw_verdict[:100],
        "ai_score": result.ai_score,
        "ai_score_kind": result.ai_score_kind,
        "ai_pixel_share": result.ai_pixel_share,
        "confidence_band": result.confidence_band,
        "model": result.model[:100],
        "generators": [{"name": one.name, "score": one.score} for one in result.generators],
        "evidence": [
            {"kind": e.kind, "key": e.key, "value": e.value, "where": e.where, "says": e.says, "strength": e.strength}
            for e in result.evidence
        ],
        "declared": result.declared.as_json() if result.declared else None,
        "reasons": list(result.reasons),
        "warnings": list(result.warnings),
        "raw": dict(result.raw) or None,
        "is_test": result.is_test,
        **({"provider_reference": result.provider_reference[:200]} if result.provider_reference else {}),
    }


def _ask_second_opinion(analysis: Analysis) -> None:
    """Ask one more pixel detector where this answer lies inside the policy's band."""
    if not wants_second_opinion(finding_of(analysis), PolicyVersion.current().rules):
        return
    ask_the_next(analysis, is_second_opinion=True)


def _ask_another(analysis: Analysis, why: Why | None) -> None:
    """A detector that can't take this picture gives its turn to the next one."""
    if why is Why.UNSUPPORTED and analysis.provider in pixel_aliases():
        ask_the_next(analysis, is_second_opinion=analysis.is_second_opinion)


def accept(analysis: Analysis, accepted: Accepted, *, lease: uuid.UUID) -> bool:
    """The detector took the picture: wait for its event, or ask again after the time it named."""
    provider = providers.get(analysis.provider)  # none: it was taken out of the settings while it was asked
    is_awaited = provider is not None and calling.is_awaited(provider)
    wait = settings.CALLBACK_DEADLINE if is_awaited else accepted.poll_after
    return move(
        analysis,
        _S.AWAITING_CALLBACK,
        lease=lease,
        facts={"request": _told(analysis, accepted.provider_reference)},
        provider_reference=accepted.provider_reference[:200],
        next_attempt_at=moments.now() + timedelta(seconds=wait),
        rung_at=None,
        error_class="",
        error_sentence="",
    )


def postpone(
    analysis: Analysis,
    *,
    at: datetime,
    error: ProviderError,
    lease: uuid.UUID | None = None,
    expected: AnalysisStatus | None = None,
    **changes: Any,
) -> bool:
    """Try again at `at`; the sentence says why, and the screens say when."""
    return move(
        analysis,
        _S.RETRY_PENDING,
        lease=lease,
        expected=expected,
        facts={"error": error.error_class, "sentence": str(error), "http_status": error.http_status, "at": at},
        next_attempt_at=at,
        rung_at=None,
        why=Why.PAUSED if error.pauses else "",
        error_class=error.error_class,
        error_sentence=str(error),
        **changes,
    )


def give_up(
    analysis: Analysis,
    *,
    error: ProviderError,
    lease: uuid.UUID | None = None,
    expected: AnalysisStatus | None = None,
) -> bool:
    """No more tries by itself: a person has to look at the picture."""
    kept: dict[str, Any] = {"raw": dict(error.raw)} if isinstance(error, SchemaMismatch) and error.raw else {}
    with transaction.atomic():
        moved = move(
            analysis,
            _S.DEAD,
            lease=lease,
            expected=expected,
            facts={"error": error.error_class, "sentence": str(error), "attempts": analysis.attempts},
            completed_at=timezone.now(),
            why=Why.FAILED,
            error_class=error.error_class,
            error_sentence=str(error),
            **kept,
        )
        if moved:
            transaction.on_commit(
                partial(signals.analysis_dead.send_robust, sender=Analysis, analysis=analysis), robust=True
            )
    return moved


def reject(
    analysis: Analysis,
    *,
    code: str,
    sentence: str,
    vendor_code: str = "",
    why: Why = Why.UNREADABLE,
    lease: uuid.UUID | None = None,
    expected: AnalysisStatus | None = None,
) -> bool:
    """This file cannot be examined; the sentence tells an editor what to do. `vendor_code`: for the history alone."""
    told = {"vendor_code": vendor_code} if vendor_code else {}
    with transaction.atomic():
        moved = move(
            analysis,
            _S.REJECTED,
            lease=lease,
            expected=expected,
            facts={"code": code, "sentence": sentence, **told},
            completed_at=timezone.now(),
            why=why,
            error_class=code[:30],
            error_sentence=sentence,
        )
        if moved:
            _ask_another(analysis, why)
    return moved


def skip(analysis: Analysis, *, why: Why | None = None, sentence: str, lease: uuid.UUID | None = None) -> bool:
    """This detector does not look at this picture, and the screen says why; without a `why` nothing was due from it."""
    with transaction.atomic():
        moved = move(
            analysis,
            _S.SKIPPED,
            lease=lease,
            facts={"why": why, "sentence": sentence},
            completed_at=timezone.now(),
            why=why or "",
            error_sentence=sentence,
        )
        if moved:
            _ask_another(analysis, why)
    return moved
