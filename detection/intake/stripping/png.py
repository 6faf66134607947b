"""A PNG without its metadata: a list of chunks that show the picture, copied whole with their checksums.

Pure; asked by `stripping`. Chunks that are not on the list are dropped where a reader may pass them over, and make the
file intricate where it may not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

from detection.intake.stripping import kept
from detection.intake.stripping.faults import MOST_PIECES, Intricate, Packed

Unpack = Callable[[bytes], bytes]
"""Unpacks a deflated piece, within a bound; raises Intricate."""

_MAGIC = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset(b"IHDR PLTE IDAT tRNS gAMA cHRM sRGB sBIT cICP mDCV mDCv cLLI cLLi bKGD pHYs acTL fcTL fdAT".split())
"""Pixels, of moving pictures too, and how their colours are meant."""
_XMP = b"XML:com.adobe.xmp"
_RAW_EXIF = b"Raw profile type exif"
_STORED = 65_535


def strip(content: bytes, unpack: Unpack | None) -> bytes:
    """The chunks that show the picture, up to its end.

    Raises Intricate where the chunks do not follow each other as they should, and without `unpack` also Packed.
    """
    return _Walk(content, unpack).through()


class _Walk:
    def __init__(self, content: bytes, unpack: Unpack | None) -> None:
        self.content = content
        self.view = memoryview(content)
        self.unpack = unpack
        self.exif: bytes | None = None
        self.raw_exif: tuple[bytes, bytes] | None = None
        self.xmp: bytes | None = None
        self.parts: list[bytes | memoryview] = []

    def through(self) -> bytes:
        at = len(_MAGIC)
        for _ in range(MOST_PIECES):
            end = at + 12 + int.from_bytes(self.content[at : at + 4], "big")
            kind = self.content[at + 4 : at + 8]
            if end > len(self.content) or (not self.parts and kind != b"IHDR"):
                break
            if kind == b"IEND":
                return self._whole(self.content[at:end])
            if kind in _KEPT:
                self.parts.append(self.view[at:end])
            elif kind == b"iCCP":
                self._keep_profile(self.content[at:end])
            elif not kind[0] & 0x20:  # its first letter is a capital: a reader that doesn't know it must give up
                break
            else:
                self._hear(kind, self.content[at + 8 : end - 4])
            at = end
        raise Intricate("The chunks of this PNG do not follow each other as they should.")

    def _hear(self, kind: bytes, body: bytes) -> None:
        """Remember what may tell how the picture is turned; of each kind the last, as Pillow does."""
        key, _, rest = body.partition(b"\0")
        if kind == b"eXIf":
            self.exif = body
        elif kind in (b"tEXt", b"zTXt") and key == _RAW_EXIF:
            self.raw_exif = (kind, rest)
        elif kind == b"iTXt" and key == _XMP:
            self.xmp = rest

    def _keep_profile(self, chunk: bytes) -> None:
        name, _, packed = chunk[8:-4].partition(b"\0")
        icc = self._open(packed[1:])
        clean = kept.profile(icc)
        if clean == icc:
            self.parts.append(chunk)
        elif clean:
            self.parts.append(_chunk(b"iCCP", name + b"\0\0" + _deflated(clean)))

    def _whole(self, end: bytes) -> bytes:
        turned = kept.orientation(self._exif(), self._packet())
        exif = [_chunk(b"eXIf", kept.exif_of(turned))] if turned > 1 else []
        return b"".join((_MAGIC, *self.parts[:1], *exif, *self.parts[1:], end))

    def _exif(self) -> bytes | None:
        """The EXIF, also as ImageMagick writes it: in hex, behind three lines, mostly compressed."""
        if self.exif is not None or self.raw_exif is None:
            return self.exif
        kind, text = self.raw_exif
        lines = (self._open(text[1:]) if kind == b"zTXt" else text).decode("latin-1").split("\n")
        try:
            return bytes.fromhex("".join(lines[3:]))
        except ValueError:
            return None

    def _packet(self) -> bytes | None:
        """The XMP. Before it stand whether it is compressed, how, a language and a translated keyword."""
        if self.xmp is None or len(self.xmp) < 2:
            return None
        text = self.xmp[2:].partition(b"\0")[2].partition(b"\0")[2]
        return self._open(text) if self.xmp[0] else text

    def _open(self, packed: bytes) -> bytes:
        if self.unpack is None:
            raise Packed
        return self.unpack(packed)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _deflated(data: bytes) -> bytes:
    """As a zlib stream that is not compressed: every version of zlib compresses otherwise, and this stays the same."""
    pieces = [data[at : at + _STORED] for at in range(0, len(data), _STORED)]
    packed = b"\x78\x01"
    for number, piece in enumerate(pieces, start=1):
        size = len(piece)
        packed += bytes((number == len(pieces),)) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little")
        packed += piece
    return packed + zlib.adler32(data).to_bytes(4, "big")
