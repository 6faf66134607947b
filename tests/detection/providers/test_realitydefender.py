"""Reality Defender, with its API and its storage mocked: the submission, the poll, and how an answer is read."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    AuthFailed,
    NotFound,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    SchemaMismatch,
    UploadLost,
)
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.http import HttpProvider
from detection.providers.realitydefender import RealitydefenderProvider
from detection.results import Accepted, ScanResult
from detection.vocabulary import Verdict
from tests.contracts.provider_cases import KEY, REFERENCE, HttpProviderContract
from tests.contracts.samples import CONTENT, a_request, changed, samples_of

API = "https://realitydefender.example"
PRESIGN = f"{API}/api/files/aws-presigned"
UPLOAD = "https://uploads.example/in/beach.jpg"
HEATMAPS = "https://heat.example/maps/"
BODIES = {one.file: one.body for one in samples_of("realitydefender")}
PRESIGNED = BODIES["presign_ok.json"]
ID = PRESIGNED["requestId"]
POLL = f"{API}/api/media/users/{ID}"
AI, HUMAN = BODIES["success_ai.json"], BODIES["success_human.json"]


def make(**options: Any) -> RealitydefenderProvider:
    given = {"base_url": API, "api_key": KEY, "allowed_hosts": "uploads.example,heat.example", **options}
    return RealitydefenderProvider("realitydefender", given)


def labelled(body: dict[str, Any], label: Any) -> dict[str, Any]:
    """The body with another word, in both places."""
    return changed({**body, "overallStatus": label}, ("resultsSummary", "status"), label)


def scored(body: dict[str, Any], score: Any, *models: tuple[str, str, float | None]) -> dict[str, Any]:
    """The body with another score, and other models: name, status, score."""
    listed = [{"name": name, "status": status, "finalScore": number} for name, status, number in models]
    return changed({**body, "models": listed}, ("resultsSummary", "metadata", "finalScore"), score)


def read(body: dict[str, Any]) -> ScanResult:
    found = make().parse(body)
    assert isinstance(found, ScanResult)
    return found


class _Conversation(HttpProviderContract):
    """Address, upload and poll; the two classes below vary the first and the last of the three."""

    good = AI
    unknown_label = labelled(AI, "RATHER_ODD")
    auth = ("X-API-KEY", KEY)
    score_at = ("resultsSummary", "metadata", "finalScore")
    bad_scores = (101, -0.2, "97", True, [96.0], {"value": 96.0})
    lost = ProviderDown
    hands_over = False
    overlay_at = f"{HEATMAPS}birch.png"

    def make(self, **options: Any) -> RealitydefenderProvider:
        return make(**options)

    def ask(self, provider: HttpProvider) -> ScanResult | Accepted:
        accepted = provider.submit(a_request())
        assert isinstance(accepted, Accepted)
        return provider.fetch(accepted.provider_reference)


class TestRealitydefenderContract(_Conversation):
    submit_url = PRESIGN
    samples = "realitydefender"
    fields = frozenset({"fileName"})
    own_cases = {
        "presign_ok.json": "test_the_id_is_kept_before_the_picture_leaves_without_our_key",
        "poll_not_ready.json": "test_a_404_right_after_the_upload_means_not_ready",
    }

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        """An analysis is what the poll answers; anything else is the answer to the call for an address."""
        is_analysis = "overallStatus" in (answer.get("json") or {})
        vendor.add("POST", PRESIGN, **({"json": PRESIGNED} if is_analysis else answer))
        vendor.put(UPLOAD)
        if is_analysis:
            vendor.add("GET", POLL, **answer)

    def test_the_id_is_kept_before_the_picture_leaves_without_our_key(self, vendor: responses.RequestsMock) -> None:
        self.arrange(vendor, json=PRESIGNED)
        calls_by_then = []

        accepted = self.make().submit(
            a_request(note_reference=lambda reference: calls_by_then.append((reference, len(vendor.calls))))
        )

        assert accepted == Accepted(provider_reference=ID, poll_after=2.0)
        assert calls_by_then == [(ID, 1)]
        asked, put = (call.request for call in vendor.calls)
        assert json.loads(asked.body or b"") == {"fileName": f"{REFERENCE}.jpg"}
        assert (put.method, put.body, put.headers["Content-Type"]) == ("PUT", CONTENT, "image/jpeg")
        assert KEY not in str(put.headers)

    def test_a_404_right_after_the_upload_means_not_ready(self, vendor: responses.RequestsMock) -> None:
        vendor.get(POLL, status=404, json=BODIES["poll_not_ready.json"])

        with pytest.raises(NotFound) as caught:
            self.make().fetch(ID)

        assert caught.value.retryable

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ({"body": requests.ReadTimeout("slow")}, AmbiguousTimeout),
            ({"status": 403, "body": "<Error/>"}, AnalysisLost),
            ({"status": 503, "body": "<Error/>"}, UploadLost),
            ({"body": requests.exceptions.SSLError(ssl.SSLCertVerificationError("of another"))}, UploadLost),
        ],
    )
    def test_an_upload_that_goes_wrong_leaves_its_id_behind(
        self, vendor: responses.RequestsMock, answer: dict[str, Any], expected: type[ProviderError]
    ) -> None:
        noted: list[str] = []
        vendor.post(PRESIGN, json=PRESIGNED)
        vendor.put(UPLOAD, **answer)

        with pytest.raises(expected) as caught:
            self.make().submit(a_request(note_reference=noted.append))

        assert type(caught.value) is expected
        assert noted == [ID]
        assert len(vendor.calls) == 2
        assert "of-no-use" not in str(caught.value)

    @pytest.mark.parametrize("answer", [{"status": 502}, {"body": requests.ConnectTimeout("slow")}])
    def test_each_upload_that_fails_uses_up_an_attempt_for_its_address_may_be_billed(
        self, vendor: responses.RequestsMock, answer: dict[str, Any]
    ) -> None:
        vendor.post(PRESIGN, json=PRESIGNED)
        vendor.put(UPLOAD, **answer)

        with pytest.raises(AnalysisLost) as caught:
            self.make().submit(a_request())

        assert (caught.value.counts, caught.value.retryable, caught.value.is_vendor_fault) == (True, True, True)
        assert len(self.submissions(vendor)) == 1

    @pytest.mark.parametrize(
        "host", ["bucket.s3.us-east-1.amazonaws.com", "elsewhere.example", "amazonaws.com.example"]
    )
    def test_a_picture_goes_to_the_vendors_storage_only(self, vendor: responses.RequestsMock, host: str) -> None:
        address = f"https://{host}/beach.jpg"
        vendor.post(PRESIGN, json={**PRESIGNED, "response": {"signedUrl": address}})
        vendor.put(address)

        if host.endswith(".amazonaws.com"):
            self.make().submit(a_request())
        else:
            with pytest.raises(OutboundBlocked):
                self.make().submit(a_request())
        assert len(vendor.calls) == (2 if host.endswith(".amazonaws.com") else 1)

    @pytest.mark.parametrize(
        "ticket",
        [
            {"requestId": ID},
            {"requestId": ID, "response": "none left"},
            {"requestId": ID, "response": {"signedUrl": ""}},
            {"requestId": ID, "response": {"signedUrl": None}},
            {"requestId": "", "response": {"signedUrl": UPLOAD}},
            {"response": {"signedUrl": UPLOAD}},
        ],
    )
    def test_without_an_id_and_an_address_nothing_is_sent_or_noted(
        self, vendor: responses.RequestsMock, ticket: dict[str, Any]
    ) -> None:
        noted: list[str] = []
        vendor.post(PRESIGN, json=ticket)
        vendor.put(UPLOAD)

        with pytest.raises(SchemaMismatch):
            self.make().submit(a_request(note_reference=noted.append))

        assert (noted, len(vendor.calls)) == ([], 1)

    def test_the_vendors_words_stand_in_the_error(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, status=400, json=BODIES["error_quota_as_400.json"])

        assert str(error).endswith("No uploads left")

    def test_the_key_check_asks_for_the_shortest_page(self, vendor: responses.RequestsMock) -> None:
        vendor.get(f"{API}/api/v2/media/users/pages/0", json={"totalItems": 0, "mediaList": []})

        assert "accepts the key" in str(self.make().check())
        assert (vendor.calls[0].request.url or "").endswith("?size=1")
        assert vendor.calls[0].request.headers["X-API-KEY"] == KEY

    def test_a_key_that_is_refused_fails_the_check(self, vendor: responses.RequestsMock) -> None:
        vendor.get(f"{API}/api/v2/media/users/pages/0", status=401, json=BODIES["error_unauthorised.json"])

        with pytest.raises(AuthFailed):
            self.make().check()

    def test_it_says_that_it_was_never_run_against_the_vendor(self) -> None:
        provider = self.make()

        assert provider.evidence_note == FROM_DOCUMENTATION
        assert (provider.polls, provider.gives_overlay, provider.renews_overlay) == (True, True, True)


class TestRealitydefenderPollContract(_Conversation):
    """The same faults, in the answer to the poll."""

    submit_url = POLL
    submit_method = "GET"

    def arrange(self, vendor: responses.RequestsMock, **answer: Any) -> None:
        vendor.post(PRESIGN, json=PRESIGNED)
        vendor.put(UPLOAD)
        vendor.get(POLL, **answer)

    @pytest.mark.parametrize("file", ["success_ai.json", "poll_analyzing.json"])
    def test_an_answer_about_another_picture_is_for_a_person(self, vendor: responses.RequestsMock, file: str) -> None:
        assert isinstance(self.fails(vendor, json={**BODIES[file], "requestId": "somebody-elses"}), SchemaMismatch)

    def test_an_id_cannot_lead_to_another_call(self, vendor: responses.RequestsMock) -> None:
        vendor.get(f"{API}/api/media/users/..%2Fpages%3Fsize%3D1", json=AI)

        with pytest.raises(SchemaMismatch):
            self.make().fetch("../pages?size=1")

        assert "/users/..%2Fpages%3Fsize%3D1" in (vendor.calls[0].request.url or "")


class TestReading:
    @pytest.mark.parametrize(
        ("label", "verdict"),
        [
            ("AUTHENTIC", Verdict.LIKELY_HUMAN),
            ("FAKE", Verdict.LIKELY_AI),
            ("MANIPULATED", Verdict.LIKELY_AI),
            ("SUSPICIOUS", Verdict.UNCERTAIN),
        ],
    )
    def test_a_word_stands_without_a_score(self, label: str, verdict: Verdict) -> None:
        found = read(scored(labelled(HUMAN, label), None, ("rd-ash-img", label, None)))

        assert (found.verdict, found.ai_score, found.ai_score_kind) == (verdict, None, "none")
        assert found.warnings == ()

    @pytest.mark.parametrize("statuses", [(), ("NOT_APPLICABLE",), ("UNABLE_TO_EVALUATE", "WORD_NEW"), ("SUSPICIOUS",)])
    def test_a_word_that_clears_and_that_nothing_backs_is_open(self, statuses: tuple[str, ...]) -> None:
        models = [("rd-ash-img", status, None) for status in statuses]

        found = read(scored(labelled(HUMAN, "AUTHENTIC"), None, *models))
        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("signals_conflict",))
        backed = read(scored(labelled(HUMAN, "AUTHENTIC"), 4.7, *models))
        assert (backed.verdict, backed.warnings) == (Verdict.LIKELY_HUMAN, ())

    @pytest.mark.parametrize("label", ["NOT_APPLICABLE", "UNABLE_TO_EVALUATE"])
    def test_what_could_not_be_evaluated_has_no_score_and_is_never_human(self, label: str) -> None:
        found = read(scored(labelled(HUMAN, label), 0.0))

        assert found.ai_score is None
        assert found.verdict in (Verdict.NOT_APPLICABLE, Verdict.UNKNOWN)
        assert "no_face" not in found.warnings

    @pytest.mark.parametrize(
        ("message", "warnings"), [("NO FACES detected", ("no_face",)), ("Only text in it", ()), (None, ())]
    )
    def test_a_missing_face_is_named_where_the_vendor_names_it(self, message: Any, warnings: tuple[str, ...]) -> None:
        reasons = [{"code": "relevance", "message": message}]
        body = BODIES["not_applicable.json"]

        assert read(changed(body, ("resultsSummary", "metadata", "reasons"), reasons)).warnings == warnings

    @pytest.mark.parametrize(
        ("label", "score", "verdict"),
        [
            ("FAKE", 3.2, Verdict.UNCERTAIN),
            ("FAKE", 0, Verdict.UNCERTAIN),
            ("AUTHENTIC", 96.0, Verdict.UNCERTAIN),
        ],
    )
    def test_a_word_at_odds_with_its_number_is_left_open(self, label: str, score: float, verdict: Verdict) -> None:
        found = read(scored(labelled(HUMAN, label), score))

        assert (found.verdict, found.ai_score) == (verdict, score / 100)
        assert found.warnings == ("label_and_score_disagree",)

    @pytest.mark.parametrize(
        ("label", "models", "verdict", "warnings"),
        [
            ("AUTHENTIC", ("AUTHENTIC", "FAKE"), Verdict.UNCERTAIN, ("signals_conflict",)),
            ("AUTHENTIC", ("MANIPULATED",), Verdict.UNCERTAIN, ("signals_conflict",)),
            ("AUTHENTIC", ("AUTHENTIC", "SUSPICIOUS", "NOT_APPLICABLE"), Verdict.LIKELY_HUMAN, ()),
            ("FAKE", ("FAKE", "AUTHENTIC"), Verdict.LIKELY_AI, ("signals_conflict",)),
            ("FAKE", ("FAKE", "NOT_APPLICABLE"), Verdict.LIKELY_AI, ()),
        ],
    )
    def test_one_dissenting_model_is_enough_to_clear_nothing(
        self, label: str, models: tuple[str, ...], verdict: Verdict, warnings: tuple[str, ...]
    ) -> None:
        listed = [(f"rd-{number}-img", status, None) for number, status in enumerate(models)]
        found = read(scored(labelled(HUMAN, label), None, *listed))

        assert (found.verdict, found.warnings) == (verdict, warnings)

    @pytest.mark.parametrize("overall", ["FAKE", "NOT_APPLICABLE", "UNABLE_TO_EVALUATE", "RATHER_ODD"])
    def test_two_words_at_odds_clear_nothing(self, overall: str) -> None:
        found = read({**HUMAN, "overallStatus": overall})

        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("signals_conflict",))

    @pytest.mark.parametrize("body", [{**HUMAN, "overallStatus": "ANALYZING"}, labelled(HUMAN, "DOWNLOADING")])
    def test_one_word_that_it_is_unfinished_is_enough_to_wait(self, body: dict[str, Any]) -> None:
        assert isinstance(make().parse(body), Accepted)

    @pytest.mark.parametrize(
        ("label", "score", "models", "kept"),
        [
            ("FAKE", 0.93, [0.97, None], None),
            ("SUSPICIOUS", 1, [0.6], None),
            ("FAKE", 0.93, [97.0], 0.0093),
            ("AUTHENTIC", 0.93, [0.97], 0.0093),
        ],
    )
    def test_a_number_of_unknown_scale_is_left_out_and_the_word_stands(
        self, label: str, score: float, models: list[float | None], kept: float | None
    ) -> None:
        found = read(scored(labelled(HUMAN, label), score, *(("rd-x-img", label, one) for one in models)))

        assert found.ai_score == kept
        assert ("scale_suspect" in found.warnings) is (kept is None)
        assert found.verdict is not Verdict.LIKELY_HUMAN or label == "AUTHENTIC"

    def test_a_summary_without_its_number_is_for_a_person(self) -> None:
        with pytest.raises(SchemaMismatch):
            make().parse({**HUMAN, "resultsSummary": None})
        with pytest.raises(SchemaMismatch, match="finalScore"):
            make().parse(changed(HUMAN, ("resultsSummary", "metadata", "finalScore"), None, renamed=True))

    def test_a_models_number_out_of_range_is_for_a_person(self) -> None:
        with pytest.raises(SchemaMismatch):
            make().parse(scored(AI, 91.2, ("rd-birch-img", "FAKE", 955.0)))

    def test_each_model_is_told_in_words(self) -> None:
        assert [one.value for one in read(AI).evidence] == [
            "FAKE, 91.2 of 100",
            "FAKE, 95.5 of 100",
            "FAKE, 88 of 100",
            "NOT_APPLICABLE, no score",
        ]

    @pytest.mark.parametrize("before", ["", "x" * 190])
    def test_a_reason_that_repeats_our_key_and_a_signed_link_is_told_without_them(self, before: str) -> None:
        said = f"{before}{KEY} for https://s3.amazonaws.com/x?X-Amz-Signature=of-no-use"
        body = changed(HUMAN, ("resultsSummary", "metadata", "reasons"), [{"code": said, "message": said}])

        shown = repr(read(body).evidence)
        assert KEY[:10] not in shown
        assert "of-no-use" not in shown

    def test_the_list_of_models_ends_somewhere(self) -> None:
        many = [("rd-x-img", "FAKE", 99.0)] * 500

        assert len(read(scored(AI, 91.2, *many)).evidence) == 20


class TestHeatmaps:
    def overlay(self, *models: tuple[str, str], link: str = "?X-Amz-Expires=900") -> Any:
        listed = [(name, status, None) for name, status in models]
        found = {name: f"{HEATMAPS}{name}.png{link}" for name, _ in models}
        return read({**scored(AI, 91.2, *listed), "heatmaps": found}).overlay

    def test_it_is_always_the_first_by_name(self) -> None:
        given = [("rd-oak-img", "FAKE"), ("rd-ash-img", "MANIPULATED")]

        assert {self.overlay(*order).url for order in (given, given[::-1])} == {
            f"{HEATMAPS}rd-ash-img.png?X-Amz-Expires=900"
        }

    @pytest.mark.parametrize("model", [("rd-img-Ensemble", "FAKE"), ("rd-a-img", "AUTHENTIC"), ("rd-a-img", "")])
    def test_an_ensemble_or_a_model_that_finds_nothing_has_none(self, model: tuple[str, str]) -> None:
        assert self.overlay(model) is None

    @pytest.mark.parametrize(
        "heatmaps",
        [
            None,
            [],
            {},
            {"rd-birch-img": None},
            {"rd-birch-img": ""},
            {"rd-birch-img": f"{HEATMAPS}\x00"},
            {"other": "x"},
        ],
    )
    def test_without_a_link_there_is_none(self, heatmaps: Any) -> None:
        assert read({**AI, "heatmaps": heatmaps}).overlay is None

    @pytest.mark.parametrize(
        ("link", "seconds"),
        [
            ("?X-Amz-Expires=300&X-Amz-Signature=of-no-use", 240),
            ("?a=b&X-Amz-Expires=900", 840),
            ("?X-Amz-Expires=604800", 840),
            ("", 840),
        ],
    )
    def test_its_link_is_called_run_out_a_minute_early(self, link: str, seconds: int) -> None:
        expires_at = self.overlay(("rd-ash-img", "FAKE"), link=link).expires_at

        assert abs(expires_at - datetime.now(UTC) - timedelta(seconds=seconds)) < timedelta(seconds=20)

    def test_it_is_fetched_without_our_key_and_from_listed_hosts_only(self) -> None:
        found = self.overlay(("rd-ash-img", "FAKE"))

        with responses.RequestsMock() as vendor:
            vendor.get(f"{HEATMAPS}rd-ash-img.png", body=b"\x89PNG", content_type="image/png")
            assert make().download_overlay(found) == b"\x89PNG"
            assert KEY not in str(vendor.calls[0].request.headers)
        with pytest.raises(OutboundBlocked):
            make(allowed_hosts="").download_overlay(found)
