"""From a picture to a verdict: request → run → apply, or postpone, or give up.

`requesting` says what is due and `asking` makes the rows; `reading` fingerprints the file once a generation, `running`
is a worker's walk through one row, `reusing` keeps equal bytes from being paid for twice, `handing` gives a detector
that fetches a link for one picture, `calling` one that calls back an address, `polling` asks after what a detector
accepted, `applying` is the one transaction that ends it, `keeping` stores the overlay beside it, and `rereading` reads
kept answers by a newer adapter. `exempting` says which pictures are not sent at all, `rationing` keeps a day's budget,
`archive` lets old pictures in behind the news, `urgency` knows when a picture is wanted, and `redriving` starts again
what gave up. Everybody else calls the names below.
"""

from __future__ import annotations

from detection.scanning.applying import accept, apply_result, give_up, postpone, reject, skip
from detection.scanning.polling import run_poll
from detection.scanning.reading import is_protected
from detection.scanning.redriving import Redriven, redrive, redrive_each, why_not
from detection.scanning.requesting import (
    ask_second_opinion,
    detach,
    release_outside,
    request_of_archive,
    request_scan,
)
from detection.scanning.running import crashed, run_scan

__all__ = [
    "Redriven",
    "accept",
    "apply_result",
    "ask_second_opinion",
    "crashed",
    "detach",
    "give_up",
    "is_protected",
    "postpone",
    "redrive",
    "redrive_each",
    "reject",
    "release_outside",
    "request_of_archive",
    "request_scan",
    "run_poll",
    "run_scan",
    "skip",
    "why_not",
]
