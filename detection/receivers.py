"""What the app listens to: the host's pictures being saved and deleted, and migrations.

An upload never fails because of detection: the request for a scan runs in a savepoint of its own, and what goes
wrong there is logged and found by `detection_scan --unscanned`.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, transaction
from django.db.models import ManyToManyField, Model
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save
from django.dispatch import Signal

from detection import registry, scanning, waiting
from detection.history import access
from detection.models import append_only

logger = logging.getLogger("detection")


def picture_saved(
    sender: type[Model], instance: Model, raw: bool = False, created: bool = False, **kwargs: Any
) -> None:
    """Ask for a scan of a picture that was added or whose file changed."""
    kind = registry.asset_type(sender)
    if raw or not kind.auto_scan or not kind.file_of(instance):
        return
    try:
        with transaction.atomic():
            # Who changes a picture later need not be who uploaded it, and a signal does not know them.
            scanning.request_scan(instance, by=kind.uploader_of(instance) if created else None)
    except Exception:  # also what a host's own callables or a detector's settings raise
        logger.exception("No scan could be requested for %s %s; the upload stands.", sender._meta.label, instance.pk)


def picture_deleted(sender: type[Model], instance: Model, **kwargs: Any) -> None:
    """Keep the handle and its history when the host deletes its picture."""
    scanning.detach(instance)


def publishable_changed(sender: type[Model], instance: Model, raw: bool = False, **kwargs: Any) -> None:
    """Note for the queue what a publishable holds now, or that it is gone: after the host's commit."""
    if not raw:
        _look(sender, registry.key(instance))


def pictures_changed(
    sender: type[Model], instance: Model, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Note for the queue that pictures were put into publishables or taken out, from whichever side."""
    if not action.startswith("post_"):
        return
    if not reverse:
        _look(type(instance), registry.key(instance))
        return
    for kind in registry.publishable_types():
        if (field := _pictures_of(kind)) is not None and field.remote_field.through is sender:
            for subject in kind.model_class._default_manager.filter(pk__in=pk_set or ()):
                _look(kind.model_class, registry.key(subject))


def _look(model: type[Model], key: str) -> None:
    transaction.on_commit(partial(waiting.look, model._meta.label, key), robust=True)


def _pictures_of(kind: registry.PublishableType) -> Any:
    """The many-to-many field that holds a publishable's pictures, where it is one."""
    try:
        field = kind.model_class._meta.get_field(kind.assets) if isinstance(kind.assets, str) else None
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, ManyToManyField) else None


def lock_history(using: str, **kwargs: Any) -> None:
    """(Re)create the append-only triggers; SQLite loses them when a later migration rebuilds the table."""
    append_only.install(connections[using])


_RIGHTS = frozenset({"is_active", "is_superuser"})


def person_saved(
    sender: type[Model], instance: Any, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    """Note what an account may decide now, where that may have changed: not at each login."""
    if not raw and (update_fields is None or _RIGHTS & set(update_fields)):
        access.note(instance.pk, by=getattr(instance, "changed_by", None))


def person_deleted(sender: type[Model], instance: Any, **kwargs: Any) -> None:
    """Note that an account decides nothing any more."""
    access.note(instance.pk, by=getattr(instance, "changed_by", None))


def rights_changed(sender: Any, instance: Any, action: str, reverse: bool, pk_set: Any = None, **kwargs: Any) -> None:
    """Note what the people concerned may decide now, after groups or permissions were given or taken."""
    if action not in ("post_add", "post_remove", "post_clear") or (action != "post_clear" and not pk_set):
        return
    by = getattr(instance, "changed_by", None)
    if isinstance(instance, get_user_model()):
        people = [instance.pk]
    elif isinstance(instance, Group) and not reverse:
        people = access.people_of(instance)
    else:
        people = sorted(pk_set or ()) if isinstance(instance, Group) else []
    for person in people:
        access.note(person, by=by)


def _hear_of_rights() -> None:
    person: Any = get_user_model()
    post_save.connect(person_saved, sender=person, dispatch_uid="detection.person_saved")
    post_delete.connect(person_deleted, sender=person, dispatch_uid="detection.person_deleted")
    tables = [getattr(person, name).through for name in ("groups", "user_permissions") if hasattr(person, name)]
    for table in (*tables, Group.permissions.through):
        m2m_changed.connect(rights_changed, sender=table, dispatch_uid=f"detection.rights.{table._meta.label_lower}")


def connect(app_config: Any) -> None:
    """Connect everything, once, after the host's hooks were read."""
    _hear_of_rights()
    for kind in registry.asset_types():
        _connect(post_save, picture_saved, kind.model)
        _connect(post_delete, picture_deleted, kind.model)
    for published in registry.publishable_types():
        model, name = published.model_class, published.model.lower()
        post_save.connect(publishable_changed, sender=model, dispatch_uid=f"detection.publishable_saved.{name}")
        post_delete.connect(publishable_changed, sender=model, dispatch_uid=f"detection.publishable_deleted.{name}")
        if (field := _pictures_of(published)) is not None:
            through = field.remote_field.through
            m2m_changed.connect(pictures_changed, sender=through, dispatch_uid=f"detection.pictures_changed.{name}")
    post_migrate.connect(lock_history, sender=app_config, dispatch_uid="detection.lock_history")


def _connect(signal: Signal, receiver: Any, model: str) -> None:
    kind = registry.asset_type(model)
    signal.connect(receiver, sender=kind.model_class, dispatch_uid=f"detection.{receiver.__name__}.{model.lower()}")
