"""The one way to readers: every button, bulk action, schedule, command and interface comes through here.

The gate is asked in the transaction that publishes, on the pictures that then go out. A refusal is an answer, not an
error: it is recorded, and the outcome says why and who can help. `moving` is the only writer of a story's state;
`going_out` brings a story before readers, `emergency` does so past the gate, `steps` are the moves that don't, and
`timetable` is the schedule.
"""

from __future__ import annotations

from newsroom.publishing.emergency import break_glass, remind, review, to_review
from newsroom.publishing.going_out import publish, publish_without
from newsroom.publishing.moving import Outcome
from newsroom.publishing.steps import schedule, submit, withdraw
from newsroom.publishing.timetable import GRACE, LOOKS_AHEAD, publish_due

__all__ = [
    "GRACE",
    "LOOKS_AHEAD",
    "Outcome",
    "break_glass",
    "publish",
    "publish_due",
    "publish_without",
    "remind",
    "review",
    "schedule",
    "submit",
    "to_review",
    "withdraw",
]
