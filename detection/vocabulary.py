"""The words of the house: four vocabularies with one owner each, and the life cycle of an analysis.

A detector gives a `Verdict`; `policy` computes a `Signal` over all detectors and what the
file declares; a person records a `Conclusion`; the gate computes a `Level`. They are never
one status field. Plain enums without Django, for the sandbox process reads them too; the
sentences a person sees stand in `wording`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


def gettext_noop(text: str) -> str:
    """The text as it is, marked for translators; Django's own asks for settings, which the sandbox has none of."""
    return text


class AnalysisStatus(StrEnum):
    """Where one detector's work on one picture stands. Only `models/analyses.py` writes it."""

    PENDING_SCAN = "pending_scan"
    SCANNING = "scanning"
    AWAITING_CALLBACK = "awaiting_callback"
    RETRY_PENDING = "retry_pending"
    COMPLETE = "complete"
    REJECTED = "rejected"
    DEAD = "dead"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"


class DeliveryState(StrEnum):
    """What became of an event that a detector delivered. Only `callbacks` writes it."""

    WAITING = "waiting"
    UNMATCHED = "unmatched"
    """No analysis of ours is known for it yet; it is looked for again."""
    APPLIED = "applied"
    IGNORED = "ignored"
    """It changed nothing: late, said before, or about work that goes on."""
    FAILED = "failed"
    """It can't be read, or nothing was ever found that it is about."""


class Priority(IntEnum):
    """Whose turn comes first: a smaller number goes before a larger one."""

    NEWS = 0
    """An upload, or what a person asked for."""
    ARCHIVE = 1
    """Of an archive, and its turn has come: rung for like any other, behind the news."""
    LATER = 2
    """Of an archive, and waiting until the bell lets it in; nobody rings for it before."""


RATIONED = "budget"
"""The error class of a row that waits for the next day's budget: nothing failed, and nothing was tried."""


class Verdict(StrEnum):
    """What one detector said, translated by its adapter's table. An unseen label is `UNKNOWN`, never a guess."""

    LIKELY_AI = "likely_ai"
    PARTIAL_AI = "partial_ai"
    LIKELY_HUMAN = "likely_human"
    UNCERTAIN = "uncertain"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Basis(StrEnum):
    """What a verdict rests on: the pixels, or what the file declares about itself."""

    PIXELS = "pixels"
    DECLARATION = "declaration"


class Signal(StrEnum):
    """What all detectors and declarations together say of one picture. Only `policy` computes it."""

    DECLARED_AI = "declared_ai"
    DECLARED_AI_EDITED = "declared_ai_edited"
    CREDENTIALS_BROKEN = "credentials_broken"
    STRONG = "strong"
    SOME = "some"
    NONE_FOUND = "none_found"
    DISAGREE = "disagree"
    CONFLICT = "conflict"
    NOTHING_DECLARED = "nothing_declared"
    NOT_CHECKED = "not_checked"
    COULD_NOT_CHECK = "could_not_check"


class Why(StrEnum):
    """Why a picture was not, or could not be, checked."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    EXEMPT = "exempt"
    PROTECTED = "protected"
    UNSUPPORTED = "unsupported"
    BEFORE_INSTALL = "before_install"
    UNREADABLE = "unreadable"
    FAILED = "failed"


class Conclusion(StrEnum):
    """What a person recorded about one picture. A reversal is a new row. Only `reviewing` writes it."""

    WAITING_FOR_SOURCE = "waiting_for_source"
    ACCEPTED = "accepted"
    CONFIRMED_AI_GENERATED = "confirmed_ai_generated"
    CONFIRMED_AI_ALTERED = "confirmed_ai_altered"
    CANNOT_DETERMINE = "cannot_determine"

    @property
    def says_ai(self) -> bool:
        """Whether a person concluded that AI made or altered the picture."""
        return self in (Conclusion.CONFIRMED_AI_GENERATED, Conclusion.CONFIRMED_AI_ALTERED)


class NoteKind(StrEnum):
    """What a person wrote down about one picture, beside the evidence: it moves no level. Only `noting` writes it."""

    NOTE = "note"
    ORIGINAL_SEEN = "original_seen"
    SECOND_SOURCE = "second_source"
    REVERSE_SEARCH = "reverse_search"
    GEOLOCATION = "geolocation"
    PHOTOGRAPHER_CONTACTED = "photographer_contacted"
    SOURCE_ANSWERED = "source_answered"

    @property
    def is_check(self) -> bool:
        """Whether it is one of the checklist, and may stand without words."""
        return self not in (NoteKind.NOTE, NoteKind.SOURCE_ANSWERED)


class Level(StrEnum):
    """What one picture means for one story's publish button. Only the gate computes it; it is never stored."""

    CLEAR = "clear"
    NOTICE = "notice"
    ACKNOWLEDGE = "acknowledge"
    HOLD = "hold"
    STOP = "stop"

    @property
    def rank(self) -> int:
        """0 for clear up to 4 for stop: a higher rank asks for more."""
        return list(Level).index(self)

    @property
    def refuses(self) -> bool:
        """Whether publishing is refused until a person has acted."""
        return self.rank >= Level.ACKNOWLEDGE.rank


class ReviewState(StrEnum):
    """One word for API clients over analysis, signal, level and conclusion; the first that fits."""

    PENDING_SCAN = "pending_scan"
    SCANNING = "scanning"
    RETRY_PENDING = "retry_pending"
    MANUAL_REVIEW = "manual_review"
    QUARANTINED = "quarantined"
    FLAGGED = "flagged"
    CLEARED = "cleared"
    PUBLISH_READY = "publish_ready"


class SourceTier(StrEnum):
    """How well the newsroom knows where a picture comes from.

    `UNDECLARED`: the host registered no tier at all. `UNKNOWN`: it did, and left this picture's empty.
    """

    STAFF = "staff"
    AGENCY = "agency"
    FREELANCE = "freelance"
    UGC = "ugc"
    UNKNOWN = "unknown"
    UNDECLARED = "undeclared"


class PlacedUse(StrEnum):
    """What a picture is to a story: a photograph, an illustration, or the story's own subject."""

    PHOTOGRAPH = "photograph"
    ILLUSTRATION = "illustration"
    SUBJECT = "subject"


class CredentialState(StrEnum):
    """What C2PA validation found, read off its codes (never off the bare word "Invalid")."""

    NONE = "none"
    REMOTE_ONLY = "remote_only"
    UNREADABLE = "unreadable"
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    UNTRUSTED_EXPIRED = "untrusted_expired"
    UNTRUSTED_INVALID_CERT = "untrusted_invalid_cert"
    BROKEN = "broken"
    BROKEN_HISTORY = "broken_history"

    @property
    def is_intact(self) -> bool:
        """Whether the file still matches what was signed, whoever signed it."""
        return self in (
            CredentialState.TRUSTED,
            CredentialState.UNTRUSTED,
            CredentialState.UNTRUSTED_EXPIRED,
            CredentialState.UNTRUSTED_INVALID_CERT,
        )

    @property
    def is_broken(self) -> bool:
        """Whether the file, or its recorded history, changed after signing."""
        return self in (CredentialState.BROKEN, CredentialState.BROKEN_HISTORY)


class Says(StrEnum):
    """What a declaration says about how the picture was made."""

    AI = "ai"
    AI_EDITED = "ai_edited"
    CAPTURE = "capture"
    OTHER = "other"


LIVE = frozenset(
    {
        AnalysisStatus.PENDING_SCAN,
        AnalysisStatus.SCANNING,
        AnalysisStatus.AWAITING_CALLBACK,
        AnalysisStatus.RETRY_PENDING,
    }
)
"""Statuses in which something is still to come; at most one live analysis per (asset, provider)."""

_S = AnalysisStatus
TRANSITIONS: dict[AnalysisStatus, frozenset[AnalysisStatus]] = {
    _S.PENDING_SCAN: frozenset({_S.SCANNING, _S.REJECTED, _S.SKIPPED, _S.SUPERSEDED}),
    _S.SCANNING: frozenset(
        {_S.AWAITING_CALLBACK, _S.COMPLETE, _S.RETRY_PENDING, _S.REJECTED, _S.SKIPPED, _S.SUPERSEDED, _S.DEAD}
    ),
    _S.AWAITING_CALLBACK: frozenset({_S.COMPLETE, _S.REJECTED, _S.RETRY_PENDING, _S.SUPERSEDED, _S.DEAD}),
    _S.RETRY_PENDING: frozenset({_S.SCANNING, _S.COMPLETE, _S.SKIPPED, _S.SUPERSEDED, _S.DEAD}),
    _S.DEAD: frozenset({_S.PENDING_SCAN}),
    _S.COMPLETE: frozenset(),
    _S.REJECTED: frozenset(),
    _S.SUPERSEDED: frozenset(),
    _S.SKIPPED: frozenset(),
}
"""The life cycle as data: from each status, where it may go. A redrive (dead → pending_scan) is a person's act."""


def may_follow(to: AnalysisStatus) -> frozenset[AnalysisStatus]:
    """The statuses from which `to` may be entered."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)
