"""What a picture's evidence means for a story: signal → level → what a person's conclusion changes.

The one door to the rules: `rules` (the document), `findings` (one answer) and `assessment` (all of them) stand behind
it. The gate, the standing and the screens ask here; nothing is stored and `now` is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from django.utils.translation import gettext as _

from detection.errors import Refused
from detection.policy.assessment import Assessment, Situation, assess
from detection.policy.findings import Finding, Reading, evidence_digest, read, wants_second_opinion
from detection.policy.rules import BEFORE_INSTALL, CREDENTIALS_BROKEN_AI, DEFAULT, ROWS, Cuts, HasThresholds, Rules
from detection.vocabulary import AnalysisStatus, Conclusion, Level, PlacedUse, ReviewState, Signal, SourceTier, Why

__all__ = [
    "BEFORE_INSTALL",
    "CREDENTIALS_BROKEN_AI",
    "DEFAULT",
    "ROWS",
    "Assessment",
    "ConclusionEffect",
    "Cuts",
    "Finding",
    "HasThresholds",
    "Reading",
    "Rules",
    "Situation",
    "apply_conclusion",
    "asks_for_label",
    "assess",
    "clamp_override_end",
    "evidence_digest",
    "level_for",
    "override_end",
    "read",
    "review_state",
    "standing_conclusion",
    "wants_second_opinion",
    "who_can_clear",
]


def level_for(assessment: Assessment, tier: SourceTier, rules: Rules) -> tuple[Level, bool]:
    """The level for a source of this tier, and whether a person is asked to look.

    A second strong detector raises one step, never beyond `hold`. A hold always asks a person: nothing else can end it.
    """
    cell = (assessment.row, tier)
    level = rules.levels[cell]
    if assessment.is_second_strong and level.rank < Level.HOLD.rank:
        level = list(Level)[level.rank + 1]
    return level, cell in rules.queued or level.rank >= Level.HOLD.rank


@dataclass(frozen=True, kw_only=True, slots=True)
class ConclusionEffect:
    """The level after a person's conclusion. `cleared_by`: "", `editor` or `holder`, set where the level was lowered.

    `is_hint`: the conclusion is shown and changes nothing here, since it was made on another desk or on other evidence.
    """

    level: Level
    queued: bool
    cleared_by: str = ""
    is_hint: bool = False

    @property
    def was_lowered(self) -> bool:
        return bool(self.cleared_by)


class Said(Protocol):
    """One recorded conclusion: its word, and whether its author held `override_hold` on the desk."""

    conclusion: str
    by_holder: bool


_Said = TypeVar("_Said", bound=Said)


def standing_conclusion(said: Iterable[_Said]) -> _Said | None:
    """Which of several conclusions on one evidence and desk stands; oldest first, without those taken back.

    The newest, except that a confirmed AI picture yields to a holder only, as does what a holder has cleared: another
    person may still raise the question again (confirm AI, ask the source), and agreeing changes nothing.
    """
    stands: _Said | None = None
    for one in said:
        word = Conclusion(one.conclusion)
        if stands is None or one.by_holder or word.says_ai:
            stands = one
        elif Conclusion(stands.conclusion).says_ai or (stands.by_holder and word is not Conclusion.WAITING_FOR_SOURCE):
            continue
        else:
            stands = one
    return stands


_PASSED = {Conclusion.ACCEPTED: Level.CLEAR, Conclusion.CANNOT_DETERMINE: Level.NOTICE}


def apply_conclusion(
    level: Level,
    queued: bool,
    *,
    conclusion: Conclusion | None,
    rules: Rules,
    by_desk_editor: bool,
    by_holder: bool,
    placed_use: PlacedUse = PlacedUse.PHOTOGRAPH,
    has_label: bool = False,
    desk: str = "",
    is_same_evidence: bool = True,
) -> ConclusionEffect:
    """What the latest conclusion changes for one picture in one story.

    `by_desk_editor`, `by_holder`: whoever concluded edits the story's desk, holds `override_hold` there.
    `placed_use`, `has_label`: how this story uses the picture, and whether its reader sees a label. `desk`: the
    story's desk by its key, for its own rules on labelled use.

    1. Nothing concluded, another desk, or other evidence: no effect.
    2. `waiting_for_source` never lowers, and raises to at least `acknowledge`.
    3. A confirmed AI picture is held as a photograph; labelled, in a use that the desk allows, it is `acknowledge`. On
       a desk that has a standards editor it is a `stop`, labelled or not, till that person lets it go.
    4. `accepted` clears an `acknowledge`, `cannot_determine` leaves a notice of it; a `hold` yields to a holder only,
       a `stop` to neither.
    """
    if conclusion is None:
        return ConclusionEffect(level=level, queued=queued)
    if not is_same_evidence or not (by_desk_editor or by_holder):
        return ConclusionEffect(level=level, queued=queued, is_hint=True)
    if conclusion is Conclusion.WAITING_FOR_SOURCE:
        return ConclusionEffect(level=max(level, Level.ACKNOWLEDGE, key=_rank), queued=queued)
    by = "holder" if by_holder else "editor"
    if conclusion.says_ai:
        is_labelled = has_label and placed_use in rules.labelled_uses(desk)
        needed = Level.ACKNOWLEDGE if is_labelled else Level.HOLD
        needed = Level.STOP if level is Level.STOP or desk in rules.standards else needed
        return ConclusionEffect(level=needed, queued=False, cleared_by=by if needed.rank < level.rank else "")
    if level is Level.STOP or (level is Level.HOLD and not by_holder):
        return ConclusionEffect(level=level, queued=queued)
    needed = min(level, _PASSED[conclusion], key=_rank)
    return ConclusionEffect(level=needed, queued=False, cleared_by=by if needed.rank < level.rank else "")


def _rank(level: Level) -> int:
    return level.rank


_CLEARS = {
    Level.CLEAR: (),
    Level.NOTICE: (),
    Level.ACKNOWLEDGE: ("acknowledge_gate", "override_hold"),
    Level.HOLD: ("override_hold",),
    Level.STOP: ("override_stop",),
}


def who_can_clear(level: Level) -> tuple[str, ...]:
    """The permissions, without their app label, of which each is enough to let a story go at this level."""
    return _CLEARS[level]


def asks_for_label(signal: Signal, conclusion: Conclusion | None = None) -> bool:
    """Whether clearing and overriding ask for the reader's label, or why there is none: AI is declared or concluded."""
    is_concluded = conclusion is not None and conclusion.says_ai
    return is_concluded or signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED)


_AS_THE_ANALYSIS = {
    AnalysisStatus.PENDING_SCAN: ReviewState.PENDING_SCAN,
    AnalysisStatus.SCANNING: ReviewState.SCANNING,
    AnalysisStatus.AWAITING_CALLBACK: ReviewState.SCANNING,
    AnalysisStatus.RETRY_PENDING: ReviewState.RETRY_PENDING,
}
_AS_THE_REST = {
    Why.QUEUED: ReviewState.PENDING_SCAN,
    Why.PAUSED: ReviewState.PENDING_SCAN,
    Why.RUNNING: ReviewState.SCANNING,
}


def review_state(
    assessment: Assessment,
    *,
    status: AnalysisStatus | None,
    level: Level,
    queued: bool,
    has_conclusion: bool = False,
    was_lowered: bool = False,
) -> ReviewState:
    """One word for API clients, the first that fits. `status`: the primary detector's, None where it has no analysis.

    While another detector is still at work, its state shows; any answer that could not be had or read asks for a
    manual review.
    """
    if status in _AS_THE_ANALYSIS:
        return _AS_THE_ANALYSIS[status]
    if assessment.signal is Signal.NOT_CHECKED and assessment.why in _AS_THE_REST:
        return _AS_THE_REST[assessment.why]
    has_failed = status in (AnalysisStatus.DEAD, AnalysisStatus.REJECTED) or assessment.signal is Signal.COULD_NOT_CHECK
    if has_failed and not has_conclusion:
        return ReviewState.MANUAL_REVIEW
    if level.rank >= Level.HOLD.rank:
        return ReviewState.QUARANTINED
    if level is Level.ACKNOWLEDGE or queued:
        return ReviewState.FLAGGED
    return ReviewState.CLEARED if was_lowered else ReviewState.PUBLISH_READY


def override_end(now: datetime, publish_at: datetime | None, rules: Rules) -> datetime:
    """When an override ends unless its giver says otherwise.

    The later of so many hours from now and so many after publication, never later than the policy's longest.
    """
    end = now + timedelta(hours=rules.override_default_hours)
    if publish_at is not None:
        end = max(end, publish_at + timedelta(hours=rules.override_after_publication_hours))
    return min(end, _latest(now, rules))


def clamp_override_end(wanted: datetime, *, now: datetime, rules: Rules) -> datetime:
    """The end somebody asked for, cut to the policy's longest. Raises `Refused` for one that has already passed."""
    if wanted <= now:
        raise Refused(_("The chosen end has already passed. Choose a later time."))
    return min(wanted, _latest(now, rules))


def _latest(now: datetime, rules: Rules) -> datetime:
    return now + timedelta(days=rules.override_max_days)
