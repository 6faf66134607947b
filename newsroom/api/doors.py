"""How every door of the API is hung: its scope asked first, its problems documented, its names in camelCase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.shortcuts import get_object_or_404
from ninja import Router

from detection.models import Asset
from newsroom import permissions
from newsroom.api import shapes, telling
from newsroom.api.callers import Bearer, Caller
from newsroom.api.models import Scope
from newsroom.models import Photo, Story

_F = TypeVar("_F", bound=Callable[..., Any])
_ALWAYS = (400, 401, 403, 404, 405, 422, 429)
SLUG = "/{slug:slug}"
PICTURE = "/{uuid:asset_id}"


def door(
    router: Router,
    method: str,
    path: str,
    *,
    scope: Scope,
    gives: Any,
    status: int = 200,
    takes: str = "",
    asks: tuple[str, ...] = (),
    refuses: tuple[int, ...] = (),
    more: dict[str, Any] | None = None,
) -> Callable[[_F], _F]:
    """Hang a function at a path.

    `gives`: its shape; `takes`: the type of its body; `asks`: its parameters; `refuses`: further statuses.
    """
    refused = {*_ALWAYS, *refuses, *((413, 415) if takes else ())}
    return router.api_operation(
        [method],
        path,
        auth=Bearer(scope, takes=takes, asks=asks),
        response={status: gives, frozenset(refused): shapes.Problem},
        by_alias=True,
        openapi_extra={"x-scope": scope.value, **(more or {})},
    )


def story_for(caller: Caller, slug: str) -> Story:
    """A story that this account may read; a foreign desk's doesn't exist for it. Raises Http404."""
    readable = permissions.stories(caller.user, "newsroom.view_story").select_related("desk")
    return get_object_or_404(readable, slug=slug)


def picture_for(caller: Caller, asset_id: Any) -> tuple[Asset, Photo]:
    """A picture that this account may see. Raises Http404."""
    asset = get_object_or_404(Asset.objects.select_related("content_type"), public_id=asset_id)
    photo = telling.photo_of(asset)
    visible = permissions.photos(caller.user, "newsroom.view_photo")
    return asset, get_object_or_404(visible.select_related("desk"), pk=photo.pk if photo else None)
