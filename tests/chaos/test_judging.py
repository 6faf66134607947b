"""The count at the end of a random run: each kind of harm to the scans is seen where it is there."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.judging import Tally, judge
from tests.chaos.trouble import TroubledDetector, most_in_a_second

NAME = "0123456789abcdef0123456789abcdef"
TRIED_TWICE: list[tuple[str, dict[str, Any]]] = [
    ("requested", {}),
    ("scanning", {"claim": "aaaa"}),
    ("retry_pending", {"before": "scanning", "claim": "aaaa"}),
    ("scanning", {"claim": "bbbb"}),
    ("complete", {"before": "scanning", "claim": "bbbb"}),
]


def row(provider: str = "first", **changes: Any) -> dict[str, Any]:
    usual = {"public_id": NAME if provider == "first" else "f" * 32, "asset_id": 7, "provider": provider}
    return {**usual, "generation": 1, "status": "complete", "calls": 2, "attempts": 2, "error_class": "", **changes}


def event(action: str, name: str = NAME, **facts: Any) -> dict[str, Any]:
    dashed = f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
    return {"action": f"analysis.{action}", "facts": json.dumps({"analysis": dashed, **facts})}


def judged(
    *changed: dict[str, Any],
    steps: list[tuple[str, dict[str, Any]]] | None = None,
    more: tuple[dict[str, Any], ...] = (),
    **options: Any,
) -> Tally:
    """One picture `a.jpg`, checked by its two detectors; what is not given is well."""
    rows = [*(changed or (row(),)), row("provenance"), *more]
    well = TRIED_TWICE if steps is None else steps
    events = [event(action, **facts) for action, facts in well]
    events += [event(action, "f" * 32, **facts) for action, facts in TRIED_TWICE]
    usual = {"names": ["a.jpg"], "sent": {NAME: 2}, "paid": {NAME: 1}}
    return judge([{"original_name": "a.jpg", "asset_id": 7}], rows, events, **(usual | options))


def test_what_is_well_is_called_well() -> None:
    tally = judged()

    assert (tally.is_well, tally.ended, tally.retried) == (True, 2, 2)


def test_a_file_that_never_became_a_picture_is_lost() -> None:
    assert judged(names=["a.jpg", "b.jpg"]).lost == 1


def test_a_picture_that_no_detector_was_asked_about_is_lost() -> None:
    picture = {"original_name": "a.jpg", "asset_id": None}

    assert judge([picture], [], [], names=["a.jpg"], sent={}, paid={}).lost == 1


def test_a_picture_without_one_of_its_checks_is_lost() -> None:
    picture = {"original_name": "a.jpg", "asset_id": 7}
    events = [event(action, **facts) for action, facts in TRIED_TWICE]

    assert judge([picture], [row()], events, names=["a.jpg"], sent={}, paid={}).lost == 1


def test_two_answers_in_the_rows_are_doubled() -> None:
    second = row(public_id="e" * 32)

    assert judged(more=(second,)).doubled == 1


def test_two_answers_in_the_history_are_doubled() -> None:
    assert judged(steps=[*TRIED_TWICE, TRIED_TWICE[-1]]).doubled == 1


def test_what_was_paid_for_twice_is_doubled() -> None:
    dashed = "01234567-89ab-cdef-0123-456789abcdef"

    assert judged(paid={dashed: 2}).doubled == 1


@pytest.mark.parametrize("status", ["pending_scan", "scanning", "awaiting_callback", "retry_pending"])
def test_what_is_not_at_an_end_is_stuck(status: str) -> None:
    assert judged(row(status=status)).stuck == 1


def test_giving_up_is_right_only_where_nobody_can_read_the_answer() -> None:
    gone = [*TRIED_TWICE[:-1], ("dead", {"before": "scanning", "claim": "bbbb"})]

    right, wrong = (judged(row(status="dead", error_class=error), steps=gone) for error in ("schema", "house"))

    assert (right.given_up, right.with_a_person, right.is_well) == (0, 1, True)
    assert (wrong.given_up, wrong.is_well) == (1, False)


def test_a_picture_that_was_sent_more_often_than_was_counted_is_a_break() -> None:
    assert judged(sent={NAME: 3}).breaks == ["first 01234567: sent 3 times, counted 2"]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([], "does not begin with the request"),
        (TRIED_TWICE[:-1], "ends with scanning, and it is complete"),
        ([TRIED_TWICE[0], *TRIED_TWICE[2:]], "pending_scan was followed by retry_pending"),
        (
            [*TRIED_TWICE[:3], TRIED_TWICE[4]],
            "complete was written by somebody who took it for scanning, and it was retry_pending",
        ),
        (
            [*TRIED_TWICE[:4], ("complete", {"before": "scanning", "claim": "aaaa"})],
            "complete was written under a claim that was over",
        ),
        (
            [*TRIED_TWICE[:3], ("complete", {"before": "retry_pending", "claim": "aaaa"})],
            "complete was written under a claim that was over",
        ),
    ],
)
def test_a_history_that_is_no_unbroken_walk_is_a_break(steps: list[tuple[str, dict[str, Any]]], said: str) -> None:
    assert said in " ".join(judged(steps=steps).breaks)


def test_whoever_takes_a_dead_workers_row_over_has_a_claim_of_its_own() -> None:
    taken_over = [*TRIED_TWICE[:2], ("retry_pending", {"before": "scanning", "claim": "cccc"}), *TRIED_TWICE[3:]]

    assert judged(steps=taken_over).breaks == []


def test_the_most_calls_of_any_second_are_counted_and_not_of_each_full_second() -> None:
    calls = [SimpleNamespace(at=at) for at in (0.0, 0.9, 1.1, 1.5, 1.899, 2.0)]

    assert most_in_a_second(calls) == 4
    assert most_in_a_second([]) == 0


def test_what_befalls_a_picture_depends_on_the_seed_and_on_how_often_it_came() -> None:
    def told(seed: int) -> list[Any]:
        names = [f"picture-{number}" for number in range(40)]
        with TroubledDetector(seed=seed, share=0.5) as detector:
            return [{name: detector.next_answer("first", name) for name in names[:: 1 - 2 * turn]} for turn in range(2)]

    assert told(1) == told(1)
    assert told(1) != told(2)
    first, second = told(1)
    assert first != second
    wrong = [answer for answer in first.values() if set(answer) - {"delay", "verdict", "confidence"}]
    assert 10 <= len(wrong) <= 30


def test_a_share_of_one_spoils_every_answer_and_a_share_of_none_spoils_none() -> None:
    def answers(share: float) -> list[Any]:
        with TroubledDetector(seed=1, share=share) as detector:
            return [detector.next_answer("first", str(number)) for number in range(30)]

    def is_well(answer: Any) -> bool:
        return set(answer) == {"delay", "verdict", "confidence"} and answer["delay"] < 1

    assert not any(map(is_well, answers(1.0)))
    assert all(map(is_well, answers(0.0)))
