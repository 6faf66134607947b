"""A run-length mask of a picture: checked before anything is painted, and painted as a translucent PNG.

Decides which masks are believed, and whether one lies in the picture's upright frame or in the stored one, for which
the sandbox reads the picture's orientation. Asked by adapters whose vendor answers with runs.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from detection import sandbox
from detection.conf import settings
from detection.errors import Rejected, SandboxFailed, SchemaMismatch
from detection.intake.pixels import turn
from detection.results import Overlay, ScanRequest

MAX_PIXELS = 27_000_000
MAX_SIDE = 20_000
MAX_RUNS = 1_000_000
"""Runs that are read; a mask has more only where it is noise."""
LONGEST = 2_048
"""Pixels of the longest side that is painted: as much as is kept of an overlay."""
HUE = (204, 121, 167)
OPACITY = 150
"""A reddish purple that people of any colour vision tell from its surroundings, and that few photographs hold."""
_COUNTED = "counted"


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Runs of flagged pixels, row by row from 0, ascending and apart, all of them inside `width` × `height`."""

    width: int
    height: int
    starts: list[int]
    lengths: list[int]

    @property
    def pixels(self) -> int:
        """How many pixels are flagged."""
        return sum(self.lengths)


def read_mask(result: Mapping[str, Any], shape: Mapping[str, Any]) -> Mask:
    """The mask in `starts` and `lengths`, for a picture of `width` and `height`. Raises SchemaMismatch for any other
    than a whole and consistent one, before memory is taken for its pixels."""
    width, height = size_of(shape)
    starts, lengths = result.get("starts"), result.get("lengths")
    if not isinstance(starts, list) or not isinstance(lengths, list) or len(starts) != len(lengths):
        raise _wrong("its starts and lengths do not belong together")
    if len(starts) > MAX_RUNS:
        raise _wrong(f"it has over {MAX_RUNS} runs")
    end = 0
    for start, length in zip(starts, lengths, strict=True):
        if type(start) is not int or type(length) is not int or length < 1:
            raise _wrong("a run is no pair of whole numbers")
        if start < end:
            raise _wrong("its runs overlap or are out of order")
        end = start + length
    if end > width * height:
        raise _wrong("a run leaves the picture")
    return Mask(width, height, starts, lengths)


def size_of(shape: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height in pixels. Raises SchemaMismatch where they are no numbers, or too many pixels."""
    width, height = shape.get("width"), shape.get("height")
    if type(width) is not int or type(height) is not int:
        raise _wrong("its shape is no pair of whole numbers")
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise _wrong("its shape is none that a picture may have")
    return width, height


def counts(result: Mapping[str, Any], shape: Mapping[str, Any]) -> tuple[int, float]:
    """How many runs there are, and which share of the picture they cover; also of what `without_runs` kept.

    Raises SchemaMismatch.
    """
    width, height = size_of(shape)
    kept = result.get(_COUNTED)
    if isinstance(kept, Mapping) and "starts" not in result:
        runs, pixels = kept.get("runs"), kept.get("pixels")
        if type(runs) is not int or type(pixels) is not int or not 0 <= runs <= pixels <= width * height:
            raise _wrong("what was kept of it makes no sense")
    else:
        mask = read_mask(result, shape)
        runs, pixels = len(mask.starts), mask.pixels
    return runs, pixels / (width * height)


def without_runs(result: Any) -> Any:
    """The same with both arrays replaced by counts, as it is kept; `pixels` is None where lengths are no lengths."""
    if not isinstance(result, Mapping) or not {"starts", "lengths"} & set(result):
        return result
    starts, lengths = (one if isinstance(one := result.get(name), list) else [] for name in ("starts", "lengths"))
    is_sound = all(type(one) is int and 0 < one <= MAX_PIXELS for one in lengths)
    counted = {"runs": len(starts), "lengths": len(lengths), "pixels": sum(lengths) if is_sound else None}
    return {**{key: value for key, value in result.items() if key not in ("starts", "lengths")}, _COUNTED: counted}


def overlay_for(request: ScanRequest, mask: Mask) -> Overlay | None:
    """The mask as an overlay in the frame in which the picture is shown; None where that frame can't be told."""
    if sorted((mask.width, mask.height)) != sorted((request.width, request.height)):
        return None
    try:
        reading = sandbox.read(request.content, max_bytes=max(1, len(request.content)), max_pixels=settings.MAX_PIXELS)
    except (Rejected, SandboxFailed):
        return None
    turned = turn_needed((mask.width, mask.height), (request.width, request.height), reading.orientation)
    if turned is None:
        return None
    content, width, height = paint(mask, turned=turned)
    return Overlay(kind="rle_mask", content=content, width=width, height=height)


def turn_needed(shape: tuple[int, int], shown: tuple[int, int], orientation: int) -> int | None:
    """The EXIF turn (1–8) that brings a mask of this shape into the frame in which the picture is shown.

    None where it cannot be told: the vendor doesn't say whether it looks at the file as stored or as shown, and for a
    picture that is mirrored, upside down, or turned and square, both have one shape. A guess could point at the wrong
    half of a photograph.
    """
    if orientation == 1:
        return 1 if shape == shown else None
    if orientation < 5 or shown[0] == shown[1]:
        return None
    return 1 if shape == shown else orientation if shape == shown[::-1] else None


def paint(mask: Mask, *, turned: int = 1) -> tuple[bytes, int, int]:
    """A PNG that is `HUE` where pixels are flagged and transparent elsewhere, turned as asked, with the mask's own
    width and height after that turn. A large one is painted smaller; each flagged pixel still colours the one it
    falls into, so that a thin line does not vanish."""
    cells = bytearray(mask.width * mask.height)
    for start, length in zip(mask.starts, mask.lengths, strict=True):
        cells[start : start + length] = b"\xff" * length
    flagged = Image.frombuffer("L", (mask.width, mask.height), cells, "raw", "L", 0, 1)
    factor = LONGEST / max(mask.width, mask.height)
    if factor < 1:
        size = (max(1, round(mask.width * factor)), max(1, round(mask.height * factor)))
        flagged = flagged.resize(size, Image.Resampling.BOX)
    alpha = turn(flagged.point([0] + [OPACITY] * 255), turned)
    painted = Image.new("RGBA", alpha.size, (*HUE, 0))
    painted.putalpha(alpha)
    buffer = io.BytesIO()
    painted.save(buffer, "PNG")
    width, height = (mask.width, mask.height) if turned < 5 else (mask.height, mask.width)
    return buffer.getvalue(), width, height


def _wrong(what: str) -> SchemaMismatch:
    return SchemaMismatch(f"The detector's mask is not the documented one: {what}. A person has to look.")
