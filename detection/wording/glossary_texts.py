"""What each word on the screens means, in a sentence or two, and what it does not mean. The glossary asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detection.vocabulary import Conclusion, Level, Signal, SourceTier
from detection.wording.terms import CONCLUSION_WORDS, LEVEL_WORDS, SIGNAL_WORDS, TIER_WORDS


@dataclass(frozen=True, slots=True)
class Entry:
    """One word, where a link finds it (`signal-strong`), and what it means."""

    anchor: str
    word: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """The words of one vocabulary, and who writes them."""

    title: str
    lead: str
    entries: tuple[Entry, ...]


SIGNALS: dict[Signal, Promise] = {
    Signal.DECLARED_AI: _(
        "The file itself says that AI made it: in Content Credentials that still match it, in a standard field, or "
        "in the text that a generator leaves. Whoever has the file can remove such a statement; a detector that finds "
        "nothing does not outweigh it."
    ),
    Signal.DECLARED_AI_EDITED: _("The file itself says that parts of it were made or changed with AI."),
    Signal.CREDENTIALS_BROKEN: _(
        "The file was signed once and changed afterwards. Writing a caption is enough for that, so it says little."
    ),
    Signal.STRONG: _(
        "A detector's score lies above its upper mark. Real photographs get there too, heavily retouched ones above "
        "all. It is a reason to look, and no finding about the photographer."
    ),
    Signal.SOME: _("A detector's score lies between its two marks, or it could not tell. Not conclusive either way."),
    Signal.NONE_FOUND: _(
        "The detector found nothing. Detectors miss much, so this does not show that the picture is a real photograph."
    ),
    Signal.DISAGREE: _("Two detectors stand on opposite sides of their marks. Their scores are never averaged."),
    Signal.CONFLICT: _(
        "A trusted signature says that a camera took it, a detector found strong signs of AI. One of them may be wrong."
    ),
    Signal.NOTHING_DECLARED: _("No detector looked at the pixels, and the file says nothing of AI. Nothing is known."),
    Signal.NOT_CHECKED: _(
        "Nobody has looked yet, or it is not sent to a detector; the sentence beside it says which. It is not “clear”."
    ),
    Signal.COULD_NOT_CHECK: _(
        "A check was tried and gave no answer: the file cannot be read, or the detector did not answer. A person looks."
    ),
}
LEVELS: dict[Level, Promise] = {
    Level.CLEAR: _("Nothing stands between this picture and its readers. That is no statement about the picture."),
    Level.NOTICE: _("Read it and go on; nothing is asked."),
    Level.ACKNOWLEDGE: _("Somebody of the story's desk looks, and says with a reason that the story goes on."),
    Level.HOLD: _(
        "The story does not go out with this picture until somebody who may clear a hold on its desk has decided, or "
        "another picture takes its place."
    ),
    Level.STOP: _("The house never publishes this; an override does not lift it. No usual rule leads here."),
}
CONCLUSIONS: dict[Conclusion, Promise] = {
    Conclusion.WAITING_FOR_SOURCE: _("The source was asked; the question stays open until there is an answer."),
    Conclusion.ACCEPTED: _("A person looked, and nothing speaks against using it. It counts on that person's desk."),
    Conclusion.CONFIRMED_AI_GENERATED: _(
        "A person knows, from the source, the file or a second look, that AI made it. As a photograph it is held."
    ),
    Conclusion.CONFIRMED_AI_ALTERED: _(
        "A person knows that parts were made or changed with AI. As a photograph it is held."
    ),
    Conclusion.CANNOT_DETERMINE: _("An honest end: nobody can tell. It may go out where the rules allow, with a note."),
}
TIERS: dict[SourceTier, Promise] = {
    SourceTier.STAFF: _("Taken by somebody who works here."),
    SourceTier.AGENCY: _("From an agency under contract."),
    SourceTier.FREELANCE: _("From a freelancer."),
    SourceTier.UGC: _("Sent in by a reader, or found on social media."),
    SourceTier.UNKNOWN: _("Nobody has said where it comes from, so it is treated as sent in by the public."),
    SourceTier.UNDECLARED: _("This site records no sources."),
}


def glossary() -> list[Chapter]:
    """Every word, by its vocabulary, in the reader's language."""
    return [
        Chapter(
            gettext("Signal: what the evidence amounts to"),
            gettext("Computed from all detectors and from what the file declares. Nobody can edit it."),
            _entries("signal", SIGNAL_WORDS, SIGNALS),
        ),
        Chapter(
            gettext("Level: what it means for a story"),
            gettext(
                "Computed from the signal, the source and this newsroom's rules, and from what people have decided."
            ),
            _entries("level", LEVEL_WORDS, LEVELS),
        ),
        Chapter(
            gettext("Conclusion: what a person recorded"),
            gettext(
                "It has a name, a time and a reason. It covers the evidence that was seen, and ends when that changes."
            ),
            _entries("conclusion", CONCLUSION_WORDS, CONCLUSIONS),
        ),
        Chapter(
            gettext("Source: where a picture comes from"),
            gettext("Recorded by people. The rules differ by it."),
            _entries("tier", TIER_WORDS, TIERS),
        ),
    ]


def _entries(kind: str, words: dict[Any, Promise], meanings: dict[Any, Promise]) -> tuple[Entry, ...]:
    return tuple(Entry(f"{kind}-{term.value}", str(words[term]), str(meaning)) for term, meaning in meanings.items())
