"""That one entry stands under a root, shown by a few hashes."""

from __future__ import annotations

import hashlib

import pytest

from detection.history import merkle

SEALS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(23)]


@pytest.mark.parametrize("size", range(1, len(SEALS) + 1))
def test_every_leaf_of_every_tree_leads_to_its_root_and_no_other_leaf_does(size: int) -> None:
    levels = merkle.tree(SEALS[:size])
    root = merkle.root(levels)
    for index in range(size):
        path = merkle.path(levels, index)
        assert merkle.root_by(SEALS[index], index, size, path) == root
        assert merkle.root_by("ab" * 32, index, size, path) != root
        assert merkle.root_by(SEALS[index], index, size, [*path, "00" * 32]) == ""
        if path:
            assert merkle.root_by(SEALS[index], index, size, path[1:]) != root


def test_the_tree_is_the_one_of_the_standard() -> None:
    """RFC 9162, 2.1.1, for three leaves."""

    def digest(*parts: bytes) -> bytes:
        return hashlib.sha256(b"".join(parts)).digest()

    a, b, c = (digest(b"\x00", bytes.fromhex(one)) for one in SEALS[:3])
    assert merkle.root(merkle.tree(SEALS[:3])) == digest(b"\x01", digest(b"\x01", a, b), c).hex()


def test_there_is_no_way_into_an_empty_tree() -> None:
    assert merkle.tree([]) == []
    assert merkle.root([]) == ""
    assert merkle.root_by(SEALS[0], 0, 0, []) == ""
