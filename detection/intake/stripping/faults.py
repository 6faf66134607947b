"""Why a file's metadata can't be removed from it as it stands. Asked inside this package and by `scanning.reading`."""

from __future__ import annotations

MOST_PIECES = 200_000
"""Segments or chunks that are walked of one file; a PNG of 60 MB that is written in pieces of 8 KB has 7 500."""


class Intricate(Exception):
    """The file is built in a way that is not known well enough here. A rendition carries no metadata either."""


class Packed(Exception):
    """Something that decides what stays is compressed, and nothing is unpacked outside the sandbox."""
