"""The pane beside the original, and what the file declares about itself. Asked by the review page and by JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from detection import wording
from detection.intake.overlay import TOLERANCE
from detection.models import Analysis, Asset, StoredOverlay
from detection.results import Declared
from detection.screens.detectors import basis_of, primary_alias, title_of
from detection.vocabulary import LIVE, AnalysisStatus, Basis, Says
from detection.wording import captions


@dataclass(frozen=True, kw_only=True, slots=True)
class Pane:
    """The right-hand pane: one detector's overlay with the tabs to the others, or why there is none."""

    overlay: StoredOverlay | None
    title: str
    url: str
    tabs: tuple[dict[str, Any], ...]
    empty: str
    regions: tuple[str, ...] = ()
    """What the overlay marks, in words, the largest place first."""


def pane(asset: Asset, analyses: Sequence[Analysis], chosen: str = "") -> Pane:
    """`chosen`: the public id of the analysis whose overlay is wanted; the primary's is shown first."""
    primary = primary_alias()
    ready = [row for row in analyses if (found := overlay_of(row)) and found.status == "ready"]
    ready.sort(key=lambda row: (row.provider != primary, row.pk))
    shown = next((row for row in ready if str(row.public_id) == chosen), ready[0] if ready else None)
    overlay = overlay_of(shown) if shown is not None else None
    if shown is None or overlay is None:
        return Pane(overlay=None, title="", url="", tabs=(), empty=_why_empty(asset, analyses))
    tabs = tuple({"id": row.public_id, "title": title_of(row), "is_shown": row is shown} for row in ready)
    lies_on_it = _lies_on(overlay, asset)
    return Pane(
        overlay=overlay if lies_on_it else None,
        title=title_of(shown),
        url=f"{media_url(asset, 'overlay')}&analysis={shown.public_id}",
        tabs=tabs if len(tabs) > 1 else (),
        empty="" if lies_on_it else wording.no_highlight("mismatch"),
        regions=_regions(overlay) if lies_on_it else (),
    )


def _lies_on(overlay: StoredOverlay, asset: Asset) -> bool:
    """Whether it still has the picture's proportions. Looked at when it was stored, and once more before it is shown:
    a file may have been read again since."""
    if not all((overlay.width, overlay.height, asset.width, asset.height)):
        return True
    own, shown = (overlay.width or 1) / (overlay.height or 1), (asset.width or 1) / (asset.height or 1)
    # A small overlay's sides are rounded to whole pixels.
    slack = TOLERANCE + 1 / min(overlay.width or 1, overlay.height or 1)
    return abs(own / shown - 1) <= slack


def _regions(overlay: StoredOverlay) -> tuple[str, ...]:
    if overlay.regions is None:
        return (str(captions.REGIONS_UNTOLD),)
    if not overlay.regions:
        return (wording.no_highlight("nothing_marked"),)
    return tuple(map(captions.region_words, overlay.regions))


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
        return captions.declared_text(declared.sentence)
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


def thumbnail_url(asset: Asset) -> str:
    """A small preview for lists; "" where there is nothing to show."""
    if asset.detached_at or asset.rejected_sentence:
        return ""
    url = media_url(asset, "preview")
    return f"{url}&small=1" if url else ""
