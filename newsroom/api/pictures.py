"""Pictures: which there are, the evidence about one, its files, and bringing one into a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from ninja import File, Form, Header, Query, Router, Status
from ninja.files import UploadedFile

from detection.history import viewing
from detection.views import media
from newsroom import permissions, placing, uploads
from newsroom.api import answers, limits, shapes, telling
from newsroom.api.callers import Caller, caller_of
from newsroom.api.doors import PICTURE, SLUG, door, picture_for, story_for
from newsroom.api.models import Scope
from newsroom.api.pages import Cursor, Limit, page_of
from newsroom.api.problems import Problem
from newsroom.api.stories import Slug
from newsroom.api.words import Upload
from newsroom.models import Photo, Placement, Story

router = Router(tags=["Pictures"])
into_stories = Router(tags=["Pictures"])
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A new random text for each picture. Sent again with the same key within a day, the same picture "
        "is not taken in twice: the answer is the first one, with “Idempotent-Replayed: true”.",
    ),
]
_FIELDS = ("file", "sourceTier", "credit", "keepInside")
_IMAGE = {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}, "description": "The file."}


@door(router, "GET", "", scope=Scope.READ, gives=shapes.Pictures, asks=("story", "cursor", "limit"))
def list_pictures(
    request: HttpRequest, story: Slug = None, cursor: Cursor = None, limit: Limit = 50
) -> shapes.Pictures:
    """The pictures that the account may see, the newest first; with `story`, those that stand in it."""
    caller = caller_of(request)
    found = permissions.photos(caller.user, "newsroom.view_photo").select_related("desk")
    if story:
        readable = permissions.stories(caller.user, "newsroom.view_story").filter(slug=story)
        found = found.filter(pk__in=Placement.objects.filter(story__in=readable).values("photo"))
    page = page_of(found, request, cursor=cursor, limit=limit)
    return shapes.Pictures(
        items=telling.picture_rows(page.rows, caller), next=page.next, actions=caller.within(["look"])
    )


@door(router, "GET", PICTURE, scope=Scope.READ, gives=shapes.Picture)
def read_picture(request: HttpRequest, asset_id: UUID) -> shapes.Picture:
    """The evidence about one picture: what each detector said, what the file declares, what people concluded."""
    caller = caller_of(request)
    asset, photo = picture_for(caller, asset_id)
    viewing.note(asset, by=caller.user, what="api")
    return telling.picture_in_full(asset, photo, caller)


@door(
    router,
    "GET",
    f"{PICTURE}/files/{{name}}",
    scope=Scope.READ,
    gives=None,
    asks=("analysis", "g", "small"),
    refuses=(503,),
    more={"responses": {200: _IMAGE}},
)
def read_file(
    request: HttpRequest,
    asset_id: UUID,
    name: Literal["original", "preview", "overlay", "map"],
    analysis: Annotated[UUID | None, Query(description="Whose overlay, as in `overlayUrl`.")] = None,
    g: Annotated[int | None, Query(description="Which generation of the file, as in `overlayUrl`.")] = None,
    small: Annotated[Literal["1"] | None, Query(description="A preview for lists.")] = None,
) -> HttpResponseBase:
    """One file of a picture: the original as a download, else a copy of our own making without metadata."""
    response: HttpResponseBase = media(request, public_id=asset_id, rendition=name)
    if response.status_code == 404:
        raise Problem("not-found")
    if response.status_code >= 500:
        raise Problem("not-stored", headers={"Retry-After": "60"})
    return response


@door(
    into_stories,
    "POST",
    f"{SLUG}/pictures",
    scope=Scope.UPLOAD,
    gives=shapes.Uploaded,
    status=201,
    takes=limits.MULTIPART,
    refuses=(503, 507),
)
def upload_picture(
    request: HttpRequest,
    response: HttpResponse,
    slug: str,
    file: Annotated[UploadedFile, File(description="JPEG, PNG, WebP, HEIC or AVIF.")],
    words: Annotated[Upload, Form()],
    idempotency_key: Key = None,
) -> Status[shapes.Uploaded]:
    """Bring a picture into a story, as its last. Its check begins by itself; what a file is, is found out by it."""
    caller = caller_of(request)
    limits.check_names([*request.POST, *request.FILES], _FIELDS, "form")
    story = story_for(caller, slug)
    caller.need("newsroom.change_story", story)
    caller.check_tier(words.source_tier or "")
    if not file.size:
        raise Problem("invalid", _("This file is empty. Send the picture itself."))
    receive = _Receiving(caller, story, file, words, idempotency_key or "")
    answer, is_replay = receive.once() if idempotency_key else (receive.now(), False)
    if is_replay:
        response["Idempotent-Replayed"] = "true"
    if answer.href:
        response["Location"] = answer.href
    return Status(201, answer)


_NOT_KEPT: dict[int, tuple[str, Callable[[], int] | None]] = {
    413: ("too-large", None),
    429: ("too-many", limits.till_tomorrow),
    503: ("not-stored", lambda: 60),
    507: ("no-room", None),
}
"""Why a picture was not kept, by the status that says so: the kind of problem, and the seconds to wait."""


class _Receiving:
    """One upload on its way in."""

    def __init__(self, caller: Caller, story: Story, file: UploadedFile, words: Upload, key: str) -> None:
        self.caller, self.story, self.file, self.words, self.key = caller, story, file, words, key
        self.fingerprint = answers.fingerprint(file, story=story.pk, **words.model_dump()) if key else ""
        self.answer: shapes.Uploaded | None = None

    def once(self) -> tuple[shapes.Uploaded, bool]:
        """The answer, and whether it had been given before."""
        if (before := self._given()) is not None:
            return before, True
        try:
            return self.now(), False
        except IntegrityError:
            # Another upload with this key was first while we stored ours; of which nothing is kept.
            if (before := self._given()) is None:
                raise
            return before, True

    def now(self) -> shapes.Uploaded:
        """Take it in. Raises Problem where there is no room, IntegrityError where another was first with this key."""
        known = uploads.Particulars(
            source_tier=self.words.source_tier or "",
            credit=self.words.credit.strip(),
            keep_inside=self.words.keep_inside,
        )
        self.before = placing.as_it_stands(self.story)
        try:
            photo = uploads.receive(
                self.file, by=self.caller.user, story=self.story, particulars=known, along=self._note
            )
        except uploads.NotStored as error:
            kind, wait = _NOT_KEPT[error.status]
            headers = {"Retry-After": str(wait())} if wait else {}
            raise Problem(kind, str(error), headers=headers) from error
        return self.answer or telling.uploaded(photo, self.story, self.caller)

    def _given(self) -> shapes.Uploaded | None:
        answer: Any = answers.given(self.caller.user, self.key, self.fingerprint)
        return shapes.Uploaded.model_validate(answer) if answer is not None else None

    def _note(self, photo: Photo) -> None:
        placing.record_changes(self.story, self.before, by=self.caller.user)
        self.answer = telling.uploaded(photo, self.story, self.caller)
        if self.key:
            kept = self.answer.model_dump(mode="json", by_alias=True)
            answers.keep(self.caller.user, self.key, self.fingerprint, photo, kept)
