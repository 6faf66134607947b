"""Sightengine, with its network mocked: what is sent where, and which of its answers are answers."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from detection.errors import (
    AuthFailed,
    ImageRefused,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    QuotaExceeded,
    RateLimited,
    SchemaMismatch,
)
from detection.providers.sightengine import SightengineProvider
from detection.results import Generator, ScanResult
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import CONTENT, a_request, raw, samples_of

BODIES = {one.file: one.body for one in samples_of("sightengine")}
USER = "4711008150"


def failure(kind: Any, code: Any = 7) -> dict[str, Any]:
    error = {"type": kind, "code": code, "message": "No."}
    return {"status": "failure", "request": {"id": "req_ours13"}, "error": error}


class TestSightengineContract(HttpProviderContract):
    submit_url = "https://api.sightengine.com/1.0/check.json"
    samples = "sightengine"
    good = BODIES["success_ai.json"]
    unknown_label = None
    auth = None
    fields = frozenset({"media", "models", "api_user", "api_secret"})
    score_at = ("type", "ai_generated")

    def make(self, **options: Any) -> SightengineProvider:
        return SightengineProvider("sightengine", {"api_key": f"{USER}:{KEY}", **options})

    def test_user_and_secret_are_fields_of_a_form_and_stand_nowhere_else(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make().submit(a_request())

        request = vendor.calls[0].request
        assert (request.method, request.url) == ("POST", self.submit_url)
        assert not {KEY, USER} & {word for value in request.headers.values() for word in str(value).split()}
        assert "Authorization" not in request.headers
        for name, value in (("api_user", USER), ("api_secret", KEY), ("models", "genai")):
            assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in raw(request)
        assert CONTENT in raw(request)

    def test_a_key_without_its_user_is_refused_by_name(self) -> None:
        with pytest.raises(ProviderMisconfigured, match="api_user:api_secret"):
            self.make(api_key="only-a-secret").check_configuration()

    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    @pytest.mark.parametrize(
        ("kind", "code", "expected"),
        [
            ("argument_error", 1, AuthFailed),
            ("argument_error", 2, ProviderError),
            ("argument_error", True, ProviderError),
            ("argument_error", None, ProviderError),
            ("credentials_error", 4, AuthFailed),
            ("media_error", 1, ImageRefused),
            ("plan_error", 1, QuotaExceeded),
            ("usage_limit", 1, QuotaExceeded),
            ("api_error", 1, ProviderDown),
            ("unknown_error", 1, ProviderDown),
            ("request_error", 1, ProviderError),
            ("callback_error", 1, ProviderError),
        ],
    )
    def test_a_failure_is_an_error_of_its_type_under_any_status(
        self, vendor: responses.RequestsMock, kind: str, code: Any, expected: type[ProviderError], status: int
    ) -> None:
        error = self.fails(vendor, status=status, json=failure(kind, code))

        assert type(error) is expected
        assert error.http_status == status
        assert error.request_id == "req_ours13"

    @pytest.mark.parametrize("kind", ["moon_error", None, 7, ["media_error"]])
    def test_a_type_of_failure_that_nobody_knows_is_final_under_200(
        self, vendor: responses.RequestsMock, kind: Any
    ) -> None:
        error = self.fails(vendor, status=200, json=failure(kind))

        assert type(error) is ProviderError
        assert not error.retryable

    def test_too_many_requests_without_a_body_are_no_used_up_plan(self, vendor: responses.RequestsMock) -> None:
        assert type(self.fails(vendor, status=429, body="")) is RateLimited

    def test_the_number_that_support_asks_for_is_told(self, vendor: responses.RequestsMock) -> None:
        assert "(media_error:23)" in str(self.fails(vendor, status=400, json=BODIES["error_bad_image.json"]))

    @pytest.mark.parametrize("status", [None, "", "pending", True, ["success"]])
    def test_an_answer_that_does_not_say_it_succeeded_is_for_a_person(self, status: Any) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse({**self.good, "status": status})

    def test_an_animation_is_never_judged_by_one_of_its_frames(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, json=BODIES["success_gif_frames.json"])

        assert isinstance(error, SchemaMismatch)
        assert error.raw == BODIES["success_gif_frames.json"]


def parse(value: Any, **more: Any) -> ScanResult:
    provider = SightengineProvider("sightengine", {"api_key": f"{USER}:{KEY}"})
    return provider.parse({**BODIES["success_ai.json"], "type": {"ai_generated": value, **more}})


class TestReading:
    @pytest.mark.parametrize(
        ("value", "verdict"),
        [
            (0, Verdict.LIKELY_HUMAN),
            (0.499, Verdict.LIKELY_HUMAN),
            (0.5, Verdict.UNCERTAIN),
            (0.899, Verdict.UNCERTAIN),
            (0.9, Verdict.LIKELY_AI),
            (1, Verdict.LIKELY_AI),
        ],
    )
    def test_the_word_comes_from_our_cuts_for_the_vendor_gives_none(self, value: float, verdict: Verdict) -> None:
        found = parse(value)

        assert (found.verdict, found.ai_score) == (verdict, value)

    def test_generators_are_named_from_the_floor_up_the_likeliest_first(self) -> None:
        found = parse(0.9, ai_generators={"gan": 0.099, "flux": 0.1, "something_new": 0.6})

        assert found.generators == (Generator(name="something_new", score=0.6), Generator(name="flux", score=0.1))

    @pytest.mark.parametrize("given", [None, {}, [], "midjourney"])
    def test_without_a_map_there_are_no_generators(self, given: Any) -> None:
        assert parse(0.9, ai_generators=given).generators == ()

    @pytest.mark.parametrize("value", [1.2, -0.1, "0.9", None, True])
    def test_a_generators_number_out_of_range_is_for_a_person(self, value: Any) -> None:
        with pytest.raises(SchemaMismatch):
            parse(0.9, ai_generators={"flux": value})
