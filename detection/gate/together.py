"""One acknowledgement for all pictures of a story that ask for the same thing, but for those that a person leaves out.

Each picture is still its own act, with its own evidence, row and event: one that changed meanwhile stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from detection.errors import EvidenceChanged, Refused
from detection.gate.acts import acknowledge, check_reason
from detection.gate.reporting import Line, Report
from detection.models import Asset
from detection.vocabulary import Level


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture of the form; `sentence` says why nothing was recorded, "" where it was."""

    label: str
    sentence: str

    @property
    def is_recorded(self) -> bool:
        return not self.sentence


def alike(report: Report) -> list[list[Line]]:
    """The open pictures that this person may acknowledge, by what was found about them; a picture alone is a list too.

    `report` is one for that person, for it says who may do what.
    """
    lines = [line for line in report.lines if _is_offered(line)]
    lines.sort(key=lambda line: line.signal)
    return [list(found) for _signal, found in groupby(lines, key=lambda line: line.signal)]


def _is_offered(line: Line) -> bool:
    return line.asks and line.level is Level.ACKNOWLEDGE and "acknowledge" in line.actions and line.asset is not None


def acknowledge_together(
    subject: models.Model, seen: Mapping[Asset, str], *, by: Any, reason_code: str, note: str = ""
) -> Sequence[Outcome]:
    """Acknowledge each of these; `seen`: the evidence its reader saw of each. What became of each, in that order.

    Raises NotPermitted, and Refused where no picture is chosen or the reason is missing: then nothing was recorded.
    """
    if not seen:
        raise Refused(_("Choose at least one picture. Nothing was recorded."))
    check_reason(reason_code, note, needs_note=False)
    outcomes = []
    for asset, evidence in seen.items():
        try:
            acknowledge(subject, asset, by=by, evidence=evidence, reason_code=reason_code, note=note)
        except (EvidenceChanged, Refused) as refusal:
            outcomes.append(Outcome(asset.label, str(refusal)))
        else:
            outcomes.append(Outcome(asset.label, ""))
    return outcomes
