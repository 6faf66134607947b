"""TruthScan, with its API and its storage mocked: three calls and the query, and how an answer is read."""

from __future__ import annotations

import json
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from detection.errors import (
    AnalysisLost,
    AuthFailed,
    NotFound,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    QuotaExceeded,
    SchemaMismatch,
)
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.http import HttpProvider
from detection.providers.truthscan import TruthscanProvider
from detection.results import Accepted, ScanResult
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, REFERENCE, HttpProviderContract
from tests.contracts.samples import CONTENT, a_request, samples_of

API = "https://truthscan.example"
PRESIGN, DETECT, QUERY = f"{API}/get-presigned-url", f"{API}/detect", f"{API}/query"
UPLOAD = "https://store.example/in/beach.jpg"
BODIES = {one.file: one.body for one in samples_of("truthscan")}
AI, HUMAN = BODIES["success_ai.json"], BODIES["success_human.json"]
PRESIGNED, SUBMITTED = BODIES["presign_ok.json"], BODIES["submitted.json"]
ID = SUBMITTED["id"]


def make(**options: Any) -> TruthscanProvider:
    given = {"base_url": API, "api_key": KEY, "allowed_hosts": "store.example,maps.example", **options}
    return TruthscanProvider("truthscan", given)


def detailed(body: dict[str, Any], **details: Any) -> dict[str, Any]:
    return {**body, "result_details": {**body["result_details"], **details}}


def read(body: dict[str, Any]) -> ScanResult:
    found = make().parse(body)
    assert isinstance(found, ScanResult)
    return found


class _Conversation(HttpProviderContract):
    """Address, upload, submission and query; the classes below vary the first, the third and the last."""

    good = AI
    unknown_label = detailed(AI, final_result="Rather odd")
    auth = None
    score_at = ("result",)
    bad_scores = (101, -1, "97", True, [97], {"value": 97})
    overlay_at = "https://maps.example/heat/42.png"
    answers = ("presign", "upload", "detect", "query")

    def make(self, **options: Any) -> TruthscanProvider:
        return make(**options)

    def ask(self, provider: HttpProvider) -> ScanResult | Accepted:
        accepted = provider.submit(a_request())
        assert isinstance(accepted, Accepted)
        return provider.fetch(accepted.provider_reference)

    def converse(self, vendor: responses.RequestsMock, **answers: dict[str, Any]) -> None:
        """The vendor's side; each call's answer is the documented one unless it is given."""
        vendor.add("GET", PRESIGN, **answers.get("presign", {"json": PRESIGNED}))
        vendor.add("PUT", UPLOAD, **answers.get("upload", {}))
        vendor.add("POST", DETECT, **answers.get("detect", {"json": SUBMITTED}))
        vendor.add("POST", QUERY, **answers.get("query", {"json": AI}))


def is_analysis(answer: dict[str, Any]) -> bool:
    return "result_details" in (answer.get("json") or {})


class TestTruthscanContract(_Conversation):
    submit_url = DETECT
    samples = "truthscan"
    fields = frozenset({"key", "url", "document_type", "model", "generate_preview", "generate_analysis_details"})
    own_cases = {
        "presign_ok.json": "test_the_whole_submission_is_as_documented",
        "submitted.json": "test_the_whole_submission_is_as_documented",
        "poll_not_found.json": "test_null_means_that_the_id_is_unknown",
    }

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        """An analysis is what the query answers; anything else is the answer to the submission."""
        self.converse(vendor, **{"query" if is_analysis(answer) else "detect": answer})

    def test_the_whole_submission_is_as_documented(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor)

        accepted = self.make(cdn_url="https://cdn.example/base/").submit(a_request())

        assert accepted == Accepted(provider_reference=ID, poll_after=2.0)
        presign, put, detect = (call.request for call in vendor.calls)
        asked = parse_qs(urlsplit(presign.url or "").query)
        assert asked == {"file_name": [f"{REFERENCE}.jpg"], "expiration": ["3600"]}
        assert presign.headers["apikey"] == KEY
        assert (put.body, put.headers["Content-Type"], put.headers["x-amz-acl"]) == (CONTENT, "image/jpeg", "private")
        assert json.loads(detect.body or b"") == {
            "key": KEY,
            "url": "https://cdn.example/base/in/beach.jpg",
            "document_type": "Image",
            "model": "generic",
            "generate_preview": False,
            "generate_analysis_details": True,
        }

    def test_the_key_goes_where_it_is_asked_for_and_nowhere_else(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor)

        self.ask(self.make())

        _, put, detect, query = (call.request for call in vendor.calls)
        assert json.loads(query.body or b"") == {"id": ID}
        for sent in (put, detect, query):
            assert KEY not in str(sent.headers)
        for call in vendor.calls:
            assert KEY not in (call.request.url or "")

    def test_an_upload_without_an_answer_is_not_submitted_and_not_ambiguous(
        self, vendor: responses.RequestsMock
    ) -> None:
        self.converse(vendor, upload={"body": requests.ReadTimeout("slow")})

        with pytest.raises(ProviderDown) as caught:
            self.make().submit(a_request())

        assert len(vendor.calls) == 2
        assert "of-no-use" not in "".join(traceback.format_exception(caught.value))

    def test_an_upload_that_is_refused_is_not_submitted(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor, upload={"status": 403, "body": "<Error/>"})

        with pytest.raises(AnalysisLost):
            self.make().submit(a_request())

        assert len(vendor.calls) == 2

    def test_a_picture_goes_to_listed_hosts_only(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor)

        with pytest.raises(OutboundBlocked):
            self.make(allowed_hosts="").submit(a_request())

        assert len(vendor.calls) == 1

    def test_the_host_of_the_cdn_is_listed(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor)

        self.make(allowed_hosts="", cdn_url="https://store.example").submit(a_request())

        assert len(vendor.calls) == 3

    @pytest.mark.parametrize(
        "ticket",
        [{"file_path": "in/a.jpg"}, {"presigned_url": "", "file_path": "in/a.jpg"}, {"presigned_url": UPLOAD}],
    )
    def test_without_an_address_and_a_path_nothing_is_sent(
        self, vendor: responses.RequestsMock, ticket: dict[str, Any]
    ) -> None:
        self.converse(vendor, presign={"json": ticket})

        with pytest.raises(SchemaMismatch):
            self.make().submit(a_request())

        assert len(vendor.calls) == 1

    @pytest.mark.parametrize("body", [json.dumps(BODIES["poll_not_found.json"]), " null\n", ""])
    def test_null_means_that_the_id_is_unknown(self, vendor: responses.RequestsMock, body: str) -> None:
        self.converse(vendor, query={"body": body})

        with pytest.raises(NotFound) as caught:
            self.make().fetch(ID)

        assert caught.value.retryable

    def test_a_configured_model_is_asked_for(self, vendor: responses.RequestsMock) -> None:
        self.converse(vendor)

        self.make(model="faces").submit(a_request())

        assert json.loads(vendor.calls[2].request.body or b"")["model"] == "faces"

    @pytest.mark.parametrize(
        "address", ["ftp://cdn.example", "cdn.example", "https://cdn.example/?a=b", "http://cdn.example"]
    )
    def test_a_wrong_cdn_url_is_refused_by_name(self, address: str) -> None:
        with pytest.raises(ProviderMisconfigured, match="cdn_url"):
            self.make(cdn_url=address)

    @pytest.mark.parametrize(
        ("left", "shown"),
        [(120, "120 credits"), (0, "0 credits"), (None, ""), ("many", ""), (True, ""), (10**400, ""), (-1, "")],
    )
    def test_the_key_check_tells_the_credits_where_they_are_told(
        self, vendor: responses.RequestsMock, left: Any, shown: str
    ) -> None:
        vendor.get(f"{API}/check-user-credits", json={"baseCredits": 100, "boostCredits": 20, "credits": left})

        found = self.make().check()

        assert "accepts the key" in str(found)
        assert (shown in str(found)) if shown else (found.remaining is None)
        assert vendor.calls[0].request.headers["apikey"] == KEY

    def test_a_key_that_is_refused_fails_the_check(self, vendor: responses.RequestsMock) -> None:
        vendor.get(f"{API}/check-user-credits", status=403, json=BODIES["error_unauthorised.json"])

        with pytest.raises(AuthFailed):
            self.make().check()

    def test_it_says_what_it_can_and_that_it_was_never_run_against_the_vendor(self) -> None:
        provider = self.make()

        assert provider.evidence_note == FROM_DOCUMENTATION
        assert (provider.polls, provider.gives_overlay, provider.renews_overlay) == (True, True, True)
        assert (provider.min_bytes, provider.max_bytes) == (1024, 10 * 1024 * 1024)
        assert {"image/heic", "image/avif"} <= provider.media_types


class TestTruthscanPresignContract(_Conversation):
    """The same faults, in the answer to the call for an address: nothing is there yet to be scanned or billed."""

    submit_url = PRESIGN
    submit_method = "GET"
    auth = ("apikey", KEY)
    lost = ProviderDown
    hands_over = False

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        self.converse(vendor, **{"query" if is_analysis(answer) else "presign": answer})


class TestTruthscanQueryContract(_Conversation):
    """The same faults, in the answer to the query, whose id is a secret."""

    submit_url = QUERY
    fields = frozenset({"id"})
    lost = ProviderDown
    hands_over = False

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        self.converse(vendor, query=answer)

    @pytest.mark.parametrize("body", ["<!doctype html>", "[]", "{", '"null"', '{"id": NaN}', b"\xff\xfe{}"])
    def test_a_200_that_is_not_the_documented_json_is_for_a_person(
        self, vendor: responses.RequestsMock, body: str | bytes
    ) -> None:
        assert isinstance(self.fails(vendor, status=200, body=body), SchemaMismatch)

    @pytest.mark.parametrize("status", [200, 400, 403, 404, 429, 500])
    def test_no_error_repeats_the_id(self, vendor: responses.RequestsMock, status: int) -> None:
        said = {"error": f"Nothing under {ID}", "code": ID, "request_id": ID, "id": ID}
        error = self.fails(vendor, status=status, json=said, headers={"X-Request-Id": ID})

        shown = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(getattr(error, "raw", ""))
        assert ID not in shown

    def test_what_is_kept_does_not_hold_the_id_and_can_be_read_again(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=detailed(AI, heatmap_url=f"https://maps.example/{ID}.png"))

        found = self.ask(self.make())

        assert isinstance(found, ScanResult)
        assert found.provider_reference == ID
        assert ID not in json.dumps(dict(found.raw))
        assert self.make().parse(found.raw).provider_reference == ""

    def test_an_answer_about_another_picture_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        assert isinstance(self.fails(vendor, json={**AI, "id": "somebody-elses"}), SchemaMismatch)

    def test_the_id_is_a_secret_only_while_it_is_asked_for(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=AI)
        provider = self.make()

        self.ask(provider)

        assert provider.secrets == (KEY,)


class TestReading:
    @pytest.mark.parametrize(
        ("label", "verdict"),
        [
            ("AI Generated", Verdict.LIKELY_AI),
            ("AI-generated", Verdict.LIKELY_AI),
            ("ai_generated!", Verdict.LIKELY_AI),
            ("AI   EDITED", Verdict.PARTIAL_AI),
            ("Digitally Edited", Verdict.UNCERTAIN),
            ("Human", Verdict.UNKNOWN),
            ("Not real", Verdict.UNKNOWN),
            ("Real?", Verdict.UNCERTAIN),
            ("", Verdict.UNKNOWN),
        ],
    )
    def test_labels_are_compared_without_case_and_punctuation(self, label: str, verdict: Verdict) -> None:
        assert read(detailed(AI, final_result=label)).verdict is verdict

    def test_a_label_that_is_no_text_is_for_a_person(self) -> None:
        found = read(detailed(HUMAN, final_result=7))

        assert (found.verdict, found.warnings) == (Verdict.UNKNOWN, ("schema_drift",))

    def test_a_score_without_a_label_is_no_verdict(self) -> None:
        found = read(detailed(HUMAN, final_result=None))

        assert (found.verdict, found.reasons, found.ai_score) == (Verdict.UNKNOWN, ("no_verdict",), 0.08)

    @pytest.mark.parametrize(("label", "result"), [("Real", 92), ("AI Generated", 8)])
    def test_a_word_at_odds_with_its_number_is_left_open(self, label: str, result: int) -> None:
        found = read({**detailed(HUMAN, final_result=label), "result": result})

        assert (found.verdict, found.ai_score) == (Verdict.UNCERTAIN, result / 100)
        assert found.warnings == ("label_and_score_disagree",)

    def test_the_confidence_in_the_label_is_never_the_score(self) -> None:
        assert read(detailed(HUMAN, confidence=99)).ai_score == 0.08

    def test_a_file_that_is_called_not_valid_is_never_cleared(self) -> None:
        found = read(detailed(HUMAN, is_valid=False))

        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("signals_conflict",))

    @pytest.mark.parametrize("flag", ["false", "true", 0, 1, []])
    def test_a_flag_that_is_neither_true_nor_false_is_for_a_person(self, flag: Any) -> None:
        with pytest.raises(SchemaMismatch, match="is_valid"):
            make().parse(detailed(HUMAN, is_valid=flag))

    @pytest.mark.parametrize("flag", [True, None])
    def test_a_file_that_is_valid_or_of_which_nothing_is_said_is_judged_as_it_is(self, flag: bool | None) -> None:
        assert read(detailed(HUMAN, is_valid=flag)).verdict is Verdict.LIKELY_HUMAN

    @pytest.mark.parametrize("status", ["queued", "", None, 7, "DONE"])
    def test_a_status_nobody_documents_is_for_a_person(self, status: Any) -> None:
        with pytest.raises(SchemaMismatch):
            make().parse({**AI, "status": status})

    @pytest.mark.parametrize("change", [{"result": None}, {"result_details": None}])
    def test_done_without_a_result_is_for_a_person(self, change: dict[str, Any]) -> None:
        with pytest.raises(SchemaMismatch):
            make().parse({**AI, **change})

    @pytest.mark.parametrize("file", ["success_ai.json", "poll_analyzing.json"])
    def test_texts_in_the_picture_and_its_metadata_are_not_kept(self, file: str) -> None:
        body = {**BODIES[file], "result_details": AI["result_details"]}

        kept = json.dumps(dict(make().parse(body).raw))

        assert "badge" not in kept
        assert "Artist" not in kept
        assert "final_result" in kept

    def test_an_answer_that_could_not_be_read_is_kept_without_them_too(self) -> None:
        with responses.RequestsMock() as vendor:
            vendor.post(QUERY, json={**AI, "result": "97"})
            with pytest.raises(SchemaMismatch) as caught:
                make().fetch(ID)

        assert "badge" not in json.dumps(dict(caught.value.raw or {}))
        assert caught.value.raw

    @pytest.mark.parametrize(
        ("listed", "model"), [([["faces", 9], ["b", 1]], "faces"), ([], ""), (None, ""), ([[]], ""), ([[7]], "")]
    )
    def test_the_model_is_the_first_that_is_named(self, listed: Any, model: str) -> None:
        assert read(detailed(AI, ml_model=listed)).model == model

    @pytest.mark.parametrize(
        ("url", "status", "expected"),
        [
            (None, "pending", ""),
            ("", "pending", ""),
            ("https://maps.example/1.png?sig=abc", "ready", "https://maps.example/1.png?sig=abc"),
            ("https://maps.example/1.png", "rather odd", "https://maps.example/1.png"),
            (None, "skipped", None),
            (None, "ready", None),
            (None, None, None),
            (7, None, None),
            ("https://maps.example/\ud800", "ready", None),
            ("https://maps.example/\x00", "pending", ""),
        ],
    )
    def test_a_heatmap_may_come_after_the_result(self, url: Any, status: Any, expected: str | None) -> None:
        overlay = read(detailed(AI, heatmap_url=url, heatmap_status=status)).overlay

        assert (overlay.url if overlay else None) == expected

    def test_a_heatmap_elsewhere_is_refused(self) -> None:
        overlay = read(detailed(AI, heatmap_url="https://elsewhere.example/1.png")).overlay

        assert overlay is not None
        with pytest.raises(OutboundBlocked):
            make().download_overlay(overlay)

    def test_a_failure_without_a_reason_is_sent_anew_and_counts(self) -> None:
        with pytest.raises(AnalysisLost) as caught:
            make().parse(BODIES["failed.json"])

        assert (caught.value.retryable, caught.value.counts) == (True, True)

    @pytest.mark.parametrize("status", [400, 402, 403])
    def test_spent_credits_are_the_plan_and_not_the_picture(self, status: int) -> None:
        with responses.RequestsMock() as vendor:
            vendor.get(PRESIGN, status=status, json=BODIES["error_credits.json"])
            with pytest.raises(ProviderError) as caught:
                make().submit(a_request())

        assert type(caught.value) is QuotaExceeded
