"""Which models carry pictures and which are published: the host says it once, in `detection_hooks`.

Asked by every story on floor 4. Each argument of the two `register_` functions is a field's name or a
callable of one argument; models are given as "app.Model" labels, so that hooks import nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.db.models.fields.files import FieldFile

from detection.errors import AlreadyRegistered, NotRegistered
from detection.vocabulary import Level, PlacedUse, SourceTier

Accessor = str | Callable[[Any], Any]
Scope = Callable[[Any, str], QuerySet[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One picture in one publishable, as the gate judges it.

    `use`: what the picture is to the story. `reader_label`: the words readers see, "" for none. `is_live`: this very
    file already went out with this story, so that a correction of the text is not refused for it.
    """

    picture: Model
    use: PlacedUse = PlacedUse.PHOTOGRAPH
    reader_label: str = ""
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """A host's own reason to ask for a look, such as a complaint; `at_least` raises the level to this."""

    code: str
    sentence: str
    at_least: Level


def _read(accessor: Accessor | None, obj: Model, default: Any = None) -> Any:
    if accessor is None:
        return default
    return accessor(obj) if callable(accessor) else getattr(obj, accessor)


def key(obj: Model) -> str:
    """The text key under which we refer to a host's object: a UUID as 32 hex digits, else `str(pk)`."""
    return obj.pk.hex if isinstance(obj.pk, uuid.UUID) else str(obj.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    model: str
    scope: Scope | None

    @property
    def model_class(self) -> type[Model]:
        return apps.get_model(self.model)

    def find(self, object_key: str) -> Model | None:
        """The host's object behind a text key, or None where it is gone."""
        manager = self.model_class._default_manager
        return manager.filter(pk=object_key).first()

    def reachable(self, user: Any, permission: str) -> QuerySet[Any]:
        """The host's objects on which `user` holds `permission` ("detection.review_analysis")."""
        manager = self.model_class._default_manager
        if user is None or isinstance(user, AnonymousUser) or not user.is_active:
            return manager.none()
        if self.scope is not None:
            return self.scope(user, permission)
        return manager.all() if user.has_perm(permission) else manager.none()

    def allows(self, user: Any, permission: str, obj: Model) -> bool:
        """Whether `user` holds `permission` on this very object."""
        return self.reachable(user, permission).filter(pk=obj.pk).exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetType(_Registered):
    """A model with one picture field."""

    file_field: str
    label: Accessor
    source_tier: Accessor | None
    uploader: Accessor | None
    keep_inside: Accessor | None
    graphic: Accessor | None
    desk: Accessor | None
    when: Callable[[Any], bool] | None
    auto_scan: bool

    def file_of(self, obj: Model) -> FieldFile:
        return getattr(obj, self.file_field)  # type: ignore[no-any-return]

    def label_of(self, obj: Model) -> str:
        return str(_read(self.label, obj))[:200]

    def tier_of(self, obj: Model) -> SourceTier:
        if self.source_tier is None:
            return SourceTier.UNDECLARED
        value = _read(self.source_tier, obj)
        return SourceTier(value) if value in set(SourceTier) else SourceTier.UNKNOWN

    def uploader_of(self, obj: Model) -> Any:
        return _read(self.uploader, obj)

    def keeps_inside(self, obj: Model) -> bool:
        return bool(_read(self.keep_inside, obj, False))

    def is_graphic(self, obj: Model) -> bool:
        return bool(_read(self.graphic, obj, False))

    def desk_of(self, obj: Model) -> str:
        return str(_read(self.desk, obj, "") or "")

    def is_due(self, obj: Model) -> bool:
        return self.when is None or bool(self.when(obj))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishableType(_Registered):
    """A model that is published with pictures."""

    assets: Accessor
    is_draft: Accessor | None
    publish_at: Accessor | None
    desk: Accessor | None
    reasons: Callable[[Any], Iterable[Reason]] | None

    def placed_in(self, obj: Model) -> list[Placed]:
        """The pictures of this publishable, in its own order."""
        found = _read(self.assets, obj)
        pictures = found.all() if hasattr(found, "all") else found
        return [item if isinstance(item, Placed) else Placed(picture=item) for item in pictures]

    def is_draft_of(self, obj: Model) -> bool:
        return bool(_read(self.is_draft, obj, True))

    def publish_at_of(self, obj: Model) -> datetime | None:
        moment: datetime | None = _read(self.publish_at, obj)
        return moment

    def desk_of(self, obj: Model) -> str:
        return str(_read(self.desk, obj, "") or "")

    def reasons_of(self, obj: Model) -> list[Reason]:
        return list(self.reasons(obj)) if self.reasons else []


_assets: dict[str, AssetType] = {}
_publishables: dict[str, PublishableType] = {}


def register_asset(
    model: str,
    *,
    file_field: str = "file",
    label: Accessor = str,
    source_tier: Accessor | None = None,
    uploader: Accessor | None = None,
    keep_inside: Accessor | None = None,
    graphic: Accessor | None = None,
    desk: Accessor | None = None,
    when: Callable[[Any], bool] | None = None,
    scope: Scope | None = None,
    auto_scan: bool = True,
) -> None:
    """Say that `model` ("app.Model") carries a picture that detectors should look at.

    `scope(user, permission)` → the queryset of objects on which this user holds the permission (default: all or
    none by `user.has_perm`). `when(obj)`: whether this picture is due at all. `desk`: the key of the desk it
    belongs to, for `DETECTION["SEND_DESKS"]`. `graphic`: whether it shows what nobody should meet unasked; it is then
    blurred on the app's pages till its reader reveals it. Raises AlreadyRegistered.
    """
    name = model.lower()
    if name in _assets:
        raise AlreadyRegistered(f"{model} is registered as an asset already. Remove one of the two calls.")
    _assets[name] = AssetType(
        model=model,
        file_field=file_field,
        label=label,
        source_tier=source_tier,
        uploader=uploader,
        keep_inside=keep_inside,
        graphic=graphic,
        desk=desk,
        when=when,
        scope=scope,
        auto_scan=auto_scan,
    )


def register_publishable(
    model: str,
    *,
    assets: Accessor,
    is_draft: Accessor | None = None,
    publish_at: Accessor | None = None,
    desk: Accessor | None = None,
    reasons: Callable[[Any], Iterable[Reason]] | None = None,
    scope: Scope | None = None,
) -> None:
    """Say that `model` ("app.Model") goes out with pictures and must pass the gate. Raises AlreadyRegistered.

    `assets` gives the pictures, or `detection.Placed` values where a story uses a picture as an illustration.
    """
    name = model.lower()
    if name in _publishables:
        raise AlreadyRegistered(f"{model} is registered as publishable already. Remove one of the two calls.")
    _publishables[name] = PublishableType(
        model=model,
        assets=assets,
        is_draft=is_draft,
        publish_at=publish_at,
        desk=desk,
        reasons=reasons,
        scope=scope,
    )


def unregister(model: str) -> None:
    """Forget a model; for tests and for hosts that replace another app's registration."""
    _assets.pop(model.lower(), None)
    _publishables.pop(model.lower(), None)


def _label(model: Model | type[Model] | str) -> str:
    return (model if isinstance(model, str) else model._meta.label).lower()


def asset_type(model: Model | type[Model] | str) -> AssetType:
    """What the host said about this picture model. Raises NotRegistered."""
    try:
        return _assets[_label(model)]
    except KeyError:
        raise NotRegistered(
            f"{_label(model)} isn't registered. Call detection.register_asset(…) in detection_hooks.py."
        ) from None


def publishable_type(model: Model | type[Model] | str) -> PublishableType:
    """What the host said about this published model. Raises NotRegistered."""
    try:
        return _publishables[_label(model)]
    except KeyError:
        raise NotRegistered(
            f"{_label(model)} isn't registered. Call detection.register_publishable(…) in detection_hooks.py."
        ) from None


def asset_types() -> Iterator[AssetType]:
    """Every registered picture model."""
    return iter(list(_assets.values()))


def publishable_types() -> Iterator[PublishableType]:
    """Every registered published model."""
    return iter(list(_publishables.values()))


def content_type(model: Model | type[Model]) -> ContentType:
    """The content type of a host's model; proxies count as themselves."""
    return ContentType.objects.get_for_model(model, for_concrete_model=False)
