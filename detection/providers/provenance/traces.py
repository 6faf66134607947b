"""The compression map: where a picture compresses differently from the rest of itself.

A lead for the eye and nothing more. It cannot show AI: sharp texture, writing, logos, crops and earlier saves light
up as well, a wholly generated picture does not, and something is always the brightest. It never enters a verdict.
"""

from __future__ import annotations

import io
import math
from statistics import median

from PIL import Image, ImageChops, ImageFilter

from detection import intake
from detection.errors import Rejected
from detection.intake.formats import sniff
from detection.intake.pixels import upright_rgb

QUALITY = 90
GRID = 128
"""Cells along the longer side."""
SHOWN = 1_600
"""Pixels of the longest side of the map."""
MIN_SIDE = 256
OPACITY = 0.55
_PALE, _DEEP = (238, 234, 246), (62, 20, 140)
"""One hue, from pale to deep violet: red would read as an alarm."""


def compression_map(content: bytes, *, max_pixels: int = 50_000_000) -> bytes:
    """The map as WebP over a grey copy, no side over 1 600 pixels.

    1 compress again at quality 90 and take the difference; 2 average it over a grid; 3 divide by the strength of edges,
    which differ anyway; 4 scale by median and deviation of this picture itself; 5 paint. Raises Rejected, with code
    `no_map` for animated pictures and those under 256 pixels.
    """
    kind = sniff(content)
    with intake.opened(content, kind, max_pixels=max_pixels) as image:
        if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
            raise Rejected("no_map", "There is no compression map of a moving picture.")
        if min(image.size) < MIN_SIDE:
            raise Rejected("no_map", f"There is no compression map of a picture under {MIN_SIDE} pixels.")
        with intake.stage(content, kind):
            return _painted(upright_rgb(image))


def _painted(image: Image.Image) -> bytes:
    scale = GRID / max(image.size)
    grid = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    marks = Image.new("L", grid)
    marks.putdata([round(255 * min(1.0, max(0.0, value) / 3)) for value in _deviations(image, grid)])
    shade = min(1.0, SHOWN / max(image.size))
    size = (max(1, round(image.width * shade)), max(1, round(image.height * shade)))
    marks = marks.filter(ImageFilter.MedianFilter(3)).resize(size, Image.Resampling.BILINEAR)
    grey = image.resize(size, Image.Resampling.BOX).convert("L").convert("RGB")
    ramp = [_PALE[band] + (_DEEP[band] - _PALE[band]) * step // 255 for band in range(3) for step in range(256)]
    colour = Image.merge("RGB", (marks, marks, marks)).point(ramp)
    buffer = io.BytesIO()
    Image.blend(grey, colour, OPACITY).save(buffer, "WEBP", quality=75)
    return buffer.getvalue()


def _deviations(image: Image.Image, grid: tuple[int, int]) -> list[float]:
    """How far each cell's ratio of compression error to edges lies above the picture's median, in deviations."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    with Image.open(buffer, formats=("JPEG",)) as again:
        error = ImageChops.difference(image, again).convert("L").point(lambda value: min(255, value * 12))
    edges = image.convert("L").filter(ImageFilter.FIND_EDGES)
    cells = zip(
        error.resize(grid, Image.Resampling.BOX).tobytes(),
        edges.resize(grid, Image.Resampling.BOX).tobytes(),
        strict=True,
    )
    ratios = [difference / (math.sqrt(edge) + 3) for difference, edge in cells]
    middle = median(ratios)
    spread = 1.4826 * median(abs(ratio - middle) for ratio in ratios) or 1.0
    return [(ratio - middle) / spread for ratio in ratios]
