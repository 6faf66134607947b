"""No sample body of any vendor is forgotten: each has one of ours, alike in shape and evidence, or a reason why not.

The samples lie beside a checkout, and are what is known of the vendors' answers; ours under tests/fixtures/providers
have the same shape and other values. What can be asked without them is asked without them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.samples import FOLDER

SHARED = Path(__file__).resolve().parents[3] / "shared" / "provider_samples"
NOT_ASSERTED = FOLDER / "not_asserted.json"
LONG = 12
"""Characters over which the same value in both is a copy, not chance."""
_WORD = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")


def vendors() -> list[str]:
    """The folders of our bodies, one a vendor."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def listed(vendor: str) -> list[dict[str, Any]]:
    """The entries of a vendor's index; none where there is no index."""
    index = FOLDER / vendor / "index.json"
    return json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []


OURS = [(vendor, entry) for vendor in vendors() for entry in listed(vendor) if entry.get("sample")]
each_of_ours = pytest.mark.parametrize(("vendor", "entry"), OURS, ids=[entry["sample"] for _, entry in OURS])


@cache
def not_asserted() -> dict[str, str]:
    """The samples that no adapter reads, each with the reason."""
    found: dict[str, str] = json.loads(NOT_ASSERTED.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def shared() -> dict[str, dict[str, Any]]:
    """The index of the samples by file, e.g. `winston/success_ai.json`."""
    if not SHARED.is_dir():
        pytest.skip("the folder of the vendors' sample bodies is not here: it lies beside a checkout")
    entries = json.loads((SHARED / "_index.json").read_text(encoding="utf-8"))
    return {entry["file"]: entry for entry in entries}


def body(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def keys_of(value: Any, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each key; the entries of a list are one, and what any of them has counts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*so_far, key)
            yield from keys_of(item, (*so_far, key))
    elif isinstance(value, list):
        for item in value:
            yield from keys_of(item, (*so_far, "[]"))


def literals_of(value: Any) -> Iterator[str]:
    """Each text and number, as text."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from literals_of(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


class TestOurs:
    @pytest.mark.parametrize("vendor", vendors())
    def test_a_vendors_index_lists_the_files_of_its_folder_once_each(self, vendor: str) -> None:
        files = [file.name for file in (FOLDER / vendor).iterdir() if file.name != "index.json"]

        assert sorted(entry["file"] for entry in listed(vendor)) == sorted(files)
        assert files

    def test_no_sample_is_named_twice(self) -> None:
        named = Counter([*(entry["sample"] for _, entry in OURS), *not_asserted()])

        assert [sample for sample, times in named.items() if times > 1] == []

    def test_each_that_is_not_asserted_has_a_reason(self) -> None:
        assert all(len(reason) > 20 and reason.endswith(".") for reason in not_asserted().values())


@pytest.mark.corpus
class TestAgainstTheSamples:
    def test_every_sample_is_asserted_or_has_a_reason_why_not(self, shared: dict[str, dict[str, Any]]) -> None:
        named = {entry["sample"] for _, entry in OURS} | set(not_asserted())

        assert sorted(set(shared) - named) == [], "forgotten"
        assert sorted(named - set(shared)) == [], "no such sample"

    @each_of_ours
    def test_the_evidence_is_what_is_known_of_the_sample(
        self, vendor: str, entry: dict[str, Any], shared: dict[str, dict[str, Any]]
    ) -> None:
        assert entry["evidence"] == shared[entry["sample"]]["evidence"]

    @each_of_ours
    def test_status_and_headers_are_the_samples(
        self, vendor: str, entry: dict[str, Any], shared: dict[str, dict[str, Any]]
    ) -> None:
        sample = shared[entry["sample"]]
        if sample["http_status"] == "POST in":
            assert entry.get("via", "submit") != "submit", "this one comes to us by itself"
            return
        assert entry["http_status"] == sample["http_status"]
        assert set(entry["headers"]) == set(sample["headers"])

    @each_of_ours
    def test_our_body_has_the_keys_of_the_sample(
        self, vendor: str, entry: dict[str, Any], shared: dict[str, dict[str, Any]]
    ) -> None:
        ours = set(keys_of(body(FOLDER / vendor / entry["file"])))
        theirs = set(keys_of(body(SHARED / entry["sample"])))

        if entry.get("differs"):
            assert ours != theirs, "they are alike: the reason has gone"
        else:
            assert ours == theirs

    @each_of_ours
    def test_our_values_are_our_own(
        self, vendor: str, entry: dict[str, Any], shared: dict[str, dict[str, Any]]
    ) -> None:
        """What both may say: the vendor's vocabulary, a single word or one that its adapter reads."""
        ours, theirs = (
            set(literals_of(body(path))) for path in (FOLDER / vendor / entry["file"], SHARED / entry["sample"])
        )
        adapter = Path(__file__).resolve().parents[2] / "detection" / "providers" / f"{vendor}.py"
        vocabulary = adapter.read_text(encoding="utf-8")

        copied = {
            text for text in ours & theirs if len(text) > LONG and not _WORD.fullmatch(text) and text not in vocabulary
        }
        assert copied == set()
