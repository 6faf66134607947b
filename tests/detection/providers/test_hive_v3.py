"""Hive V3, with its network mocked. How the classes are read is tried with V2's names in `test_hive`."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from detection.errors import QuotaExceeded, SchemaMismatch
from detection.providers.hive_v3 import HiveV3Provider
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import changed, samples_of

BODIES = {one.file: one.body for one in samples_of("hive_v3")}
CLASSES = ("output", 0, "classes")


class TestHiveV3Contract(HttpProviderContract):
    submit_url = "https://api.thehive.ai/api/v3/hive/ai-generated-and-deepfake-content-detection"
    samples = "hive_v3"
    good = BODIES["success_ai.json"]
    unknown_label = None
    fields = frozenset({"media"})
    score_at = (*CLASSES, 1, "value")
    statuses = {429: QuotaExceeded}

    def make(self, **options: Any) -> HiveV3Provider:
        return HiveV3Provider("hive_v3", {"api_key": KEY, **options})

    def test_the_name_that_v2_has_for_a_score_is_not_taken_here(self) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(self.good, (*CLASSES, 1), {"class": "ai_generated", "score": 0.97}))

    def test_the_days_allowance_pauses_and_is_no_attempt(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, status=429, json=BODIES["error_daily_allowance.json"])

        assert error.pauses
        assert not error.counts

    def test_a_picture_it_takes_fits_into_20_mb_as_base64_too(self) -> None:
        assert self.make().max_bytes * 4 / 3 <= 20_000_000

    @pytest.mark.parametrize("key", ["model", "version"])
    def test_a_model_is_named_by_what_is_there_of_it(self, key: str) -> None:
        whole = (self.good["model"], self.good["version"])
        without = {name: value for name, value in self.good.items() if name != key}

        assert self.make().parse(without).model in whole

    def test_it_neither_calls_back_nor_polls(self) -> None:
        provider = self.make(callbacks=True)

        assert not any((provider.calls_back, provider.polls, provider.finds_by_reference, provider.is_idempotent))

    def test_the_key_check_asks_nobody_and_says_so(self, vendor: responses.RequestsMock) -> None:
        assert "no call that tests a key" in str(self.make().check())
        assert not vendor.calls
