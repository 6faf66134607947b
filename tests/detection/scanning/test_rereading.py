"""Kept answers read again: what a newer adapter makes of them, what follows for the picture, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from django.core.files.base import ContentFile

from detection import audit, gate, reviewing
from detection.errors import ProviderMisconfigured
from detection.models import Analysis, Asset, AuditEvent, PolicyVersion, StoredOverlay
from detection.policy import wants_second_opinion
from detection.providers import providers, telling
from detection.providers.generic import VERDICTS, GenericProvider
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanResult
from detection.scanning import rereading
from detection.scanning.rereading import Reading, Reread
from detection.standing import finding_of
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Conclusion, Verdict
from tests.conftest import asset_of, mark_read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]

ODD: dict[str, Any] = {"request_id": "an_1", "status": "complete", "verdict": "odd_word", "ai_score": 0.96}
HUMAN: dict[str, Any] = {**ODD, "verdict": "likely_human", "ai_score": 0.03}


class NewerProvider(GenericProvider):
    """The generic adapter after somebody taught it one more word."""

    adapter_version: ClassVar[str] = "2"
    verdicts: ClassVar[Mapping[str, Verdict]] = {**VERDICTS, "odd_word": Verdict.LIKELY_AI}


class OvertakenProvider(NewerProvider):
    """While it reads, somebody else's run is a little faster."""

    def parse(self, payload: Mapping[str, Any]) -> ScanResult | Accepted:
        Analysis.objects.update(adapter_version="3")
        return super().parse(payload)


@pytest.fixture
def now_read_by(settings: Any) -> Callable[..., None]:
    """From here on, the detector `first` is read by this adapter."""

    def change(kind: type[Any] = NewerProvider) -> None:
        options = {"base_url": "https://detector.example", "api_key": "sk-live-0123456789"}
        newer = {"BACKEND": f"{kind.__module__}.{kind.__qualname__}", "OPTIONS": options}
        settings.DETECTION_PROVIDERS = {**settings.DETECTION_PROVIDERS, "first": newer}

    return change


@pytest.fixture
def unsure(looked_at: Callable[..., Asset], detectors: Callable[..., None], now_read_by: Callable[..., None]) -> Asset:
    """A picture whose answer the adapter of then could not place, and that of now can."""
    detectors(first={})
    made = looked_at(verdict="uncertain", raw=ODD, provider_reference="an_1")
    now_read_by()
    return made


def row_of(asset: Asset) -> Analysis:
    return Analysis.objects.get(asset=asset, provider="first")


def reread(asset: Asset, **options: Any) -> Reread:
    return rereading.reread(row_of(asset).pk, **options)


def events() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="analysis.reparsed"))


def test_a_newer_adapter_s_reading_takes_the_place_of_the_old_one(unsure: Asset) -> None:
    before = row_of(unsure)

    assert reread(unsure) == Reread(Reading.CHANGED, "uncertain", "likely_ai")

    after = row_of(unsure)
    assert (after.verdict, after.ai_score, after.raw_verdict, after.adapter_version) == (
        *("likely_ai", 0.96, "odd_word"),
        "test_rereading.2",
    )
    assert (after.status, after.raw, after.completed_at) == (before.status, before.raw, before.completed_at)


def test_the_event_keeps_the_former_verdict_score_and_version(unsure: Asset) -> None:
    reread(unsure)

    [event] = events()
    told = {name: event.facts[name] for name in ("verdict_before", "score_before", "adapter_before")}
    assert told == {"verdict_before": "uncertain", "score_before": None, "adapter_before": "scripted.1"}
    assert (event.facts["verdict"], event.facts["score"], event.facts["adapter"]) == (
        "likely_ai",
        0.96,
        "test_rereading.2",
    )
    assert (event.asset_id, event.actor_id) == (unsure.pk, None)
    assert "read again" in audit.entry_of(event).label


def test_the_picture_s_standing_and_its_story_follow(unsure: Asset, article: Callable[..., Any]) -> None:
    story = article(unsure)
    before = Asset.objects.get(pk=unsure.pk)

    reread(unsure)

    after = Asset.objects.get(pk=unsure.pk)
    assert (before.signal, after.signal) == ("some", "strong")
    assert after.evidence != before.evidence
    assert after.standing_version > before.standing_version, "listeners hear of it"
    assert gate.report(story).refuses


def test_a_conclusion_on_the_old_evidence_does_not_cover_the_new(
    unsure: Asset, article: Callable[..., Any], erin: Any
) -> None:
    story = article(unsure)
    reviewing.decide(unsure, Conclusion.ACCEPTED, by=erin, evidence=unsure.evidence, subject=story, note="Seen.")
    assert not gate.report(story).refuses

    reread(unsure)

    assert Asset.objects.get(pk=unsure.pk).conclusion == ""
    assert gate.report(story).refuses


def test_a_second_run_finds_nothing_to_do(unsure: Asset) -> None:
    assert rereading.to_read("first") == [row_of(unsure).pk]
    reread(unsure)

    assert rereading.to_read("first") == []
    assert reread(unsure).reading is Reading.SAME
    assert len(events()) == 1


def test_all_are_read_again_where_that_is_asked_for(unsure: Asset) -> None:
    reread(unsure)

    assert rereading.to_read("first", every=True) == [row_of(unsure).pk]


def test_the_same_reading_is_no_event_and_only_raises_the_version(
    looked_at: Callable[..., Asset], now_read_by: Callable[..., None]
) -> None:
    asset = looked_at(
        verdict="likely_human", raw=HUMAN, ai_score=0.03, ai_score_kind="model_score", provider_reference="an_1"
    )
    Analysis.objects.update(model="")
    now_read_by()
    before = Asset.objects.get(pk=asset.pk)

    assert reread(asset) == Reread(Reading.SAME, "likely_human", "likely_human")

    assert row_of(asset).adapter_version == "test_rereading.2", "so that equal bytes need not be paid for again"
    assert events() == []
    assert Asset.objects.get(pk=asset.pk).standing_version == before.standing_version


def test_a_dry_run_tells_the_same_and_writes_nothing(unsure: Asset) -> None:
    before = Analysis.objects.values().get(), Asset.objects.values().get(), AuditEvent.objects.count()

    assert reread(unsure, dry_run=True) == Reread(Reading.CHANGED, "uncertain", "likely_ai")

    assert (Analysis.objects.values().get(), Asset.objects.values().get(), AuditEvent.objects.count()) == before


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        ({**ODD, "status": "processing"}, Reading.UNFINISHED),
        ({**ODD, "status": "gone_fishing"}, Reading.UNREADABLE),
        ({**ODD, "ai_score": 96}, Reading.UNREADABLE),
        ({**ODD, "status": "failed", "error": {"code": "x", "retryable": True}}, Reading.UNREADABLE),
        ([1, 2], Reading.UNREADABLE),
    ],
)
def test_what_is_no_whole_answer_any_more_is_left_as_it_is(unsure: Asset, raw: Any, reading: Reading) -> None:
    Analysis.objects.update(raw=raw)
    before = Analysis.objects.values().get()

    assert reread(unsure) == Reread(reading, "uncertain")

    assert Analysis.objects.values().get() == before
    assert events() == []


def test_an_answer_that_was_shortened_is_not_read_as_if_it_were_whole(unsure: Asset) -> None:
    provider = providers["first"]
    assert isinstance(provider, GenericProvider)
    long = {**ODD, "generators": [{"name": "x" * 100} for _number in range(telling.MAX_KEPT // 100)]}
    kept = provider.kept(long)
    assert provider.parse(kept).generators == (), "it can be read, and says less than was sent"  # type: ignore[union-attr]
    Analysis.objects.update(raw=kept)

    assert reread(unsure).reading is Reading.UNREADABLE


def test_checks_of_an_earlier_file_stay_as_they_were(unsure: Asset) -> None:
    row = row_of(unsure)
    Asset.objects.filter(pk=unsure.pk).update(generation=unsure.generation + 1)

    assert rereading.to_read("first", every=True) == []
    assert reread(unsure).reading is Reading.OVERTAKEN, "also where the file changes in the midst of it"
    assert Analysis.objects.get(pk=row.pk).verdict == "uncertain"


def test_unfinished_and_dead_checks_are_not_read(unsure: Asset) -> None:
    for status in ("dead", "rejected", "awaiting_callback"):
        Analysis.objects.update(status=status)
        assert rereading.to_read("first", every=True) == [], status


def test_of_two_runs_at_once_one_writes(unsure: Asset, now_read_by: Callable[..., None]) -> None:
    now_read_by(OvertakenProvider)

    assert reread(unsure).reading is Reading.OVERTAKEN

    assert row_of(unsure).verdict == "uncertain"
    assert events() == []


def test_an_answer_that_was_used_again_changes_with_the_one_it_was_taken_from(
    looked_at: Callable[..., Asset], plate: Callable[..., Any], now_read_by: Callable[..., None]
) -> None:
    asset = looked_at(verdict="uncertain", raw=ODD, provider_reference="an_1")
    twin = asset_of(plate("the same file", seed=1))
    drain()
    assert (row_of(twin).reused_from, row_of(twin).raw) == (row_of(asset), None)
    now_read_by()

    for pk in rereading.to_read("first"):
        assert rereading.reread(pk).reading is Reading.CHANGED

    assert {row.verdict for row in Analysis.objects.filter(provider="first")} == {"likely_ai"}
    assert Asset.objects.get(pk=twin.pk).signal == "strong"
    assert row_of(twin).raw is None, "it is kept once"


def test_the_overlay_stays_and_so_does_what_was_said_of_it(unsure: Asset) -> None:
    Analysis.objects.update(warnings=["schema_drift", "mask_shape_mismatch"])
    overlay = StoredOverlay.objects.create(analysis=row_of(unsure), kind="heatmap", status="ready", file="o.png")

    reread(unsure)

    assert row_of(unsure).warnings == ["mask_shape_mismatch"]
    overlay.refresh_from_db()
    assert (overlay.status, overlay.file.name) == ("ready", "o.png")


def test_nobody_is_asked_for_a_second_opinion(
    looked_at: Callable[..., Asset], now_read_by: Callable[..., None], scripted: Callable[..., ScriptedProvider]
) -> None:
    doubtful = {**ODD, "ai_score": 0.6}
    asset = looked_at(verdict="likely_human", ai_score=0.03, raw=doubtful, provider_reference="an_1")
    now_read_by()

    assert reread(asset) == Reread(Reading.CHANGED, "likely_human", "likely_ai")

    assert wants_second_opinion(finding_of(row_of(asset)), PolicyVersion.current().rules)
    assert not Analysis.objects.filter(provider="second").exists()
    assert scripted("second").calls == []


def test_a_detector_that_keeps_no_answers_says_so() -> None:
    provider = providers["first"]

    assert isinstance(provider, ScriptedProvider)
    assert not rereading.keeps_answers(provider)
    with pytest.raises(ProviderMisconfigured, match="keeps no answers"):
        provider.parse(ODD)


def test_a_replaced_file_s_new_answer_is_what_is_read(unsure: Asset, now_read_by: Callable[..., None]) -> None:
    old = row_of(unsure)
    picture, content = unsure.picture(), images.photo_like(2, size=(64, 48))
    picture.picture = ContentFile(content, name="other.jpg")
    picture.save()
    mark_read(picture, content)
    new = Analysis.objects.filter(asset=unsure, provider="first").exclude(pk=old.pk)
    new.update(status="complete", verdict="uncertain", raw=ODD, adapter_version="1")

    assert rereading.to_read("first") == [new.get().pk]
