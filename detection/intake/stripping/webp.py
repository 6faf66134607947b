"""A WebP without its metadata: the chunks that show the picture, and a heading that no longer announces the others.

Pure; asked by `stripping`. See https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

from collections.abc import Iterator

from detection.intake.stripping import kept
from detection.intake.stripping.faults import MOST_PIECES, Intricate

_FRAME = frozenset((b"ALPH", b"VP8 ", b"VP8L"))
_KEPT = _FRAME | {b"ANIM", b"ANMF"}
_HAS_ICC, _HAS_EXIF, _HAS_XMP = 0x20, 0x08, 0x04
_MOST_IN_FRAME = 8
_ODD = "The chunks of this WebP do not follow each other as they should."


def strip(content: bytes) -> bytes:
    """The picture's own chunks. Raises Intricate where they do not follow each other as they should."""
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content):
        raise Intricate(_ODD)
    heading, profile, exif, xmp = b"", b"", None, None
    parts: list[bytes] = []
    for kind, chunk, body in _chunks(content, 12, end):
        if kind == b"VP8X" and len(body) >= 10 and not parts:
            heading = body
        elif kind == b"ICCP" and heading:
            profile = kept.profile(body)
        elif kind == b"EXIF" and heading:
            exif = body if exif is None else exif
        elif kind == b"XMP " and heading:
            xmp = body if xmp is None else xmp
        elif kind in _KEPT:
            if kind == b"ANMF":
                _refuse_more_than_pixels(body)
            parts.append(chunk)
    if not parts:
        raise Intricate(_ODD)
    turned = kept.orientation(exif, xmp)
    if heading:
        flags = heading[0] & ~(_HAS_ICC | _HAS_EXIF | _HAS_XMP) & 0xFF
        flags |= _HAS_ICC * bool(profile) | _HAS_EXIF * (turned > 1)
        parts.insert(0, _chunk(b"VP8X", bytes((flags,)) + heading[1:10]))
        if profile:
            parts.insert(1, _chunk(b"ICCP", profile))
        if turned > 1:
            parts.append(_chunk(b"EXIF", kept.exif_of(turned)))
    whole = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(whole).to_bytes(4, "little") + whole


def _refuse_more_than_pixels(frame: bytes) -> None:
    """A frame of a moving picture may hold chunks of anybody's making behind its sixteen bytes of place and time."""
    if any(kind not in _FRAME for kind, _, _ in _chunks(frame, 16, len(frame), most=_MOST_IN_FRAME)):
        raise Intricate("A frame of this moving picture holds more than pixels.")


def _chunks(content: bytes, at: int, end: int, *, most: int = MOST_PIECES) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Chunks as (kind, whole chunk, body). A last chunk may lack the byte that makes its length even."""
    for _ in range(most):
        if at >= end:
            return
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise Intricate(_ODD)
        yield content[at : at + 4], content[at : at + 8 + size + size % 2], content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise Intricate(_ODD)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
