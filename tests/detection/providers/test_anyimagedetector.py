"""AnyImageDetector, with its network mocked: its words, its scores, and what a refusal means."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from detection.errors import AuthFailed, ImageRefused, ProviderDown, ProviderError, QuotaExceeded, RateLimited
from detection.providers.anyimagedetector import AnyimagedetectorProvider
from detection.providers.base import FROM_DOCUMENTATION, Thresholds
from detection.results import ScanResult
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import CONTENT, a_request, raw, samples_of

BODIES = {one.file: one.body for one in samples_of("anyimagedetector")}


class TestAnyimagedetectorContract(HttpProviderContract):
    submit_url = "https://imagedetector.online/v1/image/detect"
    samples = "anyimagedetector"
    good = BODIES["success_ai.json"]
    unknown_label = {**good, "verdict": "rather_odd"}
    fields = frozenset({"image"})
    score_at = ("ai_score",)
    gives_id = False

    def make(self, **options: Any) -> AnyimagedetectorProvider:
        return AnyimagedetectorProvider("anyimagedetector", {"api_key": KEY, **options})

    def test_the_key_goes_in_one_of_the_two_headers_that_the_vendor_takes(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make().submit(a_request())

        request = vendor.calls[0].request
        assert "x-api-key" not in request.headers
        assert CONTENT in raw(request)

    @pytest.mark.parametrize("status", [400, 403, 418, 500])
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("bad_request", ImageRefused),
            ("unauthorized", AuthFailed),
            ("insufficient_credits", QuotaExceeded),
            ("paid_plan_required", QuotaExceeded),
            ("too_many_requests", RateLimited),
            ("detection_failed", ProviderDown),
            ("unavailable", ProviderDown),
        ],
    )
    def test_the_vendors_code_wins_over_the_status(
        self, vendor: responses.RequestsMock, status: int, code: str, expected: type[ProviderError]
    ) -> None:
        error = self.fails(vendor, status=status, json={"error": code, "message": "No."})

        assert (type(error), error.provider_code) == (expected, code)
        assert str(error).endswith("No.")

    def test_a_code_that_nobody_knows_is_read_by_its_status(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, status=418, json={"error": "rather_odd", "message": "No."})

        assert (type(error), error.provider_code, error.retryable) == (ProviderError, "rather_odd", False)

    def test_it_asks_no_faster_than_the_vendor_allows_unless_told_otherwise(self) -> None:
        assert self.make().rate == "1/s"
        assert self.make(rate="5/s").rate == "5/s"

    def test_its_card_says_that_the_vendors_own_page_was_not_read(self) -> None:
        note = self.make().evidence_note

        assert note != FROM_DOCUMENTATION
        assert "third party" in note
        assert "not from the vendor's own page" in note

    def test_its_cuts_are_the_vendors_bands(self) -> None:
        assert self.make().thresholds == Thresholds(some=0.46, strong=0.75)


def parse(**answer: Any) -> ScanResult:
    provider = AnyimagedetectorProvider("anyimagedetector", {"api_key": KEY})
    return provider.parse({**BODIES["success_ai.json"], **answer})


class TestReading:
    @pytest.mark.parametrize(
        ("label", "score"),
        [
            ("likely_ai", 0.55),
            ("likely_ai", 0.546),
            ("likely_ai", 1),
            ("uncertain", 0.46),
            ("uncertain", 0.54),
            ("likely_human", 0.45),
            ("likely_human", 0.454),
            ("likely_human", 0),
        ],
    )
    def test_a_word_holds_within_its_band(self, label: str, score: float) -> None:
        found = parse(verdict=label, ai_score=score)

        assert found.verdict.value == label
        assert found.warnings == ()

    @pytest.mark.parametrize(
        ("label", "score"),
        [
            ("likely_human", 0.46),
            ("likely_human", 0.97),
            ("likely_ai", 0.54),
            ("likely_ai", 0.02),
            ("uncertain", 0.55),
            ("uncertain", 0.45),
        ],
    )
    def test_a_word_that_its_own_score_contradicts_is_uncertain(self, label: str, score: float) -> None:
        found = parse(verdict=label, ai_score=score)

        assert (found.verdict, found.raw_verdict, found.ai_score) == (Verdict.UNCERTAIN, label, score)
        assert found.warnings == ("label_and_score_disagree",)

    @pytest.mark.parametrize("label", [None, "", "LIKELY_HUMAN"])
    def test_without_a_known_word_a_low_score_clears_nothing(self, label: Any) -> None:
        assert parse(verdict=label, ai_score=0.01).verdict is Verdict.UNKNOWN

    def test_a_missing_word_is_told(self) -> None:
        assert parse(verdict=None).reasons == ("no_verdict",)

    @pytest.mark.parametrize(("said", "kept"), [("high", "high"), ("sure", ""), (0.9, ""), (None, "")])
    def test_confidence_is_a_band_and_never_a_score(self, said: Any, kept: str) -> None:
        found = parse(confidence=said)

        assert (found.confidence_band, found.ai_score) == (kept, BODIES["success_ai.json"]["ai_score"])
