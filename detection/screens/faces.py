"""One signal as a person meets it: word, sentence, tone and icon. Asked by lists, badges and the review page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from detection import policy, sampling, wording
from detection.models import Asset
from detection.results import Declared
from detection.vocabulary import Signal, SourceTier, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """One signal as a person meets it: word, sentence, tone and icon, and what stands beside it."""

    word: str
    sentence: str
    tone: str
    icon: str
    notes: tuple[str, ...] = ()

    @property
    def rest(self) -> str:
        """What follows the word where the sentence begins with it, so that nothing is read twice; else ""."""
        return self.sentence[len(self.word) :] if self.sentence.startswith(self.word) else ""


def face(asset: Asset) -> Face:
    """What was found about this picture. Reads nothing but the asset's own row, so that lists stay cheap."""
    signal, standing = Signal(asset.signal), asset.standing
    if sampling.is_blind(asset):
        said = _("Chance chose this picture: judge it by itself. What the detector said is shown once somebody has.")
        return Face(word=_("Random sample"), sentence=said, tone="neutral", icon="circle-dashed")
    notes = tuple(standing.get("notes", ()))
    return Face(
        word=_word(asset, signal, notes),
        sentence=_sentence(asset, signal, standing, notes),
        tone=wording.tone(signal),
        icon=wording.icon(signal),
        notes=(*wording.note_sentences(notes), *_protection(asset)),
    )


def _protection(asset: Asset) -> tuple[str, ...]:
    is_said = not asset.kept_inside or asset.why == Why.PROTECTED
    return () if is_said else (wording.why_sentence(Why.PROTECTED),)


def _word(asset: Asset, signal: Signal, notes: Sequence[str]) -> str:
    if asset.why == Why.PROTECTED:
        return _("Kept inside")
    if signal is Signal.SOME and "inconclusive" in notes:
        return _("Inconclusive")
    return wording.signal_word(signal)


def _sentence(asset: Asset, signal: Signal, standing: dict[str, Any], notes: Sequence[str]) -> str:
    if signal is Signal.CREDENTIALS_BROKEN and asset.row == policy.CREDENTIALS_BROKEN_AI:
        return _("A credential that no longer matches this file says AI; treat as open.")
    if signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED) and standing.get("detail"):
        return str(standing["detail"])
    return wording.signal_sentence(
        signal,
        why=Why(asset.why) if asset.why else None,
        score=standing.get("score"),
        next_attempt_at=parse_datetime(standing.get("next_attempt_at") or ""),
        notes=notes,
        # Only whether declarations were read matters here.
        declared=Declared() if asset.is_read else None,
        detail=asset.rejected_sentence or standing.get("detail", ""),
    )


def tier_of(asset: Asset) -> SourceTier:
    """How well the newsroom knows where this picture comes from."""
    return SourceTier(asset.source_tier) if asset.source_tier in set(SourceTier) else SourceTier.UNKNOWN
