"""Lists page by page, by a cursor: a row that comes or goes meanwhile is neither told twice nor left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Query

_M = TypeVar("_M", bound=Model)
Cursor = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="From `next` of the page before.")]
"""The key of the last row that was told; what follows is older."""
Limit = Annotated[int, Query(ge=1, le=100)]


@dataclass(frozen=True, slots=True)
class Page(Generic[_M]):
    """Some rows, the newest first, and the address of the next page."""

    rows: list[_M]
    next: str | None


def page_of(queryset: QuerySet[_M], request: HttpRequest, *, cursor: int | None, limit: int) -> Page[_M]:
    """The page behind `cursor`, the first without one."""
    ordered = queryset.order_by("-pk")
    if cursor:
        ordered = ordered.filter(pk__lt=cursor)
    rows = list(ordered[: limit + 1])
    if len(rows) <= limit:
        return Page(rows, None)
    query = request.GET.copy()
    query["cursor"] = str(rows[limit - 1].pk)
    return Page(rows[:limit], f"{request.path}?{query.urlencode()}")
