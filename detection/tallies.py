"""Totals that only grow, in rows: right for any number of processes on any number of machines, and after a restart.

Most of them are read off the history, in the order of its seals: gap-free, so that each event is counted once and none
is missed, whoever was killed when. The sweep does it, so they are up to a minute late. What the history doesn't hold
(durations of calls, what the callback door refused) each process counts in memory and adds here now and then.
`metrics` shows them.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from detection import counting
from detection.errors import ERROR_CLASSES, HeldBack, PausedMeanwhile
from detection.models import Analysis, AuditEvent, AuditSeal, MetricTotal
from detection.providers import providers
from detection.vocabulary import RATIONED, AnalysisStatus, Conclusion, Verdict

logger = logging.getLogger("detection")

FLUSH_AFTER = 10.0
"""Seconds for which a web process keeps its counts to itself."""
BATCH = 1000
"""Events that are counted in one transaction."""
_FOLDED = "folded"
"""The row that says up to which seal the history was counted."""
OTHER = "other"
"""The label's word for what stands in no closed set."""

OUTCOMES = {
    "analysis.complete": "complete",
    "analysis.awaiting_callback": "accepted",
    "analysis.retry_pending": "retry",
    "analysis.rejected": "rejected",
    "analysis.dead": "dead",
    "analysis.skipped": "skipped",
    "analysis.superseded": "superseded",
}
_HELD = frozenset({PausedMeanwhile.error_class, HeldBack.error_class, RATIONED})
"""What made a check wait before anything was tried: no fault, and no retry."""
GATE = {
    "gate.passed": "passed",
    "gate.refused": "blocked",
    "gate.acknowledged": "acknowledged",
    "gate.override_granted": "overridden",
    "gate.override_revoked": "revoked",
    "gate.glass_broken": "glass_broken",
    "gate.denied": "denied",
}
REASONS = frozenset(
    {
        *("damaged", "empty", "intricate", "text_bomb", "too_big", "too_many_pixels", "too_much_memory", "too_narrow"),
        *("truncated", "unreadable", "unsupported", "vanished", *ERROR_CLASSES),
    }
)
"""Why a file was rejected: intake's own words, and those of a detector that refused it."""
BANDS = ("low", "medium", "high", "none")
"""How sure a detector is of its word: its own, else by how far its score lies from the middle; without either, none."""

_last_flush = monotonic()


def flush_due() -> None:
    """Add what this process counted, if it has kept it for long enough. Not inside a transaction."""
    if monotonic() - _last_flush >= FLUSH_AFTER:
        flush()


def flush() -> None:
    """Add what this process counted to the totals. Not inside a transaction: two would wait for each other's rows."""
    global _last_flush
    _last_flush = monotonic()
    counts = counting.take()
    if not counts:
        return
    try:
        with transaction.atomic():
            _add(counts)
    except DatabaseError:
        logger.warning("What this process counted could not be added to the totals; it is kept for the next time.")
        for (name, labels), by in counts.items():
            counting.add(name, by, **counting.labels(labels))


def _add(counts: Mapping[counting.Key, float]) -> None:
    for (name, labels), by in sorted(counts.items()):  # in one order, so that no two wait for each other
        rows = MetricTotal.objects.filter(name=name, labels=labels)
        if rows.update(value=F("value") + by):
            continue
        try:
            with transaction.atomic():
                MetricTotal.objects.create(name=name, labels=labels, value=by)
        except IntegrityError:
            rows.update(value=F("value") + by)


def fold(*, most: int = 20_000) -> int:
    """Count what was sealed since the last time, a thousand events a transaction; the number counted."""
    folded = 0
    while folded < most:
        done = _fold()
        folded += done
        if done < BATCH:
            break
    return folded


def _fold() -> int:
    with transaction.atomic():
        at = MetricTotal.objects.get_or_create(name=_FOLDED, labels="")[0].value
        seals = list(AuditSeal.objects.filter(seq__gt=int(at)).order_by("seq").values_list("seq", "event_id")[:BATCH])
        if not seals:
            return 0
        if not MetricTotal.objects.filter(name=_FOLDED, labels="", value=at).update(value=seals[-1][0]):
            return 0  # another sweep was first
        events = AuditEvent.objects.filter(pk__in=[pk for _seq, pk in seals]).order_by("pk")
        _add(counted(events))
    return len(seals)


def folded() -> int:
    """The number of the last seal that was counted."""
    found = MetricTotal.objects.filter(name=_FOLDED, labels="").values_list("value", flat=True).first()
    return int(found or 0)


def counted(events: Iterable[AuditEvent]) -> dict[counting.Key, float]:
    """What these events add to the totals. Two queries: the events, and the checks that ended in them."""
    found: dict[counting.Key, float] = {}
    events = list(events)
    ended = [_uuid(event.facts.get("analysis")) for event in events if event.action == "analysis.complete"]
    rows = Analysis.objects.filter(public_id__in=[one for one in ended if one])
    begun = {str(public_id): at for public_id, at in rows.values_list("public_id", "created_at")}
    for event in events:
        for key, by in _counts(event, begun):
            found[key] = found.get(key, 0.0) + by
    return found


def _counts(event: AuditEvent, begun: Mapping[str, Any]) -> Iterable[tuple[counting.Key, float]]:
    facts, action = event.facts, event.action
    provider = closed(facts.get("provider"), providers.aliases())
    is_held = action == "analysis.retry_pending" and facts.get("error") in _HELD
    if action in OUTCOMES and not is_held:
        yield _one("newsroom_scan_submissions_total", provider=provider, outcome=OUTCOMES[action])
    if action in ("analysis.retry_pending", "analysis.dead") and not is_held:
        error = closed(facts.get("error"), ERROR_CLASSES)
        yield _one("newsroom_provider_errors_total", provider=provider, **{"class": error})
        if action == "analysis.dead" and error == "house":
            yield _one("newsroom_poison_total")
    elif action == "analysis.rejected":
        yield _one("newsroom_media_rejected_total", reason=closed(facts.get("code"), REASONS))
    elif action == "analysis.complete":
        label = closed(facts.get("verdict"), Verdict)
        yield _one("newsroom_verdicts_total", provider=provider, label=label, band=band(facts))
        if at := begun.get(str(facts.get("analysis"))):
            seconds = max(0.0, (event.at - at).total_seconds())
            yield from counting.parts("newsroom_scan_time_to_verdict_seconds", seconds, {"provider": provider})
    elif action == "analysis.scanning":
        yield _one("newsroom_scan_attempts_total", provider=provider)
    elif action == "provider.paused" and event.actor_id is None:
        yield _one("newsroom_breaker_opened_total", provider=provider)
    elif action in GATE:
        yield _one("newsroom_softblock_total", event=GATE[action])
    elif action == "review.concluded":
        yield _one("newsroom_conclusions_total", conclusion=closed(facts.get("conclusion"), Conclusion))


def _uuid(given: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(given))
    except ValueError:
        return None


def _one(name: str, **labels: str) -> tuple[counting.Key, float]:
    return (name, counting.text(labels)), 1


def closed(word: Any, known: Iterable[str]) -> str:
    """The word, if it is one of those that there are; so no label ever takes what a vendor or a person wrote."""
    return str(word) if word in {str(one) for one in known} else OTHER


def band(facts: Mapping[str, Any]) -> str:
    """How sure a detector was: its own word for it, else by how far its score lies from the middle."""
    if facts.get("band") in BANDS:
        return str(facts["band"])
    score = facts.get("score")
    if not isinstance(score, int | float):
        return "none"
    away = abs(score - 0.5)
    return "low" if away < 0.2 else "medium" if away < 0.4 else "high"


STATES_SHOWN = (
    *(AnalysisStatus.PENDING_SCAN, AnalysisStatus.SCANNING, AnalysisStatus.AWAITING_CALLBACK),
    *(AnalysisStatus.RETRY_PENDING, AnalysisStatus.DEAD),
)
"""States whose rows are counted when asked; the others only grow, and are told by the totals."""
