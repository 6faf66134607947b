"""The text chunks of a PNG, read without decoding a pixel: they may stand after the pixels, or in a file cut short."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

MAX_CHUNKS = 2_000
MAX_TEXT = 4 * 1024 * 1024
"""Bytes of one text, after unpacking, that are looked at."""
MAX_ALL = 16 * 1024 * 1024
"""Bytes of all texts of a file, after unpacking; what comes after them is not looked at."""


def texts(content: bytes) -> list[tuple[str, str]]:
    """(keyword, text) of each tEXt, zTXt and iTXt chunk, in order, as far as the limits go. Not a PNG: nothing."""
    found: list[tuple[str, str]] = []
    left = MAX_ALL
    for kind, data in _chunks(content) if content.startswith(b"\x89PNG\r\n\x1a\n") else ():
        pair = _text(kind, data, min(left, MAX_TEXT))
        if pair is not None:
            found.append(pair)
            left -= len(pair[1])
        if left <= 0 or len(found) >= MAX_CHUNKS:
            break
    return found


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position, count = 8, 0
    while position + 8 <= len(content) and count < 50_000:
        length = int.from_bytes(content[position : position + 4], "big")
        kind = content[position + 4 : position + 8]
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield kind, content[position + 8 : position + 8 + min(length, MAX_TEXT)]
        position, count = position + 12 + length, count + 1


def _text(kind: bytes, data: bytes, most: int) -> tuple[str, str] | None:
    keyword, separator, rest = data.partition(b"\0")
    if not separator:
        return None
    name = keyword.decode("latin-1")[:79]
    if kind == b"tEXt":
        return name, _decoded(rest[:most])
    if kind == b"zTXt":
        return name, _decoded(_unpacked(rest[1:], most))
    is_packed, rest = rest[:1] == b"\1", rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, rest = rest.partition(b"\0")
    return name, _decoded(_unpacked(rest, most) if is_packed else rest[:most])


def _unpacked(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error:
        return b""


def _decoded(data: bytes) -> str:
    # Generators write UTF-8 into chunks that the standard calls Latin-1.
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
