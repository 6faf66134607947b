"""Kept answers, read again by the present adapter: what they say now, without asking anybody.

Decides which checks are read again, and what a changed reading does: new columns, one event that keeps the former
verdict, and a picture that is settled anew, in one transaction. Only what counts at present is read; checks of an
earlier file are history and stay as they were. Asked by `detection_reparse` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from detection import audit
from detection.errors import ProviderError
from detection.models import Analysis, Asset
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import ScanResult
from detection.scanning.applying import columns_of
from detection.standing import settle
from detection.vocabulary import AnalysisStatus

_SHORTENED = re.compile(r"\[a list of \d+, not kept\]")
"""What stands in place of a list where an answer was too long to be kept whole (`TellingProvider.kept`)."""
_ABOUT_OVERLAY = ("mask_shape_mismatch",)
"""Warnings about the overlay, which was painted when the answer came: it stays, and so do they."""


class Reading(StrEnum):
    """What became of one kept answer."""

    CHANGED = "changed"
    SAME = "same"
    UNFINISHED = "unfinished"
    UNREADABLE = "unreadable"
    OVERTAKEN = "overtaken"
    """Somebody changed the check or the picture's file meanwhile; nothing was written."""


@dataclass(frozen=True, slots=True)
class Reread:
    """One check that was looked at: how it went, and the verdicts before and after where it could be read."""

    reading: Reading
    before: str
    after: str = ""


def keeps_answers(provider: Provider) -> bool:
    """Whether this detector's adapter reads kept answers at all; the embedded one reads files."""
    return type(provider).parse is not Provider.parse


def to_read(alias: str, *, every: bool = False) -> list[int]:
    """The keys of the finished checks of this detector that count at present and whose answer is kept.

    Only those that an adapter of another version read; `every`: all of them. Raises KeyError for an unknown alias.
    """
    rows = _with_answer(alias)
    if not every:
        rows = rows.exclude(adapter_version=providers[alias].translation)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _with_answer(alias: str) -> QuerySet[Analysis]:
    # An answer that was used again is kept once, with the check that asked for it.
    is_kept = Q(raw__isnull=False) | Q(reused_from__raw__isnull=False)
    return Analysis.objects.present().filter(is_kept, provider=alias, status=AnalysisStatus.COMPLETE)


def reread(pk: int, *, dry_run: bool = False) -> Reread:
    """Read one kept answer again and record what changed by it. `dry_run`: tell it, and write nothing."""
    analysis = Analysis.objects.select_related("asset", "reused_from").get(pk=pk)
    provider, before = providers[analysis.provider], analysis.verdict
    found = _parsed(provider, analysis)
    if isinstance(found, Reading):
        return Reread(found, before)
    columns = _columns(analysis, found)
    is_changed = any(getattr(analysis, name) != value for name, value in columns.items())
    reading = Reading.CHANGED if is_changed else Reading.SAME
    if not dry_run and not _written(analysis, provider, columns if is_changed else {}):
        reading = Reading.OVERTAKEN
    return Reread(reading, before, found.verdict)


def _parsed(provider: Provider, analysis: Analysis) -> ScanResult | Reading:
    raw = analysis.raw if analysis.raw is not None or analysis.reused_from is None else analysis.reused_from.raw
    if not isinstance(raw, Mapping) or _is_shortened(raw):
        return Reading.UNREADABLE
    try:
        found = provider.parse(raw)
    except (ProviderError, KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError):
        # As where an answer is read for the first time: whatever a foreign shape raises, it is not readable.
        return Reading.UNREADABLE
    return found if isinstance(found, ScanResult) else Reading.UNFINISHED


def _is_shortened(raw: Any) -> bool:
    """Whether lists were left out. Read without them, an answer might say less and look whole."""
    if isinstance(raw, Mapping):
        return any(map(_is_shortened, raw.values()))
    if isinstance(raw, list):
        return any(map(_is_shortened, raw))
    return isinstance(raw, str) and _SHORTENED.fullmatch(raw) is not None


def _columns(analysis: Analysis, found: ScanResult) -> dict[str, Any]:
    """The row's columns by the new reading. The kept answer itself, and the overlay, stay as they are."""
    columns = columns_of(found)
    del columns["raw"]
    kept = [code for code in analysis.warnings if code in _ABOUT_OVERLAY and code not in columns["warnings"]]
    return {**columns, "warnings": [*columns["warnings"], *kept]}


def _written(analysis: Analysis, provider: Provider, columns: dict[str, Any]) -> bool:
    """Record the new reading in one transaction; without `columns`, only by which version it was read.

    False: the check, or the picture's file, is not any more what was read.
    """
    version = provider.translation
    if not columns and analysis.adapter_version == version:
        return True
    before: dict[str, Any] = {
        "verdict_before": analysis.verdict,
        "score_before": analysis.ai_score,
        "adapter_before": analysis.adapter_version,
    }
    with transaction.atomic():
        Asset.objects.lock([analysis.asset_id])
        same = _with_answer(analysis.provider).filter(
            pk=analysis.pk,
            adapter_version=analysis.adapter_version,
            verdict=analysis.verdict,
            ai_score=analysis.ai_score,
        )
        if not same.exists() or not analysis.note(**columns, adapter_version=version):
            return False
        if columns:
            audit.record(
                "analysis.reparsed",
                asset=analysis.asset,
                analysis=analysis.public_id,
                provider=analysis.provider,
                generation=analysis.generation,
                verdict=analysis.verdict,
                score=analysis.ai_score,
                adapter=version,
                **before,
            )
            settle(analysis.asset)
    return True
