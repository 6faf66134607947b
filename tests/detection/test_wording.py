from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone, translation

from detection import wording
from detection.backoff import StopReason
from detection.results import Declared
from detection.vocabulary import (
    AnalysisStatus,
    Basis,
    Conclusion,
    CredentialState,
    Level,
    ReviewState,
    Says,
    Signal,
    SourceTier,
    Verdict,
    Why,
)
from detection.wording import captions, decision_texts, detector_texts, terms

LOCALE = Path(wording.__file__).parent.parent / "locale"
NOW = datetime(2026, 11, 23, 13, 31, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
TOMORROW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english_in_utc() -> Iterator[None]:
    with timezone.override(UTC), translation.override("en"):
        yield


@pytest.mark.parametrize(
    ("score", "number"), [(0, 1), (0.004, 1), (0.014, 1), (0.015, 2), (0.125, 13), (0.93, 93), (0.999, 99), (1, 99)]
)
def test_a_score_is_shown_from_1_to_99(score: float, number: int) -> None:
    assert wording.band_number(score) == number


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_outside_its_scale_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        wording.band_number(score)


@pytest.mark.parametrize(
    ("when", "text"), [(LATER, "14:05"), (TOMORROW, "24 Nov 14:00"), (NEXT_YEAR, "2 Jan 2027 09:00")]
)
def test_a_time_names_its_day_unless_it_is_today(when: datetime, text: str) -> None:
    assert wording.moment(when, now=NOW) == text


def test_times_are_the_readers_local_ones() -> None:
    with timezone.override("Asia/Tokyo"):
        assert wording.moment(LATER, now=NOW) == "23:05"
        assert wording.moment(LATER, now=NOW - timedelta(days=1)) == "23 Nov 23:05"


def sentence(signal: Signal, **changes: object) -> str:
    return wording.signal_sentence(signal, now=NOW, **{"declared": Declared(), **changes})  # type: ignore[arg-type]


COULD_NOT = Signal.COULD_NOT_CHECK


@timezone.override(UTC)
@translation.override("en")
def sentences() -> list[tuple[str, str]]:
    return [
        (sentence(Signal.NOTHING_DECLARED), "Pixels not examined. The file declares no AI use."),
        (
            sentence(COULD_NOT, why=Why.FAILED, next_attempt_at=LATER),
            "Could not be checked: the detector did not answer. Declarations were read. Trying again at 14:05.",
        ),
        (
            sentence(COULD_NOT, why=Why.FAILED, next_attempt_at=LATER, declared=None),
            "Could not be checked: the detector did not answer. Trying again at 14:05.",
        ),
        (
            sentence(COULD_NOT, why=Why.FAILED, notes=("trying_again",)),
            "Could not be checked: the detector did not answer. Declarations were read. Trying again.",
        ),
        (
            sentence(COULD_NOT, why=Why.FAILED),
            "Could not be checked: the detector gave no result. Declarations were read. A person has to look at it.",
        ),
        (
            sentence(COULD_NOT, why=Why.FAILED, notes=("answer_unknown",)),
            "Could not be checked: the detector's answer was not understood. Declarations were read. "
            "A person has to look at it.",
        ),
        (
            sentence(COULD_NOT, why=Why.UNREADABLE, detail="It has 90 million pixels; 50 are read."),
            "This file cannot be read. Replace it. It has 90 million pixels; 50 are read.",
        ),
        (sentence(Signal.NOT_CHECKED, why=Why.PROTECTED), "Kept inside: not sent to any detector."),
        (sentence(Signal.NOT_CHECKED, why=Why.BEFORE_INSTALL), "Not checked: before this was installed."),
        (
            sentence(Signal.NOT_CHECKED, why=Why.QUEUED, next_attempt_at=TOMORROW),
            "Not checked yet: waiting its turn. Next try at 24 Nov 14:00.",
        ),
        (
            sentence(Signal.STRONG, score=0.93),
            "Strong signs of AI generation (detector score 93 of 99). Needs a second look before publishing.",
        ),
        (sentence(Signal.STRONG), "Strong signs of AI generation. Needs a second look before publishing."),
        (sentence(Signal.SOME, score=0.6), "Some signs of AI generation. Not conclusive."),
        (
            sentence(Signal.SOME, notes=("inconclusive",)),
            "Inconclusive: the detector could not tell. Treat as open.",
        ),
        (sentence(Signal.NONE_FOUND), "No signs found by this detector. That is not proof of a real photo."),
        (sentence(Signal.DISAGREE), "Detectors disagree. Treat as open."),
        (
            sentence(Signal.CONFLICT),
            "The file says camera capture, the detector found strong signs of AI. One of them may be wrong.",
        ),
        (
            sentence(Signal.DECLARED_AI, declared=Declared(says=Says.AI, sentence="The file declares it (IPTC).")),
            "The file declares it (IPTC).",
        ),
        (sentence(Signal.DECLARED_AI), "The file declares AI generation."),
        (
            sentence(
                Signal.CREDENTIALS_BROKEN,
                declared=Declared(credentials=CredentialState.BROKEN, broken_says=Says.AI),
            ),
            "A credential that no longer matches this file says AI; treat as open.",
        ),
        (
            wording.conclusion_sentence(Conclusion.ACCEPTED, name="Dana", when=NOW, now=NOW),
            "No objection to using it (Dana, 13:31).",
        ),
        (
            wording.conclusion_sentence(
                Conclusion.ACCEPTED, name="Dana", when=NOW, reason="original_seen", now=NEXT_YEAR
            ),
            "No objection to using it (Dana, 23 Nov 2026 13:31). Reason: original file seen.",
        ),
        (wording.rejected_sentence(), "This file cannot be read. Replace it."),
        (wording.rejected_sentence("This file cannot be read. Replace it."), "This file cannot be read. Replace it."),
        (
            wording.override_consequence(TOMORROW, now=NOW),
            "The story can publish with this image until 24 Nov 14:00. Your name, reason and the evidence you saw are "
            "recorded. If the file changes this ends.",
        ),
        (
            wording.override_consequence(LATER, now=NOW)[:64],
            "The story can publish with this image until 23 Nov 14:05. Your n",
        ),
        (
            wording.override_sentence(name="Dana", when=NOW, reason="original_seen", ends_at=TOMORROW, now=NOW),
            "Cleared for this story by Dana, 13:31, original file seen. Ends 24 Nov 14:00.",
        ),
        (
            wording.story_sentence(1),
            "This story has 1 image with an open question. You can publish after a desk chief clears it, "
            "or replace the image.",
        ),
        (
            wording.story_sentence(2, ["Dana", "Avery"]),
            "This story has 2 images with an open question. You can publish after Dana or Avery clears them, "
            "or replace the images.",
        ),
        (
            wording.detector_sentence(Verdict.LIKELY_AI, Basis.PIXELS, 0.93),
            "Likely AI-generated (detector score 93 of 99).",
        ),
        (
            wording.detector_sentence(Verdict.PARTIAL_AI, Basis.PIXELS, None, 0.04),
            "Parts likely AI-generated (about 4 % of the frame is marked).",
        ),
        (wording.detector_sentence(Verdict.LIKELY_AI, Basis.DECLARATION, 1), "The file declares AI generation."),
        (wording.detector_sentence(None, Basis.PIXELS, None), "No result."),
        (str(wording.COMPRESSION_MAP_TITLE), "Compression map: cannot show AI"),
        (
            str(wording.OVERLAY_CAUTION),
            "Highlighted areas influenced the score. They do not mark what was changed.",
        ),
    ]


@pytest.mark.parametrize(("text", "expected"), sentences())
def test_the_sentences_are_these(text: str, expected: str) -> None:
    assert text == expected


def test_a_hold_says_who_can_clear_it_and_what_else_helps() -> None:
    text = wording.level_sentence(Level.HOLD, ["Dana"])

    assert "Dana clears it" in text
    assert "another picture" in text
    assert "a desk chief clears it" in wording.level_sentence(Level.HOLD)


def test_a_signer_is_not_called_untrusted_where_no_list_was_set() -> None:
    without = Declared(credentials=CredentialState.UNTRUSTED, signer="Desk Camera")
    with_list = Declared(credentials=CredentialState.UNTRUSTED, signer="Desk Camera", trust_list="anchors")

    assert wording.credential_sentence(without).endswith("The signer was not checked against a list.")
    assert "Desk Camera" in wording.credential_sentence(without)
    assert "not on the trust list" in wording.credential_sentence(with_list)


def test_a_broken_credential_that_says_ai_is_a_lead_and_no_declaration() -> None:
    text = wording.credential_sentence(Declared(credentials=CredentialState.BROKEN, broken_says=Says.AI_EDITED))

    assert text.endswith("A credential that no longer matches this file says AI; treat as open.")
    assert "declares" not in text


def test_unread_declarations_are_not_called_absent() -> None:
    assert wording.credential_sentence(None) == "The file's declarations were not read."


def test_a_signers_name_cannot_break_a_sentence() -> None:
    odd = Declared(credentials=CredentialState.TRUSTED, signer="100 %(name)s %d")

    assert "100 %(name)s %d" in wording.credential_sentence(odd)
    assert "50 % off" in wording.source_message(picture="50 % off", name="Erin")


def test_there_is_no_tone_of_success_and_no_signal_stops_by_itself() -> None:
    assert {wording.tone(signal) for signal in Signal} == {"neutral", "attention"}
    assert {wording.tone(level) for level in Level} == {"neutral", "attention", "stop"}
    assert wording.tone(Signal.NONE_FOUND) == wording.tone(Signal.NOTHING_DECLARED) == "neutral"
    assert wording.tone(Level.HOLD) == "stop"


def test_no_icon_is_a_tick() -> None:
    icons = {wording.icon(term) for term in (*Signal, *Level)}

    assert not icons & {"check", "tick", "shield", "check-circle"}


def test_the_four_answers_without_a_finding_read_differently() -> None:
    four = (Signal.NOT_CHECKED, Signal.COULD_NOT_CHECK, Signal.NONE_FOUND, Signal.DISAGREE)

    assert len({wording.signal_word(signal) for signal in four}) == 4
    assert len({sentence(signal, why=Why.FAILED) for signal in four}) == 4


def test_the_message_to_a_source_accuses_nobody() -> None:
    text = wording.source_message(picture="Harbour at dawn", name="Erin")

    assert "Harbour at dawn" in text
    assert "Erin" in text
    assert "original" in text
    assert not re.search(r"\b(AI|detect\w*|suspic\w*|generated|manipulat\w*|flag\w*|check\w*)\b", text, re.IGNORECASE)


REASONS = (
    "original_seen",
    "trusted_source_confirmed",
    "image_is_the_story",
    "illustration_labelled",
    "detector_known_weakness",
    "public_interest_urgent",
    "other",
)


def test_the_reason_codes_are_a_closed_list() -> None:
    assert tuple(wording.REASON_CODES) == REASONS == tuple(code for code, _ in wording.reason_choices())


def test_the_compression_map_comes_with_its_six_caveats() -> None:
    assert len(wording.COMPRESSION_MAP_CAVEATS) == 6


@timezone.override(UTC)
@translation.override("en")
def everything() -> list[str]:
    """Every text this module can give, by calling it with every word of every vocabulary."""
    shown = [sentence(signal, why=why, score=0.5) for signal in Signal for why in Why]
    shown += [wording.why_sentence(why, next_attempt_at=LATER, now=NOW) for why in Why]
    shown += [wording.credential_sentence(Declared(credentials=state, signer="A")) for state in CredentialState]
    shown += [wording.level_sentence(level) for level in Level] + [
        wording.conclusion_consequence(word, level, may_clear=may_clear)
        for word in Conclusion
        for level in (None, *Level)
        for may_clear in (True, False)
    ]
    shown += [wording.conclusion_sentence(word, name="Dana", when=NOW, now=NOW) for word in Conclusion]
    shown += [wording.detector_sentence(verdict, basis, 0.5) for verdict in (*Verdict, None) for basis in Basis]
    shown += [wording.no_highlight(code) for code in wording.NO_HIGHLIGHT]
    shown += [wording.stop_sentence(reason) for reason in StopReason]
    shown += wording.note_sentences(NOTES) + [str(caveat) for caveat in wording.COMPRESSION_MAP_CAVEATS]
    return [*shown, str(wording.ESTIMATE_NOTE), str(wording.OVERLAY_CAUTION), str(wording.ABSENCE_NOTE)]


NOTES = (
    "detector_found_nothing",
    "detector_strong",
    "second_strong",
    "credentials_broken",
    "capture_unsigned",
    "still_checking",
    "one_failed",
    "another_found_nothing",
)


@pytest.mark.parametrize("text", everything())
def test_every_sentence_is_whole_and_ends_with_a_full_stop(text: str) -> None:
    assert text.endswith(".")
    assert text[0].isupper()
    assert "%(" not in text
    assert "  " not in text


def test_every_word_has_a_term_and_no_sentence() -> None:
    words = [
        *map(wording.signal_word, Signal),
        *map(wording.level_word, Level),
        *map(wording.conclusion_word, Conclusion),
        *map(wording.status_word, AnalysisStatus),
        *map(wording.review_state_word, ReviewState),
        *map(wording.tier_word, SourceTier),
        *(wording.verdict_word(verdict, basis) for verdict in Verdict for basis in Basis),
    ]

    assert all(words)
    assert not [word for word in words if word.endswith(".")]


def test_every_note_but_those_told_by_the_signal_has_a_sentence() -> None:
    assert len(wording.note_sentences(NOTES)) == len(NOTES)
    assert wording.note_sentences(["inconclusive", "answer_unknown", "trying_again"]) == []


FORBIDDEN = re.compile(
    r"\b(fake|forged|probability|compliant|required by|verified|photographers?|authentic|100 ?%)\b", re.IGNORECASE
)


@pytest.mark.parametrize("module", [wording, terms, captions, decision_texts, detector_texts])
def test_the_forbidden_words_stand_nowhere(module: object) -> None:
    assert FORBIDDEN.findall(inspect.getsource(module)) == []  # type: ignore[arg-type]


def test_a_label_is_offered_in_the_readers_language(configure: Callable[..., None], settings: Any) -> None:
    """Whatever the editor's own language is."""
    assert wording.suggested_label(Signal.DECLARED_AI) == "Image generated with AI."
    configure(READER_LANGUAGE="de")
    assert wording.suggested_label(Signal.DECLARED_AI) == "Mit KI erzeugtes Bild."
    assert wording.suggested_label(Signal.STRONG, Conclusion.CONFIRMED_AI_ALTERED) == "Mit KI verändertes Bild."
    configure(READER_LANGUAGE="")
    settings.LANGUAGE_CODE = "pt-br"
    assert wording.suggested_label(Signal.DECLARED_AI_EDITED) == "Imagem alterada com IA."


def test_every_language_that_ships_has_both_labels_of_its_own() -> None:
    languages = sorted(path.parent.parent.name for path in LOCALE.glob("*/LC_MESSAGES/django.mo"))
    labels = set()
    for language in languages:
        with translation.override(language):
            labels |= {str(label) for label in decision_texts._LABELS.values()}
    assert len(languages) >= 10
    assert len(labels) == 2 * len(languages)
