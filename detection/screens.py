"""What a screen shows of one picture: rows turned into words, cards and panes. Admin, tags and JSON ask here.

Reads and words only; whether somebody may see it was asked before (`reach`), and what it means for a story is `gate`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from detection import policy, wording
from detection.models import Analysis, Asset, PolicyVersion, StoredOverlay
from detection.providers import providers
from detection.results import Declared
from detection.standing import present_analyses
from detection.vocabulary import (
    LIVE,
    AnalysisStatus,
    Basis,
    Says,
    Signal,
    SourceTier,
    Verdict,
    Why,
)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Pane:
    """The right-hand pane: one detector's overlay with the tabs to the others, or why there is none."""

    overlay: StoredOverlay | None
    title: str
    url: str
    tabs: tuple[dict[str, Any], ...]
    empty: str


def pane(asset: Asset, analyses: Sequence[Analysis], chosen: str = "") -> Pane:
    """`chosen`: the public id of the analysis whose overlay is wanted; the primary's is shown first."""
    primary = primary_alias()
    ready = [row for row in analyses if (found := overlay_of(row)) and found.status == "ready"]
    ready.sort(key=lambda row: (row.provider != primary, row.pk))
    shown = next((row for row in ready if str(row.public_id) == chosen), ready[0] if ready else None)
    if shown is None:
        return Pane(overlay=None, title="", url="", tabs=(), empty=_why_empty(asset, analyses))
    tabs = tuple({"id": row.public_id, "title": _title(row), "is_shown": row is shown} for row in ready)
    return Pane(
        overlay=overlay_of(shown),
        title=_title(shown),
        url=f"{media_url(asset, 'overlay')}&analysis={shown.public_id}",
        tabs=tabs if len(tabs) > 1 else (),
        empty="",
    )


def _title(row: Analysis) -> str:
    provider = providers.get(row.provider)
    return provider.title if provider else row.provider


def overlay_of(row: Analysis) -> StoredOverlay | None:
    """The row's overlay, in whatever state, or None."""
    return getattr(row, "overlay", None)


def _why_empty(asset: Asset, analyses: Sequence[Analysis]) -> str:
    """Why the right-hand pane is empty, by the first reason that fits."""
    if asset.rejected_sentence:
        return wording.no_highlight("unreadable")
    overlays = [found for row in analyses if (found := overlay_of(row))]
    if any(found.status == "pending" for found in overlays):
        return wording.no_highlight("pending")
    if overlays:
        return overlays[0].reason or wording.no_highlight("not_fetched")
    by_pixels = [row for row in analyses if basis_of(row) is Basis.PIXELS and row.status != AnalysisStatus.SKIPPED]
    if any(row.status == AnalysisStatus.COMPLETE for row in by_pixels):
        return wording.no_highlight("not_given")
    if any(row.status in LIVE for row in analyses):
        return wording.no_highlight("running")
    if by_pixels:
        return wording.no_highlight("failed")
    if any(row.status == AnalysisStatus.COMPLETE for row in analyses):
        return wording.no_highlight("declaration_only")
    return wording.no_highlight("not_checked")


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What the file declares about itself, in words and raw."""

    sentence: str
    says: str
    declared: Declared | None
    evidence: tuple[dict[str, Any], ...]
    was_read: bool


def provenance(analyses: Sequence[Analysis]) -> Provenance:
    """The declarations that were read, with every raw key and value; templates escape them."""
    row = next((row for row in analyses if row.declared), None)
    declared = Declared.from_json(row.declared) if row and row.declared else None
    evidence = tuple(dict(item) for row in analyses if basis_of(row) is Basis.DECLARATION for item in row.evidence)
    return Provenance(
        sentence=wording.credential_sentence(declared),
        says=_says(declared),
        declared=declared,
        evidence=evidence,
        was_read=declared is not None,
    )


def _says(declared: Declared | None) -> str:
    if declared is None:
        return ""
    if declared.sentence:
        return declared.sentence
    if declared.says is Says.CAPTURE:
        signed = _("signed by somebody on the trust list") if declared.is_trusted_capture else _("not signed")
        return _("The file says: camera capture (%(how)s).") % {"how": signed}
    return _("The file declares no AI use.") if declared.says is None else ""


def primary_alias() -> str | None:
    """The detector whose answer stands first: the policy's, else the first that looks at pixels."""
    looking = [alias for alias in providers.aliases() if providers[alias].looks_at_pixels]
    return PolicyVersion.current().rules.primary_of(looking)


def media_url(asset: Asset, rendition: str) -> str:
    """The address of a rendition; it changes with the file, so that no old copy is shown. "" where none is mounted."""
    try:
        return f"{reverse('detection:media', args=[asset.public_id, rendition])}?g={asset.generation}"
    except NoReverseMatch:
        return ""


def tier_of(asset: Asset) -> SourceTier:
    """How well the newsroom knows where this picture comes from."""
    return SourceTier(asset.source_tier) if asset.source_tier in set(SourceTier) else SourceTier.UNKNOWN
