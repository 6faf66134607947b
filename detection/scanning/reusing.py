"""The same bytes are paid for once: an equal answer is used again, and of two equal scans the later waits."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from detection.models import Analysis, Asset, moments
from detection.results import Evidence, Generator, ScanResult
from detection.scanning.applying import apply_result, move
from detection.vocabulary import AnalysisStatus, Basis, Says, Verdict, Why

_S = AnalysisStatus
_SOON = timedelta(seconds=2)
_LATE = timedelta(minutes=1)


def answered_already(analysis: Analysis, lease: uuid.UUID) -> bool:
    """Whether this row is done with for now: answered by an equal scan, or waiting for one that is under way.

    Where it is neither, the row is marked as the one that sends these bytes, by `sent_sha256`. Looking and marking
    are one step under the lock of all pictures with these bytes, so that two workers cannot both be the first.
    """
    sha256 = analysis.file_sha256
    if not sha256:
        return False
    same = Analysis.objects.filter(
        file_sha256=sha256,
        provider=analysis.provider,
        adapter_version=analysis.adapter_version,
        configured_model=analysis.configured_model,
    ).exclude(pk=analysis.pk)
    with transaction.atomic():
        equal = Asset.objects.filter(sha256=sha256).order_by("pk").values_list("pk", flat=True)[:100]
        Asset.objects.lock({analysis.asset_id, *equal})
        if analysis.may_reuse:
            done = same.filter(status=_S.COMPLETE, reused_from=None, is_test=False).exclude(verdict=Verdict.UNKNOWN)
            if (earlier := done.order_by("-pk").first()) is not None:
                apply_result(analysis, result_of(earlier), lease=lease, via="reused", reused_from=earlier)
                return True
        now = moments.now()
        if (before := _under_way(same, now)) is not None:
            _wait_for(before, analysis, lease, now)
            return True
        return not analysis.note(lease=lease, sent_sha256=sha256)


def _under_way(same: QuerySet[Analysis], now: datetime) -> Analysis | None:
    sending = Q(status=_S.SCANNING, lease_until__gt=now) & ~Q(sent_sha256="")
    return same.filter(sending | Q(status=_S.AWAITING_CALLBACK)).order_by("pk").first()


def _wait_for(before: Analysis, analysis: Analysis, lease: uuid.UUID, now: datetime) -> None:
    """Look again soon, and ever later the longer the other takes; waiting is no attempt and no failure."""
    wait = min(max(now - (before.submitted_at or now), _SOON), _LATE)
    move(
        analysis,
        _S.RETRY_PENDING,
        lease=lease,
        facts={
            "sentence": _("The same picture is being checked at this moment; its answer will be used here too."),
            "at": now + wait,
            "waits_for": before.public_id,
        },
        next_attempt_at=now + wait,
        rung_at=None,
        why=Why.QUEUED,
        error_class="",
        error_sentence="",
        attempts=F("attempts") - 1,
    )


def result_of(analysis: Analysis) -> ScanResult:
    """A stored answer as a value again, without its overlay and raw body."""
    return ScanResult(
        verdict=Verdict(analysis.verdict),
        basis=Basis(analysis.basis),
        raw_verdict=analysis.raw_verdict,
        ai_score=analysis.ai_score,
        ai_score_kind=analysis.ai_score_kind,
        ai_pixel_share=analysis.ai_pixel_share,
        confidence_band=analysis.confidence_band,
        model=analysis.model,
        provider_reference=analysis.provider_reference,
        generators=tuple(Generator(name=one["name"], score=one["score"]) for one in analysis.generators),
        evidence=tuple(Evidence(**{**one, "says": Says(one["says"])}) for one in analysis.evidence),
        reasons=tuple(analysis.reasons),
        warnings=tuple(analysis.warnings),
    )
