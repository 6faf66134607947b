"""From what every detector said, and what the file declares, to one signal about a picture.

Decides what the evidence amounts to, never what a story may do with it; that is `policy`, the
door through which everybody else reaches these names. Pure: nothing is read, stored or asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from detection.policy.findings import Finding, Reading, read
from detection.policy.rules import BEFORE_INSTALL, CREDENTIALS_BROKEN_AI, Rules
from detection.results import Declared
from detection.vocabulary import LIVE, AnalysisStatus, Basis, Says, Signal, Verdict, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """Everything known about one picture now.

    `declared`: what `provenance` read, None if it did not. `pixel_detector_due`: whether a detector that looks at
    pixels should run on this picture. `why_not`: why none is sent (exempt, protected, before_install, unsupported);
    it matters only while no detector has looked at the pixels.
    """

    findings: tuple[Finding, ...] = ()
    declared: Declared | None = None
    pixel_detector_due: bool = False
    why_not: Why | None = None
    is_withheld: bool = False
    """Kept inside although a detector here could look at its pixels: judged as not checked, worded as what was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What the evidence amounts to. `row` is the policy table's row; `lead` the finding that carries the signal.

    `notes`, codes for what stands beside the signal: `detector_found_nothing`, `detector_strong`, `second_strong`,
    `credentials_broken`, `capture_unsigned`, `inconclusive`, `answer_unknown`, `trying_again`,
    `still_checking`, `one_failed`, `another_found_nothing`. `detail`: the declaration, or the failure, in a sentence of
    its own; may be empty.
    """

    signal: Signal
    row: str
    why: Why | None = None
    is_second_strong: bool = False
    notes: tuple[str, ...] = ()
    next_attempt_at: datetime | None = None
    detail: str = ""
    lead: Finding | None = None

    @property
    def score(self) -> float | None:
        """The leading finding's score, 0–1; None where it gave none, or where its answer is not to be trusted."""
        return self.lead.ai_score if self.lead and self.signal is not Signal.COULD_NOT_CHECK else None


@dataclass(frozen=True, slots=True)
class _View:
    """The situation with the readings worked out once, for the rules below."""

    findings: tuple[Finding, ...]
    readings: tuple[tuple[Finding, Reading], ...]
    situation: Situation

    @classmethod
    def of(cls, situation: Situation, rules: Rules) -> _View:
        counted = tuple(finding for finding in situation.findings if _counts(finding))
        looked = [f for f in counted if f.status is AnalysisStatus.COMPLETE and f.basis is Basis.PIXELS]
        return cls(counted, tuple((finding, read(finding, rules)) for finding in looked), situation)

    def that_read(self, *readings: Reading) -> list[Finding]:
        """The findings of these readings, the highest score first."""
        found = [finding for finding, reading in self.readings if reading in readings]
        return sorted(found, key=lambda finding: (-(finding.ai_score or 0), finding.alias))

    def is_replaced(self, finding: Finding) -> bool:
        """Whether it was not sent this picture, which is not for it, and another detector has looked in its place."""
        looked = any(reading is not Reading.UNREAD for _finding, reading in self.readings)
        return finding.status is AnalysisStatus.SKIPPED and finding.why is Why.UNSUPPORTED and looked

    @property
    def live(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.status in LIVE]


def _counts(finding: Finding) -> bool:
    if finding.is_test or finding.status is AnalysisStatus.SUPERSEDED:
        return False
    # Skipped without a reason: its alias is no longer configured, so nothing was due from it.
    return finding.status is not AnalysisStatus.SKIPPED or finding.why is not None


def assess(situation: Situation, rules: Rules) -> Assessment:
    """The first rule that fits gives the signal; what else is known becomes a note beside it."""
    view = _View.of(situation, rules)
    found = next(found for rule in _IN_ORDER if (found := rule(view)) is not None)
    strong = {finding.alias for finding in view.that_read(Reading.STRONG)}
    return replace(found, is_second_strong=len(strong) > 1, notes=_notes(view, found, len(strong)))


def _ai_says(view: _View) -> Says | None:
    """What a finished declaration says, where it says AI: ours first, else one that a detector read for itself."""
    declared = view.situation.declared
    if declared and declared.says in (Says.AI, Says.AI_EDITED):
        return declared.says
    done = [f for f in view.findings if f.status is AnalysisStatus.COMPLETE and f.basis is Basis.DECLARATION]
    if any(finding.verdict is Verdict.LIKELY_AI for finding in done):
        return Says.AI
    return Says.AI_EDITED if any(finding.verdict is Verdict.PARTIAL_AI for finding in done) else None


def _declared(view: _View) -> Assessment | None:
    declared = view.situation.declared
    says = _ai_says(view)
    # What another detector read may be the very credential that we found broken.
    if says is None or (declared and declared.credentials.is_broken and declared.says != says):
        return None
    signal = Signal.DECLARED_AI if says is Says.AI else Signal.DECLARED_AI_EDITED
    return Assessment(signal=signal, row=signal, detail=declared.sentence if declared else "")


def _broken(view: _View) -> Assessment | None:
    declared = view.situation.declared
    if declared is None or not declared.credentials.is_broken:
        return None
    row: str = Signal.CREDENTIALS_BROKEN
    if declared.broken_says in (Says.AI, Says.AI_EDITED) or _ai_says(view):
        row = CREDENTIALS_BROKEN_AI
    elif (pixels := _disagree(view) or _strong_or_some(view)) and pixels.signal is Signal.STRONG:
        # Breaking a credential takes one caption; it must not lower what the pixels alone would ask for.
        row = Signal.STRONG
    return Assessment(signal=Signal.CREDENTIALS_BROKEN, row=row, detail=declared.sentence)


def _conflict(view: _View) -> Assessment | None:
    strong = view.that_read(Reading.STRONG)
    if not strong or view.situation.declared is None or not view.situation.declared.is_trusted_capture:
        return None
    return Assessment(signal=Signal.CONFLICT, row=Signal.CONFLICT, lead=strong[0])


def _disagree(view: _View) -> Assessment | None:
    above = view.that_read(Reading.STRONG, Reading.SOME)
    if not above or not view.that_read(Reading.NONE):
        return None
    return Assessment(signal=Signal.DISAGREE, row=Signal.DISAGREE, lead=above[0])


def _strong_or_some(view: _View) -> Assessment | None:
    for signal, readings in (
        (Signal.STRONG, (Reading.STRONG,)),
        (Signal.SOME, (Reading.SOME,)),
        (Signal.SOME, (Reading.OPEN,)),
    ):
        if found := view.that_read(*readings):
            return Assessment(signal=signal, row=signal, lead=found[0])
    return None


_FAILURES = (Why.UNREADABLE, Why.FAILED, Why.PAUSED, Why.UNSUPPORTED)


def _failures(view: _View) -> list[tuple[Why, Finding]]:
    """The findings that were due and gave no answer, each with its why, the gravest first."""
    found = []
    unread = view.that_read(Reading.UNREAD)
    for finding in view.findings:
        if finding.status is AnalysisStatus.REJECTED:
            why = Why.UNREADABLE
        elif finding in unread and finding.verdict is Verdict.NOT_APPLICABLE:
            why = Why.UNSUPPORTED
        elif (
            finding.status is AnalysisStatus.DEAD
            or finding in unread
            or (finding.status in LIVE and finding.has_failed_try)
        ):
            why = Why.FAILED
        else:
            continue
        found.append((finding.why if finding.why in _FAILURES else why, finding))
    return sorted(found, key=lambda pair: (_FAILURES.index(pair[0]), pair[1].alias))


def _could_not_check(view: _View) -> Assessment | None:
    failures = _failures(view)
    if not failures:
        return None
    why, finding = failures[0]
    signal = Signal.COULD_NOT_CHECK
    again = [f.next_attempt_at for __, f in failures if f.status in LIVE and f.next_attempt_at]
    return Assessment(
        signal=signal,
        row=signal,
        why=why,
        next_attempt_at=min(again, default=None),
        detail=finding.error_sentence,
        lead=finding,
    )


_WAITING = (Why.PAUSED, Why.RUNNING, Why.QUEUED)


def _not_checked(view: _View) -> Assessment | None:
    situation = view.situation
    waiting = {finding.why or _RUNS.get(finding.status, Why.QUEUED) for finding in view.live}
    skipped = [f.why for f in view.findings if f.status is AnalysisStatus.SKIPPED and f.why and not view.is_replaced(f)]
    why: Why | None = None
    if waiting:
        why = next((word for word in _WAITING if word in waiting), min(waiting))
    elif skipped:
        why = min(skipped)
    elif situation.why_not and not view.readings:
        why = situation.why_not
    elif not view.findings or (situation.pixel_detector_due and not view.readings):
        why = Why.QUEUED
    if why is None:
        return None
    row = BEFORE_INSTALL if why is Why.BEFORE_INSTALL else Signal.NOT_CHECKED.value
    again = [finding.next_attempt_at for finding in view.live if finding.next_attempt_at]
    at = min(again, default=None)
    detail = _why_paused(view) if why is Why.PAUSED else ""
    return Assessment(signal=Signal.NOT_CHECKED, row=row, why=why, next_attempt_at=at, detail=detail)


def _why_paused(view: _View) -> str:
    """What is said of a pause that nobody ordered and nobody has to end: the day's budget is used up."""
    return next((f.error_sentence for f in view.live if f.why is Why.PAUSED and not f.has_failed_try), "")


_RUNS = {AnalysisStatus.SCANNING: Why.RUNNING, AnalysisStatus.AWAITING_CALLBACK: Why.RUNNING}


def _nothing_found(view: _View) -> Assessment | None:
    signal = Signal.NONE_FOUND if view.readings else Signal.NOTHING_DECLARED
    nothing = view.that_read(Reading.NONE)
    # Else ticking "keep inside" would be a way never to be checked.
    row = Signal.NOT_CHECKED if signal is Signal.NOTHING_DECLARED and view.situation.is_withheld else signal
    return Assessment(signal=signal, row=row, lead=nothing[0] if nothing else None)


_IN_ORDER: tuple[Callable[[_View], Assessment | None], ...] = (
    _declared,
    _broken,
    _conflict,
    _disagree,
    _strong_or_some,
    _could_not_check,
    _not_checked,
    _nothing_found,
)


def _notes(view: _View, found: Assessment, strong: int) -> tuple[str, ...]:
    declared, signal = view.situation.declared, found.signal
    is_declared = signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED, Signal.CREDENTIALS_BROKEN)
    is_broken = declared is not None and declared.credentials.is_broken
    is_decided = signal not in (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK)
    beside = {
        "detector_found_nothing": is_declared and bool(view.that_read(Reading.NONE)),
        "detector_strong": strong > 0 and signal not in (Signal.STRONG, Signal.CONFLICT),
        "second_strong": strong > 1,
        "credentials_broken": is_broken and signal is not Signal.CREDENTIALS_BROKEN,
        "capture_unsigned": declared is not None and declared.says is Says.CAPTURE and not declared.is_trusted_capture,
        "inconclusive": signal is Signal.SOME and not view.that_read(Reading.SOME),
        "answer_unknown": signal is Signal.COULD_NOT_CHECK
        and found.lead is not None
        and found.lead.status is AnalysisStatus.COMPLETE
        and found.lead.verdict is not Verdict.NOT_APPLICABLE,
        "trying_again": signal is Signal.COULD_NOT_CHECK and any(f.status in LIVE for __, f in _failures(view)),
        "still_checking": is_decided and bool(view.live),
        "one_failed": is_decided and bool(_failures(view)),
        "another_found_nothing": signal is Signal.COULD_NOT_CHECK and bool(view.that_read(Reading.NONE)),
    }
    return tuple(code for code, applies in beside.items() if applies)
