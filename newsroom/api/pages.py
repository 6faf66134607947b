"""Lists page by page, by a cursor: a row that comes or goes meanwhile is neither told twice nor left out."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from newsroom.api.problems import Problem

_M = TypeVar("_M", bound=Model)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[_M]):
    """Some rows, the newest first, and the address of the next page."""

    rows: list[_M]
    next: str | None


def page_of(queryset: QuerySet[_M], request: HttpRequest, *, cursor: str | None, limit: int) -> Page[_M]:
    """The page behind `cursor`, the first without one. Raises Problem for a cursor that none of our pages gave."""
    ordered = queryset.order_by("-pk")
    if cursor:
        ordered = ordered.filter(pk__lt=_opened(cursor))
    rows = list(ordered[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    query = request.GET.copy()
    query["cursor"] = _closed(rows[limit - 1].pk)
    return Page(rows[:limit], f"{request.path}?{query.urlencode()}")


def _closed(number: int) -> str:
    return base64.urlsafe_b64encode(f"before:{number}".encode()).decode().rstrip("=")


def _opened(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        word, _colon, number = text.partition(":")
        if word == "before" and number.isascii() and number.isdecimal() and len(number) < 20:
            return min(int(number), _LARGEST)
    except (binascii.Error, UnicodeError):
        pass
    raise Problem("invalid", _("This cursor is none of ours. Begin with the first page, and follow its “next”."))
