"""One card a detector: its answer, or where it stands. Asked by the review page; what counts was decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from detection import wording
from detection.models import Analysis, Asset, PolicyVersion
from detection.providers import providers
from detection.standing import present_analyses
from detection.vocabulary import AnalysisStatus, Basis, Verdict, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One detector's answer, or where it stands."""

    analysis: Analysis
    title: str
    word: str
    tone: str
    number: int | None
    share: int | None
    status: str
    sentence: str
    reasons: tuple[str, ...]
    looks_at: str
    limits: str
    note: str
    seconds: float | None
    is_primary: bool

    @property
    def is_live(self) -> bool:
        return self.analysis.is_live


def cards(asset: Asset, analyses: Sequence[Analysis] | None = None) -> list[Card]:
    """Every detector's card: the primary first, declarations last. History rows of older generations are left out."""
    rows = present_analyses(asset) if analyses is None else analyses
    primary = primary_alias()
    made = [_card(row, is_primary=row.provider == primary) for row in rows]
    return sorted(made, key=lambda card: (basis_of(card.analysis) is not Basis.PIXELS, not card.is_primary))


def _card(row: Analysis, *, is_primary: bool) -> Card:
    provider = providers.get(row.provider)
    status = AnalysisStatus(row.status)
    is_done = status is AnalysisStatus.COMPLETE
    verdict = Verdict(row.verdict) if row.verdict else None
    by_pixels = basis_of(row) is Basis.PIXELS
    took = (row.completed_at - row.created_at).total_seconds() if row.completed_at else None
    asks = _ASKS if by_pixels else (Verdict.LIKELY_AI, Verdict.PARTIAL_AI)
    word = wording.verdict_word(verdict, basis_of(row)) if is_done else wording.status_word(status)
    return Card(
        analysis=row,
        title=provider.title if provider else row.provider,
        word=word,
        tone="attention" if (is_done and verdict in asks) or status in _UNANSWERED else "neutral",
        number=wording.band_number(row.ai_score) if is_done and by_pixels and row.ai_score is not None else None,
        share=wording.band_number(row.ai_pixel_share) if is_done and by_pixels and row.ai_pixel_share else None,
        status=wording.status_word(status),
        sentence=_state_sentence(row),
        reasons=tuple(str(reason) for reason in row.reasons if str(reason).rstrip(".") != word),
        looks_at=str(provider.looks_at) if provider else "",
        limits=str(provider.limits) if provider else "",
        note=str(provider.evidence_note) if provider else "",
        seconds=took,
        is_primary=is_primary,
    )


_ASKS = (Verdict.LIKELY_AI, Verdict.PARTIAL_AI, Verdict.UNCERTAIN, Verdict.UNKNOWN)
_UNANSWERED = (AnalysisStatus.DEAD, AnalysisStatus.REJECTED)


def basis_of(row: Analysis) -> Basis:
    """What an answer rests on; while there is none, what its detector looks at."""
    provider = providers.get(row.provider)
    return Basis(row.basis or (provider.basis if provider else Basis.PIXELS))


def _state_sentence(row: Analysis) -> str:
    """Why there is no answer yet, or none at all, and when it is tried again."""
    if row.status == AnalysisStatus.COMPLETE:
        return ""
    parts = [row.error_sentence]
    if row.why and not row.error_sentence:
        parts = [wording.why_sentence(Why(row.why))]
    if row.status == AnalysisStatus.RETRY_PENDING and row.next_attempt_at:
        parts.append(_("Trying again at %(time)s.") % {"time": wording.moment(row.next_attempt_at)})
    return " ".join(part for part in parts if part)


def title_of(row: Analysis) -> str:
    """The detector's name on screens; the alias, where it is not configured any more."""
    provider = providers.get(row.provider)
    return provider.title if provider else row.provider


def primary_alias() -> str | None:
    """The detector whose answer stands first: the policy's, else the first that looks at pixels."""
    looking = [alias for alias in providers.aliases() if providers[alias].looks_at_pixels]
    return PolicyVersion.current().rules.primary_of(looking)
