"""A heat map in a picture's own shape, as a detector would send it, laid over the picture's busiest part.

It is painted for tests and demonstrations and judges nothing. The same picture always gives the same map.
"""

from __future__ import annotations

import io

import pillow_heif
from PIL import Image, ImageFilter, ImageOps

LONGEST_SIDE = 2048
"""Pixels; the map of a larger picture is smaller, in the same shape."""
GRID = 24
REACH = 0.8
"""The blob's diameter as a share of the picture's shorter side."""
DENSEST = 205
"""The blob's alpha at its centre, 0 to 255."""

pillow_heif.register_heif_opener()


def paint(content: bytes) -> bytes | None:
    """The map as an RGBA PNG, or None where the bytes are no picture."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft("L", (LONGEST_SIDE, LONGEST_SIDE))
            picture = ImageOps.exif_transpose(opened).convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    heat = _blob(picture.size, _busiest(picture))
    alpha = heat.point([level * DENSEST // 255 for level in range(256)])
    # Violet to yellow: told apart by every eye, and by lightness alone.
    red = heat.point([70 + level * 185 // 255 for level in range(256)])
    green = heat.point([10 + level * 225 // 255 for level in range(256)])
    blue = heat.point([150 - level * 110 // 255 for level in range(256)])
    colour = (red, green, blue, alpha)
    written = io.BytesIO()
    Image.merge("RGBA", colour).save(written, "PNG")
    return written.getvalue()


def _busiest(picture: Image.Image) -> tuple[float, float]:
    """Where the picture has most edges, as shares of width and height."""
    small = picture.resize((GRID * 4, GRID * 4)).filter(ImageFilter.FIND_EDGES).crop((2, 2, GRID * 4 - 2, GRID * 4 - 2))
    cells = small.resize((GRID, GRID), Image.Resampling.BOX).filter(ImageFilter.BoxBlur(2)).tobytes()
    place = cells.index(max(cells))
    return (place % GRID + 0.5) / GRID, (place // GRID + 0.5) / GRID


def _blob(size: tuple[int, int], centre: tuple[float, float]) -> Image.Image:
    width, height = size
    side = max(1, round(min(size) * REACH))
    soft = ImageOps.invert(Image.radial_gradient("L")).resize((side, side))
    # A gradient's corners lie beyond its circle and must be empty.
    soft = soft.point([min(255, max(0, level - 75) * 340 // 180) for level in range(256)])
    heat = Image.new("L", size)
    heat.paste(soft, (round(centre[0] * width - side / 2), round(centre[1] * height - side / 2)))
    return heat
