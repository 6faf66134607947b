"""A detector's overlay as a picture of our own, and what it marks in words. Pure, and only called in the sandbox.

Decides whether an overlay lies on the picture at all: one of another shape, or of which nobody can tell which way up it
is, is refused, for it would point at the wrong half of a photograph.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from detection.errors import Rejected
from detection.intake import opened, stage
from detection.intake.formats import sniff
from detection.intake.pixels import eight_bit, fitted, in_srgb, orientation, turn

SIDE = 2_048
"""Pixels of the longest side that is kept of a detector's overlay."""
TOLERANCE = 0.02
"""By how much the overlay's proportions may be off, for its sides are rounded."""
GRID = 24
"""Cells along the longer side, in which marked places are told apart."""
MOST = 5
"""Regions that are told; a mask of noise has hundreds."""
_LEAST_RANGE = 40
"""Of 255: an overlay that is equally thick everywhere tells its marks by colour, which no rule can read."""
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class Region:
    """One marked place: `row` upper, middle or lower, `column` left, centre or right; `share` 0–1 of the frame;
    `strength` strong, moderate or faint, against the strongest mark of the same overlay."""

    row: str
    column: str
    share: float
    strength: str


def reencode(
    content: bytes, *, width: int, height: int, turned: int = 1, max_pixels: int = 50_000_000
) -> tuple[bytes, dict[str, Any]]:
    """A detector's overlay as a PNG, alpha kept, metadata dropped, for a picture shown as `width` × `height`.

    `turned`: the EXIF orientation of the file that the detector was given, 1–8. Returns the bytes with `width`,
    `height` and `regions` (None where the overlay has no transparency to tell them by). Raises Rejected with the codes
    `overlay_shape` and `overlay_turned`.
    """
    kind = sniff(content)
    with opened(content, kind, max_pixels=max_pixels) as image, stage(content, kind):
        itself = orientation(image)
        shown = image.size if itself < 5 else image.size[::-1]
        needed = _turn_needed(shown, (width, height), turned)
        side = min(max(width, height), SIDE)
        upright = turn(turn(in_srgb(eight_bit(image).copy(), keeps_alpha=True), itself), needed)
        upright.thumbnail((side, side), Image.Resampling.LANCZOS)
        found = regions(upright)
        made, made_width, made_height = fitted(upright, "image/png", None)
    told = None if found is None else [asdict(one) for one in found]
    return made, {"width": made_width, "height": made_height, "regions": told}


def _turn_needed(shape: tuple[int, int], shown: tuple[int, int], turned: int) -> int:
    """The EXIF turn that lays an overlay of this shape on the picture. Raises Rejected where there is none to be told.

    Detectors don't say whether they look at a file as it is stored or as it is shown.
    """
    fits_shown, fits_stored = _fits(shape, shown), _fits(shape, shown if turned < 5 else shown[::-1])
    if not (fits_shown or fits_stored):
        sizes = f"The overlay is {shape[0]} × {shape[1]}, the picture {shown[0]} × {shown[1]}"
        raise Rejected("overlay_shape", f"{sizes}: it belongs to another picture.")
    if turned != 1 and fits_shown and fits_stored:
        raise Rejected(
            "overlay_turned",
            "This file is stored turned, and nothing tells which way up its overlay is, so it is not shown. "
            "Export the picture upright and upload that to see it.",
        )
    return 1 if fits_shown else turned


def _fits(shape: tuple[int, int], frame: tuple[int, int]) -> bool:
    return abs(shape[0] * frame[1] / (shape[1] * frame[0]) - 1) <= TOLERANCE


def regions(overlay: Image.Image) -> list[Region] | None:
    """What is marked, the largest place first; None where only colours could tell."""
    if overlay.mode != "RGBA":
        return None
    alpha = overlay.getchannel("A")
    used = [value for value, pixels in enumerate(alpha.histogram()) if pixels]
    least, peak = used[0], used[-1]
    if peak - least < _LEAST_RANGE:
        return [] if peak == 0 else None
    scale = GRID / max(alpha.size)
    width, height = max(1, round(alpha.width * scale)), max(1, round(alpha.height * scale))
    cells = alpha.resize((width, height), Image.Resampling.BOX).tobytes()
    marked = {place for place, value in enumerate(cells) if value >= max(_LEAST_RANGE / 2, peak / 4)}
    found = []
    while marked:
        places = _joined(marked, width)
        strength = sum(cells[place] for place in places) / len(places) / peak
        found.append(
            Region(
                row=_third(_ROWS, sum(place // width for place in places) / len(places), height),
                column=_third(_COLUMNS, sum(place % width for place in places) / len(places), width),
                share=round(len(places) / len(cells), 4),
                strength="strong" if strength >= 2 / 3 else "moderate" if strength >= 1 / 3 else "faint",
            )
        )
    return sorted(found, key=lambda region: -region.share)[:MOST]


def _joined(marked: set[int], width: int) -> list[int]:
    """The cells that touch one of `marked`, directly or through others; they are taken out of it."""
    waiting = [marked.pop()]
    places = []
    while waiting:
        place = waiting.pop()
        places.append(place)
        column = place % width
        beside = [place - width, place + width]
        beside += [place - 1] if column else []
        beside += [place + 1] if column < width - 1 else []
        for near in beside:
            if near in marked:
                marked.remove(near)
                waiting.append(near)
    return places


def _third(names: tuple[str, str, str], middle: float, cells: int) -> str:
    return names[min(2, int((middle + 0.5) * 3 / cells))]
