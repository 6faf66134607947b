"""Every sentence a person reads about a signal, a level, a verdict or a conclusion. Templates, JSON and mails ask here.

Words first, a number second and never alone, never 0 or 100. A finding of nothing is never good news, an uncertain one
never an alarm. Sentences are made in the reader's language and time zone when they are asked for. `now` decides only
whether a time needs its date; left out, it is the wall clock's. `captions` (fixed texts), `terms` (single words),
`decision_texts` and `detector_texts` stand behind this door.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detection.results import Declared
from detection.vocabulary import Basis, CredentialState, Says, Signal, Verdict, Why
from detection.wording.captions import (
    ABSENCE_NOTE,
    COMPRESSION_MAP_CAVEATS,
    COMPRESSION_MAP_LEAD,
    COMPRESSION_MAP_TITLE,
    ESTIMATE_NOTE,
    NO_HIGHLIGHT,
    OVERLAY_CAUTION,
    OVERLAY_TITLE,
)
from detection.wording.decision_texts import (
    REASON_CODES,
    conclusion_consequence,
    conclusion_sentence,
    level_sentence,
    near_copy_sentence,
    override_consequence,
    override_sentence,
    reason_choices,
    sent_by_sentence,
    sent_sentence,
    sent_to_you_sentence,
    source_message,
    story_sentence,
    suggested_label,
)
from detection.wording.detector_texts import (
    also_said,
    as_sent_sentence,
    as_sent_words,
    band_words,
    lasted,
    number_note,
    past_sentence,
    reason_sentences,
    state_sentence,
    state_word,
    warning_sentences,
)
from detection.wording.terms import (
    CREDENTIAL_SENTENCES,
    band_number,
    conclusion_word,
    icon,
    level_word,
    moment,
    review_state_word,
    signal_word,
    status_word,
    tier_word,
    tone,
    verdict_word,
)

__all__ = [
    "ABSENCE_NOTE",
    "COMPRESSION_MAP_CAVEATS",
    "COMPRESSION_MAP_LEAD",
    "COMPRESSION_MAP_TITLE",
    "ESTIMATE_NOTE",
    "NO_HIGHLIGHT",
    "OVERLAY_CAUTION",
    "OVERLAY_TITLE",
    "REASON_CODES",
    "also_said",
    "as_sent_sentence",
    "as_sent_words",
    "band_number",
    "band_words",
    "conclusion_consequence",
    "conclusion_sentence",
    "conclusion_word",
    "credential_sentence",
    "detector_sentence",
    "icon",
    "lasted",
    "level_sentence",
    "level_word",
    "moment",
    "near_copy_sentence",
    "no_highlight",
    "note_sentences",
    "number_note",
    "override_consequence",
    "override_sentence",
    "past_sentence",
    "reason_choices",
    "reason_sentences",
    "rejected_sentence",
    "review_state_word",
    "sent_by_sentence",
    "sent_sentence",
    "sent_to_you_sentence",
    "signal_sentence",
    "signal_word",
    "source_message",
    "state_sentence",
    "state_word",
    "status_word",
    "stop_sentence",
    "story_sentence",
    "suggested_label",
    "tier_word",
    "tone",
    "verdict_word",
    "warning_sentences",
    "why_sentence",
]

_PLAIN: dict[Signal, Promise] = {
    Signal.DECLARED_AI: _("The file declares AI generation."),
    Signal.DECLARED_AI_EDITED: _("The file declares editing with AI."),
    Signal.CREDENTIALS_BROKEN: _("A credential no longer matches this file: it changed after signing. Treat as open."),
    Signal.STRONG: _("Strong signs of AI generation. Needs a second look before publishing."),
    Signal.SOME: _("Some signs of AI generation. Not conclusive."),
    Signal.NONE_FOUND: _("No signs found by this detector. That is not proof of a real photo."),
    Signal.DISAGREE: _("Detectors disagree. Treat as open."),
    Signal.CONFLICT: _(
        "The file says camera capture, the detector found strong signs of AI. One of them may be wrong."
    ),
    Signal.NOTHING_DECLARED: _("Pixels not examined. The file declares no AI use."),
}


def signal_sentence(
    signal: Signal,
    *,
    why: Why | None = None,
    score: float | None = None,
    next_attempt_at: datetime | None = None,
    notes: Sequence[str] = (),
    declared: Declared | None = None,
    detail: str = "",
    now: datetime | None = None,
) -> str:
    """What the evidence amounts to, in a sentence or two. The arguments are an `Assessment`'s, and what was declared.

    `declared` None: declarations were not read, and no sentence claims that they were. `detail`: why a file was
    rejected, or why a check is paused where no person paused it.
    """
    if signal is Signal.COULD_NOT_CHECK:
        return _could_not_check(why, next_attempt_at, notes, declared, detail, now)
    if signal is Signal.NOT_CHECKED and why is Why.PAUSED and detail:
        return gettext("Not checked yet.") + " " + detail
    if signal is Signal.NOT_CHECKED:
        return why_sentence(why or Why.QUEUED, next_attempt_at=next_attempt_at, now=now)
    if signal is Signal.STRONG and score is not None:
        return gettext(
            "Strong signs of AI generation (detector score %(number)s of 99). Needs a second look before publishing."
        ) % {"number": band_number(score)}
    if signal is Signal.SOME and "inconclusive" in notes:
        return gettext("Inconclusive: the detector could not tell. Treat as open.")
    if signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED) and declared and declared.sentence:
        return declared.sentence
    if signal is Signal.CREDENTIALS_BROKEN and declared and declared.broken_says in (Says.AI, Says.AI_EDITED):
        return gettext("A credential that no longer matches this file says AI; treat as open.")
    return str(_PLAIN[signal])


_FAILED_BECAUSE: dict[Why, Promise] = {
    Why.PAUSED: _("Could not be checked: the detector is paused."),
    Why.UNSUPPORTED: _("Could not be checked: the detector does not judge pictures like this one."),
}


def _could_not_check(
    why: Why | None,
    next_attempt_at: datetime | None,
    notes: Sequence[str],
    declared: Declared | None,
    detail: str,
    now: datetime | None,
) -> str:
    if why is Why.UNREADABLE:
        return rejected_sentence(detail)
    is_tried_again = next_attempt_at is not None or "trying_again" in notes
    if "answer_unknown" in notes:
        parts = [gettext("Could not be checked: the detector's answer was not understood.")]
    elif why in _FAILED_BECAUSE:
        parts = [str(_FAILED_BECAUSE[why])]
    elif is_tried_again:
        parts = [gettext("Could not be checked: the detector did not answer.")]
    else:
        parts = [gettext("Could not be checked: the detector gave no result.")]
    if declared is not None:
        parts.append(gettext("Declarations were read."))
    if next_attempt_at is not None:
        parts.append(gettext("Trying again at %(time)s.") % {"time": moment(next_attempt_at, now=now)})
    else:
        parts.append(gettext("Trying again.") if is_tried_again else gettext("A person has to look at it."))
    return " ".join(parts)


_WHY: dict[Why, Promise] = {
    Why.QUEUED: _("Not checked yet: waiting its turn."),
    Why.RUNNING: _("Not checked yet: the check is running."),
    Why.PAUSED: _("Not checked: checking is paused. It goes on by itself when an operator resumes it."),
    Why.EXEMPT: _("Not checked: under this newsroom's policy it is not sent to a detector."),
    Why.PROTECTED: _("Kept inside: not sent to any detector."),
    Why.UNSUPPORTED: _("Not checked: no detector here takes a file of this kind."),
    Why.BEFORE_INSTALL: _("Not checked: before this was installed."),
    Why.UNREADABLE: _("This file cannot be read. Replace it."),
    Why.FAILED: _("Not checked: the detector did not answer."),
}


def why_sentence(why: Why, *, next_attempt_at: datetime | None = None, now: datetime | None = None) -> str:
    """Why a picture was not checked, and when it is tried where that is known."""
    sentence = str(_WHY[why])
    if next_attempt_at is None:
        return sentence
    return sentence + " " + gettext("Next try at %(time)s.") % {"time": moment(next_attempt_at, now=now)}


def rejected_sentence(reason: str = "") -> str:
    """For a file that intake refused. `reason`: a full sentence that an editor can act on."""
    sentence = str(_WHY[Why.UNREADABLE])
    return sentence if not reason or reason == sentence else f"{sentence} {reason}"


_NOTES: dict[str, Promise] = {
    "detector_found_nothing": _("A detector found no signs. Detectors miss much, so the declaration still counts."),
    "detector_strong": _("A detector found strong signs of AI generation."),
    "second_strong": _("A second detector also found strong signs."),
    "credentials_broken": _("A credential in this file no longer matches it."),
    "capture_unsigned": _("The file says: camera capture (not signed by anybody on a trust list)."),
    "still_checking": _("Another check is still running."),
    "one_failed": _("Another detector gave no result, so this may be incomplete."),
    "another_found_nothing": _("Another detector looked and found no signs. That is not proof of a real photo."),
}


def note_sentences(notes: Sequence[str]) -> list[str]:
    """The sentences that stand beside a signal; codes that the signal's own sentence already tells are left out."""
    return [str(_NOTES[code]) for code in notes if code in _NOTES]


def detector_sentence(verdict: Verdict | None, basis: Basis, score: float | None, share: float | None = None) -> str:
    """One detector's answer: its word, then its numbers. `score`, `share` (of the frame): 0–1 or None."""
    word = verdict_word(verdict, basis)
    if basis is Basis.PIXELS and score is not None:
        return gettext("%(word)s (detector score %(number)s of 99).") % {"word": word, "number": band_number(score)}
    if basis is Basis.PIXELS and share:
        return gettext("%(word)s (about %(number)s %% of the frame is marked).") % {
            "word": word,
            "number": band_number(share),
        }
    return gettext("%(word)s.") % {"word": word}


def credential_sentence(declared: Declared | None) -> str:
    """What validation of the file's Content Credentials found. None: declarations were not read."""
    if declared is None:
        return gettext("The file's declarations were not read.")
    state, signer = declared.credentials, declared.signer or gettext("somebody who is not named")
    if state is CredentialState.UNTRUSTED and not declared.trust_list:
        sentence = gettext(
            "The file matches its Content Credentials, signed by %(signer)s. The signer was not checked against a list."
        ) % {"signer": signer}
    else:
        sentence = str(CREDENTIAL_SENTENCES[state]) % {"signer": signer}
    if state.is_broken and declared.broken_says in (Says.AI, Says.AI_EDITED):
        return sentence + " " + gettext("A credential that no longer matches this file says AI; treat as open.")
    return sentence


def no_highlight(code: str) -> str:
    """Why the right-hand pane shows no highlights. Raises KeyError for a code that `NO_HIGHLIGHT` doesn't know."""
    return str(NO_HIGHLIGHT[code])


_STOPPED: dict[str, Promise] = {
    "final": _("Not tried again: the same picture would get the same answer."),
    "attempts": _("Not tried again by itself: it failed too often."),
    "deadline": _("Not tried again by itself: the detector did not recover in time."),
}


def stop_sentence(reason: str) -> str:
    """Why a check is not tried again by itself. `reason`: a `backoff.StopReason`."""
    return str(_STOPPED[reason])
