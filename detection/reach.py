"""Which pictures a person may look at: asked by every screen, list and media address, on each request.

The host's `scope` decides; a history reader sees pictures too, also those whose host object is gone.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Field, Model, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Cast, Replace

from detection import registry
from detection.errors import NotRegistered
from detection.models import Asset

LOOK = ("detection.review_analysis", "detection.view_audit")
"""Either of these lets a person look at a picture and its evidence."""
READ_RAW = "detection.view_raw_payload"
ON_SUBJECT = (*LOOK, "detection.acknowledge_gate", "detection.override_hold")
"""Any of these on a publishable lets a person read what happened about it."""
_RECORD = ("detection.view_audit", READ_RAW)
"""What concerns the record alone, and goes on where the picture is gone; with it, the history must be open too."""


def may_look(user: Any, asset: Asset) -> bool:
    """Whether `user` may see this picture and its evidence."""
    return may_on(user, asset, *LOOK)


def may_on(user: Any, asset: Asset, *permissions: str) -> bool:
    """Whether `user` holds one of `permissions` on this picture; on one that is gone, only what is held everywhere."""
    try:
        picture = asset.picture()
        kind = asset.asset_type
    except NotRegistered:
        picture = None
    if picture is None:
        asked = set(permissions).intersection(_RECORD)
        return bool(user.is_active and user.has_perm("detection.view_audit") and any(map(user.has_perm, asked)))
    return any(kind.allows(user, permission, picture) for permission in permissions)


def may_read_raw(user: Any, asset: Asset) -> bool:
    """Whether `user` may see this picture, and what detectors sent about it word for word."""
    return may_look(user, asset) and may_on(user, asset, READ_RAW)


def may_look_at_any(user: Any) -> bool:
    """Whether there is any point in showing this person a list."""
    if not user.is_active:
        return False
    if any(user.has_perm(permission) for permission in LOOK):
        return True
    return any(kind.reachable(user, permission).exists() for kind in registry.asset_types() for permission in LOOK)


def reachable_assets(user: Any, *permissions: str) -> QuerySet[Asset]:
    """The assets of the pictures on which `user` holds one of `permissions` (default: those that let one look)."""
    wanted = permissions or LOOK
    found = Q(pk__in=[])
    for kind in registry.asset_types():
        for permission in wanted:
            found |= _within(kind, user, permission)
    if user.is_active and "detection.view_audit" in wanted and user.has_perm("detection.view_audit"):
        found |= Q(detached_at__isnull=False)
    return Asset.objects.filter(found)


def places_for(user: Any) -> Q:
    """The filter for the queue's rows on which this person may act: on the publishable, or on a picture by itself.

    Where somebody has concluded already and the hold stays, it waits for those who may clear it there.
    """
    return places_seen(user) & (Q(needs_holder=False) | places_clearable(user))


def places_seen(user: Any) -> Q:
    """The filter for the queue's rows that this person may judge, whoever else has judged them already."""
    return _places(user, "detection.review_analysis")


def places_clearable(user: Any) -> Q:
    """The filter for the queue's rows whose hold this person may clear."""
    return _places(user, "detection.override_hold")


def about_read(user: Any) -> Q:
    """The filter for rows about a publishable, or a picture by itself, of which this person may read what happened."""
    found = Q(pk__in=[])
    for permission in ON_SUBJECT:
        found |= _places(user, permission)
    return found


def _places(user: Any, permission: str) -> Q:
    kinds: list[registry.AssetType | registry.PublishableType] = [*registry.publishable_types()]
    found = Q(pk__in=[])
    for kind in [*kinds, *registry.asset_types()]:
        found |= _placed(kind, user, permission)
    return found


def _placed(kind: registry.AssetType | registry.PublishableType, user: Any, permission: str) -> Q:
    of_this_kind = Q(subject_type=kind.model.lower())
    if kind.scope is None:
        return of_this_kind if user.is_active and user.has_perm(permission) else Q(pk__in=[])
    return of_this_kind & Q(subject_key__in=keys_of(kind, user, permission))


def _within(kind: registry.AssetType, user: Any, permission: str) -> Q:
    of_this_kind = Q(content_type=registry.content_type(kind.model_class))
    if kind.scope is None:
        # All or none: no need to compare keys.
        return of_this_kind if user.is_active and user.has_perm(permission) else Q(pk__in=[])
    return of_this_kind & Q(object_key__in=keys_of(kind, user, permission))


def keys_of(kind: registry.AssetType | registry.PublishableType, user: Any, permission: str) -> QuerySet[Any, Any]:
    """The keys of the host's objects on which `user` holds `permission`, as a subquery in our own spelling."""
    objects = kind.reachable(user, permission).order_by()
    keys: QuerySet[Any, Any] = objects.annotate(detection_key=_text_key(kind.model_class)).values("detection_key")
    return keys


def _text_key(model: type[Model]) -> Cast | Replace:
    """`registry.key` in SQL: a UUID without dashes on every database, else the key as text."""
    text = Cast("pk", CharField(max_length=64))
    return Replace(text, Value("-"), Value("")) if isinstance(_own_key(model), UUIDField) else text


def _own_key(model: type[Model]) -> Field[Any, Any]:
    field: Any = model._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    return field  # type: ignore[no-any-return]
