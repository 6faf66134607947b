"""The gate's answer, derived from facts: analyses, conclusions, acknowledgements, overrides and the policy in force.

A line a picture: what was found, what it means for this story, who lowered it, who can, and the next click.
A fixed number of queries for a story, however many pictures it has.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import four_eyes, policy, registry, wording
from detection.conf import settings
from detection.gate import near
from detection.gate.facts import Facts, Holders, facts_of, facts_of_all
from detection.gate.lowering import after_people, level_before
from detection.gate.sending import Sent, sent_about
from detection.models import Analysis, Asset
from detection.policy import Assessment, Rules
from detection.results import Declared
from detection.standing import evidence_of, situation_of
from detection.vocabulary import Conclusion, Level, Signal, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One picture in one story. `level` is after people's acts, `base_level` what the policy alone asks for."""

    placed: registry.Placed
    asset: Asset | None
    label: str
    signal: Signal
    why: Why | None
    tone: str
    base_level: Level
    level: Level
    is_queued: bool
    sentence: str
    notes: tuple[str, ...] = ()
    cleared_by: str = ""
    who_can_clear: tuple[str, ...] = ()
    evidence: str = ""
    needs_label: bool = False
    is_live: bool = False
    actions: tuple[str, ...] = ()
    conclusion: str = ""
    sent: Sent | None = None
    """Who handed it to a desk chief, on this very evidence; None where nobody did, or it doesn't ask for one."""

    @property
    def asks(self) -> bool:
        """Whether somebody has to act on this picture before the story goes out."""
        return self.level.refuses and not self.is_live

    @property
    def word(self) -> str:
        """The signal in a word or two."""
        return wording.signal_word(self.signal)

    @property
    def level_sentence(self) -> str:
        """What the level asks for, and of whom."""
        return wording.level_sentence(self.level, self.who_can_clear, is_reader="override" in self.actions)

    def as_json(self) -> dict[str, Any]:
        """This line as one of a refusal's reasons."""
        return {
            "asset": str(self.asset.public_id) if self.asset else None,
            "picture": self.label,
            "signal": self.signal,
            "why": self.why,
            "sentence": self.sentence,
            "level": self.level,
            "evidence": self.evidence,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """The gate's answer about one publishable."""

    subject: models.Model
    level: Level
    lines: tuple[Line, ...]
    reasons: tuple[registry.Reason, ...]
    mode: str
    policy_number: int

    @property
    def refuses(self) -> bool:
        """Whether publishing is refused now; never in shadow mode."""
        return self.mode == "enforce" and bool(self.open_lines)

    @property
    def open_lines(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.asks)

    @property
    def sentence(self) -> str:
        """The summary above the lines."""
        count = len(self.open_lines)
        if not count:
            return _("No picture asks for anything before publishing.")
        needed = ngettext(
            "%(count)d of %(all)d pictures needs a look before publishing.",
            "%(count)d of %(all)d pictures need a look before publishing.",
            count,
        ) % {"count": count, "all": len(self.lines)}
        if len(self.lines) == 1:
            needed = _("The picture needs a look before publishing.")
        return needed if self.mode == "enforce" else needed + " " + _("Shadow mode: nothing is refused.")

    def as_json(self) -> dict[str, Any]:
        """The body of a refused publication (409)."""
        return {
            "level": self.level,
            "reasons": [
                *(line.as_json() for line in self.open_lines),
                *({"code": one.code, "sentence": one.sentence, "level": one.at_least} for one in self.reasons),
            ],
            "who_can_clear": sorted({name for line in self.open_lines for name in line.who_can_clear}),
            "actions": sorted({action for line in self.open_lines for action in line.actions}),
        }


def report(subject: models.Model, *, user: Any = None) -> Report:
    """What stands between this publishable and the public, now. `user`: whose next clicks to name.

    Raises NotRegistered for a model the host did not register.
    """
    placed = registry.publishable_type(subject).placed_in(subject)
    facts = facts_of(subject, placed, now=timezone.now())
    return _reported(facts, placed, Holders(facts, user))


def overview(subjects: Iterable[models.Model]) -> list[Report]:
    """The reports of many publishables of one model, for lists: in as many queries as one, plus the host's own.

    Nobody's next clicks are in them, no names, and nothing of what was sent to a chief.
    """
    pairs = [(one, registry.publishable_type(one).placed_in(one)) for one in subjects]
    found = facts_of_all(pairs, now=timezone.now())
    return [
        _reported(facts, placed, Holders(facts, None, is_asked=False))
        for facts, (_subject, placed) in zip(found, pairs, strict=True)
    ]


def _reported(facts: Facts, placed: list[registry.Placed], holders: Holders) -> Report:
    reasons = tuple(facts.kind.reasons_of(facts.subject))
    lines = tuple(_line(one, facts, reasons, holders) for one in placed)
    if holders.is_asked:
        lines = _with_sent(lines, facts.subject)
    level = max((line.level for line in lines if not line.is_live), key=lambda one: one.rank, default=Level.CLEAR)
    return Report(
        subject=facts.subject, level=level, lines=lines, reasons=reasons, mode=settings.MODE, policy_number=facts.number
    )


def _line(placed: registry.Placed, facts: Facts, reasons: tuple[registry.Reason, ...], holders: Holders) -> Line:
    asset = facts.asset_of(placed.picture)
    kind = registry.asset_type(placed.picture)
    rows = facts.analyses_of(asset, placed.picture)
    found = _assessment(asset, rows, facts.rules)
    base, queued = policy.level_for(found, kind.tier_of(placed.picture), facts.rules)
    floors = [reason.at_least for reason in reasons]
    if asset is not None and found.signal in (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK):
        floors.append(level_before(asset, placed, facts))
    copied = near.like(asset, facts.earlier, besides=facts.placed_now) if asset is not None else None
    if copied is not None:
        floors.append(Level.ACKNOWLEDGE)
    base = max([base, *floors], key=lambda one: one.rank)
    evidence = evidence_of(asset, rows) if asset and rows else ""
    level, cleared_by, conclusion = base, "", None
    if asset is not None:
        level, queued, cleared_by, conclusion = after_people(asset, evidence, base, queued, placed, facts)
    permissions = [f"detection.{name}" for name in policy.who_can_clear(level)]
    strongest = permissions[-1:] if level.rank >= Level.HOLD.rank else []
    barred = four_eyes.parts(asset, facts.rules) if strongest else {}
    return Line(
        placed=placed,
        asset=asset,
        label=kind.label_of(placed.picture),
        signal=found.signal,
        why=found.why,
        tone=wording.tone(level) if level.refuses else wording.tone(found.signal),
        base_level=base,
        level=level,
        is_queued=queued,
        sentence=_sentence(asset, found, rows, facts.now),
        notes=(*_about_copy(copied, facts.now), *wording.note_sentences(found.notes)),
        cleared_by=cleared_by,
        who_can_clear=tuple(name for one in strongest for name in holders.names(one, but=barred)),
        evidence=evidence,
        needs_label=policy.asks_for_label(found.signal, conclusion),
        is_live=placed.is_live,
        actions=_actions(level, holders, barred) if asset and not placed.is_live else (),
        conclusion=conclusion or "",
    )


def _about_copy(copied: near.Earlier | None, now: datetime) -> list[str]:
    if copied is None:
        return []
    earlier = copied.asset
    conclusion = Conclusion(earlier.conclusion) if earlier.conclusion else None
    return [wording.near_copy_sentence(Signal(earlier.signal), conclusion, when=copied.at, now=now)]


def _with_sent(lines: tuple[Line, ...], subject: models.Model) -> tuple[Line, ...]:
    """The lines with what was handed to a chief; asked only where a chief is what is missing."""
    if not any(_waits_for_chief(line) for line in lines):
        return lines
    sent = sent_about(subject)
    return tuple(_noting(line, sent) if _waits_for_chief(line) else line for line in lines)


def _waits_for_chief(line: Line) -> bool:
    return line.asks and line.level is Level.HOLD and line.asset is not None


def _noting(line: Line, sent: dict[int, Sent]) -> Line:
    found = sent.get(line.asset.pk) if line.asset is not None else None
    if found is None or found.evidence != line.evidence:
        return line
    return replace(line, sent=found, actions=tuple(one for one in line.actions if one != "send_to_chief"))


def _assessment(asset: Asset | None, rows: list[Analysis], rules: Rules) -> Assessment:
    situation = situation_of(asset, rows) if asset else policy.Situation(why_not=Why.QUEUED)
    return policy.assess(situation, rules)


def _sentence(asset: Asset | None, found: Assessment, rows: list[Analysis], now: datetime) -> str:
    declared = next((Declared.from_json(row.declared) for row in rows if row.declared), None)
    sentence = wording.signal_sentence(
        found.signal,
        why=found.why,
        score=found.lead.ai_score if found.lead else None,
        next_attempt_at=found.next_attempt_at,
        notes=found.notes,
        declared=declared,
        detail=found.detail,
        now=now,
    )
    if asset is not None and asset.kept_inside and found.why is not Why.PROTECTED:
        sentence += " " + wording.why_sentence(Why.PROTECTED)
    return sentence


def _actions(level: Level, holders: Holders, barred: Container[Any]) -> tuple[str, ...]:
    actions, is_barred = ["look"], getattr(holders.user, "pk", None) in barred
    if level is Level.ACKNOWLEDGE and holders.mine("detection.acknowledge_gate"):
        actions.append("acknowledge")
    if level is Level.HOLD:
        may_clear = holders.mine("detection.override_hold") and not is_barred
        actions += ["clear", "override"] if may_clear else ["send_to_chief"]
    if level is Level.STOP and not is_barred and holders.mine("detection.override_stop"):
        actions.append("override")
    return (*actions, "replace") if level.refuses else tuple(actions)
