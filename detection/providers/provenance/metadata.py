"""Everything but credentials that a file says about its origin: XMP, IPTC, EXIF, text chunks, hidden text.

Asked by `inspection`, in the sandbox. Every part is read by itself, so that one damaged part hides no other; all of
it can be forged or stripped with one tool, and its absence says nothing.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from PIL import ExifTags, Image, IptcImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from detection.errors import Rejected
from detection.intake.formats import sniff
from detection.providers.provenance import generators, png_text, xmp
from detection.results import Evidence

_EXIF_NAMES = ("Make", "Model", "Software", "ImageDescription", "Artist", "UserComment")
_IIM_CREDIT = (2, 110)
_MAX_FIELD = 4 * 1024 * 1024
_MARKS = ("stealth_pnginfo", "stealth_pngcomp", "stealth_rgbinfo", "stealth_rgbcomp")


def read(content: bytes, *, max_pixels: int) -> tuple[Evidence, ...]:
    """All evidence, strongest kinds first. `max_pixels`: above it no pixel is decoded to look for hidden text."""
    found = [*_in_png_text(content)]
    image = opened(content)
    if image is None:
        found += xmp.evidence(xmp.search(content)) if b"<x:xmpmeta" in content else []
    else:
        with image:
            is_small = image.width * image.height <= max_pixels
            parts: tuple[Callable[[], Iterator[Evidence]], ...] = (
                lambda: _in_xmp(image),
                lambda: _in_iim(image),
                lambda: _in_exif(image, decodes=is_small),
                lambda: _in_pixels(image) if is_small else iter(()),
            )
            for part in parts:
                with suppress(Exception):
                    found += part()
    return tuple(sorted(dict.fromkeys(found), key=lambda item: item.strength or "Z"))


def opened(content: bytes) -> Image.Image | None:
    """The picture's header, or None: declarations are read of pictures whose pixels are refused, too."""
    try:
        kind = sniff(content)
        if kind == "HEIF":
            from pillow_heif import register_heif_opener

            register_heif_opener()
        with warnings.catch_warnings():
            # Nothing is decoded here: a picture whose size alone is alarming may still say what it is.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(content), formats=(kind,))
    except MemoryError:
        raise
    except (Rejected, Exception):
        return None


def _in_png_text(content: bytes) -> list[Evidence]:
    pairs = png_text.texts(content)
    texts: dict[str, str] = {}
    for key, value in pairs:
        texts.setdefault(key, value)
    found = list(generators.in_texts(texts, where="PNG text"))
    left = xmp.MAX_PACKET
    for packet in dict.fromkeys(value.encode() for key, value in pairs if key == "XML:com.adobe.xmp"):
        found += xmp.evidence(packet[:left]) if left > 0 else []
        left -= len(packet)
    if texts.get("Software") and texts["Software"] != "NovelAI":
        found.append(Evidence(kind="text", key="Software", value=texts["Software"], where="PNG text", strength="D"))
    return found


def _in_xmp(image: Image.Image) -> Iterator[Evidence]:
    packet = image.info.get("xmp") or b""
    # A PNG's packet is one of its texts, and was read with them.
    if packet and image.format != "PNG":
        yield from xmp.evidence(packet.encode() if isinstance(packet, str) else bytes(packet))


def _in_iim(image: Image.Image) -> Iterator[Evidence]:
    if not isinstance(image, JpegImageFile):
        return
    fields = IptcImagePlugin.getiptcinfo(image)
    raw = (fields or {}).get(_IIM_CREDIT, b"")
    credit = text(raw[0] if isinstance(raw, list) and raw else raw).strip()
    if credit in xmp.CREDITS:
        says = xmp.CREDITS[credit]
        yield Evidence(kind="iptc", key="IIM 2:110 Credit", value=credit, where="IPTC IIM", says=says, strength="B")


def _in_exif(image: Image.Image, *, decodes: bool) -> Iterator[Evidence]:
    tags = _exif(image, decodes=decodes)
    found = list(generators.in_exif(tags))
    yield from found
    if tags.get("Software"):
        yield Evidence(kind="exif", key="Software", value=tags["Software"], where="EXIF", strength="D")
    if any(item.where.endswith("Make and Model") for item in found):
        return
    for name in ("Make", "Model"):
        if tags.get(name):
            yield Evidence(kind="exif", key=name, value=tags[name], where="EXIF", strength="E")


def _exif(image: Image.Image, *, decodes: bool) -> Mapping[str, str]:
    # A PNG's own method decodes the whole picture to look behind it, whatever its size.
    exif = image.getexif() if decodes else Image.Image.getexif(image)
    named = {ExifTags.TAGS.get(tag, ""): value for tag, value in exif.items()}
    with suppress(Exception):
        named |= {ExifTags.TAGS.get(tag, ""): value for tag, value in exif.get_ifd(ExifTags.IFD.Exif).items()}
    return {name: text(named[name]) for name in _EXIF_NAMES if name in named}


def text(value: object) -> str:
    """A field as text. An EXIF comment names its own encoding in its first eight bytes; the byte order is a guess."""
    if not isinstance(value, bytes):
        return str(value)[:_MAX_FIELD].strip("\0 ")
    value = value[:_MAX_FIELD]
    if value.startswith(b"UNICODE\0"):
        body = value[8:]
        is_big = body[::2].count(0) >= body[1::2].count(0)
        return body.decode("utf-16-be" if is_big else "utf-16-le", "replace").strip("\0 \ufeff")
    if value.startswith((b"ASCII\0\0\0", b"\0" * 8)):
        value = value[8:]
    return value.decode("utf-8", "replace").strip("\0 ")


def _in_pixels(image: Image.Image) -> Iterator[Evidence]:
    """Text in the lowest bits, column by column: one bit a pixel in alpha, or three in red, green and blue."""
    is_lossless = image.format == "PNG" or (image.format == "WEBP" and image.mode == "RGBA")
    if not is_lossless or image.mode not in ("RGB", "RGBA"):
        return
    columns = image.crop((0, 0, -(-120 // image.height), image.height)).transpose(Image.Transpose.TRANSPOSE)
    values = columns.tobytes()
    step = len(columns.getbands())
    readings = [[values[at] for at in range(3, len(values), 4)]] if step == 4 else []
    readings.append([value for at, value in enumerate(values) if at % step < 3])
    for reading in readings:
        bits = "".join(str(value & 1) for value in reading[:120])
        mark = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)).decode("latin-1")
        if mark in _MARKS:
            yield generators.stealth(mark)
