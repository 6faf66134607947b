"""The values that adapters speak in: what a vendor wrote is cut and shown, and what cannot be is refused."""

from __future__ import annotations

import pytest

from detection.results import Evidence, Generator, Overlay

LOST = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b", "a\u202eb", "a\nb"])
def test_what_nobody_can_see_or_store_stands_in_no_generators_name(name: str) -> None:
    assert Generator(name=name).name == f"a{LOST}b"


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    told = Evidence(kind="note", key="k" * 101, value="v" * 201, where="w" * 301)
    assert (told.key, told.value, told.where) == ("k" * 99 + "…", "v" * 199 + "…", "w" * 299 + "…")
    assert Generator(name="n" * 101).name == "n" * 99 + "…"
    whole = Evidence(kind="note", key="k" * 100, value="v" * 200, where="w" * 300)
    assert (whole.key, whole.value, whole.where) == ("k" * 100, "v" * 200, "w" * 300)
    assert Generator(name="n" * 100).name == "n" * 100


@pytest.mark.parametrize("url", ["https://x.example/\x00", "https://x.example/\ud800", "https://x.example/ü"])
def test_an_address_that_is_none_makes_no_overlay(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Overlay(url=url)
