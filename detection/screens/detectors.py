"""One card a detector: its answer, or where it stands. Asked by the review page; what counts was decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from detection import sampling, wording
from detection.models import Analysis, Asset, PolicyVersion
from detection.providers import providers
from detection.standing import present_analyses
from detection.vocabulary import RATIONED, AnalysisStatus, Basis, Verdict, Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One detector's answer, or where it stands; every text is ready to be read, and escaped by the template."""

    analysis: Analysis
    title: str
    word: str
    tone: str
    number: int | None
    """1–99; None where the detector gave no score, or judges no pixels."""
    band: str
    share: int | None
    """Per cent of the frame that was marked, 1–99."""
    sentence: str
    """Why there is no answer yet, or none at all, and what comes next; "" where there is one."""
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    as_sent: str
    """What was examined in place of the original's pixels; "" where it was these."""
    sent: str
    """What was sent, in words, for the record; "" where nothing was."""
    also: tuple[str, ...]
    """What the detector said besides, a line each. Declarations stand in a table of their own."""
    generators: str
    looks_at: str
    limits: str
    note: str
    number_note: str
    ended: str
    took: str
    request: str
    is_primary: bool

    @property
    def is_live(self) -> bool:
        return self.analysis.is_live


def cards(asset: Asset, analyses: Sequence[Analysis] | None = None) -> list[Card]:
    """Every detector's card: the primary first, declarations last. History rows of older generations are left out."""
    rows = present_analyses(asset) if analyses is None else analyses
    primary = primary_alias()
    if sampling.is_blind(asset):
        rows = [row for row in rows if basis_of(row) is not Basis.PIXELS]
    made = [_card(row, is_primary=row.provider == primary) for row in rows]
    return sorted(made, key=lambda card: (basis_of(card.analysis) is not Basis.PIXELS, not card.is_primary))


def _card(row: Analysis, *, is_primary: bool) -> Card:
    provider = providers.get(row.provider)
    status, why = AnalysisStatus(row.status), Why(row.why) if row.why else None
    is_done = status is AnalysisStatus.COMPLETE
    verdict = Verdict(row.verdict) if row.verdict else None
    by_pixels = basis_of(row) is Basis.PIXELS
    asks = _ASKS if by_pixels else (Verdict.LIKELY_AI, Verdict.PARTIAL_AI)
    word = wording.verdict_word(verdict, basis_of(row)) if is_done else wording.state_word(status, why)
    return Card(
        analysis=row,
        title=title_of(row),
        word=word,
        tone="attention" if (is_done and verdict in asks) or status in _UNANSWERED else "neutral",
        number=wording.band_number(row.ai_score) if is_done and by_pixels and row.ai_score is not None else None,
        band=wording.band_words(row.confidence_band) if is_done and by_pixels else "",
        share=wording.band_number(row.ai_pixel_share) if is_done and by_pixels and row.ai_pixel_share else None,
        sentence=_state_sentence(row, status, why),
        reasons=tuple(told for told in wording.reason_sentences(row.reasons) if told.rstrip(".") != word),
        warnings=tuple(wording.warning_sentences(row.warnings)),
        as_sent=wording.as_sent_sentence(_sent(row).as_sent),
        sent=wording.as_sent_words(_sent(row).as_sent),
        also=tuple(map(wording.also_said, row.evidence)) if by_pixels else (),
        generators=_generators(row),
        looks_at=_(provider.looks_at) if provider else "",
        limits=_(provider.limits) if provider and provider.limits else "",
        note=_(provider.evidence_note) if provider and provider.evidence_note else "",
        number_note=wording.number_note(row.ai_score_kind) if row.ai_score is not None else "",
        ended=wording.moment(row.completed_at) if row.completed_at else "",
        took=_took(row) if is_done else "",
        request=request_of(row),
        is_primary=is_primary,
    )


_ASKS = (Verdict.LIKELY_AI, Verdict.PARTIAL_AI, Verdict.UNCERTAIN, Verdict.UNKNOWN)
_UNANSWERED = (AnalysisStatus.DEAD, AnalysisStatus.REJECTED)


def _state_sentence(row: Analysis, status: AnalysisStatus, why: Why | None) -> str:
    if status is AnalysisStatus.COMPLETE:
        return ""
    said = row.error_sentence
    if row.error_class == RATIONED and why is Why.PAUSED and row.is_live:
        return said
    if not said and why and status in (AnalysisStatus.SKIPPED, AnalysisStatus.REJECTED):
        said = wording.why_sentence(why)
    return wording.state_sentence(
        status, why=why, said=said, next_attempt_at=row.next_attempt_at, sent_at=row.submitted_at
    )


def _sent(row: Analysis) -> Analysis:
    """The row whose picture was really handed over: an answer that is used again was given about its bytes."""
    return row.reused_from if row.reused_from is not None else row


def _generators(row: Analysis) -> str:
    """The programs that the detector thinks of, each with its number where it gave one; no number stands alone."""
    told = []
    for one in row.generators:
        if one.get("score") is None:
            told.append(str(one["name"]))
        else:
            words = {"name": one["name"], "number": wording.band_number(one["score"])}
            told.append(_("%(name)s (%(number)s of 99)") % words)
    return ", ".join(told)


def _took(row: Analysis) -> str:
    """From the sending to the answer; "" where this row sent nothing."""
    if row.reused_from_id or not row.submitted_at or not row.completed_at:
        return ""
    return wording.lasted((row.completed_at - row.submitted_at).total_seconds())


def basis_of(row: Analysis) -> Basis:
    """What an answer rests on; while there is none, what its detector looks at."""
    provider = providers.get(row.provider)
    return Basis(row.basis or (provider.basis if provider else Basis.PIXELS))


def request_of(row: Analysis) -> str:
    """The vendor's id of this analysis; "" where whoever knows it could read the analysis there."""
    provider = providers.get(row.provider)
    return "" if provider is not None and provider.reference_is_secret else row.provider_reference


def title_of(row: Analysis) -> str:
    """The detector's name on screens; the alias, where it is not configured any more."""
    return title_of_alias(row.provider)


def title_of_alias(alias: str) -> str:
    """The same for an alias alone, as reports have it."""
    provider = providers.get(alias)
    return provider.title if provider else alias


def primary_alias() -> str | None:
    """The detector whose answer stands first: the policy's, else the first that looks at pixels."""
    looking = [alias for alias in providers.aliases() if providers[alias].looks_at_pixels]
    return PolicyVersion.current().rules.primary_of(looking)
