"""Run what was rung for, here and now: the tests' stand-in for a worker, without threads and without waiting."""

from __future__ import annotations

from datetime import timedelta

from detection import queue
from detection.models import Analysis, StoredOverlay, moments
from detection.vocabulary import AnalysisStatus


def drain(*, rounds: int = 20) -> int:
    """Run every ring on the broker, and those that they cause, till none is left; how many were run."""
    ran = 0
    for _round in range(rounds):
        rings = queue.take_all()
        if not rings:
            return ran
        for task, arguments in rings:
            task(*arguments)
            ran += 1
    return ran


def pass_time(seconds: float = 86_000) -> None:
    """Let waiting rows become due, as if so many seconds had passed, and ring for them."""
    ago = timedelta(seconds=seconds)
    waiting = [AnalysisStatus.PENDING_SCAN, AnalysisStatus.RETRY_PENDING, AnalysisStatus.AWAITING_CALLBACK]
    for row in Analysis.objects.filter(status__in=waiting).exclude(next_attempt_at=None):
        Analysis.objects.filter(pk=row.pk).update(
            next_attempt_at=(row.next_attempt_at or moments.now()) - ago, rung_at=None
        )
    StoredOverlay.objects.filter(status="pending").update(next_try_at=moments.now())
    queue.ring_due(moments.now())
