"""The pane beside the original, and what the file declares about itself. Asked by the review page and by JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from detection import wording
from detection.models import Analysis, Asset, StoredOverlay
from detection.results import Declared
from detection.screens.detectors import basis_of, primary_alias, title_of
from detection.vocabulary import LIVE, AnalysisStatus, Basis, Says


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
    tabs = tuple({"id": row.public_id, "title": title_of(row), "is_shown": row is shown} for row in ready)
    return Pane(
        overlay=overlay_of(shown),
        title=title_of(shown),
        url=f"{media_url(asset, 'overlay')}&analysis={shown.public_id}",
        tabs=tabs if len(tabs) > 1 else (),
        empty="",
    )


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


def media_url(asset: Asset, rendition: str) -> str:
    """The address of a rendition; it changes with the file, so that no old copy is shown. "" where none is mounted."""
    try:
        return f"{reverse('detection:media', args=[asset.public_id, rendition])}?g={asset.generation}"
    except NoReverseMatch:
        return ""
