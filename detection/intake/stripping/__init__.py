"""A picture's file without what it says of places, devices and people: pixels, colour and orientation stay as they are.

Nothing is decoded and nothing encoded: the file's pieces are walked by their lengths, and those that show the picture
are copied byte for byte. The same bytes give the same bytes, in any process. Pure; asked by `scanning.reading`, and by
the sandbox where something has to be unpacked (`unpacking`).

    Intricate   no such copy can be made: send a rendition, which carries nothing
    Packed      what has to be looked at is compressed: ask again in the sandbox
"""

from __future__ import annotations

import zlib

from detection.errors import Rejected
from detection.intake.formats import sniff
from detection.intake.stripping import jpeg, png, webp
from detection.intake.stripping.faults import Intricate, Packed

__all__ = ["Intricate", "Packed", "strip", "unpacking"]

MOST_UNPACKED = 1024 * 1024
"""Bytes that are unpacked of one piece; Pillow refuses a picture whose profile or text has more."""


def strip(content: bytes) -> bytes:
    """The file without its metadata; `content` itself where there is none. Opens nothing: bounded, in linear time.

    Kept: pixels of every frame, colour profile, transparency, density, and of EXIF the orientation alone. What stands
    behind the picture's end is dropped. Raises Intricate or Packed.
    """
    return _stripped(content, None)


def unpacking(content: bytes) -> bytes:
    """The same for a file of which something has to be unpacked first. For the sandbox: it raises Rejected alone."""
    try:
        return _stripped(content, _unpacked)
    except Intricate as error:
        raise Rejected("intricate", str(error)) from error


def _stripped(content: bytes, unpack: png.Unpack | None) -> bytes:
    kind = sniff(content)
    if kind == "JPEG":
        made = jpeg.strip(content)
    elif kind == "PNG":
        made = png.strip(content, unpack)
    elif kind == "WEBP":
        made = webp.strip(content)
    else:
        raise Intricate("Metadata of this format is not removed from the file itself.")
    return content if made == content else made


def _unpacked(packed: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        found = machine.decompress(packed, MOST_UNPACKED)
    except zlib.error as error:
        raise Intricate("A compressed part of this file is damaged.") from error
    if not machine.eof:
        raise Intricate("A compressed part of this file is cut off, or too large.")
    return found
