"""Pixels of an opened picture: turned upright, brought to eight bits and sRGB, and written anew. Pure.

Asked by `intake` and by the compression map, in the sandbox.
"""

from __future__ import annotations

import io
import math
from contextlib import suppress

from PIL import Image, ImageCms

from detection.errors import Rejected

SMALLEST = 16
"""Pixels of the shorter side below which a copy is not made smaller to fit a limit of bytes."""
_HOPELESS = 2
"""So many times too large, a coarser copy of the same size will not fit either."""


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1–8; 1 where it is absent or senseless. Pillow gives AVIF's own rotation here too."""
    with suppress(Exception):
        value = image.getexif().get(0x0112, 1)
        if isinstance(value, int) and 1 <= value <= 8:
            return value
    return 1


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turn(image: Image.Image, turned: int) -> Image.Image:
    """The picture as an EXIF orientation says it is shown."""
    return image.transpose(_TURNS[turned]) if turned in _TURNS else image


def eight_bit(image: Image.Image) -> Image.Image:
    """The picture with eight bits a channel and no palette. Pillow's own `convert` clips sixteen-bit grey to white."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L")
    if image.mode in ("I", "F"):
        return image.convert("F").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("L" if image.mode == "1" else "RGB")


def in_srgb(image: Image.Image, *, keeps_alpha: bool) -> Image.Image:
    """The picture as RGB, RGBA or L. The colour profile is applied, for it will not travel with the copy."""
    if image.mode == "RGBA":
        if keeps_alpha:
            return image
        return _on_white(image)
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def upright_rgb(image: Image.Image) -> Image.Image:
    """An opened picture at full size as RGB without transparency, turned as it is shown. Its profile is not applied:
    that would change each pixel before anybody looks at how it was compressed."""
    plain = eight_bit(image)
    plain = _on_white(plain) if plain.mode == "RGBA" else plain
    return turn(plain if plain.mode == "RGB" else plain.convert("RGB"), orientation(image))


def fitted(image: Image.Image, media_type: str, max_bytes: int | None) -> tuple[bytes, int, int]:
    """The picture written as `media_type`: coarser, then smaller, until it has at most `max_bytes` (None: any number).

    Returns (bytes, width, height). Raises Rejected where nothing fits.
    """
    most = math.inf if max_bytes is None else max_bytes
    while True:
        for quality in (88, 75, 60) if media_type != "image/png" else (0,):
            content = _encoded(image, media_type, quality)
            if len(content) <= most:
                return content, *image.size
            if len(content) > _HOPELESS * most:
                break
        if min(image.size) < SMALLEST:
            raise Rejected("too_big", "No copy of this picture is small enough for where it has to go.")
        # Straight to about the size that fits: each try at fifty million pixels costs a second.
        factor = min(0.75, math.sqrt(most / len(content)))
        size = (max(1, int(image.width * factor)), max(1, int(image.height * factor)))
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(image: Image.Image, media_type: str, quality: int) -> bytes:
    """The bytes. `info` is emptied first: Pillow writes profile, comment and EXIF that it finds there."""
    image.info = {}
    buffer = io.BytesIO()
    if media_type == "image/png":
        image.save(buffer, "PNG", compress_level=6)
    else:
        image.save(buffer, media_type.removeprefix("image/").upper(), quality=quality)
    return buffer.getvalue()
