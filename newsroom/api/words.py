"""What callers send, checked before anything is done. Unknown members are refused, so that a typo is named."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from detection.vocabulary import Conclusion
from detection.wording import REASON_CODES
from newsroom.models import SourceTier

_NO_NUL = r"^[^\x00]*$"
"""No database takes it, and no text needs it."""
Line = Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL)]
Note = Annotated[str, StringConstraints(max_length=4000, pattern=_NO_NUL)]
Evidence = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9a-f]{64})?$", max_length=64),
    Field(description="The `evidence` that was read; if it is another now, nothing is recorded (409)."),
]


def _is_text(value: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a date and a time as text, such as 2026-11-24T13:00:00Z")
    return value


def _is_reason(value: str) -> str:
    if value not in REASON_CODES:
        raise ValueError(f"must be one of: {', '.join(REASON_CODES)}")
    return value


Reason = Annotated[str, AfterValidator(_is_reason), Field(json_schema_extra={"enum": list(REASON_CODES)})]
Moment = Annotated[AwareDatetime, BeforeValidator(_is_text)]


class Words(Schema):
    """Names in camelCase outside, ours inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def _left_out(value: Any) -> Any:
    return None if value == "" else value


class Upload(Words):
    """What is known of a picture that is uploaded."""

    source_tier: Annotated[SourceTier | None, BeforeValidator(_left_out)] = Field(
        None, description="Where it comes from. Left out, or empty: not known."
    )
    credit: Line = ""
    keep_inside: Annotated[bool | None, BeforeValidator(_left_out)] = Field(
        None, description="Not sent to any detector outside. Left out: as is usual on the story's desk."
    )


class Decide(Words):
    """A conclusion about a picture."""

    conclusion: Conclusion
    evidence: Evidence
    story: Annotated[str, StringConstraints(max_length=80, pattern=r"^[-a-zA-Z0-9_]*$")] = Field(
        "", description="The story it is decided for; it counts on that story's desk, and elsewhere is a hint."
    )
    reason_code: Reason | None = None
    note: Note = ""
    reader_label: Line = ""
    no_label_reason: Line = ""


class Acknowledge(Words):
    """Seen, and carrying on with this story."""

    evidence: Evidence
    reason_code: Reason
    note: Note = ""


class SendToChief(Words):
    """Handing a held picture to whoever can clear it."""

    evidence: Evidence
    note: Annotated[str, StringConstraints(max_length=1000, pattern=_NO_NUL)] = ""


class Override(Words):
    """Letting one story go despite an open question."""

    evidence: Evidence
    reason_code: Reason
    note: Note = Field(description="In your own words; the policy sets the least length.")
    scope: str = Field(
        "story",
        pattern="^(story|desk)$",
        description="`story`, or `desk` for all stories of this desk with the same file.",
    )
    ends_at: Moment | None = Field(None, description="Cut to the policy's longest. Left out: the policy's usual end.")
    reader_label: Line = ""
    no_label_reason: Line = ""


class Revoke(Words):
    """Ending an override before its time."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=_NO_NUL)]


class Schedule(Words):
    """When a story goes out by itself."""

    at: Moment


class BreakGlass(Words):
    """Publishing past the gate in an emergency."""

    evidence: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64),
        Field(description="The story's `openEvidence` that was read; if it is another now, nothing goes out (409)."),
    ]
    typed: Line = Field(description="The story's slug once more, to show that you mean this one.")
    reason_code: Reason
    note: Note = Field(description="In your own words; the policy sets the least length.")
