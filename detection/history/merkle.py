"""A tree of hashes over the seals, as RFC 9162 builds it: that one entry stands under a root is shown by a few hashes.

Pure. A leaf is the hash of one seal, which already commits to every entry before it; the tree only makes the way from
an entry to an anchor short. Source of the algorithms: https://www.rfc-editor.org/rfc/rfc9162, 2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def leaf(seal: str) -> bytes:
    """The leaf of one seal's hash (64 hex digits)."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(seal)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree(seals: Iterable[str]) -> list[list[bytes]]:
    """Every level of the tree, the leaves first; an odd last node goes up as it is. No seals: no levels."""
    level = [leaf(one) for one in seals]
    levels = [level] if level else []
    while len(level) > 1:
        above = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        levels.append(above)
        level = above
    return levels


def root(levels: Sequence[Sequence[bytes]]) -> str:
    """The root as 64 hex digits; "" for an empty tree."""
    return levels[-1][0].hex() if levels else ""


def path(levels: Sequence[Sequence[bytes]], index: int) -> list[str]:
    """The hashes beside the way from leaf `index` (from 0) up to the root."""
    found = []
    for level in levels[:-1]:
        beside = index ^ 1
        if beside < len(level):
            found.append(level[beside].hex())
        index //= 2
    return found


def root_by(seal: str, index: int, size: int, beside: Sequence[str]) -> str:
    """The root that this seal, at `index` of `size`, leads to by this path; "" where the path cannot be one."""
    if not 0 <= index < size:
        return ""
    node, last, hashes = leaf(seal), size - 1, list(beside)
    while last > 0:
        if index % 2 or index < last:
            if not hashes:
                return ""
            other = bytes.fromhex(hashes.pop(0))
            node = _node(other, node) if index % 2 else _node(node, other)
        index, last = index // 2, last // 2
    return "" if hashes else node.hex()
