"""Hive V2, with its network mocked: at once, as a task with an event, and the reading of the classes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import responses

from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    AuthFailed,
    FetchFailed,
    ImageRefused,
    ProviderError,
    SchemaMismatch,
    UnsupportedType,
)
from detection.providers.hive import HiveProvider
from detection.results import Accepted, ScanResult
from detection.vocabulary import Says, Verdict
from tests.contracts.provider_cases import KEY, REFERENCE, HttpProviderContract
from tests.contracts.samples import a_request, changed, fields_of, raw, samples_of

BODIES = {one.file: one.body for one in samples_of("hive")}
GOOD = BODIES["sync_success_ai.json"]
CLASSES = ("status", 0, "response", "output", 0, "classes")
SYNC, ASYNC = "https://api.thehive.ai/api/v2/task/sync", "https://api.thehive.ai/api/v2/task/async"
CALLBACK = "https://newsroom.example/detection/webhooks/hive/unguessable/"


def with_classes(**scores: float) -> dict[str, Any]:
    """An answer with these classes alone."""
    listed = [{"class": name.removeprefix("_"), "score": score} for name, score in scores.items()]
    made: dict[str, Any] = changed(GOOD, CLASSES, listed)
    return made


def failed(code: str) -> dict[str, Any]:
    """A task that failed, wrapped in a 200."""
    made: dict[str, Any] = changed(BODIES["event_failed.json"], ("status", 0, "status", "code"), code)
    return made


class TestHiveContract(HttpProviderContract):
    submit_url = SYNC
    samples = "hive"
    good = GOOD
    unknown_label = None
    auth = ("Authorization", f"token {KEY}")
    fields = frozenset({"media", "metadata"})
    score_at = (*CLASSES, 1, "score")

    def make(self, **options: Any) -> HiveProvider:
        return HiveProvider("hive", {"api_key": KEY, **options})

    # Asking: at once, or as a task.

    def test_without_the_option_no_address_of_ours_is_told(self, vendor: responses.RequestsMock) -> None:
        vendor.post(SYNC, json=self.good)

        found = self.make().submit(a_request(callback_url=CALLBACK))

        assert isinstance(found, ScanResult)
        assert fields_of(vendor.calls[0].request) == {"media", "metadata"}

    def test_with_callbacks_a_task_is_made_that_an_event_answers(self, vendor: responses.RequestsMock) -> None:
        vendor.post(ASYNC, json=BODIES["async_submitted.json"])

        found = self.make(callbacks=True).submit(a_request(callback_url=CALLBACK))

        assert isinstance(found, Accepted)
        assert found.provider_reference == BODIES["async_submitted.json"]["task_id"]
        assert fields_of(vendor.calls[0].request) == {"media", "metadata", "callback_url"}
        assert CALLBACK.encode() in raw(vendor.calls[0].request)
        assert REFERENCE.encode() in raw(vendor.calls[0].request)

    def test_with_callbacks_but_no_address_it_is_answered_at_once(self, vendor: responses.RequestsMock) -> None:
        vendor.post(SYNC, json=self.good)

        assert isinstance(self.make(callbacks="on").submit(a_request()), ScanResult)

    def test_a_lost_acknowledgement_of_a_task_is_ambiguous(self, vendor: responses.RequestsMock) -> None:
        vendor.post(ASYNC, body=requests.ConnectionError("reset"))

        with pytest.raises(AmbiguousTimeout):
            self.make(callbacks=True).submit(a_request(callback_url=CALLBACK))

    @pytest.mark.parametrize("is_on", [True, False])
    def test_only_the_option_makes_it_call_back_and_it_never_polls(self, is_on: bool) -> None:
        provider = self.make(callbacks=is_on)

        assert provider.calls_back is is_on
        assert not provider.polls
        assert not provider.finds_by_reference
        assert not provider.is_idempotent

    def test_a_task_that_nobody_would_hear_of_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        vendor.post(SYNC, json=BODIES["async_submitted.json"])

        with pytest.raises(SchemaMismatch) as caught:
            self.make(callbacks=True).submit(a_request())

        assert caught.value.raw

    def test_an_answer_about_another_picture_is_for_a_person(self, vendor: responses.RequestsMock) -> None:
        vendor.post(SYNC, json={**self.good, "metadata": "another-reference"})

        with pytest.raises(SchemaMismatch) as caught:
            self.make().submit(a_request())

        assert caught.value.raw

    def test_a_replayed_event_reads_as_the_first_one(self) -> None:
        first, again = (self.make().parse(BODIES[f"event_completed{which}.json"]) for which in ("", "_resent"))

        assert isinstance(first, ScanResult)
        assert isinstance(again, ScanResult)
        assert (first.provider_reference, first.verdict, first.ai_score) == (
            again.provider_reference,
            again.verdict,
            again.ai_score,
        )

    # A task that failed, under a 200.

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("1000", AnalysisLost),
            ("2000", FetchFailed),
            ("2101", FetchFailed),
            ("2201", FetchFailed),
            ("3000", ProviderError),
            ("3100", UnsupportedType),
            ("3200", ImageRefused),
            ("3300", ImageRefused),
            ("3401", ProviderError),
            ("4000", ProviderError),
            ("9999", ProviderError),
        ],
    )
    def test_a_failed_task_under_a_200_is_what_its_code_means(self, code: str, expected: type[ProviderError]) -> None:
        with pytest.raises(ProviderError) as caught:
            self.make().parse(failed(code))

        assert type(caught.value) is expected
        assert caught.value.provider_code == code
        assert caught.value.request_id == BODIES["event_failed.json"]["id"]

    @pytest.mark.parametrize("code", ["3000", "3401", "4000"])
    def test_what_the_vendor_advises_against_sending_again_is_not_sent_again(self, code: str) -> None:
        with pytest.raises(ProviderError) as caught:
            self.make().parse(failed(code))

        assert not caught.value.retryable

    def test_two_tasks_in_one_answer_are_for_a_person(self) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse({**self.good, "status": self.good["status"] * 2})

    # Refusals of the key.

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"return_code": 401, "message": "No"}, AuthFailed),
            ({"message": "Invalid Auth Token"}, AuthFailed),
            ({"message": "missing API key"}, AuthFailed),
            ({"message": "Unauthorized"}, AuthFailed),
            ({"message": "Unexpected token < in the body"}, ImageRefused),
            ({"error_code": 3300, "message": "unauthorized codec"}, ImageRefused),
            ({"message": ["Unauthorized"]}, ImageRefused),
            ({}, ImageRefused),
        ],
    )
    def test_a_400_is_about_the_key_only_where_its_body_says_so(
        self, vendor: responses.RequestsMock, body: dict[str, Any], expected: type[ProviderError]
    ) -> None:
        assert type(self.fails(vendor, status=400, json=body)) is expected

    def test_the_key_check_asks_nobody_and_says_so(self, vendor: responses.RequestsMock) -> None:
        assert "no call that tests a key" in str(self.make().check())
        assert not vendor.calls

    # Reading the classes.

    @pytest.mark.parametrize(
        ("ai", "verdict"),
        [(0.0, Verdict.LIKELY_HUMAN), (0.49, Verdict.LIKELY_HUMAN), (0.5, Verdict.UNCERTAIN), (0.9, Verdict.LIKELY_AI)],
    )
    def test_the_verdict_is_by_this_aliases_cuts(self, ai: float, verdict: Verdict) -> None:
        found = self.make().parse(with_classes(not_ai_generated=1 - ai, ai_generated=ai))

        assert isinstance(found, ScanResult)
        assert (found.verdict, found.ai_score) == (verdict, ai)

    def test_other_cuts_may_be_set(self) -> None:
        provider = self.make(thresholds={"some": 0.2, "strong": 0.6})

        assert provider.parse(with_classes(not_ai_generated=0.3, ai_generated=0.7)).verdict is Verdict.LIKELY_AI  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "scores",
        [
            {"ai_generated": 0.97},
            {"not_ai_generated": 0.97},
            {"ai_generated": 0.9, "not_ai_generated": 0.9},
            {"ai_generated": 0.2, "not_ai_generated": 0.2},
            {"midjourney": 0.97},
        ],
    )
    def test_a_first_head_that_is_not_whole_gives_no_score(self, scores: dict[str, float]) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse(with_classes(**scores))

    def test_a_class_that_stands_twice_is_for_a_person(self) -> None:
        twice = [*GOOD["status"][0]["response"]["output"][0]["classes"], {"class": "deepfake", "score": 0.1}]

        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(GOOD, CLASSES, twice))

    def test_the_name_that_v3_has_for_a_score_is_not_taken_here(self) -> None:
        with pytest.raises(SchemaMismatch):
            self.make().parse(changed(GOOD, (*CLASSES, 1), {"class": "ai_generated", "value": 0.97}))

    def test_a_generator_nobody_knows_yet_keeps_its_name(self) -> None:
        found = self.make().parse(
            with_classes(ai_generated=0.95, not_ai_generated=0.05, brush9=0.8, flux=0.11, midjourney=0.09)
        )

        assert isinstance(found, ScanResult)
        assert [(one.name, one.score) for one in found.generators] == [("brush9", 0.8), ("flux", 0.11)]

    def test_what_is_no_source_is_no_generator(self) -> None:
        found = self.make().parse(
            with_classes(
                ai_generated=0.95,
                not_ai_generated=0.05,
                none=0.3,
                inconclusive=0.3,
                inconclusive_video=0.3,
                deepfake=0.4,
                ai_generated_audio=0.6,
                not_ai_generated_audio=0.4,
            )
        )

        assert isinstance(found, ScanResult)
        assert found.generators == ()

    @pytest.mark.parametrize(
        ("ai", "face", "verdict"),
        [
            (0.05, 0.5, Verdict.PARTIAL_AI),
            (0.05, 0.49, Verdict.LIKELY_HUMAN),
            (0.7, 0.8, Verdict.PARTIAL_AI),
            (0.95, 0.8, Verdict.LIKELY_AI),
        ],
    )
    def test_an_altered_face_in_a_picture_that_is_not_ai_all_over_is_partly_ai(
        self, ai: float, face: float, verdict: Verdict
    ) -> None:
        found = self.make().parse(with_classes(ai_generated=ai, not_ai_generated=1 - ai, deepfake=face))

        assert isinstance(found, ScanResult)
        assert (found.verdict, found.ai_score) == (verdict, ai)
        assert [one.key for one in found.evidence] == (["deepfake"] if face >= 0.5 else [])
        assert all(one.says is Says.AI_EDITED for one in found.evidence)

    @pytest.mark.parametrize("name", ["sdxlinpaint", "stablediffusioninpaint"])
    def test_an_inpainting_source_is_a_hint_and_never_a_place(self, name: str) -> None:
        found = self.make().parse(with_classes(ai_generated=0.96, not_ai_generated=0.04, flux=0.2, **{name: 0.7}))

        assert isinstance(found, ScanResult)
        assert found.verdict is Verdict.PARTIAL_AI
        assert [one.kind for one in found.evidence] == ["classifier"]
        assert found.overlay is None

    @pytest.mark.parametrize(
        ("source", "score", "is_open"),
        [
            ("midjourney", 0.97, True),
            ("brush9", 0.5, True),
            ("sdxlinpaint", 0.7, True),
            ("midjourney", 0.49, False),
            ("none", 0.97, False),
            ("inconclusive", 0.97, False),
        ],
    )
    def test_a_source_that_is_a_program_beside_a_score_that_shows_nothing_is_open(
        self, source: str, score: float, is_open: bool
    ) -> None:
        found = self.make().parse(with_classes(ai_generated=0.011, not_ai_generated=0.989, **{source: score}))

        assert isinstance(found, ScanResult)
        assert found.verdict is (Verdict.UNCERTAIN if is_open else Verdict.LIKELY_HUMAN)
        assert found.warnings == (("signals_conflict",) if is_open else ())

    def test_an_inpainting_source_that_does_not_lead_hints_at_nothing(self) -> None:
        found = self.make().parse(with_classes(ai_generated=0.96, not_ai_generated=0.04, flux=0.6, sdxlinpaint=0.3))

        assert isinstance(found, ScanResult)
        assert found.verdict is Verdict.LIKELY_AI
        assert found.evidence == ()

    def test_of_several_frames_the_one_that_says_most_counts(self) -> None:
        quiet, loud = with_classes(ai_generated=0.1, not_ai_generated=0.9), GOOD
        outputs = [one["status"][0]["response"]["output"][0] for one in (quiet, loud, quiet)]

        found = self.make().parse(changed(GOOD, CLASSES[:-2], outputs))

        assert isinstance(found, ScanResult)
        assert found.ai_score == 0.973

    def test_a_declaration_that_the_vendor_read_stands_beside_a_high_score(self) -> None:
        read = changed(
            GOOD, (*CLASSES[:-1], "c2pa_metadata"), {"maker": "a camera", "link": "https://a.example/?sig=1"}
        )

        found = self.make().parse(read)

        assert isinstance(found, ScanResult)
        assert found.verdict is Verdict.LIKELY_AI
        assert found.warnings == ()
        assert "a camera" in found.evidence[0].value
        assert "sig=1" not in found.evidence[0].value + json.dumps(dict(found.raw))

    def test_an_empty_c2pa_field_is_no_evidence(self) -> None:
        found = self.make().parse(changed(GOOD, (*CLASSES[:-1], "c2pa_metadata"), {}))

        assert isinstance(found, ScanResult)
        assert found.evidence == ()

    def test_a_picture_edited_with_ai_is_not_read_as_made_by_it(self) -> None:
        human = BODIES["sync_success_human.json"]
        source = {"type": "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"}

        found = self.make().parse(changed(human, (*CLASSES[:-1], "c2pa"), source))

        assert isinstance(found, ScanResult)
        assert [one.says for one in found.evidence] == [Says.OTHER]
        assert found.verdict is Verdict.LIKELY_HUMAN
