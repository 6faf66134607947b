"""What people's conclusions, acknowledgements and overrides make of a picture's level; and an earlier look's."""

from __future__ import annotations

from django.utils.translation import gettext as _

from detection import policy, registry, wording
from detection.gate.facts import Facts
from detection.models import Asset
from detection.standing import situation_of
from detection.vocabulary import Conclusion, Level


def level_before(asset: Asset, placed: registry.Placed, facts: Facts) -> Level:
    """While the same file is looked at once more, what it asked for before: a new look must not open a hold."""
    rows = facts.before.get(asset.pk)
    if not rows:
        return Level.CLEAR
    earlier = policy.assess(situation_of(asset, rows), facts.rules)
    level, _queued = policy.level_for(earlier, registry.asset_type(placed.picture).tier_of(placed.picture), facts.rules)
    said = facts.standing_review(asset, asset.evidence_before)
    return Level.HOLD if said is not None and Conclusion(said.conclusion).says_ai else level


def after_people(
    asset: Asset, evidence: str, base: Level, queued: bool, placed: registry.Placed, facts: Facts
) -> tuple[Level, bool, str, Conclusion | None]:
    """The level after the latest conclusion, acknowledgement and override on this very evidence."""
    said = facts.standing_review(asset, evidence)
    conclusion = Conclusion(said.conclusion) if said else None
    effect = policy.apply_conclusion(
        base,
        queued,
        conclusion=conclusion,
        rules=facts.rules,
        by_desk_editor=conclusion is not None,
        by_holder=said is not None and said.by_holder,
        placed_use=placed.use,
        has_label=bool(placed.reader_label),
        desk=facts.desk,
    )
    cleared = ""
    if said and conclusion and effect.was_lowered:
        cleared = wording.conclusion_sentence(
            conclusion, name=said.author_label, when=said.created_at, reason=said.reason_code, now=facts.now
        )
    raised = said.created_at if said and conclusion in _RAISING else None
    for given in facts.overrides.get(asset.pk, []):
        is_later = raised is None or given.created_at > raised
        is_enough = given.lifts_stop or effect.level is not Level.STOP
        if is_later and is_enough and given.is_in_force(evidence=evidence, now=facts.now):
            sentence = wording.override_sentence(
                name=given.author_label,
                when=given.created_at,
                reason=given.reason_code,
                ends_at=given.ends_at,
                now=facts.now,
            )
            return Level.CLEAR, False, sentence, conclusion
    if effect.level is Level.ACKNOWLEDGE:
        for seen in facts.acknowledgements.get(asset.pk, []):
            if seen.evidence == evidence and (raised is None or seen.created_at > raised):
                words = {"name": seen.author_label, "time": wording.moment(seen.created_at, now=facts.now)}
                return Level.CLEAR, False, _("Acknowledged for this story by %(name)s, %(time)s.") % words, conclusion
    return effect.level, effect.queued, cleared, conclusion


_RAISING = (
    Conclusion.WAITING_FOR_SOURCE,
    Conclusion.CONFIRMED_AI_GENERATED,
    Conclusion.CONFIRMED_AI_ALTERED,
)
"""After one of these, only a younger act lets the story go."""
