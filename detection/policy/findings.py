"""One detector's work on one picture, and how its finished answer is read against its thresholds.

Decides what a single answer is worth, never what all of them amount to; that is `assessment`. `policy` is the door
through which everybody else reaches these names. Pure: nothing is read, stored or asked.

How one detector's finished answer is read (`read`), where label and number leave room:

* A label that says AI with a score from `strong` up is strong; with a lower score, even below `some`, it is some.
* `likely_ai` without a score is strong: the label is all this detector gives, and it is its strongest word.
  `partial_ai` without a score is some: a share of pixels is not a score, however large.
* A flagged share below the floor, without a score, is speckle: inconclusive.
* `uncertain` is some from `some` up, however high; below, or without a score, it is inconclusive. An inconclusive
  answer counts as `some` for the policy (a person looks, nothing is cleared by it), is worded as what it is, and
  disagrees with nobody.
* `likely_human` with a score from `some` up, or with a flagged share over the floor, contradicts itself: some.
* `unknown`, `not_applicable` and no verdict at all are not an answer, whatever the score.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from detection.policy.rules import USUAL_CUTS, HasThresholds, Rules
from detection.vocabulary import AnalysisStatus, Basis, Verdict, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One detector's analysis of the present generation, in whatever state it is.

    `ai_score`, `ai_pixel_share`: 0–1 or None. `thresholds`: the adapter's own cuts. `why`: why it isn't finished,
    where something better than the status is known (`paused`, `unsupported`). `next_attempt_at`: when it tries again.
    """

    alias: str
    title: str
    status: AnalysisStatus
    verdict: Verdict | None = None
    basis: Basis = Basis.PIXELS
    ai_score: float | None = None
    ai_pixel_share: float | None = None
    thresholds: HasThresholds = USUAL_CUTS
    model: str = ""
    is_test: bool = False
    why: Why | None = None
    has_failed_try: bool = False
    next_attempt_at: datetime | None = None
    is_second_opinion: bool = False
    error_sentence: str = ""


class Reading(StrEnum):
    """One finished pixel answer against its thresholds."""

    STRONG = "strong"
    SOME = "some"
    OPEN = "open"
    NONE = "none"
    UNREAD = "unread"


_SAYS_AI = (Verdict.LIKELY_AI, Verdict.PARTIAL_AI)


def read(finding: Finding, rules: Rules) -> Reading:
    """Read one finished pixel answer; the module's docstring lists the cases."""
    verdict, score, share = finding.verdict, finding.ai_score, finding.ai_pixel_share
    if verdict in (None, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE):
        return Reading.UNREAD
    cuts = rules.thresholds_for(finding.alias, finding.thresholds)
    if score is not None and score >= cuts.some:
        return Reading.STRONG if verdict in _SAYS_AI and score >= cuts.strong else Reading.SOME
    if verdict is Verdict.UNCERTAIN:
        return Reading.OPEN
    is_flagged = share is not None and share > 0 and share >= rules.pixel_share_floor
    if verdict is Verdict.LIKELY_HUMAN:
        return Reading.SOME if is_flagged else Reading.NONE
    if score is None and share is not None and not is_flagged:
        return Reading.OPEN
    return Reading.STRONG if score is None and verdict is Verdict.LIKELY_AI else Reading.SOME


def wants_second_opinion(finding: Finding, rules: Rules) -> bool:
    """Whether another detector should be asked by itself: inside the band, or inconclusive without a score."""
    if (
        rules.second_opinion_band is None
        or finding.is_second_opinion
        or finding.is_test
        or finding.basis is not Basis.PIXELS
        or finding.status is not AnalysisStatus.COMPLETE
        or finding.verdict in (None, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE)
    ):
        return False
    low, high = rules.second_opinion_band
    if finding.ai_score is None:
        return read(finding, rules) is Reading.OPEN
    return low <= finding.ai_score < high


def evidence_digest(rows: Iterable[tuple[object, object, object, object, object, object]]) -> str:
    """The sha256, in hex, over the sorted (file sha256, alias, model, verdict, basis, status) rows of a generation.

    The order of `rows` does not matter; None and "" are the same absence.
    """
    canonical = sorted(["" if value is None else str(value) for value in row] for row in rows)
    text = json.dumps(canonical, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
