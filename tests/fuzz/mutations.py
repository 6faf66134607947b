"""Ways to spoil a picture: each takes bytes and a seeded `random.Random`, and the same seed spoils alike.

They know just enough of the containers (JPEG segments, PNG chunks, RIFF chunks, ISO base media and JUMBF boxes, TIFF
directories) to lie where a reader believes: lengths, counts, offsets, sizes. PNG checksums are mostly mended, so that
readers go on past the lie.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

PNG = b"\x89PNG\r\n\x1a\n"
_BOXES_OF_BOXES = {b"meta", b"moov", b"trak", b"iprp", b"ipco", b"iinf", b"jumb", b"dinf", b"mdia", b"minf", b"stbl"}
_DECLARING = (b"Exif\0\0", b"http://ns.adobe.com", b"jumb", b"JP\0", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX")
_DECLARING += (b"EXIF", b"XMP ", b"C2PA", b"<x:xmpmeta", b"uuid", b"Photoshop 3.0", b"iCCP", b"ICC_PROFILE")


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment, chunk or box: where it lies, and where and how wide its length is written."""

    start: int
    end: int
    length_at: int
    width: int
    is_little: bool = False


def pieces(content: bytes) -> list[Piece]:
    """The pieces of a picture as far as its structure can be followed, boxes inside boxes included."""
    if content[:2] == b"\xff\xd8":
        found = list(_segments(content))
    elif content.startswith(PNG):
        found = list(_chunks(content))
    elif content[:4] == b"RIFF":
        found = list(_riff(content))
    elif content[4:8] == b"ftyp":
        found = list(_boxes(content, 0, len(content)))
    else:
        found = []
    # JUMBF stands inside segments and chunks; its boxes are followed from the first one seen.
    for piece in tuple(found):
        at = content.find(b"jumb", piece.start, min(piece.end, piece.start + 64))
        if at >= 4:
            found += _boxes(content, at - 4, piece.end)
    return found[:2_000]


def _segments(content: bytes) -> Iterator[Piece]:
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        yield Piece(at, min(at + length, len(content)), at + 2, 2)
        if content[at + 1] == 0xDA:
            yield Piece(at + length, len(content), at + 2, 2)
            return
        at += length


def _chunks(content: bytes) -> Iterator[Piece]:
    at = 8
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        yield Piece(at, min(end, len(content)), at, 4)
        at = end


def _riff(content: bytes) -> Iterator[Piece]:
    yield Piece(0, len(content), 4, 4, True)
    at = 12
    while at + 8 <= len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        yield Piece(at, min(end, len(content)), at + 4, 4, True)
        at = end


def _boxes(content: bytes, at: int, end: int, depth: int = 0) -> Iterator[Piece]:
    while at + 8 <= end and depth < 8:
        length = int.from_bytes(content[at : at + 4], "big") or end - at
        if length < 8:
            return
        yield Piece(at, min(at + length, end), at, 4)
        kind = content[at + 4 : at + 8]
        if kind in _BOXES_OF_BOXES:
            skipped = {b"meta": 12, b"iinf": 14}.get(kind, 8)
            yield from _boxes(content, at + skipped, min(at + length, end), depth + 1)
        at += length


def _pick(content: bytes, dice: Random) -> Piece:
    """One piece: mostly one that declares something, for there a file is believed."""
    found = pieces(content) or [Piece(0, len(content), 0, 4)]
    declaring = [one for one in found if any(mark in content[one.start : one.start + 64] for mark in _DECLARING)]
    return dice.choice(declaring if declaring and dice.random() < 0.7 else found)


def _with(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def cut(content: bytes, dice: Random) -> bytes:
    """End at, or beside, the border of a piece, or anywhere."""
    piece = _pick(content, dice)
    near = dice.choice((piece.start, piece.end, piece.length_at, dice.randrange(len(content) + 1)))
    return content[: max(0, near + dice.choice((0, 0, -1, 1, 2, 4, 8, 12)))]


def flip(content: bytes, dice: Random) -> bytes:
    """Turn single bits in one piece."""
    piece, spoilt = _pick(content, dice), bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        if piece.end > piece.start:
            spoilt[dice.randrange(piece.start, piece.end)] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def lie(content: bytes, dice: Random) -> bytes:
    """Write another length."""
    piece = _pick(content, dice)
    order = "little" if piece.is_little else "big"
    top = 256**piece.width - 1
    old = int.from_bytes(content[piece.length_at : piece.length_at + piece.width], order)
    new = dice.choice((0, 1, 2, 7, 8, top, top - 1, top >> 1, (top >> 1) + 1, old - 1, old + 1, old * 2, old // 2))
    return _with(content, piece.length_at, (new & top).to_bytes(piece.width, order))


def overwrite(content: bytes, dice: Random) -> bytes:
    """Fill a stretch with one byte, with noise, or with numbers that overflow."""
    piece = _pick(content, dice)
    at = dice.randrange(piece.start, max(piece.start + 1, piece.end))
    length = min(dice.choice((1, 2, 4, 8, 100, 5_000)), len(content) - at)
    new = dice.choice(
        (bytes(length), b"\xff" * length, dice.randbytes(length), (b"\x7f\xff\xff\xff" * length)[:length])
    )
    return _with(content, at, new)


def double(content: bytes, dice: Random) -> bytes:
    """One piece twice, or very often."""
    piece = _pick(content, dice)
    body = content[piece.start : piece.end]
    times = dice.choice((1, 1, 2, 50, 3_000))
    times = min(times, max(1, 4_000_000 // max(1, len(body))))
    return content[: piece.end] + body * times + content[piece.end :]


def drop(content: bytes, dice: Random) -> bytes:
    """One piece missing."""
    piece = _pick(content, dice)
    return content[: piece.start] + content[piece.end :]


def swap(content: bytes, dice: Random) -> bytes:
    """Two pieces in each other's place."""
    one, other = sorted((_pick(content, dice), _pick(content, dice)), key=lambda piece: piece.start)
    if one.end > other.start:
        return flip(content, dice)
    parts = content[other.start : other.end], content[one.end : other.start], content[one.start : one.end]
    return content[: one.start] + b"".join(parts) + content[other.end :]


def directory(content: bytes, dice: Random) -> bytes:
    """Spoil a TIFF directory: loops, counts, types, offsets outside. Where there is none, add a looping one."""
    at = max(content.find(b"Exif\0\0II*\0") + 6, content.find(b"Exif\0\0MM\0*") + 6)
    if at < 6:
        at = max(content.find(b"II*\0"), content.find(b"MM\0*"))
    if at < 0 or at + 20 > len(content):
        loop = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
        return add(content, loop, b"eXIf", b"EXIF", b"Exif\0\0")
    order = "<" if content[at : at + 2] == b"II" else ">"
    ifd = struct.unpack_from(order + "I", content, at + 4)[0]
    if at + ifd + 2 > len(content):
        return flip(content, dice)
    entries = min(struct.unpack_from(order + "H", content, at + ifd)[0], 500)
    entry = at + ifd + 2 + 12 * dice.randrange(max(1, entries))
    lies: tuple[tuple[int, str, int], ...] = (
        (at + 4, "I", dice.choice((0, 4, 8, 2**31, 2**32 - 1))),
        (at + ifd, "H", dice.choice((0, 1, entries + 1, 65_535))),
        (at + ifd + 2 + 12 * entries, "I", dice.choice((ifd, 8, len(content), 2**32 - 1))),
        (entry, "H", dice.choice((0x8769, 0x8825, 0xA005, 0x014A, 0x9286, 0x010F, 0x0112, 0x02BC))),
        (entry + 2, "H", dice.choice((0, 2, 5, 7, 12, 13, 255, 65_535))),
        (entry + 4, "I", dice.choice((0, 1, 2**16, 2**28, 2**31, 2**32 - 1))),
        (entry + 8, "I", dice.choice((0, 1, ifd, 8, len(content), 2**32 - 1))),
    )
    for place, form, value in dice.sample(lies, dice.randint(1, 3)):
        if place + 4 <= len(content):
            content = _with(content, place, struct.pack(order + form, value & (2**32 - 1 if form == "I" else 65_535)))
    return content


def size(content: bytes, dice: Random) -> bytes:
    """Another width or height in the header: larger than memory, zero, or off by one."""
    number = dice.choice((0, 1, 7, 255, 8_000, 16_383, 65_535, 2**31 - 1, 2**32 - 1))
    if content.startswith(PNG):
        return _with(content, dice.choice((16, 20)), struct.pack(">I", number))
    if content[:4] == b"RIFF":
        return _with(content, 24 + dice.choice((0, 3)), struct.pack("<I", number)[:3])
    for mark, shift, form in ((b"ispe", 8, ">I"), (b"\xff\xc0", 5, ">H"), (b"\xff\xc2", 5, ">H")):
        at = content.find(mark)
        if 0 <= at < len(content) - 20:
            wide = struct.calcsize(form)
            value = number & (256**wide - 1)
            return _with(content, at + shift + dice.choice((0, wide)), struct.pack(form, value))
    return flip(content, dice)


_SOURCE = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_OPEN = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'


def packet(dice: Random) -> bytes:
    """An XMP packet that nobody should read carelessly."""
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"lol") for n in range(9))
    deep = dice.choice((500, 5_000, 20_000))
    return dice.choice(
        (
            b"<!DOCTYPE x [" + entities + b"]>" + _OPEN + b"&e8;</x:xmpmeta>",
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _OPEN + b"&e;</x:xmpmeta>",
            _OPEN + b"<a>" * deep + b"</a>" * deep + b"</x:xmpmeta>",
            _OPEN * deep,
            _OPEN + b"<d:AISystemUsed xmlns:d='d'>x</d:AISystemUsed>" * deep + b"</x:xmpmeta>",
            _OPEN + b"".join(b"<d:DigitalSourceType xmlns:d='d'>%d</d:DigitalSourceType>" % n for n in range(deep)),
            _OPEN + b"<a " + b" ".join(b'a%d="%s"' % (n, _SOURCE) for n in range(deep // 10)) + b"/></x:xmpmeta>",
            (_OPEN.decode() + "\N{ZERO WIDTH NO-BREAK SPACE}</x:xmpmeta>").encode("utf-16"),
            b'<?xml version="1.0" encoding="%s"?>' % dice.choice((b"utf-7", b"ebcdic", b"\xff", b"idna")) + _OPEN,
            _OPEN + b"<a>\0</a>" + _SOURCE + dice.randbytes(50) + b"</x:xmpmeta>",
        )
    )


def xmp(content: bytes, dice: Random) -> bytes:
    """Put such a packet in."""
    return add(
        content, packet(dice), b"iTXt", b"XMP ", b"http://ns.adobe.com/xap/1.0/\0", b"XML:com.adobe.xmp\0\0\0\0\0"
    )


def text(content: bytes, dice: Random) -> bytes:
    """Very long, packed, nested or plentiful text, under a key that is looked at."""
    key = dice.choice((b"parameters", b"prompt", b"workflow", b"Dream", b"Description", b"AIGC", b"sd-metadata", b"k"))
    deep = dice.choice((900, 5_000, 100_000))
    body = dice.choice(
        (
            b'{"a":' * deep + b"1" + b"}" * deep,
            b"[" * deep,
            b'{"1":{"class_type":"KSampler"}}',
            b"Steps: 1, " * deep,
            b"Job ID: " + b" " * deep,
            b'"a -s 1 ' * deep,
            b'"Label" ' * deep,
            b"\0" * deep,
            dice.randbytes(deep),
            b"1" * deep,
        )
    )
    kind = dice.choice((b"tEXt", b"zTXt", b"iTXt"))
    if kind == b"zTXt":
        body = b"\0" + zlib.compress(body * dice.choice((1, 50)))
    elif kind == b"iTXt":
        body = b"\1\0\0\0" + zlib.compress(body)
    times = dice.choice((1, 1, 1, 50, 900, 1_500)) if len(body) < 5_000 else 1
    return add(content, body, kind, b"EXIF", b"Exif\0\0", key + b"\0", times=times)


def add(
    content: bytes, body: bytes, chunk: bytes, riff: bytes, segment: bytes, keyword: bytes = b"", *, times: int = 1
) -> bytes:
    """The picture with `body` where its format keeps such things; further readers find it at the end of the file."""
    if content.startswith(PNG):
        data = chunk + keyword + body
        whole = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
        return content[:33] + whole * times + content[33:]
    if content[:4] == b"RIFF":
        return content + (riff + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)) * times
    if content[:2] == b"\xff\xd8":
        body = (segment + body)[:65_533]
        return content[:2] + (b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body) * times + content[2:]
    return content + (struct.pack(">I", len(body) + 8) + b"uuid" + body) * times


ALL: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(cut, flip, flip, flip, lie, lie, overwrite, double, drop, swap, directory, size, xmp, text),
)


def spoil(content: bytes, dice: Random) -> tuple[bytes, str]:
    """The picture after one to three of them, and their names."""
    names = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        mutation = dice.choice(ALL)
        content = mutation(content or b"\0", dice)
        names.append(mutation.__name__)
    if content.startswith(PNG) and dice.random() < 0.8:
        content = mended(content)
    return content, "+".join(names)


def mended(content: bytes) -> bytes:
    """A PNG with the checksum of each chunk made right."""
    parts, at = [content[:8]], 8
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        parts.append(content[at:end] + struct.pack(">I", zlib.crc32(content[at + 4 : end])))
        at = end + 4
    return b"".join([*parts, content[at:]])
