"""What people concluded about pictures, against what each detector had said of them.

By source tier, detector and model version. People mostly judge what was flagged, so a share of those says nothing of
what was passed over: that rests on the random sample of unflagged pictures alone, and is told apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, F, OuterRef

from detection.history.reports import Period, Share
from detection.models import Analysis, Asset, Sample
from detection.vocabulary import Basis, Conclusion, Verdict

_SIGNS = frozenset({Verdict.LIKELY_AI.value, Verdict.PARTIAL_AI.value})
_SAYS_AI = frozenset(one.value for one in Conclusion if one.says_ai)
_JUDGED = [one.value for one in Conclusion if one is not Conclusion.WAITING_FOR_SOURCE]


@dataclass(slots=True)
class Counts:
    """Of pictures for which a detector said one thing: how people judged them."""

    accepted: int = 0
    says_ai: int = 0
    cannot_tell: int = 0

    @property
    def total(self) -> int:
        return self.accepted + self.says_ai + self.cannot_tell

    @property
    def share(self) -> Share:
        """Of those that people could judge either way, how many they concluded were AI."""
        return Share(self.says_ai, self.accepted + self.says_ai)

    def add(self, conclusion: str, count: int) -> None:
        if conclusion in _SAYS_AI:
            self.says_ai += count
        elif conclusion == Conclusion.ACCEPTED:
            self.accepted += count
        else:
            self.cannot_tell += count


@dataclass(slots=True)
class Line:
    """One detector in one model version on pictures of one source tier."""

    provider: str
    model: str
    tier: str
    signs: Counts = field(default_factory=Counts)
    no_signs: Counts = field(default_factory=Counts)
    """Unflagged pictures that somebody judged for a reason of their own; no share is told of these."""
    sampled: Counts = field(default_factory=Counts)
    """Unflagged pictures of the random sample."""
    inconclusive: Counts = field(default_factory=Counts)

    @property
    def total(self) -> int:
        return self.signs.total + self.no_signs.total + self.sampled.total + self.inconclusive.total


@dataclass(frozen=True, slots=True)
class Detectors:
    """The report. `waiting`: pictures of the sample that nobody has judged yet."""

    lines: list[Line]
    chosen: int
    waiting: int


def report(period: Period) -> Detectors:
    """Two queries, grouped by the database."""
    lines: dict[tuple[str, str, str], Line] = {}
    for one in _counted(period):
        key = (one["provider"], one["model"] or "", one["asset__source_tier"] or "")
        line = lines.setdefault(key, Line(*key))
        _place(line, one).add(one["asset__conclusion"], one["n"])
    sample = Sample.objects.filter(chosen_at__gte=period.begin, chosen_at__lt=period.end)
    # Asked of each picture of the sample: a join would begin with every picture that nobody has judged.
    unjudged = Asset.objects.filter(pk=OuterRef("asset"), evidence=OuterRef("evidence"), conclusion="")
    waits = sample.filter(Exists(unjudged))
    return Detectors([lines[key] for key in sorted(lines)], sample.count(), waits.count())


def _place(line: Line, one: Mapping[str, Any]) -> Counts:
    if one["verdict"] in _SIGNS:
        return line.signs
    if one["verdict"] != Verdict.LIKELY_HUMAN:
        return line.inconclusive
    return line.sampled if one["is_sampled"] else line.no_signs


def _counted(period: Period) -> Any:
    sampled = Sample.objects.filter(asset=OuterRef("asset"), evidence=OuterRef("asset__evidence"))
    rows: Any = Analysis.objects.filter(
        asset__conclusion__in=_JUDGED,
        asset__standing_at__gte=period.begin,
        asset__standing_at__lt=period.end,
        generation=F("asset__generation"),
        basis=Basis.PIXELS,
        is_test=False,
    ).order_by()
    # An answer, and not its status: by the status' index SQLite would read every check there is, not those judged.
    rows = rows.exclude(verdict="")
    return (
        rows.annotate(is_sampled=Exists(sampled))
        .values("provider", "model", "asset__source_tier", "verdict", "asset__conclusion", "is_sampled")
        .annotate(n=Count("asset", distinct=True))
    )


def by_detector(lines: list[Line]) -> list[tuple[str, str, Counts]]:
    """Over all tiers: detector and model version, with what it flagged; for the plot."""
    found: dict[tuple[str, str], Counts] = defaultdict(Counts)
    for line in lines:
        counts = found[line.provider, line.model]
        counts.accepted += line.signs.accepted
        counts.says_ai += line.signs.says_ai
        counts.cannot_tell += line.signs.cannot_tell
    return [(provider, model, counts) for (provider, model), counts in found.items()]
