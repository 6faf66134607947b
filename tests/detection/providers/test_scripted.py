"""The scripted detector: what it is told, in order, a clean queue for each alias."""

from __future__ import annotations

from typing import Any

import pytest

from detection.errors import NotFound, ProviderMisconfigured, RateLimited, SchemaMismatch
from detection.providers.base import Thresholds
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanResult
from detection.vocabulary import Basis, Verdict
from tests.contracts.provider_cases import REFERENCE, ProviderContract, a_request


class TestScriptedContract(ProviderContract):
    def make(self, **options: Any) -> ScriptedProvider:
        return ScriptedProvider("scripted", options)


@pytest.fixture
def scripted() -> ScriptedProvider:
    return ScriptedProvider("scripted", {})


def verdict(answer: ScanResult | Accepted | None) -> Verdict:
    assert isinstance(answer, ScanResult)
    return answer.verdict


def test_without_a_script_it_is_uncertain(scripted: ScriptedProvider) -> None:
    assert verdict(scripted.submit(a_request())) is Verdict.UNCERTAIN


def test_queued_answers_come_in_order_and_then_the_default(scripted: ScriptedProvider) -> None:
    scripted.will_return(verdict="likely_ai", ai_score=0.93).will_fail(RateLimited(retry_after=5)).will_return(
        "likely_human"
    )

    first = scripted.submit(a_request())
    with pytest.raises(RateLimited):
        scripted.submit(a_request())

    assert isinstance(first, ScanResult)
    assert (first.verdict, first.ai_score, first.ai_score_kind) == (Verdict.LIKELY_AI, 0.93, "model_score")
    assert verdict(scripted.submit(a_request())) is Verdict.LIKELY_HUMAN
    assert verdict(scripted.submit(a_request())) is Verdict.UNCERTAIN
    assert [call.reference for call in scripted.calls] == [REFERENCE] * 4


def test_an_accepted_picture_gives_its_answers_one_after_another(scripted: ScriptedProvider) -> None:
    last = ScanResult(verdict=Verdict.LIKELY_HUMAN)
    scripted.will_accept("job-1", then=[SchemaMismatch("odd"), last])

    assert scripted.submit(a_request()) == Accepted(provider_reference="job-1", poll_after=0.0)
    with pytest.raises(SchemaMismatch):
        scripted.fetch("job-1")

    assert verdict(scripted.fetch("job-1")) is Verdict.LIKELY_HUMAN
    assert verdict(scripted.fetch("job-1")) is Verdict.LIKELY_HUMAN


def test_an_acceptance_without_answers_never_ends(scripted: ScriptedProvider) -> None:
    scripted.will_accept("job-1")
    scripted.submit(a_request())

    assert isinstance(scripted.fetch("job-1"), Accepted)


def test_it_finds_by_our_reference_what_it_took(scripted: ScriptedProvider) -> None:
    scripted.will_return(verdict="likely_ai")
    scripted.submit(a_request())

    assert verdict(scripted.find(REFERENCE)) is Verdict.LIKELY_AI
    assert scripted.find("another") is None
    with pytest.raises(NotFound):
        scripted.fetch("another")


def test_an_overlay_is_bytes(scripted: ScriptedProvider) -> None:
    answer = scripted.will_return(verdict="likely_ai", overlay=b"picture").submit(a_request())

    assert isinstance(answer, ScanResult)
    assert answer.overlay is not None
    assert scripted.download_overlay(answer.overlay) == b"picture"


def test_it_can_play_an_embedded_reader_of_declarations() -> None:
    plays = ScriptedProvider("reader", {"embedded": True, "pixels": False, "finds": False})

    answer = plays.submit(a_request())

    assert (plays.is_embedded, plays.looks_at_pixels, plays.finds_by_reference) == (True, False, False)
    assert isinstance(answer, ScanResult)
    assert answer.basis is Basis.DECLARATION


def test_its_default_and_thresholds_are_options() -> None:
    options = {"default": {"verdict": "likely_ai", "ai_score": 0.7}, "thresholds": {"some": 0.2, "strong": 0.6}}
    plays = ScriptedProvider("plays", options)

    assert verdict(plays.submit(a_request())) is Verdict.LIKELY_AI
    assert plays.thresholds == Thresholds(some=0.2, strong=0.6)


def test_two_aliases_share_nothing(scripted: ScriptedProvider) -> None:
    other = ScriptedProvider("other", {})
    scripted.will_return(verdict="likely_ai")

    assert verdict(other.submit(a_request())) is Verdict.UNCERTAIN
    assert scripted.calls == []


@pytest.mark.parametrize(
    "options",
    [
        {"default": {"verdict": "surely"}},
        {"default": {"colour": "blue"}},
        {"default": {"ai_score": 7}},
        {"thresholds": {"low": 1}},
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ProviderMisconfigured, match="plays"):
        ScriptedProvider("plays", options)
