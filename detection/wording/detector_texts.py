"""What stands on one detector's card, in sentences: its warnings and reasons, what it also said, and where it stands.

Adapters speak in codes and in a few words of their own; no code is ever shown, and one that is new here gets a general
sentence. `wording` is the door through which everybody else reaches these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detection.results import ORIGINAL, STRIPPED
from detection.vocabulary import AnalysisStatus, Says, Why
from detection.wording.captions import declared_text
from detection.wording.terms import moment, status_word

WARNINGS: dict[str, Promise] = {
    "schema_drift": _(
        "The detector answered with a word that is not known here. A person has to look at the picture, and an "
        "operator at the adapter."
    ),
    "signals_conflict": _("The detector's own signals contradict each other. Treat as open."),
    "out_of_domain": _("The detector says it was not made for pictures of this kind. Give its answer little weight."),
    "low_resolution": _(
        "The picture is small for this detector. Give its answer little weight, or ask the source for a larger file."
    ),
    "scale_suspect": _(
        "The detector's number does not fit the scale that it documents. Do not rely on it, and tell an operator."
    ),
    "mask_shape_mismatch": _(
        "The areas that the detector marked do not fit this picture's size. Do not rely on where they lie."
    ),
    "sandbox_result": _("This is a test answer, made without looking at the picture. It does not count."),
    "label_and_score_disagree": _("The detector's word and its number contradict each other. Treat as open."),
    "no_face": _("The detector judges faces and found none. Its answer says little about this picture."),
}
"""By the code that an adapter puts into `ScanResult.warnings`."""
REASONS: dict[str, Promise] = {
    "no_verdict": _("The detector gave no verdict. A person has to look at the picture."),
    "not_applicable": _(
        "The detector says that it cannot judge this picture. That speaks neither for AI nor against it."
    ),
    "vendor_failed": _("The detector's own analysis failed. Look at the picture without it, or ask for a new look."),
}
"""By the code that an adapter puts into `ScanResult.reasons`."""
NEW_WARNING = _("The detector's answer carries a warning that is not known here. Give it little weight.")
NEW_REASON = _("The detector gave a reason that is not known here. A person has to look at the picture.")

_BANDS: dict[str, Promise] = {
    "low": _("its own confidence: low"),
    "medium": _("its own confidence: medium"),
    "high": _("its own confidence: high"),
}
_NUMBERS: dict[str, Promise] = {
    "label_confidence": _("The detector's confidence in its own word, turned so that more means more likely AI."),
    "rule": _("Set by a rule of the detector's, not measured."),
}
_ALSO: dict[str, Promise] = {
    "c2pa": _("Its own reading of the file's credentials: %(value)s."),
    "watermark": _("Its own reading of a watermark: %(value)s."),
    "region": _("An area it marked (%(key)s): %(value)s."),
    "classifier": _("Another model of its own (%(key)s): %(value)s."),
    "note": _("Its note (%(key)s): %(value)s."),
}
_ALSO_OTHER = _("It also says (%(key)s): %(value)s.")
_KEYS: dict[str, Promise] = {"deepfake": _("altered faces"), "inpainting": _("filled-in parts")}
_POINTS: dict[Says, Promise] = {
    Says.AI: _("It points to AI generation."),
    Says.AI_EDITED: _("It points to AI editing."),
    Says.CAPTURE: _("It points to a camera capture."),
}
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a key of the vendor's, such as `issuedBy`, has its next word."""
_GOES_ON = re.compile(r"(?:^|\s+)(?:Trying again|Asking|Sending it anew)[^.]*\.")
"""What an error says of the next try: said when it was met, and not true any more when a screen shows it."""


def warning_sentences(codes: Iterable[str]) -> list[str]:
    """What an adapter's warnings mean, each once; a code that is new here reads as a general warning."""
    return list(dict.fromkeys(str(WARNINGS.get(code, NEW_WARNING)) for code in codes if code))


def reason_sentences(reasons: Iterable[str]) -> list[str]:
    """Why a detector answered so, each once. What is a sentence already, as of the embedded detector, stays one."""
    return list(dict.fromkeys(_reason(reason) for reason in reasons if reason))


def _reason(reason: str) -> str:
    is_sentence = " " in reason and reason.endswith(".")
    return declared_text(reason) if is_sentence else str(REASONS.get(reason, NEW_REASON))


def also_said(item: Mapping[str, str]) -> str:
    """One further thing that a detector told, in a line. `item`: an `Evidence` as it is kept; its texts are foreign."""
    key = str(item.get("key", ""))
    words = {
        "key": str(_KEYS.get(key) or _HUMP.sub(" ", key).replace("_", " ")) or gettext("without a name"),
        "value": str(item.get("value", "")).strip(" .") or gettext("without details"),
    }
    line = str(_ALSO.get(str(item.get("kind", "")), _ALSO_OTHER)) % words
    says = item.get("says")
    points = _POINTS.get(Says(says)) if says in set(Says) else None
    return f"{line} {points}" if points else line


def band_words(band: str) -> str:
    """The vendor's own confidence, as a word; "" where it gave none that is known here."""
    return str(_BANDS.get(band, ""))


def number_note(kind: str) -> str:
    """How a score came about, where it is not simply the detector's own; else "". `kind`: `ai_score_kind`."""
    return str(_NUMBERS.get(kind, ""))


def as_sent_words(as_sent: str) -> str:
    """What a detector was shown, as words: `ORIGINAL`, `STRIPPED`, or the rendition; "" where nothing was sent."""
    if as_sent == ORIGINAL:
        return gettext("the original")
    if as_sent == STRIPPED:
        return gettext("the original without its metadata")
    return as_sent


def as_sent_sentence(as_sent: str) -> str:
    """That a detector was shown other pixels than the original's; "" where it was these, or nothing was sent."""
    if as_sent in ("", ORIGINAL, STRIPPED):
        return ""
    return gettext("Sent: %(what)s, not the original. Fine traces may be lost in it.") % {
        "what": as_sent.replace(":", ",", 1)
    }


def lasted(seconds: float) -> str:
    """A stretch of time in the unit that fits: “2.3 s”, “4 min”, “3 h”."""
    if seconds < 0.1:
        return gettext("less than 0.1 s")
    if seconds < 100:
        return gettext("%(number).1f s") % {"number": seconds}
    if seconds < 100 * 60:
        return gettext("%(number)d min") % {"number": round(seconds / 60)}
    return gettext("%(number)d h") % {"number": round(seconds / 3600)}


def state_word(status: AnalysisStatus, why: Why | None = None) -> str:
    """Where one detector stands, in a few words: `status_word`, and what a pause or a refusal makes of it."""
    waits = status in (AnalysisStatus.PENDING_SCAN, AnalysisStatus.RETRY_PENDING)
    if waits and why is Why.PAUSED:
        return gettext("Paused")
    if waits and why is Why.QUEUED:
        return status_word(AnalysisStatus.PENDING_SCAN)
    if status is AnalysisStatus.REJECTED and why is Why.UNSUPPORTED:
        return gettext("Refused by this detector")
    return status_word(status)


def state_sentence(
    status: AnalysisStatus,
    *,
    why: Why | None = None,
    said: str = "",
    next_attempt_at: datetime | None = None,
    sent_at: datetime | None = None,
    now: datetime | None = None,
) -> str:
    """Why one detector has not answered, and what comes next; "" where it has.

    `said`: the sentence of the last error, rejection or refusal. `sent_at`: when the picture was handed over.
    """
    now = now or timezone.now()
    waits = status in (AnalysisStatus.PENDING_SCAN, AnalysisStatus.RETRY_PENDING)
    parts = [past_sentence(said) if waits or status is AnalysisStatus.DEAD else said]
    if waits and why is Why.PAUSED:
        parts.append(
            gettext("This detector is paused. It is asked by itself when the pause ends; an operator can end it.")
        )
    elif waits:
        is_tried = status is AnalysisStatus.RETRY_PENDING and why is not Why.QUEUED
        parts.append(_next_try(next_attempt_at, now) if is_tried else _first_try(next_attempt_at, now))
    elif status is AnalysisStatus.SCANNING:
        parts = [gettext("The picture is being examined now.")]
    elif status is AnalysisStatus.AWAITING_CALLBACK:
        parts.append(_awaiting(sent_at, now))
    elif status is AnalysisStatus.DEAD:
        parts.append(
            gettext("It is not tried again by itself. Decide without it, or ask an operator to start it again.")
        )
    return " ".join(part for part in parts if part)


def past_sentence(said: str) -> str:
    """What an error said when it was met, without what it promised of the next try."""
    return _GOES_ON.sub("", said).strip()


def _next_try(at: datetime | None, now: datetime) -> str:
    if at is None or at <= now:
        return gettext("Trying again shortly.")
    return gettext("Trying again at %(time)s.") % {"time": moment(at, now=now)}


def _first_try(at: datetime | None, now: datetime) -> str:
    if at is None or at <= now:
        return gettext("It is asked as soon as its turn comes.")
    return gettext("Its turn comes at %(time)s.") % {"time": moment(at, now=now)}


def _awaiting(sent_at: datetime | None, now: datetime) -> str:
    if sent_at is None:
        return gettext("The picture was sent. The answer is still to come.")
    return gettext("The picture was sent at %(time)s. The answer is still to come.") % {
        "time": moment(sent_at, now=now)
    }
