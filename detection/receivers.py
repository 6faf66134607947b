"""What the app listens to: the host's pictures being saved and deleted, and migrations.

An upload never fails because of detection: the request for a scan runs in a savepoint of its own, and what goes
wrong there is logged and found by `detection_scan --unscanned`.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_migrate, post_save
from django.dispatch import Signal

from detection import registry, scanning
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


def connect(app_config: Any) -> None:
    """Connect everything, once, after the host's hooks were read."""
    for kind in registry.asset_types():
        _connect(post_save, picture_saved, kind.model)
        _connect(post_delete, picture_deleted, kind.model)
    post_migrate.connect(lock_history, sender=app_config, dispatch_uid="detection.lock_history")


def _connect(signal: Signal, receiver: Any, model: str) -> None:
    kind = registry.asset_type(model)
    signal.connect(receiver, sender=kind.model_class, dispatch_uid=f"detection.{receiver.__name__}.{model.lower()}")
