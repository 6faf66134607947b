"""The text chunks of a PNG, read without decoding a pixel: they may stand after the pixels, or in a file cut short."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

MAX_CHUNKS = 2_000
MAX_TEXT = 4 * 1024 * 1024
"""Bytes of one text, after unpacking, that are looked at."""


def texts(content: bytes) -> list[tuple[str, str]]:
    """(keyword, text) of each tEXt, zTXt and iTXt chunk, in order. Not a PNG: nothing."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return []
    found = [pair for kind, data in _chunks(content) if (pair := _text(kind, data)) is not None]
    return found[:MAX_CHUNKS]


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position, count = 8, 0
    while position + 8 <= len(content) and count < 50_000:
        length = int.from_bytes(content[position : position + 4], "big")
        kind = content[position + 4 : position + 8]
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield kind, content[position + 8 : position + 8 + min(length, MAX_TEXT)]
        position, count = position + 12 + length, count + 1


def _text(kind: bytes, data: bytes) -> tuple[str, str] | None:
    keyword, separator, rest = data.partition(b"\0")
    if not separator:
        return None
    name = keyword.decode("latin-1")[:79]
    if kind == b"tEXt":
        return name, _decoded(rest)
    if kind == b"zTXt":
        return name, _decoded(_unpacked(rest[1:]))
    is_packed, rest = rest[:1] == b"\1", rest[2:]
    _, _, rest = rest.partition(b"\0")
    _, _, rest = rest.partition(b"\0")
    return name, _decoded(_unpacked(rest) if is_packed else rest)


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MAX_TEXT)
    except zlib.error:
        return b""


def _decoded(data: bytes) -> str:
    # Generators write UTF-8 into chunks that the standard calls Latin-1.
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
