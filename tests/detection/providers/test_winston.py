"""Winston AI, with its network mocked: which of its numbers is read, and what stays of our link and of the file."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
import responses

from detection.errors import AuthFailed, FetchFailed, ProviderMisconfigured, SchemaMismatch
from detection.providers.winston import WinstonProvider
from detection.results import ScanResult
from detection.vocabulary import Says, Verdict
from tests.contracts.provider_cases import KEY, HttpProviderContract
from tests.contracts.samples import CONTENT, a_request, raw, samples_of

BODIES = {one.file: one.body for one in samples_of("winston")}
TOKEN = "WyI0dkVVblpyMGMwbGRGMXNoTmV0NSJd." * 7 + "9f3aXq"
LINK = f"https://news.example/detection/handed/{TOKEN}/?until=1791000000&seal=9f3a77"


class TestWinstonContract(HttpProviderContract):
    submit_url = "https://api.gowinston.ai/v2/image-detection"
    samples = "winston"
    good = BODIES["success_ai.json"]
    unknown_label = None
    fields = frozenset({"url"})
    score_at = ("ai_probability",)
    statuses = {403: FetchFailed}
    sends_reference = False
    gives_id = False
    picture = {"url": "https://news.example/detection/handed/abc/"}

    def make(self, **options: Any) -> WinstonProvider:
        return WinstonProvider("winston", {"api_key": KEY, **options})

    def test_it_is_given_a_link_and_never_the_picture(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)
        provider = self.make()

        provider.submit(a_request(url=LINK))

        assert (provider.takes_url, provider.takes_upload) == (True, False)
        assert json.loads(raw(vendor.calls[0].request)) == {"url": LINK}
        assert CONTENT not in raw(vendor.calls[0].request)

    def test_the_configured_model_is_its_version(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make(model="4").submit(a_request(url=LINK))

        assert json.loads(raw(vendor.calls[0].request)) == {"url": LINK, "version": "4"}

    @pytest.mark.parametrize("url", [None, ""])
    def test_a_picture_without_a_link_is_refused_and_nothing_is_sent(
        self, vendor: responses.RequestsMock, url: str | None
    ) -> None:
        with pytest.raises(ProviderMisconfigured, match="takes links only"):
            self.make().submit(a_request(url=url))
        assert not vendor.calls

    def test_a_link_that_they_could_not_read_says_nothing_of_our_key(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, status=403, json=BODIES["error_url_not_reachable.json"])

        assert isinstance(error, FetchFailed)
        assert error.retryable
        assert not error.pauses

    def test_a_refused_key_still_is_one(self, vendor: responses.RequestsMock) -> None:
        assert isinstance(self.fails(vendor, status=401, json=BODIES["error_unauthorised.json"]), AuthFailed)

    echoes = pytest.mark.parametrize(
        "echo",
        [
            LINK,
            LINK.partition("?")[0].rstrip("/"),
            f"/detection/handed/{TOKEN}",
            f"https%3A%2F%2Fnews.example%2Fdetection%2Fhanded%2F{TOKEN}%2F",
            f"{TOKEN} is not a picture",
            "until=1791000000&seal=9f3a77",
        ],
    )

    @echoes
    def test_an_answer_that_repeats_our_link_is_kept_without_it(
        self, vendor: responses.RequestsMock, echo: str
    ) -> None:
        vendor.post(self.submit_url, json={**self.good, "url": echo, "seen": [{echo: echo}], "version": echo})

        found = self.make().submit(a_request(url=LINK))

        assert isinstance(found, ScanResult)
        shown = json.dumps(dict(found.raw)) + found.model
        assert TOKEN[:16] not in shown
        assert "9f3a77" not in shown
        assert "[redacted]" in shown

    @echoes
    @pytest.mark.parametrize("status", [200, 403])
    def test_a_refusal_that_repeats_our_link_is_told_without_it(
        self, vendor: responses.RequestsMock, echo: str, status: int
    ) -> None:
        body = {"error": echo, "description": f"could not read {echo} just now", "score": 3}
        vendor.post(self.submit_url, status=status, json=body)

        with pytest.raises((FetchFailed, SchemaMismatch)) as caught:
            self.make().submit(a_request(url=LINK))

        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert TOKEN[:16] not in shown
        assert "9f3a77" not in shown

    def test_a_link_is_forgotten_once_the_call_is_over(self, vendor: responses.RequestsMock) -> None:
        vendor.post(self.submit_url, json=self.good)
        provider = self.make()

        provider.submit(a_request(url=LINK))

        assert provider.secrets == (KEY,)

    def test_what_the_answer_repeats_of_the_file_is_not_kept(self, vendor: responses.RequestsMock) -> None:
        place = {"GPSLatitude": 54.3233, "Artist": "A. Freelancer"}
        blocks = {"exif": place, "metadata": {"GPS": place}, "c2pa": {"assertions": [place]}, "more": [{"Exif": place}]}
        vendor.post(self.submit_url, json={**self.good, **blocks})

        found = self.make().submit(a_request(url=LINK))

        kept = json.dumps(dict(found.raw))
        assert "54.3233" not in kept
        assert "Freelancer" not in kept
        assert found.raw["exif"] == "[not kept]"

    def test_a_shape_that_cannot_be_read_is_kept_without_it_too(self, vendor: responses.RequestsMock) -> None:
        error = self.fails(vendor, json={"exif": {"GPSLatitude": 54.3233}, "probability": 0.4})

        assert isinstance(error, SchemaMismatch)
        assert error.raw == {"exif": "[not kept]", "probability": 0.4}


def parse(**answer: Any) -> ScanResult:
    provider = WinstonProvider("winston", {"api_key": KEY})
    return provider.parse({**BODIES["success_ai.json"], **answer})


class TestDirection:
    @pytest.mark.parametrize("number", [2, 50, 98])
    def test_only_the_probability_is_read_whatever_the_score_says(self, number: float) -> None:
        assert parse(score=number).ai_score == 0.957

    def test_a_high_human_score_beside_a_low_probability_is_no_sign_of_ai(self) -> None:
        found = parse(score=98.0, human_probability=0.98, ai_probability=0.02)

        assert (found.verdict, found.ai_score, found.warnings) == (Verdict.LIKELY_HUMAN, 0.02, ())

    def test_a_score_in_the_vendors_other_direction_is_suspect_and_changes_nothing_else(self) -> None:
        found = parse(score=95.7)

        assert (found.verdict, found.warnings) == (Verdict.LIKELY_AI, ("scale_suspect",))

    @pytest.mark.parametrize(
        "answer",
        [
            {"score": 50, "human_probability": 0.967, "ai_probability": 0.033},
            {"score": 96.7, "human_probability": 0.033, "ai_probability": 0.033},
            {"score": None, "human_probability": 0.5, "ai_probability": 0.033},
            {"score": 50},
        ],
    )
    def test_numbers_that_contradict_each_other_clear_and_accuse_nobody(self, answer: dict[str, Any]) -> None:
        found = parse(**answer)

        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("scale_suspect",))

    def test_rounding_is_no_contradiction(self) -> None:
        assert parse(score=4.0, human_probability=0.04, ai_probability=0.957).warnings == ()

    def test_the_other_numbers_may_be_absent(self) -> None:
        found = parse(score=None, human_probability=None)

        assert (found.verdict, found.ai_score, found.warnings) == (Verdict.LIKELY_AI, 0.957, ())

    @pytest.mark.parametrize("answer", [{"score": 101}, {"score": "4.3"}, {"human_probability": 1.4}])
    def test_another_number_out_of_range_is_for_a_person(self, answer: dict[str, Any]) -> None:
        with pytest.raises(SchemaMismatch):
            parse(**answer)

    @pytest.mark.parametrize(
        ("probability", "verdict"),
        [(0.49, Verdict.LIKELY_HUMAN), (0.5, Verdict.UNCERTAIN), (0.89, Verdict.UNCERTAIN), (0.9, Verdict.LIKELY_AI)],
    )
    def test_the_word_comes_from_our_cuts_for_the_vendor_gives_none(self, probability: float, verdict: Verdict) -> None:
        assert parse(score=None, human_probability=None, ai_probability=probability).verdict is verdict


class TestWatermark:
    human = {"score": 96.7, "human_probability": 0.967, "ai_probability": 0.033}

    def test_a_watermark_and_pixels_that_show_nothing_are_kept_apart_and_open(self) -> None:
        found = parse(**self.human, ai_watermark_detected=True, ai_watermark_issuers=["Harbour Marks Ltd"])

        assert (found.verdict, found.ai_score) == (Verdict.UNCERTAIN, 0.033)
        assert found.warnings == ("signals_conflict",)
        assert [(one.kind, one.value, one.says) for one in found.evidence] == [
            ("watermark", "Harbour Marks Ltd", Says.AI)
        ]

    @pytest.mark.parametrize(
        ("issuers", "named"),
        [
            (["A Ltd", "B Ltd", 7, ""], "A Ltd, B Ltd"),
            ({"A Ltd": True, "B Ltd": False}, "A Ltd"),
            ({"A Ltd": {"version": 2}}, "A Ltd"),
            ([], "issuer not named"),
            (None, "issuer not named"),
            ("A Ltd", "issuer not named"),
        ],
    )
    def test_issuers_are_read_from_a_list_and_from_an_object(self, issuers: Any, named: str) -> None:
        found = parse(ai_watermark_detected=True, ai_watermark_issuers=issuers)

        assert [one.value for one in found.evidence] == [named]
        assert found.warnings == ()

    @pytest.mark.parametrize("flag", ["true", "false", 1, 0, [], "yes"])
    def test_a_flag_that_is_neither_true_nor_false_is_for_a_person(self, flag: Any) -> None:
        with pytest.raises(SchemaMismatch, match="ai_watermark_detected"):
            parse(**self.human, ai_watermark_detected=flag)

    def test_an_issuer_without_the_flag_counts_too(self) -> None:
        found = parse(**self.human, ai_watermark_detected=None, ai_watermark_issuers=["A Ltd"])

        assert found.verdict is Verdict.UNCERTAIN

    @pytest.mark.parametrize("issuers", [[], {}, None, {"A Ltd": False}])
    def test_without_a_watermark_there_is_no_evidence_of_one(self, issuers: Any) -> None:
        found = parse(**self.human, ai_watermark_detected=False, ai_watermark_issuers=issuers)

        assert (found.verdict, found.evidence) == (Verdict.LIKELY_HUMAN, ())

    def test_content_credentials_are_told_by_their_presence_and_weigh_nothing(self) -> None:
        provider = WinstonProvider("winston", {"api_key": KEY})
        found = parse(**self.human, c2pa={"claim": "anything"})

        assert [(one.kind, one.says) for one in found.evidence] == [("c2pa", Says.OTHER)]
        assert found.verdict is Verdict.LIKELY_HUMAN
        assert provider.parse(found.raw).evidence == found.evidence
