"""The newsroom's policy as a checked value: its two tables, its cuts and its time limits.

A policy document is plain JSON, kept in versions by the host; `Rules.parse` turns one into an
immutable value or says in a sentence what is wrong with it. What a document leaves out takes
the default, so that a document written for an older release still reads. `policy` is the door
through which everybody else reaches these names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from django.utils.translation import gettext as _

from detection.errors import Refused
from detection.vocabulary import Level, PlacedUse, Signal, SourceTier

CREDENTIALS_BROKEN_AI = "credentials_broken_ai"
"""The table's row for a broken credential that says AI; its signal stays `credentials_broken`."""
BEFORE_INSTALL = "before_install"
"""The table's row for a picture older than its registration; its signal stays `not_checked`."""
ROWS: tuple[str, ...] = (*(signal.value for signal in Signal), CREDENTIALS_BROKEN_AI, BEFORE_INSTALL)
"""Every row of the level table: one for each signal, and the two that need a row of their own."""

_BY_DESK = ("levels", "queued", "four_eyes")
"""What may differ from desk to desk; how a signal is found may not, for a picture has one signal."""
_KNOWN = (SourceTier.STAFF, SourceTier.AGENCY, SourceTier.UNDECLARED)
_UNTRUSTED = (SourceTier.UGC, SourceTier.UNKNOWN)
_COLUMNS = (_KNOWN, (SourceTier.FREELANCE,), _UNTRUSTED)

_CELLS: dict[str, tuple[str, str, str]] = {
    # staff, agency, undeclared · freelance · ugc, unknown; a "+" also asks a person to look
    "none_found": ("clear", "clear", "acknowledge"),
    "nothing_declared": ("clear", "notice", "acknowledge"),
    "not_checked": ("notice", "acknowledge", "acknowledge"),
    "could_not_check": ("notice", "acknowledge", "acknowledge"),
    "some": ("notice+", "acknowledge+", "acknowledge+"),
    "disagree": ("notice+", "acknowledge+", "acknowledge+"),
    "credentials_broken": ("notice+", "acknowledge+", "acknowledge+"),
    "strong": ("acknowledge+", "hold", "hold"),
    "conflict": ("acknowledge+", "hold", "hold"),
    "declared_ai": ("hold", "hold", "hold"),
    "declared_ai_edited": ("hold", "hold", "hold"),
    CREDENTIALS_BROKEN_AI: ("hold", "hold", "hold"),
    BEFORE_INSTALL: ("clear", "clear", "clear"),
}


def _spread(row: str) -> dict[str, str]:
    return {tier.value: cell for tiers, cell in zip(_COLUMNS, _CELLS[row], strict=True) for tier in tiers}


DEFAULT: dict[str, Any] = {
    "version": 1,
    "levels": {row: {tier: cell.rstrip("+") for tier, cell in _spread(row).items()} for row in ROWS},
    "queued": {row: {tier: cell.endswith("+") for tier, cell in _spread(row).items()} for row in ROWS},
    "thresholds": {},
    "pixel_share_floor": 0.005,
    "second_opinion_band": [0.35, 0.9],
    "primary": None,
    "four_eyes": False,
    "override": {"default_hours": 24, "after_publication_hours": 2, "max_days": 7},
    "min_note": 15,
    "sample": None,
    "labelled_use": {"default": ["illustration", "subject"], "desks": {}, "standards": []},
    "desks": {},
}
"""The policy a newsroom starts with.

`levels` and `queued`: by row, then by source tier. `thresholds`: `{alias: {"some": 0–1, "strong": 0–1}}`; a detector
that isn't named keeps its adapter's own. `pixel_share_floor`: a smaller flagged share of the frame is speckle.
`second_opinion_band`: from the first score up to, not including, the second another detector is asked by itself;
null: never. The default reaches a little below the usual `some` cut and ends at the usual `strong` one. `four_eyes`:
whoever uploaded a picture, or concluded about it, doesn't clear its hold. `min_note`: characters. `sample`: of a
hundred pictures without signs, how many chance chooses for a person to judge; null: as set up. `labelled_use`: the
uses in which a labelled AI picture needs an acknowledgement only; `standards`: desks whose confirmed AI
pictures wait for a holder of `override_stop`; `desks` gives a desk, by its key, a list of its
own. `desks`: by a desk's key, what differs there of the two tables and of `four_eyes`.
"""


class HasThresholds(Protocol):
    """Anything with a `some` and a `strong` cut, 0–1; a provider's own thresholds fit."""

    @property
    def some(self) -> float: ...
    @property
    def strong(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Cuts:
    """From which score (0–1) a detector shows some, and strong, signs of AI."""

    some: float = 0.5
    strong: float = 0.9


USUAL_CUTS = Cuts()
"""For a detector that brings none of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """One version of the policy, checked and immutable. Make it with `parse`."""

    levels: Mapping[tuple[str, SourceTier], Level]
    queued: frozenset[tuple[str, SourceTier]]
    thresholds: Mapping[str, Cuts]
    pixel_share_floor: float
    second_opinion_band: tuple[float, float] | None
    primary: str | None
    four_eyes: bool
    override_default_hours: float
    override_after_publication_hours: float
    override_max_days: float
    min_note: int
    sample: int | None
    labelled_default: frozenset[PlacedUse]
    labelled_by_desk: Mapping[str, frozenset[PlacedUse]]
    standards: frozenset[str]
    by_desk: Mapping[str, Rules] = field(default_factory=dict)
    """Of desks that have rules of their own, all of them; by the desk's key."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Rules:
        """Check a policy document and freeze it. Raises `Refused` with a sentence that names what is wrong."""
        given = {**DEFAULT, **_section(document, "policy", DEFAULT)}
        if given["version"] != DEFAULT["version"]:
            raise Refused(_("This policy document is of a version that is not known here. Known: 1."))
        override = {**DEFAULT["override"], **_section(given["override"], "override", DEFAULT["override"])}
        labelled = {
            **DEFAULT["labelled_use"],
            **_section(given["labelled_use"], "labelled_use", DEFAULT["labelled_use"]),
        }
        max_days = _number(override["max_days"], "override.max_days", 1 / 24, 7)
        return cls(
            levels=_levels(given["levels"]),
            queued=_queued(given["queued"]),
            thresholds=_thresholds(given["thresholds"]),
            pixel_share_floor=_number(given["pixel_share_floor"], "pixel_share_floor", 0, 1),
            second_opinion_band=_band(given["second_opinion_band"]),
            primary=_alias(given["primary"]),
            four_eyes=_flag(given["four_eyes"], "four_eyes"),
            override_default_hours=_number(override["default_hours"], "override.default_hours", 0.25, max_days * 24),
            override_after_publication_hours=_number(
                override["after_publication_hours"], "override.after_publication_hours", 0, max_days * 24
            ),
            override_max_days=max_days,
            min_note=int(_number(given["min_note"], "min_note", 1, 1000)),
            sample=None if given["sample"] is None else int(_number(given["sample"], "sample", 0, 100)),
            labelled_default=_uses(labelled["default"]),
            labelled_by_desk=MappingProxyType(
                {str(desk): _uses(uses) for desk, uses in _section(labelled["desks"], "labelled_use.desks").items()}
            ),
            standards=_desks(labelled["standards"]),
            by_desk=_by_desk(given),
        )

    def thresholds_for(self, alias: str, own: HasThresholds) -> HasThresholds:
        """The cuts for a detector: the policy's where it names this alias, else the adapter's own."""
        return self.thresholds.get(alias, own)

    def primary_of(self, pixel_aliases: Sequence[str]) -> str | None:
        """The primary among the detectors that look at pixels: the policy's, else the first; None without any."""
        if self.primary in pixel_aliases:
            return self.primary
        return next(iter(pixel_aliases), None)

    def of_desk(self, desk: str) -> Rules:
        """The rules of this desk (its key as text), where they differ; else these."""
        return self.by_desk.get(desk, self)

    def labelled_uses(self, desk: str = "") -> frozenset[PlacedUse]:
        """The uses in which this desk (its key as text) may publish a labelled AI picture after an acknowledgement."""
        return self.labelled_by_desk.get(desk, self.labelled_default)


def _wrong(name: str, value: object, known: str) -> Refused:
    return Refused(
        _("The policy's “%(name)s” cannot be %(value)s. Use %(known)s.")
        % {"name": name, "value": repr(value)[:80], "known": known}
    )


def _section(value: object, name: str, known: Mapping[str, Any] | Sequence[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, _("a table of names and values"))
    unknown = sorted(str(key) for key in value if known is not None and key not in known)
    if unknown:
        raise Refused(
            _("The policy's “%(name)s” has unknown entries: %(unknown)s. Known: %(known)s.")
            % {"name": name, "unknown": ", ".join(unknown), "known": ", ".join(known or ())}
        )
    return value


def _by_desk(given: Mapping[str, Any]) -> Mapping[str, Rules]:
    """Of each desk the whole policy, with what differs there laid over it."""
    found = {}
    for desk, own in _section(given["desks"], "desks").items():
        name = f"desks.{desk}"
        section = _section(own, name, _BY_DESK)
        whole: dict[str, Any] = {**given, **section, "desks": {}}
        for table in ("levels", "queued"):
            rows = _section(section.get(table, {}), f"{name}.{table}", ROWS)
            base = given[table]
            merged = {
                row: {**base.get(row, {}), **_section(rows.get(row, {}), f"{name}.{table}.{row}")} for row in ROWS
            }
            whole[table] = merged
        found[str(desk)] = Rules.parse(whole)
    return MappingProxyType(found)


def _number(value: object, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(name, value, _("a number"))
    if not low <= value <= high:
        raise _wrong(name, value, _("a number from %(low)g to %(high)g") % {"low": low, "high": high})
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, _("true or false"))
    return value


def _alias(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise _wrong("primary", value, _("a detector's alias, or null"))


def _cells(table: object, name: str) -> dict[tuple[str, SourceTier], Any]:
    given = _section(table, name, ROWS)
    tiers = [tier.value for tier in SourceTier]
    cells: dict[tuple[str, SourceTier], Any] = {}
    for row in ROWS:
        filled = {**DEFAULT[name][row], **_section(given.get(row, {}), f"{name}.{row}", tiers)}
        cells.update({(row, SourceTier(tier)): value for tier, value in filled.items()})
    return cells


def _levels(table: object) -> Mapping[tuple[str, SourceTier], Level]:
    known = [level.value for level in Level]
    cells = _cells(table, "levels")
    for (row, tier), value in cells.items():
        if value not in known:
            raise _wrong(f"levels.{row}.{tier.value}", value, ", ".join(known))
    return MappingProxyType({cell: Level(value) for cell, value in cells.items()})


def _queued(table: object) -> frozenset[tuple[str, SourceTier]]:
    cells = _cells(table, "queued")
    return frozenset((row, tier) for (row, tier), value in cells.items() if _flag(value, f"queued.{row}.{tier.value}"))


def _thresholds(table: object) -> Mapping[str, Cuts]:
    found = {}
    for alias, value in _section(table, "thresholds").items():
        name = f"thresholds.{alias}"
        pair = _section(value, name, ("some", "strong"))
        if len(pair) != 2:
            raise _wrong(name, dict(pair), _("both “some” and “strong”"))
        # A cut of 0 would call every picture AI.
        some = _number(pair["some"], f"{name}.some", 0.01, 1)
        found[str(alias)] = Cuts(some=some, strong=_number(pair["strong"], f"{name}.strong", some, 1))
    return MappingProxyType(found)


def _band(value: object) -> tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise _wrong("second_opinion_band", value, _("two scores, lower first, or null"))
    low = _number(value[0], "second_opinion_band", 0, 1)
    return low, _number(value[1], "second_opinion_band", low, 1)


def _desks(value: object) -> frozenset[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise _wrong("labelled_use.standards", value, _("a list of desks"))
    return frozenset(value)


def _uses(value: object) -> frozenset[PlacedUse]:
    # Used as a photograph, a label does not answer the question.
    known = [PlacedUse.ILLUSTRATION.value, PlacedUse.SUBJECT.value]
    if isinstance(value, str) or not isinstance(value, Sequence) or any(use not in known for use in value):
        raise _wrong("labelled_use", value, _("a list of: %(known)s") % {"known": ", ".join(known)})
    return frozenset(PlacedUse(use) for use in value)
