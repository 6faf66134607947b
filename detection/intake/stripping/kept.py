"""What stays of a picture's metadata: how it is turned, and its colours. Pure; asked by the formats beside it.

A colour profile can name the screen it was measured on: screenshots of a Mac carry the serial number of the display
(`mmod`), and colord writes that and more into `meta`. Where a profile holds tags that no colour needs it is written
anew without them; others stay byte for byte.
"""

from __future__ import annotations

import re
import struct
from typing import Literal

from detection.intake.stripping.faults import Intricate

_ORIENTATION = 0x0112
_SIZES = {1: 1, 3: 2, 4: 4}
"""Bytes of one value, for the number types in which an orientation is written."""
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_COLOUR_TAGS = (
    "A2B0 A2B1 A2B2 A2B3 B2A0 B2A1 B2A2 B2A3 B2D0 B2D1 B2D2 B2D3 D2B0 D2B1 D2B2 D2B3 gamt pre0 pre1 pre2 "
    "rXYZ gXYZ bXYZ rTRC gTRC bTRC kTRC wtpt bkpt chad chrm cicp clro clrt clot ncl2 lumi meas view vued "
    "rig0 rig2 tech resp desc cprt dmnd dmdd"
)
"""Tags of the ICC's own specification that tell colours, and the texts that each profile has to have."""
_MOST_TAGS = 200


def orientation(exif: bytes | None, xmp: bytes | None) -> int:
    """How the picture is turned, 1–8, by its EXIF, else by its XMP, as Pillow reads it; 1 where neither says."""
    found = None if exif is None else _of_exif(exif)
    if found is None and xmp is not None and (match := _IN_XMP.search(xmp)):
        found = int(match[1])
    return found if found is not None and 1 <= found <= 8 else 1


def _of_exif(exif: bytes) -> int | None:
    tiff = re.sub(rb"\A(?:Exif\0\0){1,2}", b"", exif)
    order: Literal["little", "big"]
    if tiff.startswith(b"II*\0"):
        order = "little"
    elif tiff.startswith(b"MM\0*"):
        order = "big"
    elif tiff[:2] in (b"II", b"MM"):
        raise Intricate("This picture's EXIF is written in an unusual way.")
    else:
        return None
    at = int.from_bytes(tiff[4:8], order)
    found = None
    for number in range(int.from_bytes(tiff[at : at + 2], order)):
        entry = tiff[at + 2 + 12 * number : at + 14 + 12 * number]
        if len(entry) < 12:
            break
        tag, kind = int.from_bytes(entry[:2], order), int.from_bytes(entry[2:4], order)
        if tag == _ORIENTATION and kind in _SIZES:
            found = int.from_bytes(entry[8 : 8 + _SIZES[kind]], order)
    return found


def exif_of(turned: int) -> bytes:
    """The smallest EXIF, without its heading, that says how a picture is turned and nothing else."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, turned, 0, 0)


def profile(icc: bytes) -> bytes:
    """The colour profile with the tags that colours need; `icc` itself where it has no others; b"" where it is broken.

    Its date, maker, name and copyright stay, as every copy of it has them.
    """
    count = int.from_bytes(icc[128:132], "big")
    if icc[36:40] != b"acsp" or count > _MOST_TAGS or len(icc) < 132 + 12 * count:
        return b""
    tags: list[tuple[bytes, int, int]] = list(struct.iter_unpack(">4sII", icc[132 : 132 + 12 * count]))
    known = {name.encode() for name in _COLOUR_TAGS.split()}
    wanted = [tag for tag in tags if tag[0] in known]
    if any(at + size > len(icc) for _, at, size in wanted):
        return b""
    if len(wanted) == count and not _has_more(icc, tags):
        return icc
    places: dict[tuple[int, int], int] = {}
    table, data = b"", bytearray()
    begin = 132 + 12 * len(wanted)
    for name, at, size in wanted:
        if (at, size) not in places:
            places[at, size] = begin + len(data)
            data += icc[at : at + size] + bytes(-size % 4)
            if len(data) > len(icc) + 4 * _MOST_TAGS:
                return b""
        table += struct.pack(">4sII", name, places[at, size], size)
    # The fingerprint in the header was of the whole profile; zero means that there is none.
    header = struct.pack(">I", begin + len(data)) + icc[4:84] + bytes(16) + icc[100:128]
    return header + struct.pack(">I", len(wanted)) + table + data


def _has_more(icc: bytes, tags: list[tuple[bytes, int, int]]) -> bool:
    """Whether something stands behind the last tag's end; some makers pad, so a few zeros are no message."""
    end = max((at + size for _, at, size in tags), default=132)
    return any(icc[end:])
