"""A detector's card on the review page: in every state, with all that its answer carries, and never a raw code."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from detection.models import Analysis, Asset
from detection.providers import providers
from detection.providers.base import FROM_DOCUMENTATION
from detection.providers.scripted import ScriptedProvider
from detection.results import Evidence, Generator
from detection.vocabulary import AnalysisStatus, Says, Why
from tests.detection.admin import cast

pytestmark = pytest.mark.usefixtures("pixels_only")
CARD = re.compile(r'<article class="d-card.*?</article>', re.DOTALL)


@pytest.fixture
def cards(client: Any, erin: Any) -> Callable[[Asset], list[str]]:
    """The cards on the page as an editor reads them, each as one line of text."""

    def read(asset: Asset) -> list[str]:
        client.force_login(erin)
        page = client.get(reverse("admin:detection_asset_review", args=[asset.public_id])).content.decode()
        return [words(card) for card in CARD.findall(page)]

    return read


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def stand(asset: Asset, **facts: Any) -> None:
    """Put the first detector's check into this state, as a worker would have left it."""
    blank = {"verdict": "", "ai_score": None, "completed_at": None, "next_attempt_at": None}
    Analysis.objects.filter(asset=asset, provider="first").update(**{**blank, **facts})


def test_an_answer_is_told_word_first_and_whole(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.plate(
        verdict="likely_ai",
        ai_score=0.934,
        ai_score_kind="label_confidence",
        confidence_band="high",
        ai_pixel_share=0.42,
        model="eye-3",
        raw_verdict="synthetic",
        provider_reference="req-77",
        generators=(Generator(name="Brush", score=0.7), Generator(name="Pencil")),
        evidence=(
            Evidence(kind="region", key="face", value="x 10–90, y 20–80"),
            Evidence(kind="classifier", key="deepfake", value="score 0.91", says=Says.AI_EDITED),
            Evidence(kind="note", key="remark", value="<b>bold</b>"),
        ),
        reasons=("no_verdict",),
        warnings=("schema_drift", "low_resolution", "brand_new_code"),
    )
    Analysis.objects.update(is_second_opinion=True)

    [card] = cards(asset)

    in_order = [
        "Likely AI-generated",
        "detector score 93 of 99",
        "about 42 % of the frame is marked",
        "its own confidence: high",
        "The detector gave no verdict.",
        "answered with a word that is not known here",
        "The picture is small for this detector.",
        "a warning that is not known here",
        "It also said",
        "An area it marked (face): x 10–90, y 20–80.",
        "Another model of its own (altered faces): score 0.91. It points to AI editing.",
        "Its note (remark): <b>bold</b>.",
        "Looks at nothing; it says what it is told",
        "Suggests Brush (70 of 99), Pencil",
        "Model eye-3",
        "after it was sent",
        "Known limits: It does not look at the picture.",
        "Request req-77",
        "In its own word synthetic",
        "confidence in its own word",
        "scripted.1",
    ]
    places = [card.find(text) for text in in_order]
    assert -1 not in places, in_order[places.index(-1)]
    assert places == sorted(places)
    assert "second opinion" in card
    assert not re.search(r"[a-z]+_[a-z]+", card), "no code is shown"


def test_a_vendor_s_words_are_escaped(client: Any, erin: Any) -> None:
    evidence = Evidence(kind="<i>", key="<script>alert(1)</script>", value="<script>alert(2)</script>")
    asset = cast.plate(
        verdict="uncertain",
        evidence=(evidence,),
        generators=(Generator(name="<script>alert(3)</script>"),),
        reasons=("<script>alert(4)</script>",),
    )
    client.force_login(erin)
    page = client.get(reverse("admin:detection_asset_review", args=[asset.public_id])).content.decode()

    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(") == 3


LATER = timedelta(minutes=20)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"status": "pending_scan"}, ["Waiting its turn", "It is asked as soon as its turn comes."]),
        ({"status": "scanning"}, ["Checking", "The picture is being examined now."]),
        ({"status": "awaiting_callback"}, ["Waiting for the detector's answer", "The answer is still to come."]),
        (
            {"status": "retry_pending", "error_sentence": "It answered 500.", "next_attempt_at": LATER, "attempts": 3},
            ["Will be tried again", "It answered 500. Trying again at ", "Tries 3"],
        ),
        (
            {"status": "retry_pending", "why": Why.PAUSED, "error_sentence": "The plan is used up."},
            ["Paused", "The plan is used up. This detector is paused."],
        ),
        (
            {"status": "skipped", "why": Why.UNSUPPORTED, "error_sentence": "It needs at least 512 pixels."},
            ["Not sent", "It needs at least 512 pixels."],
        ),
        ({"status": "skipped", "why": Why.PROTECTED}, ["Not sent", "Kept inside: not sent to any detector."]),
        (
            {"status": "dead", "why": Why.FAILED, "error_sentence": "It was down. Trying again."},
            ["Given up, a person has to look", "It was down. It is not tried again by itself."],
        ),
        (
            {"status": "rejected", "why": Why.UNREADABLE, "error_sentence": "It has no pixels. Replace it."},
            ["File cannot be read", "It has no pixels. Replace it."],
        ),
        (
            {"status": "rejected", "why": Why.UNSUPPORTED, "error_sentence": "It takes no drawings."},
            ["Refused by this detector", "It takes no drawings."],
        ),
    ],
)
def test_every_state_has_its_card(cards: Callable[[Asset], list[str]], facts: dict[str, Any], told: list[str]) -> None:
    asset = cast.strong()
    moments = {name: timezone.now() + value for name, value in facts.items() if isinstance(value, timedelta)}
    stand(asset, **{**facts, **moments})

    [card] = cards(asset)

    assert all(text in card for text in told), card
    assert "of 99" not in card
    assert "Known limits:" in card


def test_one_detector_that_is_down_hides_no_other_s_answer(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.strong()
    Analysis.objects.create(
        asset=asset,
        provider="second",
        generation=asset.generation,
        basis="pixels",
        status=AnalysisStatus.DEAD,
        why=Why.FAILED,
        error_sentence="It answered 503.",
        deadline_at=timezone.now(),
    )

    answered, down = cards(asset)

    assert "Strong" not in answered, "a card tells one detector's answer, not what all amount to"
    assert "Likely AI-generated" in answered
    assert "detector score 94 of 99" in answered
    assert "It answered 503. It is not tried again by itself." in down
    assert "of 99" not in down


def test_the_primary_s_being_down_hides_the_second_s_answer_no_more(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.strong()
    Analysis.objects.filter(asset=asset, provider="first").update(provider="second")
    Analysis.objects.create(
        asset=asset, provider="first", generation=asset.generation, basis="pixels", status="retry_pending",
        error_class="provider_down", error_sentence="It answered 503.", deadline_at=timezone.now() + LATER,
        next_attempt_at=timezone.now() + LATER,
    )  # fmt: skip

    down, answered = cards(asset)

    assert "primary" in down
    assert "It answered 503. Trying again at " in down
    assert "detector score 94 of 99" in answered


def test_an_adapter_that_was_never_run_says_so_on_a_line_of_its_own(
    cards: Callable[[Asset], list[str]], monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    monkeypatch.setattr(ScriptedProvider, "evidence_note", FROM_DOCUMENTATION)
    asset = cast.plate()

    assert FROM_DOCUMENTATION in cards(asset)[0]
    page = client.get(reverse("admin:detection_asset_review", args=[asset.public_id])).content.decode()
    assert f'<p class="d-card-note">{FROM_DOCUMENTATION}</p>'.replace("'", "&#x27;") in page


def test_what_was_sent_is_said_where_it_was_not_the_original(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.strong()
    assert "Sent the original" in cards(asset)[0]

    Analysis.objects.filter(asset=asset).update(as_sent="a rendition: JPG, 100 × 75 pixels")

    [card] = cards(asset)
    assert "Sent: a rendition, JPG, 100 × 75 pixels, not the original." in card
    assert card.index("Sent: a rendition") < card.index("Record"), "on the card itself"
    assert "Sent the original" not in card


def test_that_only_metadata_was_left_out_stands_in_the_record(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.strong()
    Analysis.objects.filter(asset=asset).update(as_sent="stripped")

    [card] = cards(asset)
    assert "Sent the original without its metadata" in card
    assert card.index("Sent the original") > card.index("Record"), "it asks nobody's attention"


def test_an_answer_that_is_used_again_is_about_what_was_sent_then(cards: Callable[[Asset], list[str]]) -> None:
    asset = cast.strong()
    Analysis.objects.filter(asset=asset).update(as_sent="a rendition: JPG, 100 × 75 pixels")
    twin = cast.plate("The same file", seed=1)
    assert Analysis.objects.get(asset=twin).reused_from is not None

    [card] = cards(twin)

    assert "Sent: a rendition, JPG, 100 × 75 pixels, not the original." in card
    assert "an earlier answer about the same file" in card
    assert "after it was sent" not in card


def test_a_detector_that_is_not_configured_any_more_keeps_its_card(
    cards: Callable[[Asset], list[str]], settings: Any
) -> None:
    asset = cast.strong()
    settings.DETECTION_PROVIDERS = {"second": settings.DETECTION_PROVIDERS["second"]}

    [card] = cards(asset)

    assert card.startswith("first ")
    assert "detector score 94 of 99" in card


def test_headings_go_down_one_step_at_a_time(client: Any, erin: Any) -> None:
    asset = cast.plate(verdict="uncertain", evidence=(Evidence(kind="note", key="k", value="v"),))
    client.force_login(erin)
    page = client.get(reverse("admin:detection_asset_review", args=[asset.public_id])).content.decode()
    main = page[page.index('<div class="d-page">') :]
    steps = [int(level) for level in re.findall(r"<h([1-6])", main)]

    assert steps[0] == 1
    assert {1, 2, 3, 4} <= set(steps)
    assert all(after <= before + 1 for before, after in zip(steps, steps[1:], strict=False)), steps


def test_an_id_that_opens_the_analysis_is_on_no_page(
    cards: Callable[[Asset], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = cast.plate(verdict="uncertain", provider_reference="req-77")
    assert "req-77" in cards(asset)[0]

    monkeypatch.setattr(providers["first"], "reference_is_secret", True, raising=False)

    assert "req-77" not in cards(asset)[0]
