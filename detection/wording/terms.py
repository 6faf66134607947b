"""One word, one tone and one icon for each term of the vocabularies, and how a number and a time are written.

`wording` is the door through which everybody else reaches these names.

Tones are `neutral`, `attention` and `stop`; there is none for success, because nothing here proves that a picture is
real.
"""

from __future__ import annotations

import math
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from detection.vocabulary import (
    AnalysisStatus,
    Basis,
    Conclusion,
    CredentialState,
    Level,
    ReviewState,
    Signal,
    SourceTier,
    Verdict,
)

SIGNAL_WORDS: dict[Signal, Promise] = {
    Signal.DECLARED_AI: _("Declares AI generation"),
    Signal.DECLARED_AI_EDITED: _("Declares AI editing"),
    Signal.CREDENTIALS_BROKEN: _("Credential no longer matches"),
    Signal.STRONG: _("Strong signs of AI generation"),
    Signal.SOME: _("Some signs of AI generation"),
    Signal.NONE_FOUND: _("No signs found"),
    Signal.DISAGREE: _("Detectors disagree"),
    Signal.CONFLICT: _("Declaration and detector conflict"),
    Signal.NOTHING_DECLARED: _("Pixels not examined"),
    Signal.NOT_CHECKED: _("Not checked"),
    Signal.COULD_NOT_CHECK: _("Could not be checked"),
}

LEVEL_WORDS: dict[Level, Promise] = {
    Level.CLEAR: _("No open question"),
    Level.NOTICE: _("Please note"),
    Level.ACKNOWLEDGE: _("Needs a look"),
    Level.HOLD: _("On hold"),
    Level.STOP: _("Stopped"),
}

VERDICT_WORDS: dict[Basis, dict[Verdict, Promise]] = {
    Basis.PIXELS: {
        Verdict.LIKELY_AI: _("Likely AI-generated"),
        Verdict.PARTIAL_AI: _("Parts likely AI-generated"),
        Verdict.LIKELY_HUMAN: _("No signs found"),
        Verdict.UNCERTAIN: _("Inconclusive"),
        Verdict.NOT_APPLICABLE: _("Not judged by this detector"),
        Verdict.UNKNOWN: _("Answer not understood"),
    },
    Basis.DECLARATION: {
        Verdict.LIKELY_AI: _("The file declares AI generation"),
        Verdict.PARTIAL_AI: _("The file declares AI editing"),
        Verdict.LIKELY_HUMAN: _("The file declares no AI use"),
        Verdict.UNCERTAIN: _("The file's declarations are unclear"),
        Verdict.NOT_APPLICABLE: _("The file declares no AI use"),
        Verdict.UNKNOWN: _("The file declares no AI use"),
    },
}

CONCLUSION_WORDS: dict[Conclusion, Promise] = {
    Conclusion.WAITING_FOR_SOURCE: _("Waiting for the source"),
    Conclusion.ACCEPTED: _("No objection to using it"),
    Conclusion.CONFIRMED_AI_GENERATED: _("Confirmed as AI-generated"),
    Conclusion.CONFIRMED_AI_ALTERED: _("Confirmed as altered with AI"),
    Conclusion.CANNOT_DETERMINE: _("Cannot be determined"),
}

STATUS_WORDS: dict[AnalysisStatus, Promise] = {
    AnalysisStatus.PENDING_SCAN: _("Waiting its turn"),
    AnalysisStatus.SCANNING: _("Checking"),
    AnalysisStatus.AWAITING_CALLBACK: _("Waiting for the detector's answer"),
    AnalysisStatus.RETRY_PENDING: _("Will be tried again"),
    AnalysisStatus.COMPLETE: _("Finished"),
    AnalysisStatus.REJECTED: _("File cannot be read"),
    AnalysisStatus.DEAD: _("Given up, a person has to look"),
    AnalysisStatus.SUPERSEDED: _("Replaced by a newer check"),
    AnalysisStatus.SKIPPED: _("Not sent"),
}

REVIEW_STATE_WORDS: dict[ReviewState, Promise] = {
    ReviewState.PENDING_SCAN: _("Waiting to be checked"),
    ReviewState.SCANNING: _("Being checked"),
    ReviewState.RETRY_PENDING: _("Will be tried again"),
    ReviewState.MANUAL_REVIEW: _("A person has to look"),
    ReviewState.QUARANTINED: _("On hold"),
    ReviewState.FLAGGED: _("Needs a look"),
    ReviewState.CLEARED: _("Cleared by a person"),
    ReviewState.PUBLISH_READY: _("No open question"),
}

TIER_WORDS: dict[SourceTier, Promise] = {
    SourceTier.STAFF: _("Staff"),
    SourceTier.AGENCY: _("Agency"),
    SourceTier.FREELANCE: _("Freelance"),
    SourceTier.UGC: _("Sent in by the public"),
    SourceTier.UNKNOWN: _("Source not stated"),
    SourceTier.UNDECLARED: _("Source not recorded here"),
}

CREDENTIAL_SENTENCES: dict[CredentialState, Promise] = {
    CredentialState.NONE: _("The file carries no Content Credentials. Most files do not."),
    CredentialState.REMOTE_ONLY: _("The file points to Content Credentials kept elsewhere. They were not fetched."),
    CredentialState.UNREADABLE: _("The file carries Content Credentials that cannot be read."),
    CredentialState.TRUSTED: _(
        "The file matches its Content Credentials, signed by %(signer)s, who is on the trust list."
    ),
    CredentialState.UNTRUSTED: _(
        "The file matches its Content Credentials, signed by %(signer)s, who is not on the trust list."
    ),
    CredentialState.UNTRUSTED_EXPIRED: _(
        "The file matches its Content Credentials, signed by %(signer)s with a certificate that had expired."
    ),
    CredentialState.UNTRUSTED_INVALID_CERT: _(
        "The file matches its Content Credentials, signed by %(signer)s with a certificate that is not valid for this."
    ),
    CredentialState.BROKEN: _("The file changed after it was signed. Writing a caption is enough to cause that."),
    CredentialState.BROKEN_HISTORY: _(
        "An earlier step in the file's signed history no longer matches. Ordinary editing can cause that."
    ),
}

SIGNAL_TONES: dict[Signal, str] = {
    Signal.NONE_FOUND: "neutral",
    Signal.NOTHING_DECLARED: "neutral",
    Signal.NOT_CHECKED: "neutral",
    **dict.fromkeys(
        (
            Signal.DECLARED_AI,
            Signal.DECLARED_AI_EDITED,
            Signal.CREDENTIALS_BROKEN,
            Signal.STRONG,
            Signal.SOME,
            Signal.DISAGREE,
            Signal.CONFLICT,
            Signal.COULD_NOT_CHECK,
        ),
        "attention",
    ),
}

LEVEL_TONES: dict[Level, str] = {
    Level.CLEAR: "neutral",
    Level.NOTICE: "neutral",
    Level.ACKNOWLEDGE: "attention",
    Level.HOLD: "stop",
    Level.STOP: "stop",
}

SIGNAL_ICONS: dict[Signal, str] = {
    Signal.DECLARED_AI: "document",
    Signal.DECLARED_AI_EDITED: "document",
    Signal.CREDENTIALS_BROKEN: "broken-seal",
    Signal.STRONG: "eye",
    Signal.SOME: "eye",
    Signal.NONE_FOUND: "circle",
    Signal.DISAGREE: "scales",
    Signal.CONFLICT: "scales",
    Signal.NOTHING_DECLARED: "circle-dashed",
    Signal.NOT_CHECKED: "clock",
    Signal.COULD_NOT_CHECK: "question",
}

LEVEL_ICONS: dict[Level, str] = {
    Level.CLEAR: "circle",
    Level.NOTICE: "info",
    Level.ACKNOWLEDGE: "eye",
    Level.HOLD: "hand",
    Level.STOP: "octagon",
}


def band_number(score: float) -> int:
    """A score (0–1) as a person sees it: 1–99, for no detector is certain. Raises ValueError outside 0–1."""
    if not 0 <= score <= 1:
        raise ValueError(f"A score lies between 0 and 1, not at {score!r}.")
    return min(max(math.floor(score * 100 + 0.5), 1), 99)


def moment(when: datetime, *, now: datetime | None = None) -> str:
    """A local time, with its day unless that is today and its year unless that is this one: “14:05”, “24 Nov 14:05”."""
    local, today = timezone.localtime(when), timezone.localtime(now or timezone.now())
    if local.date() == today.date():
        return date_format(local, "H:i")
    return dated(local, today)


def dated(local: datetime, today: datetime) -> str:
    """A local time with its day, and with its year unless that is `today`'s."""
    return date_format(local, "j M H:i" if local.year == today.year else "j M Y H:i")


def signal_word(signal: Signal) -> str:
    """The signal in two or three words."""
    return str(SIGNAL_WORDS[signal])


def level_word(level: Level) -> str:
    """The level in two or three words."""
    return str(LEVEL_WORDS[level])


def verdict_word(verdict: Verdict | None, basis: Basis = Basis.PIXELS) -> str:
    """One detector's verdict in a few words; None reads as an answer that isn't there."""
    return gettext("No result") if verdict is None else str(VERDICT_WORDS[basis][verdict])


def conclusion_word(conclusion: Conclusion) -> str:
    """A person's conclusion in a few words."""
    return str(CONCLUSION_WORDS[conclusion])


def status_word(status: AnalysisStatus) -> str:
    """Where a check stands, in a few words."""
    return str(STATUS_WORDS[status])


def review_state_word(state: ReviewState) -> str:
    """The API's review state in a few words."""
    return str(REVIEW_STATE_WORDS[state])


def tier_word(tier: SourceTier) -> str:
    """Where a picture comes from, in a few words."""
    return str(TIER_WORDS[tier])


def tone(term: Signal | Level) -> str:
    """`neutral`, `attention` or `stop`. A signal alone never stops; only a level does."""
    return LEVEL_TONES[term] if isinstance(term, Level) else SIGNAL_TONES[term]


def icon(term: Signal | Level) -> str:
    """The name of the icon that stands beside the word."""
    return LEVEL_ICONS[term] if isinstance(term, Level) else SIGNAL_ICONS[term]
