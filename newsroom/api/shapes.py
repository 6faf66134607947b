"""What callers get. `actions` in each: what this caller may do about it, by the account and by the token's scopes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """Names in camelCase outside, ours inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class OpenShape(BaseModel):
    """As it comes from the detection app, which may say more than is named here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")


class Problem(BaseModel):
    """A refusal (RFC 9457). `type` leads to what this kind means."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


class Token(Shape):
    """The token of this request."""

    begins_with: str
    name: str
    scopes: list[str]
    is_service: bool
    highest_tier: str
    expires_at: datetime


class Desk(Shape):
    """A desk on which the account works, and as what."""

    slug: str
    name: str
    role: str


class Me(Shape):
    """Who asks."""

    account: str
    name: str
    desks: list[Desk]
    token: Token
    actions: list[str]


class StoryRow(Shape):
    """One story in a list."""

    slug: str
    headline: str
    desk: str
    state: str
    publish_at: datetime | None
    published_at: datetime | None
    updated_at: datetime
    href: str
    actions: list[str]


class Stories(Shape):
    """A page of stories, the newest first."""

    items: list[StoryRow]
    next: str | None = Field(description="The address of the next page, or null.")
    actions: list[str]


class PlacedPicture(Shape):
    """One picture in this story: what was found, what it means here, who can help."""

    asset_id: str | None
    photo: int
    label: str
    use: str
    reader_label: str
    signal: str
    why: str | None
    sentence: str
    level: str
    level_sentence: str
    cleared_by: str
    who_can_clear: list[str]
    evidence: str
    needs_label: bool
    is_live: bool
    href: str | None
    actions: list[str]


class OverrideShape(Shape):
    """An override of this story. `isInForce`: neither revoked nor over, and the evidence is still that one."""

    id: str
    asset_id: str
    scope: str
    reason_code: str
    note: str
    by: str
    created_at: datetime
    ends_at: datetime
    is_in_force: bool
    actions: list[str]


class Story(StoryRow):
    """One story with its pictures, and whether it would go out now."""

    body: str
    level: str
    would_be_refused: bool
    open_evidence: str = Field(description="What publishing in an emergency is bound to: all that is open now.")
    sentence: str
    pictures: list[PlacedPicture]
    overrides: list[OverrideShape]


class Moved(Shape):
    """What became of a story that was moved. `level`: the gate's, where it was asked."""

    slug: str
    state: str
    sentence: str
    level: str
    publish_at: datetime | None
    published_at: datetime | None
    actions: list[str]


class PictureRow(Shape):
    """One picture in a list. `assetId` is null while nobody has asked for a check."""

    asset_id: str | None
    photo: int
    label: str
    file_name: str
    source_tier: str
    desk: str | None
    keep_inside: bool
    uploaded_at: datetime
    signal: str
    why: str | None
    conclusion: str | None
    evidence: str
    href: str | None
    actions: list[str]


class Pictures(Shape):
    """A page of pictures, the newest first."""

    items: list[PictureRow]
    next: str | None = Field(description="The address of the next page, or null.")
    actions: list[str]


class Uploaded(Shape):
    """The receipt of an upload; the same for each request with the same idempotency key."""

    asset_id: str | None
    photo: int
    file_name: str
    story: str
    source_tier: str
    keep_inside: bool
    uploaded_at: datetime
    href: str | None
    actions: list[str]


class Detector(OpenShape):
    """What one detector said. `confidence` is null for declarations."""

    provider: str
    status: str
    verdict: str | None
    basis: str
    confidence: float | None
    overlay_url: str | None


class Asset(OpenShape):
    """The evidence about one picture. `level`: before any story's own use of it."""

    asset_id: str
    analysis_status: str | None
    review_state: str
    signal: str
    why: str | None
    level: str
    detector: Detector | None
    detectors: list[Detector]
    declared: dict[str, Any]
    evidence: str
    conclusion: str | None


class Picture(Asset):
    """The evidence about one picture, and where it stands. `files`: addresses for this token."""

    photo: int
    label: str
    file_name: str
    source_tier: str
    stories: list[str]
    files: dict[str, str]
    actions: list[str]


class Decided(Shape):
    """A conclusion that was recorded, and the picture as it stands now."""

    id: str
    conclusion: str
    evidence: str
    by: str
    created_at: datetime
    asset: Asset
    actions: list[str]


class Undone(Shape):
    """A conclusion that was taken back, and the picture as it stands now."""

    id: str
    undoes: str
    conclusion: str = Field(description="What had been concluded.")
    by: str
    created_at: datetime
    asset: Asset
    actions: list[str]


class Acknowledged(Shape):
    """An act that was recorded for one picture in one story; `level`: what this picture asks for now."""

    id: str | None
    story: str
    asset_id: str
    evidence: str
    level: str
    actions: list[str]


class Overridden(Shape):
    """An override as it stands, and what the picture asks for now."""

    override: OverrideShape
    story: str
    level: str
    actions: list[str]
