"""The newsroom's policy in sentences, as somebody reads it who has never seen its tables. Pure: rules in, words out."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from detection.policy import BEFORE_INSTALL, CREDENTIALS_BROKEN_AI, ROWS, Rules
from detection.vocabulary import Level, PlacedUse, Signal, SourceTier
from detection.wording.terms import SIGNAL_WORDS, TIER_WORDS

_ROWS: dict[str, Promise] = {
    CREDENTIALS_BROKEN_AI: _("A credential that no longer matches says AI"),
    BEFORE_INSTALL: _("Older than the checks here"),
}
_LEVELS: dict[Level, Promise] = {
    Level.CLEAR: _("it may go out"),
    Level.NOTICE: _("it may go out, with a note"),
    Level.ACKNOWLEDGE: _("somebody of the desk looks and says why the story goes on"),
    Level.HOLD: _("it is held until somebody who may clear holds has decided"),
    Level.STOP: _("it is never published"),
}
_USES: dict[PlacedUse, Promise] = {
    PlacedUse.ILLUSTRATION: _("as a labelled illustration"),
    PlacedUse.SUBJECT: _("as the labelled subject of the story"),
    PlacedUse.PHOTOGRAPH: _("as a photograph"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be found about a picture, and what follows, a sentence for each group of sources."""

    word: str
    signal: str
    """The signal that the glossary explains; "" for none."""
    sentences: tuple[str, ...]


def rule_table(rules: Rules, *, has_tiers: bool = True) -> list[Rule]:
    """What follows from each finding, the gravest first. `has_tiers`: whether sources are told apart here."""
    tiers = [tier for tier in SourceTier if has_tiers == (tier is not SourceTier.UNDECLARED)]
    rows = sorted(ROWS, key=lambda row: -sum(rules.levels[row, tier].rank for tier in tiers))
    return [_rule(row, tiers, rules) for row in rows]


def _rule(row: str, tiers: list[SourceTier], rules: Rules) -> Rule:
    cells: dict[tuple[Level, bool], list[SourceTier]] = {}
    for tier in tiers:
        cells.setdefault((rules.levels[row, tier], (row, tier) in rules.queued), []).append(tier)
    signal = row if row in set(Signal) else ""
    word = str(SIGNAL_WORDS[Signal(row)]) if signal else str(_ROWS[row])
    is_one = len(cells) == 1
    return Rule(word, signal, tuple(_sentence(cell, found, whatever=is_one) for cell, found in cells.items()))


def _sentence(cell: tuple[Level, bool], tiers: list[SourceTier], *, whatever: bool) -> str:
    level, is_queued = cell
    follows = str(_LEVELS[level])
    if is_queued and level.rank < Level.ACKNOWLEDGE.rank:
        follows = gettext("%(follows)s, and a person is asked to look") % {"follows": follows}
    if whatever:
        return capfirst(follows) + "."
    named = ", ".join(str(TIER_WORDS[tier]) for tier in tiers)
    return gettext("%(sources)s: %(follows)s.") % {"sources": named, "follows": follows}


def rule_sentences(rules: Rules, *, mode: str, detectors: list[tuple[str, float, float]], sample: int = 0) -> list[str]:
    """Everything else the policy says, a sentence each. `detectors`: name, lower and upper mark (0–1) of each.

    `sample`: of a hundred pictures without signs, how many chance chooses.
    """
    told = [
        gettext("Everything is shown and recorded, and nothing is refused: these rules run in shadow.")
        if mode == "shadow"
        else gettext("These rules are in force: a story that they hold does not go out.")
    ]
    for title, some, strong in detectors:
        marks = {"detector": title, "some": round(some * 100), "strong": round(strong * 100)}
        told.append(
            gettext("%(detector)s: from a score of %(some)s there are some signs, from %(strong)s strong ones.") % marks
        )
    if rules.second_opinion_band is not None:
        low, high = rules.second_opinion_band
        band = {"low": round(low * 100), "high": round(high * 100)}
        told.append(gettext("Between scores of %(low)s and %(high)s another detector is asked by itself.") % band)
    told.append(gettext("Where a second detector is also strong, one step more is asked, up to a hold."))
    told.append(_overrides(rules))
    if rules.four_eyes:
        told.append(gettext("Nobody clears a hold of a picture that they uploaded themselves."))
    told.append(
        ngettext(
            "Clearing a hold takes a reason, and a note of at least %(count)d character.",
            "Clearing a hold takes a reason, and a note of at least %(count)d characters.",
            rules.min_note,
        )
        % {"count": rules.min_note}
    )
    if sample:
        chance = gettext("Of a hundred pictures without signs chance chooses %(share)s.") % {"share": sample}
        told.append(chance + " " + gettext("A person judges them before seeing what the detector said."))
    return [*told, *_labelled(rules)]


def _overrides(rules: Rules) -> str:
    words = {
        "hours": f"{rules.override_default_hours:g}",
        "after": f"{rules.override_after_publication_hours:g}",
        "days": f"{rules.override_max_days:g}",
    }
    return (
        gettext(
            "Letting one story go despite an open question ends after %(hours)s hours, or %(after)s hours after the "
            "story goes out, whichever is later, and never after more than %(days)s days."
        )
        % words
    )


def _labelled(rules: Rules) -> list[str]:
    may = gettext("A picture that AI made may be used %(uses)s, after somebody has acknowledged it.")
    never = gettext("A picture that AI made is not used without clearing its hold, labelled or not.")
    told = [may % {"uses": _uses(rules.labelled_default)} if rules.labelled_default else never]
    for desk, uses in sorted(rules.labelled_by_desk.items()):
        words = {"desk": desk, "uses": _uses(uses)}
        told.append(
            gettext("On the desk %(desk)s: %(uses)s.") % words
            if uses
            else gettext("On the desk %(desk)s: not at all.") % words
        )
    stopped = gettext("On the desk %(desk)s a picture that AI made goes out only when its standards editor lets it.")
    return [*told, *(stopped % {"desk": desk} for desk in sorted(rules.standards))]


def use_word(use: PlacedUse) -> str:
    """What a picture is to its story, as the rules say it: “as a labelled illustration”."""
    return str(_USES[use])


def _uses(uses: frozenset[PlacedUse]) -> str:
    return (" " + gettext("or") + " ").join(str(_USES[use]) for use in PlacedUse if use in uses)
