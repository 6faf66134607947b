"""Every refusal of the API as a problem document (RFC 9457): which kind, a sentence, and what else helps to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja.errors import HttpError, ValidationError

MEDIA_TYPE = "application/problem+json"
BASE = "/api/v1/#"
"""A problem's type is its heading on the page that explains the API."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its status, and what it means in a sentence."""

    status: int
    title: str | Promise


KINDS: dict[str, Kind] = {
    "unreadable": Kind(400, gettext_lazy("The request can't be read.")),
    "no-token": Kind(401, gettext_lazy("No token, or none that is valid now.")),
    "lacks-scope": Kind(403, gettext_lazy("This token is not for that.")),
    "not-permitted": Kind(403, gettext_lazy("This account may not do that here.")),
    "source-too-high": Kind(403, gettext_lazy("This token may not claim that source.")),
    "not-found": Kind(404, gettext_lazy("There is no such thing for this account.")),
    "wrong-method": Kind(405, gettext_lazy("This address knows other methods.")),
    "held": Kind(409, gettext_lazy("Pictures of the story need a look first.")),
    "evidence-changed": Kind(409, gettext_lazy("The evidence is not the one that was sent.")),
    "moved": Kind(409, gettext_lazy("The story is not in a state for that.")),
    "too-large": Kind(413, gettext_lazy("The request is too large.")),
    "wrong-type": Kind(415, gettext_lazy("The body is of another type than this address takes.")),
    "invalid": Kind(422, gettext_lazy("Something in the request is missing or wrong.")),
    "key-reused": Kind(422, gettext_lazy("This idempotency key came with another upload.")),
    "too-many": Kind(429, gettext_lazy("Too many requests.")),
    "went-wrong": Kind(500, gettext_lazy("Something went wrong here.")),
    "not-stored": Kind(503, gettext_lazy("The storage did not answer.")),
    "no-room": Kind(507, gettext_lazy("There is no room left here.")),
}


class Problem(Exception):
    """What is answered in place of what was asked for. `more`: members of the document that are this kind's own."""

    def __init__(
        self,
        kind: str,
        sentence: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence or str(KINDS[kind].title))
        self.kind = kind
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> HttpResponse:
        """The document, never kept by a cache."""
        kind = KINDS[self.kind]
        body = {
            **self.more,
            "type": BASE + self.kind,
            "title": str(kind.title),
            "status": kind.status,
            "detail": str(self),
        }
        content = json.dumps(body, cls=DjangoJSONEncoder)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **self.headers}
        return HttpResponse(content, status=kind.status, content_type=MEDIA_TYPE, headers=headers)


def not_found(request: HttpRequest, **_kwargs: object) -> HttpResponse:
    """For every address that is none of the API's."""
    return Problem("not-found", _("The API has no such address. They are listed at /api/v1/.")).response()


def of_status(status: int, sentence: str) -> HttpResponse:
    """What Django itself answers below the API's address: an error that nobody foresaw, no room on the disk."""
    known = (name for name, kind in KINDS.items() if kind.status == status)
    return Problem(next(known, "went-wrong"), sentence).response()


def answer_to(error: BaseException) -> HttpResponse | None:
    """The problem that an error is told as; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, ValidationError):
        return _of_validation(error)
    if isinstance(error, HttpError):
        return _of_http_error(error)
    if isinstance(error, Http404):
        # What doesn't exist and what is a foreign desk's are one answer.
        return Problem("not-found").response()
    if isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return Problem("too-large", _("It has too many parts, or too much beside its file.")).response()
    if isinstance(error, MultiPartParserError | UnreadablePostError | BadRequest | SuspiciousOperation):
        return Problem("unreadable", _("The body broke off, or isn't built as its Content-Type says.")).response()
    return None


def _of_validation(error: ValidationError) -> HttpResponse:
    """Where something is missing or wrong: the places, and what is wrong there. What was sent is not repeated."""
    places = [_place(one) for one in error.errors]
    sentence = "; ".join(f"{one['where']}: {one['what']}" for one in places[:3])
    return Problem("invalid", sentence[:1000], more={"errors": places[:50]}).response()


def _place(error: dict[str, Any]) -> dict[str, str]:
    # ninja names the argument of our own function between where it looked and the field; nobody outside knows it.
    where = ".".join(str(part) for part in error.get("loc", ()) if part != "words")
    return {"where": where[:200], "what": str(error.get("msg", ""))[:300]}


_OF_STATUS = {401: "no-token", 403: "not-permitted", 404: "not-found", 429: "too-many"}


def _of_http_error(error: HttpError) -> HttpResponse:
    """What the framework itself refuses: mostly a body that is no JSON."""
    kind = _OF_STATUS.get(error.status_code, "unreadable")
    sentence = _("The body must be one JSON object in UTF-8.") if kind == "unreadable" else ""
    return Problem(kind, sentence).response()
