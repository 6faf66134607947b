"""AI or Not, with its network mocked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from detection.errors import (
    AuthFailed,
    NotFound,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    SchemaMismatch,
)
from detection.providers.aiornot import AiornotProvider
from detection.results import ScanResult
from detection.vocabulary import Says, Verdict
from tests.contracts.provider_cases import KEY, REFERENCE, HttpProviderContract
from tests.contracts.samples import a_request, changed, samples_of

BODIES = {one.file: one.body for one in samples_of("aiornot")}
GOOD, HUMAN, FACE = (BODIES[f"success_{which}.json"] for which in ("ai", "human", "altered_face"))
GENERATED = ("report", "ai_generated")
BALANCE = "https://api.aiornot.com/v2/billing/balance"


class TestAiornotContract(HttpProviderContract):
    submit_url = "https://api.aiornot.com/v2/image/sync"
    samples = "aiornot"
    good = GOOD
    unknown_label = changed(GOOD, (*GENERATED, "verdict"), "mostly_ai")
    fields = frozenset({"image"})
    score_at = (*GENERATED, "ai", "confidence")

    def make(self, **options: Any) -> AiornotProvider:
        return AiornotProvider("aiornot", {"api_key": KEY, **options})

    def refused(self, vendor: responses.RequestsMock, body: Any) -> SchemaMismatch:
        error = self.fails(vendor, json=body)
        assert isinstance(error, SchemaMismatch)
        assert error.raw
        return error

    # Asking.

    @pytest.mark.parametrize(
        ("given", "asked"),
        [
            ({}, ["ai_generated"]),
            ({"reports": "ai_generated+deepfake"}, ["ai_generated", "deepfake"]),
            ({"reports": ["deepfake", "ai_generated", "deepfake"]}, ["deepfake", "ai_generated"]),
        ],
    )
    def test_only_the_reports_that_are_set_are_asked_for_and_billed(
        self, vendor: responses.RequestsMock, given: dict[str, Any], asked: list[str]
    ) -> None:
        vendor.post(self.submit_url, json=self.good)

        self.make(**given).submit(a_request())

        query = parse_qs(urlsplit(vendor.calls[0].request.url or "").query)
        assert query == {"only": asked, "external_id": [REFERENCE]}

    @pytest.mark.parametrize("given", ["deepfake", "nsfw", "ai_generated,deepfake", "ai_generated+nsfw"])
    def test_reports_that_give_no_verdict_are_refused_with_the_settings_name(self, given: str) -> None:
        with pytest.raises(ProviderMisconfigured, match="reports"):
            self.make(reports=given)

    def test_an_answer_to_fewer_reports_is_not_used_again_for_more(self) -> None:
        asked = [self.make().configured_model, self.make(reports="deepfake+ai_generated").configured_model]
        assert asked == ["ai_generated", "ai_generated+deepfake"]

    def test_an_answer_about_other_bytes_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        self.refused(vendor, changed(self.good, ("report", "meta", "md5"), "0" * 32))

    def test_an_answer_to_another_reference_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        self.refused(vendor, {**self.good, "external_id": "another-reference"})

    @pytest.mark.parametrize("md5", [None, "", "A"])
    def test_the_bytes_are_compared_only_where_the_vendor_tells_them(
        self, vendor: responses.RequestsMock, md5: str | None
    ) -> None:
        told = GOOD["report"]["meta"]["md5"].upper() if md5 == "A" else md5
        vendor.post(self.submit_url, json=changed({**GOOD, "external_id": None}, ("report", "meta", "md5"), told))

        assert isinstance(self.make().submit(a_request()), ScanResult)

    # Reading.

    @pytest.mark.parametrize("status", ["processed", "skipped", "", None])
    def test_a_missing_report_without_a_documented_reason_is_for_a_person(self, status: str | None) -> None:
        body = changed(
            BODIES["report_errored_in_200.json"], ("report", "meta", "processing_status"), {"ai_generated": status}
        )

        with pytest.raises(SchemaMismatch):
            self.make().parse(body)

    def test_a_missing_report_is_never_human(self) -> None:
        found = [self.make().parse(BODIES[f"report_{which}_in_200.json"]) for which in ("rejected", "errored")]

        assert [one.verdict for one in found] == [Verdict.NOT_APPLICABLE, Verdict.UNKNOWN]
        assert [one.ai_score for one in found] == [None, None]

    def test_only_the_vendors_own_minus_one_means_no_number(self) -> None:
        for value, score in ((-1, None), (-1.0, None), (0, 0.0)):
            assert self.make().parse(changed(HUMAN, self.score_at, value)).ai_score == score
        for value in (-0.99, -2, -100):
            with pytest.raises(SchemaMismatch):
                self.make().parse(changed(HUMAN, self.score_at, value))

    @pytest.mark.parametrize(
        ("label", "score", "verdict", "warnings"),
        [
            ("human", 0.9, Verdict.UNCERTAIN, ("label_and_score_disagree",)),
            ("human", 0.89, Verdict.LIKELY_HUMAN, ()),
            ("ai", 0.49, Verdict.UNCERTAIN, ("label_and_score_disagree",)),
            ("ai", 0.5, Verdict.LIKELY_AI, ()),
            ("unknown", 0.97, Verdict.UNCERTAIN, ()),
        ],
    )
    def test_a_word_against_its_own_number_is_open(
        self, label: str, score: float, verdict: Verdict, warnings: tuple[str, ...]
    ) -> None:
        said = changed(changed(GOOD, (*GENERATED, "verdict"), label), (*GENERATED, "ai", "is_detected"), label == "ai")
        body = changed(said, self.score_at, score)

        found = self.make().parse(body)

        assert (found.verdict, found.warnings, found.ai_score) == (verdict, warnings, score)

    def test_no_word_at_all_is_no_verdict(self) -> None:
        found = self.make().parse(changed(GOOD, (*GENERATED, "verdict"), None))

        assert (found.verdict, found.reasons, found.warnings) == (Verdict.UNKNOWN, ("no_verdict",), ())

    @pytest.mark.parametrize("value", ["0.9", 1.2, {"confidence": "0.9"}, [0.9]])
    def test_a_generator_with_what_is_no_number_is_for_a_person(self, value: Any) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(GOOD, (*GENERATED, "generator"), {"flux": value}))

    def test_a_generator_nobody_knows_yet_keeps_its_name(self) -> None:
        given = {
            "brush9": 0.3,
            "flux": {"is_detected": True, "confidence": 0.6},
            "four_o": -1,
            "dall_e": None,
            "x": 0.09,
        }

        found = self.make().parse(changed(GOOD, (*GENERATED, "generator"), given))

        assert [(one.name, one.score) for one in found.generators] == [("flux", 0.6), ("brush9", 0.3)]

    # Altered faces.

    def test_an_altered_face_is_told_with_its_place_in_words(self) -> None:
        found = self.make().parse(FACE)

        assert [(one.kind, one.value) for one in found.evidence] == [
            ("classifier", "detected, confidence 0.87"),
            ("region", "x 208–351, y 64–240"),
        ]
        assert all(one.says is Says.AI_EDITED for one in found.evidence)

    @pytest.mark.parametrize(
        ("label", "score", "verdict"),
        [
            ("human", 0.16, Verdict.PARTIAL_AI),
            ("unknown", 0.5, Verdict.PARTIAL_AI),
            ("ai", 0.95, Verdict.LIKELY_AI),
            ("human", 0.95, Verdict.UNCERTAIN),
            ("odd", 0.16, Verdict.UNKNOWN),
        ],
    )
    def test_an_altered_face_makes_partly_ai_of_what_is_not_ai_all_over(
        self, label: str, score: float, verdict: Verdict
    ) -> None:
        body = changed(changed(FACE, (*GENERATED, "verdict"), label), self.score_at, score)

        assert self.make().parse(body).verdict is verdict

    def test_a_report_that_found_no_altered_face_changes_nothing(self) -> None:
        found = self.make().parse(changed(FACE, ("report", "deepfake", "is_detected"), False))

        assert (found.verdict, found.evidence) == (Verdict.LIKELY_HUMAN, ())

    @pytest.mark.parametrize(
        ("at", "value"),
        [
            (("is_detected",), "yes"),
            (("is_detected",), None),
            (("confidence",), 3),
            (("rois", 0, "bbox"), None),
            (("rois", 0, "bbox", "x1"), "208"),
            (("rois", 0, "bbox", "x1"), True),
            (("rois", 0, "bbox", "x1"), -4),
            (("rois", 0, "bbox", "y1"), -4),
            (("rois", 0, "bbox", "x2"), 208),
            (("rois", 0, "bbox", "y2"), None),
        ],
    )
    def test_a_deepfake_report_of_another_shape_is_for_a_person(self, at: tuple[str | int, ...], value: Any) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(FACE, ("report", "deepfake", *at), value))

    def without_faces(self, body: Any, status: Any, *, renamed: bool = False) -> ScanResult:
        """What is made of this answer where altered faces were to be looked for, and no such report came."""
        made = changed(body, ("report", "deepfake"), None, renamed=renamed)
        told = changed(made, ("report", "meta", "processing_status", "deepfake"), status)
        return self.make(reports="ai_generated+deepfake").parse(told)

    @pytest.mark.parametrize(
        ("status", "why"),
        [
            ("errored", "errored"),
            ("rejected", "rejected"),
            ("processed", "no report came"),
            ("", "no report came"),
            (None, "no report came"),
            (7, "no report came"),
        ],
    )
    @pytest.mark.parametrize("renamed", [True, False])
    def test_nothing_is_cleared_where_altered_faces_were_to_be_looked_for_and_were_not(
        self, status: Any, why: str, renamed: bool
    ) -> None:
        found = self.without_faces(HUMAN, status, renamed=renamed)

        assert found.verdict is Verdict.UNCERTAIN
        assert [(one.kind, one.value) for one in found.evidence] == [
            ("note", f"altered faces were not looked for: {why}")
        ]
        assert self.without_faces(GOOD, status, renamed=renamed).verdict is Verdict.LIKELY_AI

    @pytest.mark.parametrize("status", ["timeout", "skipped", "PROCESSED"])
    def test_a_missing_deepfake_report_in_a_state_nobody_documents_is_for_a_person(self, status: str) -> None:
        with pytest.raises(SchemaMismatch):
            self.without_faces(HUMAN, status)

    @pytest.mark.parametrize("status", ["errored", "timeout", None])
    def test_a_deepfake_report_that_was_not_wanted_is_not_missed(self, status: Any) -> None:
        found = self.make().parse(changed(HUMAN, ("report", "meta", "processing_status", "deepfake"), status))

        assert (found.verdict, found.evidence) == (Verdict.LIKELY_HUMAN, ())

    def test_what_was_kept_is_held_against_the_reports_that_were_asked_for_then(self) -> None:
        kept = self.make().parse(HUMAN).raw

        assert self.make(reports="ai_generated+deepfake").parse(kept).verdict is Verdict.LIKELY_HUMAN
        assert self.make().parse(self.without_faces(HUMAN, "errored").raw).verdict is Verdict.UNCERTAIN

    def test_a_word_against_the_vendors_own_flag_is_open(self) -> None:
        found = self.make().parse(changed(HUMAN, (*GENERATED, "ai", "is_detected"), True))

        assert (found.verdict, found.warnings) == (Verdict.UNCERTAIN, ("signals_conflict",))
        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(HUMAN, (*GENERATED, "ai", "is_detected"), "true"))

    # Errors and the key.

    def test_a_409_is_tried_again(self, vendor: responses.RequestsMock) -> None:
        assert type(self.fails(vendor, status=409, json={"detail": "conflict"})) is ProviderDown

    def test_what_was_wrong_with_the_request_is_said(self, vendor: responses.RequestsMock) -> None:
        wrong = [{"loc": ["body", "image"], "msg": f"problem {number}", "type": "t"} for number in range(5)]

        error = self.fails(vendor, status=422, json={"detail": wrong})

        assert "problem 0; problem 1; problem 2" in str(error)
        assert "problem 3" not in str(error)

    @pytest.mark.parametrize(
        ("body", "left"),
        [
            ({"balance": 12.5}, 12.5),
            ({"credits": 40, "currency": "x"}, 40),
            ({"balance": "12.5"}, None),
            ({"balance": True}, None),
            ({"balance": 10**400}, None),
            ({"balance": -1, "credits": 3}, 3),
            ({}, None),
        ],
    )
    def test_the_key_check_tells_the_balance_where_it_is_a_number(
        self, vendor: responses.RequestsMock, body: dict[str, Any], left: float | None
    ) -> None:
        vendor.get(BALANCE, json=body)

        found = self.make().check()

        assert found.remaining == left
        assert "accepts the key" in str(found)
        assert vendor.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"

    def test_a_key_without_a_billing_account_is_a_good_one(self, vendor: responses.RequestsMock) -> None:
        vendor.get(BALANCE, status=404, json={"detail": "No billing account for this user"})

        assert "accepts the key" in str(self.make().check())

    @pytest.mark.parametrize(
        ("status", "expected"), [(401, AuthFailed), (403, AuthFailed), (404, NotFound), (500, ProviderDown)]
    )
    def test_any_other_refusal_says_nothing_good_of_the_key(
        self, vendor: responses.RequestsMock, status: int, expected: type[ProviderError]
    ) -> None:
        vendor.get(BALANCE, status=status, json={"detail": "Not Found"})

        with pytest.raises(expected):
            self.make().check()
