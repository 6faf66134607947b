"""The generic profile: the contract with a mocked network, and whole conversations over real HTTP on loopback."""

from __future__ import annotations

import io
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from PIL import Image

from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    AuthFailed,
    ConnectFailed,
    ImageRefused,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    RateLimited,
    SchemaMismatch,
)
from detection.providers.base import Thresholds
from detection.providers.generic import GenericProvider
from detection.results import Accepted, Overlay, ScanResult
from detection.testing.detector import SandboxDetector
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, REFERENCE, HttpProviderContract, a_request


class TestGenericContract(HttpProviderContract):
    submit_url = "https://detector.example/v1/analyze-file"
    samples = "generic"
    good = {"request_id": "an_1", "status": "complete", "verdict": "likely_human", "confidence": 0.9}
    unknown_label = {"request_id": "an_1", "status": "complete", "verdict": "rather_odd", "confidence": 0.9}

    def make(self, **options: Any) -> GenericProvider:
        return GenericProvider("generic", {"base_url": "https://detector.example", "api_key": KEY, **options})

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ({"error": {"code": "odd_size", "message": "Too wide."}}, ("odd_size", "Too wide.")),
            ({"code": "odd_size", "error": "Too wide."}, ("odd_size", "Too wide.")),
            ({"code": "odd_size", "message": "Too wide."}, ("odd_size", "Too wide.")),
            ({"detail": "Too wide."}, ("", "Too wide.")),
        ],
    )
    def test_both_error_envelopes_are_read(
        self, vendor: responses.RequestsMock, code: dict[str, Any], message: tuple[str, str]
    ) -> None:
        error = self.fails(vendor, status=422, json=code, headers={"X-Request-Id": "req-7"})

        assert (error.provider_code, error.request_id) == (message[0], "req-7")
        assert str(error).endswith(message[1])

    def test_the_link_is_sent_only_where_the_mode_says_so(self, vendor: responses.RequestsMock) -> None:
        vendor.post("https://detector.example/v1/analyze", json=self.good)
        provider = self.make(mode="url")

        provider.submit(a_request(url="https://news.example/p/abc"))

        assert (provider.takes_url, provider.takes_upload) == (True, False)
        assert b'"image_url": "https://news.example/p/abc"' in bytes(vendor.calls[0].request.body or b"")

    def test_a_redirected_overlay_is_not_followed(self, vendor: responses.RequestsMock) -> None:
        vendor.get("https://detector.example/o.png", status=302, headers={"Location": "http://169.254.169.254/"})

        with pytest.raises(OutboundBlocked):
            self.make().download_overlay(Overlay(url="https://detector.example/o.png"))

    @pytest.mark.parametrize(
        ("status", "kind", "body"),
        [
            (200, "text/html", b"<html>"),
            (200, "image/svg+xml", b"<svg/>"),
            (200, "image/png", b""),
            (206, "image/png", b"part"),
            (404, "image/png", b"gone"),
            (403, "application/json", b"{}"),
        ],
    )
    def test_an_overlay_that_is_no_picture_is_given_up_without_pausing_anything(
        self, vendor: responses.RequestsMock, status: int, kind: str, body: bytes
    ) -> None:
        vendor.get("https://detector.example/o.png", status=status, content_type=kind, body=body)

        with pytest.raises(ProviderError) as caught:
            self.make().download_overlay(Overlay(url="https://detector.example/o.png"))

        assert not caught.value.retryable
        assert not caught.value.pauses

    def test_a_lost_overlay_repeats_nothing_of_its_signed_link(self, vendor: responses.RequestsMock) -> None:
        url = "https://detector.example/o.png?sig=abc"
        vendor.get("https://detector.example/o.png", body=requests.ConnectionError(f"lost with url: {url}"))

        with pytest.raises(ProviderDown) as caught:
            self.make().download_overlay(Overlay(url=url))

        assert "sig=abc" not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize(
        "url",
        ["https://elsewhere.example/o.png", "file:///etc/passwd", "https://127.0.0.1/", "data:image/png;base64,aa"],
    )
    def test_an_overlay_elsewhere_is_refused(self, url: str) -> None:
        with pytest.raises(OutboundBlocked):
            self.make().download_overlay(Overlay(url=url))

    @pytest.mark.parametrize("status", ["complete", "processing", "failed"])
    def test_an_analysis_under_another_id_is_for_a_person(self, vendor: responses.RequestsMock, status: str) -> None:
        other = {**self.good, "request_id": "somebody-elses", "status": status, "retryable": True}
        vendor.get("https://detector.example/v1/analyses/mine", json=other)

        with pytest.raises(SchemaMismatch) as caught:
            self.make().fetch("mine")

        assert caught.value.raw == other

    @pytest.mark.parametrize("broken", [{"verdict": ["likely_ai"]}, {"ai_score": "0.9"}, {"request_id": None}])
    def test_what_is_found_by_our_reference_is_read_as_strictly_as_an_answer(
        self, vendor: responses.RequestsMock, broken: dict[str, Any]
    ) -> None:
        entry = {**self.good, **broken}
        vendor.get("https://detector.example/v1/analyses", json={"analyses": [entry]})

        with pytest.raises(SchemaMismatch) as caught:
            self.make().find(REFERENCE)

        assert caught.value.raw == entry

    @pytest.mark.parametrize(
        "options", [{"mode": "ftp"}, {"callbacks": "maybe"}, {"read_timeout": 0}, {"thresholds": 3}]
    )
    def test_a_wrong_option_is_refused_by_name(self, options: dict[str, Any]) -> None:
        with pytest.raises(ProviderMisconfigured, match=next(iter(options))):
            self.make(**options)

    @pytest.mark.parametrize("cuts", [{"some": 0.3, "strong": 0.8}, (0.3, 0.8)])
    def test_an_alias_can_have_its_own_thresholds(self, cuts: Any) -> None:
        assert self.make(thresholds=cuts).thresholds == Thresholds(some=0.3, strong=0.8)


def parse(**analysis: Any) -> ScanResult | Accepted:
    provider = GenericProvider("generic", {"base_url": "https://detector.example", "api_key": KEY})
    return provider.parse({"request_id": "an_1", "status": "complete", **analysis})


def finished(**analysis: Any) -> ScanResult:
    result = parse(**analysis)
    assert isinstance(result, ScanResult)
    return result


class TestReading:
    @pytest.mark.parametrize(
        ("analysis", "verdict", "score", "kind"),
        [
            ({"verdict": "likely_ai_generated", "confidence": 0.93}, Verdict.LIKELY_AI, 0.93, "label_confidence"),
            ({"verdict": "likely_ai", "confidence": 0.93}, Verdict.LIKELY_AI, 0.93, "label_confidence"),
            ({"verdict": "likely_human", "confidence": 0.9}, Verdict.LIKELY_HUMAN, 0.1, "label_confidence"),
            ({"verdict": "likely_human", "ai_score": 0.2, "confidence": 0.9}, Verdict.LIKELY_HUMAN, 0.2, "model_score"),
            ({"verdict": "likely_human", "ai_score": 0}, Verdict.LIKELY_HUMAN, 0.0, "model_score"),
            ({"verdict": "partly_ai_generated", "confidence": 0.9}, Verdict.PARTIAL_AI, None, "none"),
            ({"verdict": "uncertain", "confidence": 0.6}, Verdict.UNCERTAIN, None, "none"),
            ({"verdict": "odd", "confidence": 0.6}, Verdict.UNKNOWN, None, "none"),
            ({"verdict": None, "confidence": None}, Verdict.UNKNOWN, None, "none"),
            ({}, Verdict.UNKNOWN, None, "none"),
        ],
    )
    def test_a_verdict_and_its_score(
        self, analysis: dict[str, Any], verdict: Verdict, score: float | None, kind: str
    ) -> None:
        result = finished(**analysis)

        assert (result.verdict, result.ai_score, result.ai_score_kind) == (verdict, score, kind)

    @pytest.mark.parametrize("value", [1.7, -0.1, "0.9", True, [0.9], float("nan"), float("inf")])
    @pytest.mark.parametrize("name", ["ai_score", "confidence"])
    def test_a_number_out_of_range_is_never_clamped(self, name: str, value: Any) -> None:
        with pytest.raises(SchemaMismatch, match=name):
            parse(verdict="likely_ai", **{name: value})

    @pytest.mark.parametrize(
        "analysis", [{"request_id": None}, {"request_id": ""}, {"request_id": 7}, {"status": "done"}, {"status": None}]
    )
    def test_an_analysis_without_id_or_status_is_for_a_person(self, analysis: dict[str, Any]) -> None:
        with pytest.raises(SchemaMismatch):
            parse(**analysis)

    def test_request_id_wins_over_its_older_spelling(self) -> None:
        assert finished(id="old").provider_reference == "an_1"
        assert finished(request_id=None, id="old").provider_reference == "old"

    @pytest.mark.parametrize(
        ("retryable", "expected"),
        [(True, AnalysisLost), (False, ImageRefused), (None, ProviderError), ("yes", ProviderError)],
    )
    @pytest.mark.parametrize("flat", [True, False])
    def test_a_failed_analysis_is_tried_again_only_where_the_detector_says_so(
        self, retryable: Any, expected: type[ProviderError], flat: bool
    ) -> None:
        error = {"code": "blurred", "message": "No.", "retryable": retryable}

        with pytest.raises(ProviderError) as caught:
            parse(status="failed", **(error if flat else {"error": error}))

        assert type(caught.value) is expected
        assert caught.value.provider_code == "blurred"

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_an_event_is_read_in_both_shapes(self, wrapped: bool) -> None:
        analysis = {"request_id": "an_1", "status": "complete", "verdict": "likely_ai", "confidence": 0.9}
        event = {"type": "image.analysis.completed", **({"data": analysis} if wrapped else analysis)}
        provider = GenericProvider("generic", {"base_url": "https://detector.example", "api_key": KEY})

        result = provider.parse(event)

        assert isinstance(result, ScanResult)
        assert result.verdict is Verdict.LIKELY_AI

    @pytest.mark.parametrize("overlay", [None, {}, {"url": None}, {"url": 7}, {"url": "https://x.example/\ud800"}, "x"])
    def test_an_overlay_that_is_absent_or_has_no_address_is_none_and_the_verdict_stands(self, overlay: Any) -> None:
        assert finished(overlay=overlay).overlay is None

    def test_an_overlay_keeps_its_link_for_fetching_and_loses_the_query_in_what_is_kept(self) -> None:
        url = "https://files.example/o.png?sig=abc"

        result = finished(overlay={"url": url, "width": 640, "height": True, "expires_at": "2026-11-22T10:00:00Z"})

        assert result.overlay is not None
        assert (result.overlay.url, result.overlay.width, result.overlay.height) == (url, 640, None)
        assert result.overlay.expires_at is not None
        assert "sig=abc" not in str(result.raw)

    def test_text_that_a_database_refuses_is_cleaned(self) -> None:
        assert "\x00" not in str(finished(verdict="likely_ai", note="a\x00b").raw)


@pytest.fixture
def detector(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxDetector]:
    # A proxy in the environment must not see a picture; nothing listens there.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    settings.DETECTION = {"ALLOW_LOOPBACK": True}
    with SandboxDetector() as running:
        yield running


def provider_for(detector: SandboxDetector, **options: Any) -> GenericProvider:
    return GenericProvider("generic", {"base_url": detector.url, "api_key": "first", "read_timeout": 5, **options})


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (320, 200), (90, 120, 150)).save(written, "JPEG")
    return written.getvalue()


class TestConversations:
    def test_a_picture_goes_out_whole_under_our_name_and_key(self, detector: SandboxDetector) -> None:
        request = a_request(content=picture(), media_type="image/heic", filename=REFERENCE + ".heic")

        provider_for(detector).submit(request)

        call = detector.calls[0]
        assert (call.sha256, call.filename, call.media_type) == (request.sha256, REFERENCE + ".heic", "image/heic")
        assert call.fields == {"reference": REFERENCE}
        assert (call.key, call.headers["idempotency-key"]) == ("first", f"{REFERENCE}:0")

    def test_the_overlay_is_fetched_without_our_key(self, detector: SandboxDetector) -> None:
        detector.will({"verdict": "likely_ai", "confidence": 0.9, "overlay": True})
        provider = provider_for(detector)
        result = provider.submit(a_request(content=picture()))
        assert isinstance(result, ScanResult)
        assert result.overlay is not None

        content = provider.download_overlay(result.overlay)

        assert Image.open(io.BytesIO(content)).size == (320, 200)
        assert detector.calls[-1].path.startswith("/overlays/")
        assert not {"authorization", "cookie", "x-api-key"} & set(detector.calls[-1].headers)

    def test_an_accepted_picture_is_asked_for_until_it_is_done(self, detector: SandboxDetector) -> None:
        detector.will({"accept": True, "after": 0, "then": {"verdict": "likely_human", "confidence": 0.8}})
        provider = provider_for(detector)

        accepted = provider.submit(a_request())
        again = provider.fetch(accepted.provider_reference)

        assert isinstance(again, ScanResult)
        assert again.verdict is Verdict.LIKELY_HUMAN

    def test_an_unfinished_analysis_stays_accepted(self, detector: SandboxDetector) -> None:
        detector.will({"accept": True, "after": 600})
        provider = provider_for(detector)

        accepted = provider.submit(a_request())

        assert isinstance(accepted, Accepted)
        assert provider.fetch(accepted.provider_reference) == accepted

    def test_after_a_lost_answer_the_picture_is_found_by_our_reference(self, detector: SandboxDetector) -> None:
        detector.will({"drop_after_store": True, "verdict": "likely_ai", "confidence": 0.9})
        provider = provider_for(detector, read_timeout=0.2)
        with pytest.raises(AmbiguousTimeout):
            provider.submit(a_request())

        found = provider.find(REFERENCE)

        assert isinstance(found, ScanResult)
        assert found.verdict is Verdict.LIKELY_AI
        assert provider.find("another") is None
        assert detector.billed == 1

    def test_the_same_submission_sent_again_is_billed_once(self, detector: SandboxDetector) -> None:
        provider = provider_for(detector)

        assert provider.submit(a_request()) == provider.submit(a_request())
        assert detector.billed == 1

    def test_a_closed_connection_is_ambiguous(self, detector: SandboxDetector) -> None:
        detector.will({"silence": True})

        with pytest.raises(AmbiguousTimeout):
            provider_for(detector).submit(a_request())

    def test_too_many_requests_say_when_to_come_back(self, detector: SandboxDetector) -> None:
        detector.will({"http": 429, "retry_after": 5})

        with pytest.raises(RateLimited) as caught:
            provider_for(detector).submit(a_request())

        assert caught.value.retry_after == 5.0

    def test_an_answer_about_another_picture_is_refused(self, detector: SandboxDetector) -> None:
        other = {"request_id": "x", "status": "complete", "verdict": "likely_human", "reference": "another"}
        detector.will({"http": 200, "body": other})

        with pytest.raises(SchemaMismatch):
            provider_for(detector).submit(a_request())

    def test_the_key_is_tested_without_a_picture(self, detector: SandboxDetector) -> None:
        assert "sandbox" in str(provider_for(detector).check())
        with pytest.raises(AuthFailed):
            provider_for(detector, api_key="wrong").check()
        assert {call.method for call in detector.calls} == {"GET"}

    def test_a_detector_that_is_gone_could_not_be_reached(self, detector: SandboxDetector) -> None:
        provider = provider_for(detector, base_url="http://127.0.0.1:1")

        with pytest.raises(ConnectFailed):
            provider.submit(a_request())

    def test_an_address_to_be_called_back_at_goes_along_only_where_wanted(self, detector: SandboxDetector) -> None:
        request = a_request(callback_url="https://news.example/hook/", idempotency_key="")

        provider_for(detector).submit(request)
        provider_for(detector, callbacks="on").submit(request)

        assert [call.fields.get("callback_url") for call in detector.calls] == [None, "https://news.example/hook/"]
