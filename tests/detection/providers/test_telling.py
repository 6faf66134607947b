"""What becomes of an answer: bounded, and without what must not be shown, whichever vendor it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from detection.errors import SchemaMismatch
from detection.providers.http import HttpProvider
from detection.providers.telling import MAX_EVIDENCE, MAX_GENERATORS
from detection.results import Evidence, Generator, ScanResult
from detection.vocabulary import Verdict

KEY = "sk-live-0123456789abcdef"
PIECES = tuple(KEY[start : start + 6] for start in range(len(KEY) - 5))
RAISED: dict[str, type[Exception]] = {
    one.__name__: one for one in (KeyError, IndexError, TypeError, UnicodeError, AttributeError, OverflowError)
}
SIGNED = "https://files.example/heat.png?X-Amz-Signature=of-no-use"


class Vendor(HttpProvider):
    """Says what it is told, raises where that is an error."""

    base_url = "https://vendor.example"

    def parse(self, payload: Mapping[str, Any]) -> ScanResult:
        if "raises" in payload:
            raise RAISED[payload["raises"]]("odd")
        return self.finished(payload, Verdict.UNCERTAIN)


@pytest.mark.parametrize("raised", RAISED)
def test_whatever_a_foreign_shape_raises_is_for_a_person_and_is_kept(raised: str) -> None:
    payload = {"raises": raised, "note": f"asked with {KEY}"}

    with pytest.raises(SchemaMismatch) as caught:
        Vendor("vendor", {"api_key": KEY}).understood(payload)

    assert caught.value.raw is not None
    assert caught.value.raw["note"] == "asked with [redacted]"


def finished(**fields: Any) -> ScanResult:
    return Vendor("vendor", {"api_key": KEY}).finished({}, Verdict.UNCERTAIN, **fields)


def pieces_in(text: str) -> list[str]:
    return [piece for piece in PIECES if piece in text]


@pytest.mark.parametrize("before", ["asked with ", "x" * 180, "x" * 90, "x" * 290])
def test_neither_our_key_nor_a_signed_link_stands_in_evidence_or_a_generators_name(before: str) -> None:
    said = f"{before}{KEY} {SIGNED}"
    found = finished(
        evidence=(Evidence(kind="note", key=said, value=said, where=said),), generators=(Generator(name=said),)
    )

    [told], [named] = found.evidence, found.generators
    for text in (told.key, told.value, told.where, named.name):
        assert pieces_in(text) == []
        assert "of-no-use" not in text
        assert text.startswith(before[:80])


def test_what_holds_no_secret_stays_as_it_is() -> None:
    one = Evidence(kind="classifier", key="rd-birch-img", value="FAKE, 91.2 of 100", where="models")

    assert finished(evidence=(one,)).evidence == (one,)


def test_a_long_list_of_evidence_is_cut_and_says_by_how_much() -> None:
    many = tuple(Evidence(kind="note", key=f"n{number}", value="") for number in range(MAX_EVIDENCE + 8))

    found = finished(evidence=many).evidence
    assert len(found) == MAX_EVIDENCE
    assert [one.key for one in found[:-1]] == [one.key for one in many[: MAX_EVIDENCE - 1]]
    assert (found[-1].kind, found[-1].value) == ("note", "9 more entries were left out")
    assert finished(evidence=many[:MAX_EVIDENCE]).evidence == many[:MAX_EVIDENCE]


def test_of_many_generators_those_with_the_highest_scores_stay() -> None:
    many = [Generator(name=f"g{number}", score=number / 100) for number in range(MAX_GENERATORS + 5)]

    found = finished(generators=(Generator(name="without a score"), *many))
    assert [one.name for one in found.generators] == [one.name for one in reversed(many[5:])]
    assert [one.value for one in found.evidence] == ["6 more generators were left out"]
    assert finished(generators=tuple(many[:MAX_GENERATORS])).evidence == ()


def test_both_are_told_in_one_entry() -> None:
    found = finished(
        evidence=(Evidence(kind="note", key="n", value=""),) * (MAX_EVIDENCE + 1),
        generators=(Generator(name="g"),) * (MAX_GENERATORS + 1),
    )

    assert len(found.evidence) == MAX_EVIDENCE
    assert found.evidence[-1].value == "2 more entries and 1 more generators were left out"
