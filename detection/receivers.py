"""What the app listens to: the host's pictures being saved and deleted, and migrations.

An upload never fails because of detection: the request for a scan runs in a savepoint of its own, and what goes
wrong there is logged and found by `detection_scan --unscanned`.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connections, transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save
from django.dispatch import Signal

from detection import registry, scanning
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
    post_migrate.connect(lock_history, sender=app_config, dispatch_uid="detection.lock_history")


def _connect(signal: Signal, receiver: Any, model: str) -> None:
    kind = registry.asset_type(model)
    signal.connect(receiver, sender=kind.model_class, dispatch_uid=f"detection.{receiver.__name__}.{model.lower()}")
