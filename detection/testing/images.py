"""Pictures for tests, made by code: ordinary ones, ones that declare something, and ones nobody should open carelessly.

Any test may ask. Pure functions from arguments to bytes: the same arguments give the same pixels, nothing is read from
disk and no decoder is registered anywhere. Declarations are spliced in without touching the pixels of a JPEG or PNG.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import pillow_heif
from PIL import Image, ImageChops, ImageFilter
from PIL.PngImagePlugin import PngInfo

from detection.errors import Rejected
from detection.intake import MAX_SIDE, render, stripping
from detection.intake.formats import sniff

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF")
"""The formats that `photo_like` writes."""
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""What stands before a word of IPTC's digital source type vocabulary."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_USER_COMMENT = 0x9286
_XMP = (
    '<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '{description}</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_EXT = 'rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
_XMP_FORMS = {
    "attribute": f'<rdf:Description {_EXT} Iptc4xmpExt:DigitalSourceType="{{uri}}"/>',
    "element": f"<rdf:Description {_EXT}><Iptc4xmpExt:DigitalSourceType>{{uri}}"
    "</Iptc4xmpExt:DigitalSourceType></rdf:Description>",
    "resource": f'<rdf:Description {_EXT}><Iptc4xmpExt:DigitalSourceType rdf:resource="{{uri}}"/></rdf:Description>',
}


def photo_like(
    seed: int = 1, *, size: tuple[int, int] = (640, 480), format: str = "JPEG", mode: str = "RGB", **save: Any
) -> bytes:
    """A picture with the gradients, edges and grain of a photograph, `size` in pixels.

    Another `seed` gives another picture. `save` goes to the encoder (`quality`, `exif`, `xmp`). Raises ValueError for a
    format not in `FORMATS`.
    """
    return encode(_scene(seed, size).convert(mode), format=format, **save)


def encode(image: Image.Image, *, format: str = "JPEG", **save: Any) -> bytes:
    """`image` in one of `FORMATS`; HEIF is written without registering its decoder for the whole process."""
    if format not in FORMATS:
        raise ValueError(f"{format!r} is not one of {', '.join(FORMATS)}")
    target = io.BytesIO()
    if format == "HEIF":
        pillow_heif.from_pillow(image).save(target, **{"quality": 80, **save})
    else:
        image.save(target, format, **({"quality": 88, **save} if format != "PNG" else save))
    return target.getvalue()


def decode(content: bytes) -> Image.Image:
    """The first picture in some bytes, loaded whole. For what tests and demos made themselves, never for uploads."""
    kind = sniff(content)
    if kind == "HEIF":
        unpacked: Image.Image = pillow_heif.open_heif(io.BytesIO(content)).to_pillow()
        return unpacked
    image = Image.open(io.BytesIO(content), formats=(kind,))
    image.load()
    return image


def truncated(content: bytes, *, keep: float = 0.5) -> bytes:
    """The first `keep` (0–1) of a file, as a broken upload leaves it."""
    return content[: int(len(content) * keep)]


def zero_bytes() -> bytes:
    """An upload of nothing."""
    return b""


def bomb(width: int = 13_000, height: int = 13_000) -> bytes:
    """A white 1-bit PNG of so many pixels in a few kilobytes. It is valid: who opens it whole pays for all of it."""
    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * ((width + 7) // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return _PNG_MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def with_xmp_source_type(
    content: bytes, source_type: str = "trainedAlgorithmicMedia", *, form: str = "attribute"
) -> bytes:
    """The picture with IPTC's DigitalSourceType in its XMP; `form` is one of `attribute`, `element`, `resource`.

    `source_type` is a word of IPTC's vocabulary or a whole URI.
    """
    uri = source_type if ":" in source_type else SOURCE_TYPES + source_type
    return with_xmp(content, _XMP.format(description=_XMP_FORMS[form].format(uri=uri)).encode())


def with_xmp(content: bytes, packet: bytes) -> bytes:
    """The picture with this XMP packet, well-formed or not."""
    kind = sniff(content)
    if kind == "JPEG":
        return spliced_into_jpeg(content, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    if kind == "PNG":
        return spliced_into_png(content, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))
    return encode(decode(content), format=kind, xmp=packet)


def with_png_text(content: bytes, texts: Mapping[str, str], *, after_pixels: bool = False) -> bytes:
    """The PNG with these text chunks, as generators leave them. `after_pixels`: where only a whole load shows them."""
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    chunks = b"".join(chunk(one[0], one[1]) for one in info.chunks)
    return spliced_into_png(content, chunks, before=b"IEND" if after_pixels else b"IDAT")


def with_exif(content: bytes, tags: Mapping[int, Any] | None = None, *, user_comment: str | None = None) -> bytes:
    """The picture with EXIF. `tags` by number (0x010F make, 0x0112 orientation, 0x0131 software).

    `user_comment` is written the way Stable Diffusion front ends do, as UTF-16.
    """
    exif = Image.Exif()
    exif.update(tags or {})
    if user_comment is not None:
        exif.get_ifd(0x8769)[_USER_COMMENT] = b"UNICODE\0" + user_comment.encode("utf-16-be")
    packed = exif.tobytes()
    kind = sniff(content)
    if kind == "JPEG":
        return spliced_into_jpeg(content, 0xE1, packed)
    if kind == "PNG":
        return spliced_into_png(content, chunk(b"eXIf", packed.removeprefix(b"Exif\0\0")))
    return encode(decode(content), format=kind, exif=packed)


def animated(frames: int = 3, *, size: tuple[int, int] = (160, 120), format: str = "PNG") -> bytes:
    """A moving picture of different frames: PNG, WEBP or GIF."""
    first, *rest = (_scene(seed, size) for seed in range(1, frames + 1))
    target = io.BytesIO()
    first.save(target, format, save_all=True, append_images=rest, duration=100, loop=0)
    return target.getvalue()


def polyglot(content: bytes | None = None, *, page: str = "<script>alert(1)</script>") -> bytes:
    """A file that is a picture and, read from its end, a ZIP archive with a web page in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.html"), page)
    return (photo_like() if content is None else content) + target.getvalue()


def as_sent(content: bytes) -> bytes:
    """A picture that tests or demos made, as a detector that takes JPEG gets it where it fits: without metadata."""
    try:
        return stripping.unpacking(content)
    except Rejected:
        return render(content, longest_side=MAX_SIDE)[0]


def jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """A JPEG's segments before its pixels as (marker, whole segment), at last (0xDA, everything from the scan on)."""
    at = 2
    while content[at + 1] != 0xDA:
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        yield content[at + 1], content[at : at + length]
        at += length
    yield 0xDA, content[at:]


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG as (type, whole chunk)."""
    at = len(_PNG_MAGIC)
    while at < len(content):
        length = 12 + int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 8], content[at : at + length]
        at += length


def spliced_into_jpeg(content: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG with one more segment before its own. Raises ValueError where `body` is too long for one."""
    if len(body) > 65_533:
        raise ValueError(f"a JPEG segment holds 65533 bytes, not {len(body)}")
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
    kept = list(jpeg_segments(content))
    # JFIF asks for its own segment to come first.
    at = 1 if kept[0][0] == 0xE0 else 0
    parts = [part for _, part in kept]
    return content[:2] + b"".join([*parts[:at], segment, *parts[at:]])


def spliced_into_png(content: bytes, chunks: bytes, *, before: bytes = b"IDAT") -> bytes:
    """The PNG with these whole chunks before its first one of the kind `before`."""
    parts = list(png_chunks(content))
    at = next(index for index, (kind, _) in enumerate(parts) if kind == before)
    whole = [part for _, part in parts]
    return _PNG_MAGIC + b"".join([*whole[:at], chunks, *whole[at:]])


def chunk(kind: bytes, body: bytes) -> bytes:
    """A whole chunk of a PNG, with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _scene(seed: int, size: tuple[int, int]) -> Image.Image:
    """Three soft colour fields, one hard edge and grain: enough for hashes, encoders and overlays to bite on."""
    # Looks only; nothing secret hangs on it.
    dice = random.Random(seed)  # noqa: S311
    fields = [Image.frombytes("L", (5, 4), dice.randbytes(20)).resize(size, Image.Resampling.BICUBIC) for _ in range(3)]
    edge = Image.frombytes("L", (9, 7), dice.randbytes(63)).resize(size, Image.Resampling.BICUBIC)
    edge = edge.point([60 if value > 128 else 0 for value in range(256)]).filter(ImageFilter.GaussianBlur(1))
    grain = Image.frombytes("L", size, dice.randbytes(size[0] * size[1])).filter(ImageFilter.GaussianBlur(0.7))
    bands = (ImageChops.add(ImageChops.subtract(field, edge), grain, scale=1, offset=-128) for field in fields)
    return Image.merge("RGB", [band.point([24 + value * 208 // 255 for value in range(256)]) for band in bands])
