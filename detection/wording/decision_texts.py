"""What a person reads about deciding: what a level asks, what a decision does, who decided what and until when.

`wording` is the door through which everybody else reaches these names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings as django_settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext, ngettext, override
from django.utils.translation import gettext_lazy as _

from detection.conf import settings
from detection.vocabulary import Conclusion, Level, NoteKind, Signal
from detection.wording.terms import conclusion_word, dated, moment, signal_word

REASON_CODES: dict[str, Promise] = {
    "original_seen": _("Original file seen"),
    "trusted_source_confirmed": _("Trusted source confirmed it"),
    "image_is_the_story": _("The image is the story"),
    "illustration_labelled": _("Labelled as an illustration"),
    "detector_known_weakness": _("Known weakness of the detector"),
    "public_interest_urgent": _("Urgent public interest"),
    "other": _("Other (see the note)"),
}
"""Why somebody cleared or overrode: the closed list of codes, each with the label a person picks."""

NOTE_KINDS: dict[NoteKind, Promise] = {
    NoteKind.ORIGINAL_SEEN: _("Original file seen"),
    NoteKind.SECOND_SOURCE: _("Second source found"),
    NoteKind.REVERSE_SEARCH: _("Searched for earlier copies"),
    NoteKind.GEOLOCATION: _("Place and time compared"),
    NoteKind.PHOTOGRAPHER_CONTACTED: _("Whoever took it was contacted"),
    NoteKind.SOURCE_ANSWERED: _("The source answered"),
    NoteKind.NOTE: _("Note"),
}
"""What people write down about a picture: the checklist in its order, then what has to have words."""

SEARCH_ENGINES: tuple[tuple[str, str], ...] = (
    ("TinEye", "https://tineye.com/"),
    ("Google Lens", "https://lens.google.com/"),
    ("Bing Visual Search", "https://www.bing.com/visualsearch"),
    ("Yandex Images", "https://yandex.com/images/"),
)
"""Where people look for earlier copies themselves; nothing is ever sent there by us."""

SOURCE_MESSAGE = _(
    "Hello,\n"
    "\n"
    "we would like to use your picture “%(picture)s” and are completing its record. Could you send us:\n"
    "\n"
    "- the original file, as it came from the camera or program,\n"
    "- where and when it was made, and by whom,\n"
    "- which programs and steps it went through afterwards.\n"
    "\n"
    "If something is not at hand, please tell us what is. A short answer helps us to credit and caption it well.\n"
    "\n"
    "Thank you,\n"
    "%(name)s\n"
)


def level_sentence(level: Level, who_can_clear: Sequence[str] | None = None, *, is_reader: bool = False) -> str:
    """What a level means for the story, who can clear it and what else helps.

    `who_can_clear`: names of active people; empty where there is nobody; None where no story is asked about.
    `is_reader`: whether whoever reads this can clear it, and is then told so instead of their own name.
    """
    if is_reader and level is Level.HOLD:
        return gettext(
            "This picture has an open question. The story can publish after you clear it, or with another picture."
        )
    if is_reader and level is Level.STOP:
        return gettext("The newsroom's policy stops this picture. Replace it, or let this one story go, with a reason.")
    who = get_text_list(list(who_can_clear or ()), gettext("or"))
    if level is Level.ACKNOWLEDGE:
        return gettext(
            "This picture has an open question. Look at the evidence and acknowledge it, or replace the picture."
        )
    if level is Level.HOLD and who_can_clear is not None and not who:
        return gettext(
            "This picture has an open question, and nobody who could clear it is on this desk now. Publish without it, "
            "replace it, or ask whoever runs this newsroom to name a desk chief."
        )
    if level is Level.HOLD:
        return gettext(
            "This picture has an open question. The story can publish after %(who)s clears it, or with another picture."
        ) % {"who": who or gettext("a desk chief")}
    if level is Level.STOP:
        return gettext("The newsroom's policy stops this picture. Replace it, or ask %(who)s.") % {
            "who": who or gettext("whoever looks after the policy")
        }
    if level is Level.NOTICE:
        return gettext("The story can publish. Please note what is said about this picture.")
    return gettext("There is no open question about this picture. The story can publish.")


def near_copy_sentence(
    signal: Signal, conclusion: Conclusion | None, *, when: datetime, now: datetime | None = None
) -> str:
    """What is said beside a picture that is very like one which the same story held before."""
    if conclusion is not None and conclusion.says_ai:
        words = {"time": moment(when, now=now), "found": conclusion_word(conclusion)}
        return (
            gettext("A very similar picture stood in this story till %(time)s. A person concluded: %(found)s.") % words
        )
    words = {"time": moment(when, now=now), "found": signal_word(signal)}
    return gettext("A very similar picture stood in this story till %(time)s. About that one: %(found)s.") % words


def story_sentence(count: int, who_can_clear: Sequence[str] = ()) -> str:
    """Why a story is held: how many of its pictures have an open question, and who can clear them."""
    who = get_text_list(list(who_can_clear), gettext("or")) or gettext("a desk chief")
    return ngettext(
        "This story has %(count)d image with an open question. "
        "You can publish after %(who)s clears it, or replace the image.",
        "This story has %(count)d images with an open question. "
        "You can publish after %(who)s clears them, or replace the images.",
        count,
    ) % {"count": count, "who": who}


def conclusion_sentence(
    conclusion: Conclusion, *, name: str, when: datetime, reason: str = "", now: datetime | None = None
) -> str:
    """A person's conclusion with its name and time: “No objection to using it (Dana, 13:31).” `reason`: a code."""
    sentence = gettext("%(word)s (%(name)s, %(time)s).") % {
        "word": conclusion_word(conclusion),
        "name": name,
        "time": moment(when, now=now),
    }
    return f"{sentence} {gettext('Reason: %(reason)s.') % {'reason': _inside(reason)}}" if reason else sentence


def _inside(reason: str) -> str:
    label = str(REASON_CODES.get(reason, REASON_CODES["other"]))
    return label[:1].lower() + label[1:]


def reason_choices() -> list[tuple[str, str]]:
    """The reason codes with their labels, for a form's select."""
    return [(code, str(label)) for code, label in REASON_CODES.items()]


def conclusion_consequence(
    conclusion: Conclusion, level: Level | None, *, may_clear: bool = False, who_can_clear: Sequence[str] = ()
) -> str:
    """What recording a conclusion does, for right above the button.

    `level`: what the picture is in this story now; None where it was opened without one. `may_clear`: whether this
    person's word clears a hold there.
    """
    if conclusion.says_ai:
        return gettext(
            "Stories that use it as a photograph are held; as a labelled illustration it is to be acknowledged."
        )
    if conclusion is Conclusion.WAITING_FOR_SOURCE and level in (Level.HOLD, Level.STOP):
        return gettext("Nothing is sent by this, and the story stays held.")
    if conclusion is Conclusion.WAITING_FOR_SOURCE:
        return gettext("Nothing is sent by this. Until somebody concludes, each story has to acknowledge the picture.")
    if level is None:
        return gettext("It stands with the picture and changes no story.")
    if level is Level.HOLD and may_clear:
        return gettext("Stories of your desk can publish with this picture.")
    if level in (Level.HOLD, Level.STOP):
        who = get_text_list(list(who_can_clear), gettext("or")) or gettext("a desk chief")
        return gettext("The story stays held until %(who)s clears it.") % {"who": who}
    if level is Level.ACKNOWLEDGE:
        return gettext("This acknowledges the picture too: stories of your desk can publish with it.")
    return gettext("The story can publish with this picture, as before.")


RECORDED_NOTE = _(
    "Your name, reason and the evidence you saw are recorded. If the file or the evidence changes, this ends. "
    "You can take it back for ten minutes."
)
"""What goes for every conclusion alike."""


def override_consequence(ends_at: datetime, *, now: datetime | None = None) -> str:
    """What an override does, for above the button; the day is always named."""
    local = timezone.localtime(ends_at)
    return gettext(
        "The story can publish with this image until %(time)s. Your name, reason and the evidence you saw are "
        "recorded. If the file changes this ends."
    ) % {"time": dated(local, timezone.localtime(now or timezone.now()))}


def override_sentence(*, name: str, when: datetime, reason: str, ends_at: datetime, now: datetime | None = None) -> str:
    """What a standing override says on the story: who, when, why, and its end with the day. `reason`: a code."""
    today = timezone.localtime(now or timezone.now())
    return gettext("Cleared for this story by %(name)s, %(time)s, %(reason)s. Ends %(end)s.") % {
        "name": name,
        "time": moment(when, now=now),
        "reason": _inside(reason),
        "end": dated(timezone.localtime(ends_at), today),
    }


def sent_sentence(names: Sequence[str], *, when: datetime, now: datetime | None = None) -> str:
    """That a held picture was handed up, for whoever handed it. `names`: who can clear it, may be empty."""
    words = {"names": get_text_list(list(names), gettext("or")), "time": moment(when, now=now)}
    if not names:
        return gettext("Sent to the desk chief, %(time)s.") % words
    return gettext("Sent to the desk chief (%(names)s), %(time)s.") % words


def sent_to_you_sentence(name: str, *, when: datetime, now: datetime | None = None) -> str:
    """That somebody handed a held picture up, for whoever can clear it."""
    return gettext("Sent to you by %(name)s, %(time)s.") % {"name": name, "time": moment(when, now=now)}


def sent_by_sentence(name: str, *, when: datetime, now: datetime | None = None) -> str:
    """That somebody handed a held picture up, for whoever sees it in a list."""
    return gettext("Sent to the desk chief by %(name)s, %(time)s.") % {"name": name, "time": moment(when, now=now)}


_LABELS = {False: _("Image generated with AI."), True: _("Image altered with AI.")}


def suggested_label(signal: Signal, conclusion: Conclusion | None = None) -> str:
    """Words for readers to begin with, where AI is declared or concluded; "" elsewhere. A person's word goes first.

    In the readers' language, whichever the editor works in.
    """
    with override(settings.READER_LANGUAGE or django_settings.LANGUAGE_CODE):
        if conclusion is not None and conclusion.says_ai:
            return str(_LABELS[conclusion is Conclusion.CONFIRMED_AI_ALTERED])
        if signal in (Signal.DECLARED_AI, Signal.DECLARED_AI_EDITED):
            return str(_LABELS[signal is Signal.DECLARED_AI_EDITED])
    return ""


def source_subject(picture: str) -> str:
    """The subject line of that message. `picture`: its label."""
    return gettext("Your picture “%(picture)s”: the original file") % {"picture": picture}


def source_message(*, picture: str, name: str) -> str:
    """The message asking a source for the original, stating no suspicion. `picture`: its label, `name`: the asker."""
    return str(SOURCE_MESSAGE) % {"picture": picture, "name": name}
