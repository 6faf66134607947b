"""What became of the scans after all the harm: counted from the rows, the history and the detector's own journal.

Pure: rows in, a tally out. Asked by the random harness at its end; its own tests show that each count can be other
than zero.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from detection.vocabulary import LIVE, TRANSITIONS, AnalysisStatus

ANALYSES = (
    "SELECT n.public_id, n.asset_id, n.provider, n.generation, n.status, n.calls, n.attempts, n.error_class "
    "FROM detection_analysis n ORDER BY n.id"
)
EVENTS = "SELECT action, facts FROM detection_auditevent WHERE action LIKE 'analysis.%' ORDER BY id"
PICTURES = (
    "SELECT p.original_name, s.id AS asset_id FROM newsroom_photo p LEFT JOIN detection_asset s "
    "ON s.object_key = CAST(p.id AS VARCHAR(20)) ORDER BY p.id"
)
EXPECTED = ("first", "provenance")
"""The detectors that every picture is due for."""
BY_THE_DETECTOR = "schema"
"""The error of a scan that rightly ends with a person: the detector answered in no shape that is known."""


@dataclass
class Tally:
    """The counts; all but the last three must be 0. Each sentence in `breaks` names one break of the history."""

    lost: int = 0
    """Pictures that were taken in, and have no analysis, or not one of each detector that is due."""
    doubled: int = 0
    """Analyses with two answers, in the rows or in the history, and pictures paid for twice."""
    stuck: int = 0
    """Analyses that are not at an end."""
    given_up: int = 0
    """Analyses that gave up though the detector gave no answer that nobody can read."""
    breaks: list[str] = field(default_factory=list)
    ended: int = 0
    with_a_person: int = 0
    retried: int = 0

    @property
    def is_well(self) -> bool:
        """Whether nothing was lost, doubled, stuck or given up, and the history is whole."""
        return not (self.lost or self.doubled or self.stuck or self.given_up or self.breaks)

    def as_json(self) -> dict[str, Any]:
        """Every count, by name."""
        return asdict(self)


def judge(
    pictures: Sequence[Mapping[str, Any]],
    analyses: Sequence[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    *,
    names: Iterable[str],
    sent: Mapping[str, int],
    paid: Mapping[str, int],
) -> Tally:
    """Count. `names`: the files that were brought in. `sent`, `paid`: by an analysis's id, as the detector saw it."""
    tally = Tally()
    rows_of = defaultdict(list)
    for row in analyses:
        rows_of[row["asset_id"]].append(row)
    tally.lost = _lost(pictures, rows_of, names)
    histories = defaultdict(list)
    for event in events:
        facts = json.loads(event["facts"])
        histories[_plain(facts["analysis"])].append((event["action"].partition(".")[2], facts))
    live = {str(status) for status in LIVE}
    sent, paid = ({_plain(name): count for name, count in told.items()} for told in (sent, paid))
    answered = Counter((r["asset_id"], r["provider"], r["generation"]) for r in analyses if r["status"] == "complete")
    tally.doubled += sum(count - 1 for count in answered.values())
    for row in analyses:
        name = _plain(row["public_id"])
        steps = histories[name]
        tally.stuck += row["status"] in live
        tally.ended += row["status"] not in live
        tally.with_a_person += row["status"] == "dead"
        tally.given_up += row["status"] == "dead" and row["error_class"] != BY_THE_DETECTOR
        tally.retried += sum(action == "retry_pending" for action, _facts in steps)
        tally.doubled += max(0, sum(action == "complete" for action, _facts in steps) - 1)
        tally.doubled += max(0, paid.get(name, 0) - 1)
        tally.breaks += [f"{row['provider']} {name[:8]}: {fault}" for fault in faults_of(steps, row["status"])]
        if sent.get(name, 0) > row["calls"]:
            tally.breaks.append(f"{row['provider']} {name[:8]}: sent {sent[name]} times, counted {row['calls']}")
    return tally


def _plain(name: Any) -> str:
    return str(name).replace("-", "")


def _lost(
    pictures: Sequence[Mapping[str, Any]],
    rows_of: Mapping[Any, Sequence[Mapping[str, Any]]],
    names: Iterable[str],
) -> int:
    lost = len(set(names) - {picture["original_name"] for picture in pictures})
    for picture in pictures:
        asked = {row["provider"] for row in rows_of.get(picture["asset_id"], ())}
        lost += not asked >= set(EXPECTED)
    return lost


def faults_of(steps: Sequence[tuple[str, Mapping[str, Any]]], status: str) -> list[str]:
    """Where one analysis's events do not make one unbroken walk through the life cycle up to its present `status`."""
    if not steps or steps[0][0] != "requested":
        return ["its history does not begin with the request"]
    now, faults = str(AnalysisStatus.PENDING_SCAN), []
    claims: list[str] = []
    for action, facts in steps[1:]:
        after = str(AnalysisStatus.PENDING_SCAN) if action == "redriven" else action
        if after not in TRANSITIONS[AnalysisStatus(now)]:
            faults.append(f"{now} was followed by {after}")
        if facts.get("before", now) != now:
            faults.append(f"{after} was written by somebody who took it for {facts['before']}, and it was {now}")
        claim = facts.get("claim")
        if after == AnalysisStatus.SCANNING:
            claims.append(str(claim))
        elif claim in claims and (claim != claims[-1] or now != AnalysisStatus.SCANNING):
            faults.append(f"{after} was written under a claim that was over")
        now = after
    if now != status:
        faults.append(f"its history ends with {now}, and it is {status}")
    return faults


def seconds_between(created_at: str, completed_at: str) -> float:
    """From one moment to a later one, as the rows have them."""
    return (datetime.fromisoformat(str(completed_at)) - datetime.fromisoformat(str(created_at))).total_seconds()
