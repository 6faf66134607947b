from __future__ import annotations

import copy
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detection.errors import Refused
from detection.policy import (
    DEFAULT,
    ROWS,
    Assessment,
    Cuts,
    Finding,
    Reading,
    Rules,
    Situation,
    apply_conclusion,
    asks_for_label,
    assess,
    clamp_override_end,
    evidence_digest,
    level_for,
    override_end,
    read,
    review_state,
    standing_conclusion,
    wants_second_opinion,
    who_can_clear,
)
from detection.results import Declared
from detection.vocabulary import (
    LIVE,
    AnalysisStatus,
    Basis,
    Conclusion,
    CredentialState,
    Level,
    PlacedUse,
    ReviewState,
    Says,
    Signal,
    SourceTier,
    Verdict,
    Why,
)

RULES = Rules.parse(DEFAULT)
NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def pixels(score: float | None = None, verdict: Verdict | None = Verdict.LIKELY_AI, **changes: object) -> Finding:
    fields: dict[str, object] = {
        "alias": "alpha",
        "title": "Alpha",
        "status": AnalysisStatus.COMPLETE,
        "verdict": verdict,
        "ai_score": score,
        **changes,
    }
    return Finding(**fields)  # type: ignore[arg-type]


def unfinished(status: AnalysisStatus, **changes: object) -> Finding:
    return pixels(None, None, **{"status": status, **changes})


def provenance(**changes: object) -> Finding:
    finding = pixels(None, Verdict.UNKNOWN, alias="provenance", basis=Basis.DECLARATION)
    return dataclasses.replace(finding, **changes)  # type: ignore[arg-type]


STRONG = pixels(0.97)
SOME = pixels(0.6)
LOW = pixels(0.05, Verdict.LIKELY_HUMAN, alias="beta")
BROKEN = Declared(credentials=CredentialState.BROKEN)
BROKEN_AI = Declared(credentials=CredentialState.BROKEN, broken_says=Says.AI)
TRUSTED_CAPTURE = Declared(says=Says.CAPTURE, credentials=CredentialState.TRUSTED, is_trusted_capture=True)


def judge(*findings: Finding, declared: Declared | None = None, **changes: object) -> Assessment:
    due = {"pixel_detector_due": any(f.basis is Basis.PIXELS for f in findings), **changes}
    read_declared = declared or Declared()
    situation = Situation(findings=(provenance(), *findings), declared=read_declared, **due)  # type: ignore[arg-type]
    return assess(situation, RULES)


# --- one answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "score", "share", "expected"),
    [
        (Verdict.LIKELY_AI, 0.9, None, Reading.STRONG),
        (Verdict.LIKELY_AI, 0.89, None, Reading.SOME),
        (Verdict.LIKELY_AI, 0.5, None, Reading.SOME),
        (Verdict.LIKELY_AI, 0.1, None, Reading.SOME),
        (Verdict.LIKELY_AI, 0.0, None, Reading.SOME),
        (Verdict.LIKELY_AI, None, None, Reading.STRONG),
        (Verdict.LIKELY_AI, None, 0.95, Reading.STRONG),
        (Verdict.LIKELY_AI, None, 0.001, Reading.OPEN),
        (Verdict.PARTIAL_AI, 0.95, None, Reading.STRONG),
        (Verdict.PARTIAL_AI, 0.95, 0.001, Reading.STRONG),
        (Verdict.PARTIAL_AI, 0.6, 0.2, Reading.SOME),
        (Verdict.PARTIAL_AI, 0.1, 0.001, Reading.SOME),
        (Verdict.PARTIAL_AI, None, None, Reading.SOME),
        (Verdict.PARTIAL_AI, None, 0.8, Reading.SOME),
        (Verdict.PARTIAL_AI, None, 0.005, Reading.SOME),
        (Verdict.PARTIAL_AI, None, 0.0049, Reading.OPEN),
        (Verdict.PARTIAL_AI, None, 0.0, Reading.OPEN),
        (Verdict.UNCERTAIN, 0.97, None, Reading.SOME),
        (Verdict.UNCERTAIN, 0.5, None, Reading.SOME),
        (Verdict.UNCERTAIN, 0.3, None, Reading.OPEN),
        (Verdict.UNCERTAIN, None, None, Reading.OPEN),
        (Verdict.LIKELY_HUMAN, 0.97, None, Reading.SOME),
        (Verdict.LIKELY_HUMAN, 0.5, None, Reading.SOME),
        (Verdict.LIKELY_HUMAN, 0.49, None, Reading.NONE),
        (Verdict.LIKELY_HUMAN, None, None, Reading.NONE),
        (Verdict.LIKELY_HUMAN, None, 0.001, Reading.NONE),
        (Verdict.LIKELY_HUMAN, None, 0.3, Reading.SOME),
        (Verdict.UNKNOWN, 0.99, None, Reading.UNREAD),
        (Verdict.NOT_APPLICABLE, 0.01, None, Reading.UNREAD),
        (None, 0.01, None, Reading.UNREAD),
    ],
)
def test_it_reads_one_answer_by_label_number_and_share(
    verdict: Verdict | None, score: float | None, share: float | None, expected: Reading
) -> None:
    assert read(pixels(score, verdict, ai_pixel_share=share), RULES) is expected


def test_a_detector_is_read_by_its_own_thresholds_unless_the_policy_names_it() -> None:
    finding = pixels(0.6, thresholds=Cuts(some=0.2, strong=0.55))
    stricter = Rules.parse({"thresholds": {"alpha": {"some": 0.65, "strong": 0.8}}})

    assert read(finding, RULES) is Reading.STRONG
    assert read(finding, stricter) is Reading.SOME
    assert read(pixels(0.6, Verdict.LIKELY_HUMAN), stricter) is Reading.NONE


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (pixels(0.34), False),
        (pixels(0.35, Verdict.LIKELY_HUMAN), True),
        (pixels(0.89), True),
        (pixels(0.9), False),
        (pixels(None, Verdict.UNCERTAIN), True),
        (pixels(None, Verdict.LIKELY_AI), False),
        (pixels(0.6, is_second_opinion=True), False),
        (pixels(0.6, is_test=True), False),
        (pixels(0.6, basis=Basis.DECLARATION), False),
        (pixels(0.6, status=AnalysisStatus.SCANNING), False),
        (pixels(0.6, Verdict.UNKNOWN), False),
    ],
)
def test_it_wants_a_second_opinion_inside_the_band_only(finding: Finding, expected: bool) -> None:
    assert wants_second_opinion(finding, RULES) is expected
    assert not wants_second_opinion(finding, Rules.parse({"second_opinion_band": None}))


# --- the signal -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assessment", "signal", "row"),
    [
        (judge(LOW, declared=Declared(says=Says.AI)), Signal.DECLARED_AI, "declared_ai"),
        (judge(STRONG, declared=Declared(says=Says.AI_EDITED)), Signal.DECLARED_AI_EDITED, "declared_ai_edited"),
        (judge(provenance(alias="other", verdict=Verdict.LIKELY_AI)), Signal.DECLARED_AI, "declared_ai"),
        (judge(provenance(alias="other", verdict=Verdict.PARTIAL_AI)), Signal.DECLARED_AI_EDITED, "declared_ai_edited"),
        (
            judge(declared=dataclasses.replace(BROKEN, says=Says.AI)),
            Signal.DECLARED_AI,
            "declared_ai",
        ),
        (judge(LOW, declared=BROKEN), Signal.CREDENTIALS_BROKEN, "credentials_broken"),
        (judge(LOW, declared=BROKEN_AI), Signal.CREDENTIALS_BROKEN, "credentials_broken_ai"),
        (
            judge(provenance(alias="other", verdict=Verdict.LIKELY_AI), declared=BROKEN),
            Signal.CREDENTIALS_BROKEN,
            "credentials_broken_ai",
        ),
        (judge(STRONG, declared=BROKEN), Signal.CREDENTIALS_BROKEN, "strong"),
        (judge(STRONG, LOW, declared=BROKEN), Signal.CREDENTIALS_BROKEN, "credentials_broken"),
        (judge(STRONG, declared=TRUSTED_CAPTURE), Signal.CONFLICT, "conflict"),
        (judge(STRONG, LOW, declared=TRUSTED_CAPTURE), Signal.CONFLICT, "conflict"),
        (judge(SOME, declared=TRUSTED_CAPTURE), Signal.SOME, "some"),
        (judge(STRONG, declared=Declared(says=Says.CAPTURE)), Signal.STRONG, "strong"),
        (judge(STRONG, LOW), Signal.DISAGREE, "disagree"),
        (judge(SOME, LOW), Signal.DISAGREE, "disagree"),
        (judge(STRONG, pixels(0.6, alias="beta")), Signal.STRONG, "strong"),
        (judge(SOME), Signal.SOME, "some"),
        (judge(pixels(None, Verdict.UNCERTAIN)), Signal.SOME, "some"),
        (judge(pixels(None, Verdict.UNCERTAIN), LOW), Signal.SOME, "some"),
        (judge(SOME, unfinished(AnalysisStatus.DEAD, alias="beta")), Signal.SOME, "some"),
        (judge(LOW), Signal.NONE_FOUND, "none_found"),
        (judge(), Signal.NOTHING_DECLARED, "nothing_declared"),
    ],
)
def test_the_first_rule_that_fits_gives_the_signal(assessment: Assessment, signal: Signal, row: str) -> None:
    assert (assessment.signal, assessment.row) == (signal, row)


A_TRY_FAILED = {"has_failed_try": True, "next_attempt_at": NOW}


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (unfinished(AnalysisStatus.DEAD), Why.FAILED),
        (unfinished(AnalysisStatus.DEAD, why=Why.PAUSED), Why.PAUSED),
        (unfinished(AnalysisStatus.REJECTED), Why.UNREADABLE),
        (unfinished(AnalysisStatus.REJECTED, why=Why.UNSUPPORTED), Why.UNSUPPORTED),
        (pixels(0.99, Verdict.UNKNOWN), Why.FAILED),
        (pixels(None, Verdict.NOT_APPLICABLE), Why.UNSUPPORTED),
        (pixels(None, None), Why.FAILED),
        *((unfinished(status, **A_TRY_FAILED), Why.FAILED) for status in sorted(LIVE)),
        (provenance(alias="own", status=AnalysisStatus.DEAD), Why.FAILED),
        (provenance(alias="own", status=AnalysisStatus.REJECTED), Why.UNREADABLE),
    ],
)
def test_what_was_due_and_failed_could_not_be_checked_and_says_why(finding: Finding, why: Why) -> None:
    for others in ((), (LOW,)):
        assessment = judge(*others, finding)

        assert assessment.signal is Signal.COULD_NOT_CHECK
        assert assessment.why is why
        assert assessment.next_attempt_at == finding.next_attempt_at
        assert assessment.score is None


def test_it_tells_the_gravest_failure_and_the_earliest_next_try() -> None:
    assessment = judge(
        unfinished(AnalysisStatus.RETRY_PENDING, has_failed_try=True, next_attempt_at=NOW + timedelta(hours=1)),
        unfinished(AnalysisStatus.RETRY_PENDING, alias="beta", has_failed_try=True, next_attempt_at=NOW),
        unfinished(AnalysisStatus.REJECTED, alias="gamma", error_sentence="It has 90 million pixels; 50 are read."),
    )

    assert assessment.why is Why.UNREADABLE
    assert assessment.detail == "It has 90 million pixels; 50 are read."
    assert assessment.next_attempt_at == NOW
    assert "trying_again" in assessment.notes


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (unfinished(AnalysisStatus.PENDING_SCAN), Why.QUEUED),
        (unfinished(AnalysisStatus.RETRY_PENDING), Why.QUEUED),
        (unfinished(AnalysisStatus.SCANNING), Why.RUNNING),
        (unfinished(AnalysisStatus.AWAITING_CALLBACK), Why.RUNNING),
        (unfinished(AnalysisStatus.PENDING_SCAN, why=Why.PAUSED), Why.PAUSED),
        (unfinished(AnalysisStatus.SKIPPED, why=Why.EXEMPT), Why.EXEMPT),
        (provenance(alias="own", status=AnalysisStatus.SCANNING), Why.RUNNING),
    ],
)
def test_what_is_still_live_is_not_checked_and_says_why(finding: Finding, why: Why) -> None:
    for others in ((), (LOW,)):
        assessment = judge(*others, finding)

        assert (assessment.signal, assessment.why) == (Signal.NOT_CHECKED, why)


def test_a_detector_that_takes_no_such_picture_counts_until_another_has_looked_in_its_place() -> None:
    skipped = unfinished(AnalysisStatus.SKIPPED, why=Why.UNSUPPORTED)
    another = pixels(None, Verdict.NOT_APPLICABLE, alias="beta")

    assert (judge(skipped).signal, judge(skipped).why) == (Signal.NOT_CHECKED, Why.UNSUPPORTED)
    assert judge(skipped, another).signal is Signal.COULD_NOT_CHECK
    assert judge(skipped, LOW).signal is Signal.NONE_FOUND
    assert judge(skipped, STRONG).signal is Signal.STRONG


@pytest.mark.parametrize("why", [Why.EXEMPT, Why.PROTECTED, Why.UNSUPPORTED, Why.BEFORE_INSTALL])
def test_a_picture_that_is_not_sent_says_why_until_a_detector_has_looked(why: Why) -> None:
    unsent = judge(why_not=why)

    assert (unsent.signal, unsent.why) == (Signal.NOT_CHECKED, why)
    assert judge(LOW, why_not=why).signal is Signal.NONE_FOUND
    assert judge(declared=Declared(says=Says.AI), why_not=why).signal is Signal.DECLARED_AI


def test_a_picture_without_any_analysis_is_not_checked() -> None:
    for due in (True, False):
        assessment = assess(Situation(pixel_detector_due=due), RULES)

        assert (assessment.signal, assessment.why) == (Signal.NOT_CHECKED, Why.QUEUED)


def test_a_due_detector_that_has_no_analysis_yet_is_not_checked() -> None:
    assert judge(pixel_detector_due=True).signal is Signal.NOT_CHECKED


@pytest.mark.parametrize("status", [AnalysisStatus.SUPERSEDED, AnalysisStatus.SKIPPED])
def test_what_is_no_longer_asked_for_does_not_count(status: AnalysisStatus) -> None:
    assert judge(LOW, unfinished(status, alias="gone")).signal is Signal.NONE_FOUND
    assert judge(unfinished(status, alias="gone")).signal is Signal.NOT_CHECKED


@pytest.mark.parametrize(
    ("assessment", "notes"),
    [
        (judge(LOW, declared=Declared(says=Says.AI)), ("detector_found_nothing",)),
        (judge(STRONG, declared=Declared(says=Says.AI)), ("detector_strong",)),
        (judge(declared=dataclasses.replace(BROKEN, says=Says.AI)), ("credentials_broken",)),
        (judge(STRONG, declared=BROKEN), ("detector_strong",)),
        (judge(STRONG, pixels(0.93, alias="beta")), ("second_strong",)),
        (judge(LOW, declared=Declared(says=Says.CAPTURE)), ("capture_unsigned",)),
        (judge(LOW, declared=TRUSTED_CAPTURE), ()),
        (judge(pixels(None, Verdict.UNCERTAIN)), ("inconclusive",)),
        (judge(pixels(0.9, Verdict.UNKNOWN)), ("answer_unknown",)),
        (judge(pixels(None, Verdict.NOT_APPLICABLE)), ()),
        (judge(SOME, unfinished(AnalysisStatus.SCANNING, alias="beta")), ("still_checking",)),
        (judge(SOME, unfinished(AnalysisStatus.DEAD, alias="beta")), ("one_failed",)),
        (
            judge(unfinished(AnalysisStatus.DEAD), pixels(0.1, Verdict.LIKELY_HUMAN, alias="beta")),
            ("another_found_nothing",),
        ),
        (judge(LOW), ()),
    ],
)
def test_what_stands_beside_the_signal_becomes_a_note(assessment: Assessment, notes: tuple[str, ...]) -> None:
    assert assessment.notes == notes


def test_the_strongest_finding_leads() -> None:
    assessment = judge(pixels(0.91), pixels(0.97, alias="beta"), pixels(0.6, alias="gamma"))

    assert assessment.lead is not None
    assert (assessment.lead.alias, assessment.score) == ("beta", 0.97)
    assert assessment.is_second_strong


def test_one_detector_twice_is_no_second_opinion() -> None:
    assert not judge(pixels(0.91), pixels(0.97)).is_second_strong


scores = st.none() | st.floats(0, 1)
findings = st.builds(
    Finding,
    alias=st.sampled_from(["alpha", "beta", "provenance"]),
    title=st.just("A detector"),
    status=st.sampled_from(AnalysisStatus),
    verdict=st.none() | st.sampled_from(Verdict),
    basis=st.sampled_from(Basis),
    ai_score=scores,
    ai_pixel_share=scores,
    why=st.none() | st.sampled_from(Why),
    has_failed_try=st.booleans(),
    next_attempt_at=st.none() | st.just(NOW),
    is_second_opinion=st.booleans(),
)
situations = st.builds(
    Situation,
    findings=st.lists(findings, max_size=4).map(tuple),
    declared=st.none()
    | st.builds(
        Declared,
        says=st.none() | st.sampled_from(Says),
        credentials=st.sampled_from(CredentialState),
        broken_says=st.none() | st.sampled_from(Says),
        is_trusted_capture=st.booleans(),
    ),
    pixel_detector_due=st.booleans(),
    why_not=st.none() | st.sampled_from([Why.EXEMPT, Why.PROTECTED, Why.BEFORE_INSTALL]),
)
UNFINISHED = LIVE | {AnalysisStatus.DEAD, AnalysisStatus.REJECTED}
NOTHING = (Signal.NONE_FOUND, Signal.NOTHING_DECLARED)


@given(situations)
def test_it_never_says_that_nothing_was_found_while_a_due_answer_is_missing(situation: Situation) -> None:
    is_looked_at = any(
        f.basis is Basis.PIXELS and f.status is AnalysisStatus.COMPLETE and not f.is_test for f in situation.findings
    )
    has_unfinished = any(finding.status in UNFINISHED for finding in situation.findings)
    assume(has_unfinished or (situation.pixel_detector_due and not is_looked_at))

    assert assess(situation, RULES).signal not in NOTHING


finished = st.builds(
    Finding,
    alias=st.sampled_from(["alpha", "beta", "gamma"]),
    title=st.just("A detector"),
    status=st.just(AnalysisStatus.COMPLETE),
    verdict=st.just(Verdict.LIKELY_HUMAN) | st.sampled_from(Verdict),
    ai_score=st.none() | st.floats(0, 0.49) | st.floats(0, 1),
)


@given(st.lists(finished, min_size=1, max_size=3))
def test_nothing_is_found_exactly_when_every_finished_detector_found_nothing(answers: list[Finding]) -> None:
    readings = {read(finding, RULES) for finding in answers}

    assert (judge(*answers).signal is Signal.NONE_FOUND) == (readings == {Reading.NONE})


@given(situations, findings, st.integers(0, 4))
def test_a_test_result_never_changes_anything(situation: Situation, extra: Finding, place: int) -> None:
    mock = dataclasses.replace(extra, is_test=True)
    with_mock = (*situation.findings[:place], mock, *situation.findings[place:])

    assert assess(dataclasses.replace(situation, findings=with_mock), RULES) == assess(situation, RULES)


@given(situations)
def test_every_unchecked_picture_carries_why_and_every_row_has_a_level(situation: Situation) -> None:
    assessment = assess(situation, RULES)

    assert (assessment.why is not None) == (assessment.signal in (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK))
    assert all(level_for(assessment, tier, RULES) for tier in SourceTier)


@given(situations)
def test_a_further_strong_answer_never_clears_a_picture(situation: Situation) -> None:
    strong = dataclasses.replace(STRONG, alias="gamma")
    assessment = assess(dataclasses.replace(situation, findings=(*situation.findings, strong)), RULES)

    assert level_for(assessment, SourceTier.UGC, RULES)[0].refuses


# --- the level --------------------------------------------------------------------------------------------------------

# Written from the design's table, not from the code: row → known sources, freelance, untrusted sources.
TABLE = """
none_found             clear               clear               acknowledge
nothing_declared       clear               notice              acknowledge
not_checked            notice              acknowledge         acknowledge
could_not_check        notice              acknowledge         acknowledge
some                   notice,queued       acknowledge,queued  acknowledge,queued
disagree               notice,queued       acknowledge,queued  acknowledge,queued
credentials_broken     notice,queued       acknowledge,queued  acknowledge,queued
strong                 acknowledge,queued  hold                hold
conflict               acknowledge,queued  hold                hold
declared_ai            hold                hold                hold
declared_ai_edited     hold                hold                hold
credentials_broken_ai  hold                hold                hold
before_install         clear               clear               clear
"""
COLUMN = {"staff": 0, "agency": 0, "undeclared": 0, "freelance": 1, "ugc": 2, "unknown": 2}
CELLS = [
    (row, tier, *columns[COLUMN[tier]].partition(",")[::2])
    for row, *columns in (line.split() for line in TABLE.strip().splitlines())
    for tier in COLUMN
]


def in_row(row: str, **changes: bool) -> Assessment:
    return Assessment(signal=Signal.STRONG, row=row, **changes)


@pytest.mark.parametrize(("row", "tier", "level", "queued"), CELLS)
def test_every_cell_of_the_level_table(row: str, tier: str, level: str, queued: str) -> None:
    found, asks_a_person = level_for(in_row(row), SourceTier(tier), RULES)

    assert found == level
    assert asks_a_person == (queued == "queued" or level == "hold")


def test_the_table_here_names_every_row_and_tier() -> None:
    assert {row for row, *_ in CELLS} == set(ROWS)
    assert {tier for _, tier, *_ in CELLS} == {tier.value for tier in SourceTier}


@pytest.mark.parametrize(
    ("row", "tier", "level"),
    [
        ("strong", SourceTier.STAFF, Level.HOLD),
        ("strong", SourceTier.UGC, Level.HOLD),
        ("disagree", SourceTier.STAFF, Level.ACKNOWLEDGE),
        ("disagree", SourceTier.FREELANCE, Level.HOLD),
        ("declared_ai", SourceTier.STAFF, Level.HOLD),
    ],
)
def test_a_second_strong_detector_raises_one_step_and_never_beyond_a_hold(
    row: str, tier: SourceTier, level: Level
) -> None:
    assert level_for(in_row(row, is_second_strong=True), tier, RULES)[0] is level


def test_a_policy_may_stop_what_the_default_holds() -> None:
    strict = Rules.parse({"levels": {"declared_ai": {"ugc": "stop"}}})

    assert level_for(in_row("declared_ai", is_second_strong=True), SourceTier.UGC, strict) == (Level.STOP, True)
    assert level_for(in_row("declared_ai"), SourceTier.UNKNOWN, strict) == (Level.HOLD, True)


# --- the conclusion ---------------------------------------------------------------------------------------------------

CLEAR, NOTICE, ACK, HOLD, STOP = Level
ACCEPTED, CANNOT = Conclusion.ACCEPTED, Conclusion.CANNOT_DETERMINE
WAITING = Conclusion.WAITING_FOR_SOURCE


@pytest.mark.parametrize(
    ("level", "conclusion", "who", "expected", "cleared_by"),
    [
        (CLEAR, ACCEPTED, "editor", CLEAR, ""),
        (NOTICE, ACCEPTED, "editor", CLEAR, "editor"),
        (ACK, ACCEPTED, "editor", CLEAR, "editor"),
        (HOLD, ACCEPTED, "editor", HOLD, ""),
        (STOP, ACCEPTED, "editor", STOP, ""),
        (CLEAR, CANNOT, "editor", CLEAR, ""),
        (NOTICE, CANNOT, "editor", NOTICE, ""),
        (ACK, CANNOT, "editor", NOTICE, "editor"),
        (HOLD, CANNOT, "editor", HOLD, ""),
        (ACK, ACCEPTED, "holder", CLEAR, "holder"),
        (HOLD, ACCEPTED, "holder", CLEAR, "holder"),
        (HOLD, CANNOT, "holder", NOTICE, "holder"),
        (STOP, ACCEPTED, "holder", STOP, ""),
        (STOP, CANNOT, "holder", STOP, ""),
        (CLEAR, WAITING, "editor", ACK, ""),
        (ACK, WAITING, "holder", ACK, ""),
        (HOLD, WAITING, "holder", HOLD, ""),
        (STOP, WAITING, "holder", STOP, ""),
        (ACK, None, "holder", ACK, ""),
    ],
)
def test_what_a_conclusion_changes(
    level: Level, conclusion: Conclusion | None, who: str, expected: Level, cleared_by: str
) -> None:
    effect = apply_conclusion(
        level, True, conclusion=conclusion, rules=RULES, by_desk_editor=True, by_holder=who == "holder"
    )

    assert (effect.level, effect.cleared_by, effect.is_hint) == (expected, cleared_by, False)
    assert effect.was_lowered is bool(cleared_by)


CONFIRMED = (Conclusion.CONFIRMED_AI_GENERATED, Conclusion.CONFIRMED_AI_ALTERED)


@pytest.mark.parametrize("conclusion", CONFIRMED)
@pytest.mark.parametrize("level", [CLEAR, NOTICE, ACK, HOLD])
@pytest.mark.parametrize(
    ("use", "has_label", "expected"),
    [
        (PlacedUse.PHOTOGRAPH, False, HOLD),
        (PlacedUse.PHOTOGRAPH, True, HOLD),
        (PlacedUse.ILLUSTRATION, True, ACK),
        (PlacedUse.SUBJECT, True, ACK),
        (PlacedUse.ILLUSTRATION, False, HOLD),
        (PlacedUse.SUBJECT, False, HOLD),
    ],
)
def test_a_confirmed_ai_picture_is_held_as_a_photograph_and_acknowledged_when_labelled(
    conclusion: Conclusion, level: Level, use: PlacedUse, has_label: bool, expected: Level
) -> None:
    who = {"by_desk_editor": True, "by_holder": False}
    effect = apply_conclusion(
        level, True, conclusion=conclusion, rules=RULES, placed_use=use, has_label=has_label, **who
    )

    assert (effect.level, effect.queued) == (expected, False)


def test_confirming_ai_never_lowers_a_stop() -> None:
    effect = apply_conclusion(
        STOP,
        True,
        conclusion=CONFIRMED[0],
        rules=RULES,
        by_desk_editor=True,
        by_holder=True,
        placed_use=PlacedUse.SUBJECT,
        has_label=True,
    )

    assert effect.level is STOP


def test_a_desk_may_have_its_own_rule_on_labelled_use() -> None:
    rules = Rules.parse({"labelled_use": {"desks": {"investigations": []}}})
    confirmed = {"conclusion": CONFIRMED[0], "placed_use": PlacedUse.ILLUSTRATION, "has_label": True}

    def on(desk: str) -> Level:
        who = {"by_desk_editor": True, "by_holder": False}
        return apply_conclusion(HOLD, True, rules=rules, desk=desk, **who, **confirmed).level  # type: ignore[arg-type]

    assert (on("investigations"), on("culture")) == (HOLD, ACK)


@pytest.mark.parametrize("conclusion", list(Conclusion))
@pytest.mark.parametrize("changes", [{"by_desk_editor": False, "by_holder": False}, {"is_same_evidence": False}])
@pytest.mark.parametrize("level", list(Level))
def test_on_another_desk_or_other_evidence_a_conclusion_is_a_hint_without_effect(
    conclusion: Conclusion, changes: dict[str, bool], level: Level
) -> None:
    arguments = {"by_desk_editor": True, "by_holder": True, **changes}
    effect = apply_conclusion(level, True, conclusion=conclusion, rules=RULES, **arguments)

    assert (effect.level, effect.queued, effect.is_hint, effect.was_lowered) == (level, True, True, False)


def test_a_hold_that_stays_goes_on_asking_a_person() -> None:
    who = {"by_desk_editor": True, "by_holder": False}

    assert apply_conclusion(HOLD, True, conclusion=ACCEPTED, rules=RULES, **who).queued
    assert not apply_conclusion(NOTICE, True, conclusion=ACCEPTED, rules=RULES, **who).queued


def test_it_names_the_permissions_that_clear_a_level() -> None:
    assert who_can_clear(NOTICE) == ()
    assert "acknowledge_gate" in who_can_clear(ACK)
    assert who_can_clear(HOLD) == ("override_hold",)
    assert who_can_clear(STOP) == ("override_stop",)


@pytest.mark.parametrize("signal", list(Signal))
def test_it_asks_for_the_readers_label_where_ai_is_declared_or_concluded(signal: Signal) -> None:
    assert asks_for_label(signal) is (signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED))
    assert asks_for_label(signal, CONFIRMED[1])


# --- one word for clients ---------------------------------------------------------------------------------------------

DONE, DEAD = AnalysisStatus.COMPLETE, AnalysisStatus.DEAD
FAILED = judge(pixels(0.9, Verdict.UNKNOWN))


@pytest.mark.parametrize(
    ("assessment", "status", "level", "queued", "concluded", "lowered", "expected"),
    [
        (judge(), AnalysisStatus.PENDING_SCAN, HOLD, True, False, False, ReviewState.PENDING_SCAN),
        (judge(), AnalysisStatus.SCANNING, CLEAR, False, False, False, ReviewState.SCANNING),
        (judge(), AnalysisStatus.AWAITING_CALLBACK, CLEAR, False, False, False, ReviewState.SCANNING),
        (judge(), AnalysisStatus.RETRY_PENDING, NOTICE, False, False, False, ReviewState.RETRY_PENDING),
        (judge(pixel_detector_due=True), None, NOTICE, False, False, False, ReviewState.PENDING_SCAN),
        (judge(LOW, unfinished(AnalysisStatus.SCANNING)), DONE, NOTICE, False, False, False, ReviewState.SCANNING),
        (judge(), DEAD, HOLD, True, False, False, ReviewState.MANUAL_REVIEW),
        (judge(), AnalysisStatus.REJECTED, NOTICE, False, False, False, ReviewState.MANUAL_REVIEW),
        (FAILED, DONE, NOTICE, False, False, False, ReviewState.MANUAL_REVIEW),
        (judge(), DEAD, HOLD, True, True, False, ReviewState.QUARANTINED),
        (FAILED, DEAD, CLEAR, False, True, True, ReviewState.CLEARED),
        (judge(STRONG), DONE, HOLD, True, False, False, ReviewState.QUARANTINED),
        (judge(STRONG), DONE, STOP, True, False, False, ReviewState.QUARANTINED),
        (judge(STRONG), DONE, ACK, False, False, False, ReviewState.FLAGGED),
        (judge(SOME), DONE, NOTICE, True, False, False, ReviewState.FLAGGED),
        (judge(SOME), DONE, CLEAR, False, True, True, ReviewState.CLEARED),
        (judge(SOME), DONE, NOTICE, False, True, True, ReviewState.CLEARED),
        (judge(LOW), DONE, CLEAR, False, False, False, ReviewState.PUBLISH_READY),
        (judge(why_not=Why.BEFORE_INSTALL), None, CLEAR, False, False, False, ReviewState.PUBLISH_READY),
    ],
)
def test_the_review_state_is_the_first_that_fits(
    assessment: Assessment,
    status: AnalysisStatus | None,
    level: Level,
    queued: bool,
    concluded: bool,
    lowered: bool,
    expected: ReviewState,
) -> None:
    found = review_state(
        assessment, status=status, level=level, queued=queued, has_conclusion=concluded, was_lowered=lowered
    )

    assert found is expected


# --- evidence and ends ------------------------------------------------------------------------------------------------

ROW = ("ab" * 32, "alpha", "m1", Verdict.LIKELY_AI, Basis.PIXELS, AnalysisStatus.COMPLETE)
OTHER_ROW = ("ab" * 32, "provenance", None, None, Basis.DECLARATION, AnalysisStatus.SCANNING)


def test_the_evidence_digest_is_pinned_and_knows_no_order() -> None:
    digest = evidence_digest([ROW, OTHER_ROW])

    assert digest == evidence_digest(iter([OTHER_ROW, ROW]))
    assert digest == evidence_digest([tuple(str(v) for v in ROW), tuple("" if v is None else v for v in OTHER_ROW)])
    assert digest == "3ec2f6d240cc900d89831fc282fd2f8f432c0e0b99c1ddbe524286226d4d4e3a"


@pytest.mark.parametrize("place", range(6))
def test_every_part_of_a_row_changes_the_evidence(place: int) -> None:
    changed = tuple("else" if index == place else value for index, value in enumerate(ROW))

    assert evidence_digest([changed]) != evidence_digest([ROW])  # type: ignore[list-item]
    assert evidence_digest([ROW, ROW]) != evidence_digest([ROW])


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("publish_in", "ends_in"),
    [(None, 24), (-5, 24), (10, 24), (22, 24), (23, 25), (100, 102), (166, 168), (167, 168), (1000, 168)],
)
def test_an_override_ends_a_day_on_or_two_hours_after_publication_and_never_after_a_week(
    publish_in: float | None, ends_in: float
) -> None:
    publish_at = None if publish_in is None else NOW + hours(publish_in)

    assert override_end(NOW, publish_at, RULES) == NOW + hours(ends_in)


def test_a_chosen_end_is_cut_to_the_longest_and_refused_in_the_past() -> None:
    assert clamp_override_end(NOW + hours(5), now=NOW, rules=RULES) == NOW + hours(5)
    assert clamp_override_end(NOW + hours(500), now=NOW, rules=RULES) == NOW + hours(168)
    for passed in (NOW, NOW - hours(1)):
        with pytest.raises(Refused, match="already passed"):
            clamp_override_end(passed, now=NOW, rules=RULES)


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_default_document_is_json_and_parses_to_itself() -> None:
    assert json.loads(json.dumps(DEFAULT)) == DEFAULT
    assert Rules.parse(json.loads(json.dumps(DEFAULT))) == RULES == Rules.parse({})


def test_parsing_leaves_the_default_and_the_given_document_alone() -> None:
    before, document = copy.deepcopy(DEFAULT), {"levels": {"some": {"staff": "hold"}}}
    Rules.parse(document)

    assert before == DEFAULT
    assert document == {"levels": {"some": {"staff": "hold"}}}


def test_parsed_rules_cannot_be_changed() -> None:
    assert isinstance(RULES.levels, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        RULES.min_note = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "policy"),
        ({"treshold": {}}, "unknown entries: treshold"),
        ({"version": 2}, "version"),
        ({"levels": {"weird": {}}}, "unknown entries: weird"),
        ({"levels": {"some": {"intern": "hold"}}}, "unknown entries: intern"),
        ({"levels": {"some": {"staff": "block"}}}, "levels.some.staff"),
        ({"levels": {"some": {"staff": None}}}, "levels.some.staff"),
        ({"levels": {"some": {"staff": []}}}, "levels.some.staff"),
        ({"queued": {"some": {"staff": "yes"}}}, "queued.some.staff"),
        ({"thresholds": {"alpha": {"some": 0.5}}}, "both"),
        ({"thresholds": {"alpha": {"some": 0.9, "strong": 0.5}}}, "thresholds.alpha.strong"),
        ({"thresholds": {"alpha": {"some": 0, "strong": 0.5}}}, "thresholds.alpha.some"),
        ({"thresholds": {"alpha": {"some": 0.5, "strong": 1.5}}}, "thresholds.alpha.strong"),
        ({"thresholds": {"alpha": {"some": True, "strong": 1}}}, "thresholds.alpha.some"),
        ({"pixel_share_floor": float("nan")}, "pixel_share_floor"),
        ({"second_opinion_band": [0.9, 0.3]}, "second_opinion_band"),
        ({"second_opinion_band": "01"}, "second_opinion_band"),
        ({"second_opinion_band": [0.5]}, "second_opinion_band"),
        ({"primary": ""}, "primary"),
        ({"four_eyes": 1}, "four_eyes"),
        ({"override": {"max_days": 8}}, "override.max_days"),
        ({"override": {"default_hours": 200}}, "override.default_hours"),
        ({"override": {"forever": True}}, "unknown entries: forever"),
        ({"min_note": 0}, "min_note"),
        ({"labelled_use": {"default": ["photograph"]}}, "labelled_use"),
        ({"labelled_use": {"desks": {"culture": "subject"}}}, "labelled_use"),
    ],
)
def test_it_refuses_a_wrong_document_and_names_what_is_wrong(document: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        Rules.parse(document)


def test_the_primary_is_the_policys_or_the_first_that_looks_at_pixels() -> None:
    named = Rules.parse({"primary": "beta"})

    assert RULES.primary_of(["alpha", "beta"]) == "alpha"
    assert named.primary_of(["alpha", "beta"]) == "beta"
    assert named.primary_of(["alpha"]) == "alpha"
    assert RULES.primary_of([]) is None


@pytest.mark.parametrize(("withheld", "row"), [(False, "nothing_declared"), (True, "not_checked")])
def test_keeping_a_picture_inside_is_no_way_past_the_detectors(withheld: bool, row: str) -> None:
    read = Finding(
        alias="provenance",
        title="Declared provenance",
        status=AnalysisStatus.COMPLETE,
        verdict=Verdict.UNKNOWN,
        basis=Basis.DECLARATION,
    )
    found = assess(Situation(findings=(read,), is_withheld=withheld), RULES)
    assert (found.signal, found.row) == (Signal.NOTHING_DECLARED, row)


@dataclasses.dataclass(frozen=True)
class Word:
    conclusion: str
    by_holder: bool = False


SAID_ACCEPTED, SAID_CONFIRMED, SAID_WAITING = Word("accepted"), Word("confirmed_ai_altered"), Word("waiting_for_source")
BY_CHIEF_ACCEPTED, BY_CHIEF_CONFIRMED = Word("accepted", by_holder=True), Word("confirmed_ai_generated", by_holder=True)


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ((), None),
        ((SAID_ACCEPTED,), SAID_ACCEPTED),
        ((SAID_WAITING, SAID_ACCEPTED), SAID_ACCEPTED),
        ((SAID_CONFIRMED, SAID_ACCEPTED), SAID_CONFIRMED),
        ((SAID_CONFIRMED, SAID_WAITING), SAID_CONFIRMED),
        ((SAID_CONFIRMED, BY_CHIEF_ACCEPTED), BY_CHIEF_ACCEPTED),
        ((BY_CHIEF_ACCEPTED, SAID_ACCEPTED), BY_CHIEF_ACCEPTED),
        ((BY_CHIEF_ACCEPTED, SAID_WAITING), SAID_WAITING),
        ((BY_CHIEF_ACCEPTED, SAID_CONFIRMED), SAID_CONFIRMED),
        ((BY_CHIEF_CONFIRMED, SAID_ACCEPTED, SAID_WAITING), BY_CHIEF_CONFIRMED),
        ((BY_CHIEF_CONFIRMED, BY_CHIEF_ACCEPTED, SAID_ACCEPTED), BY_CHIEF_ACCEPTED),
    ],
)
def test_a_raised_question_yields_to_a_holder_only(said: tuple[Word, ...], stands: Word | None) -> None:
    assert standing_conclusion(said) == stands
