"""What the newsroom listens to: a picture's standing that changed, and memberships. Connected by `apps`."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from detection import gate, registry, signals, waiting
from detection.gate import Line
from detection.history import access
from detection.models import Asset, AuditEvent
from newsroom import alerts, renditions, roles
from newsroom.models import Membership, Photo, Placement, Story, StoryState

post_save.connect(roles.join_group, sender=Membership, dispatch_uid="newsroom.join_group")


@receiver((post_save, post_delete), sender=Membership, dispatch_uid="newsroom.membership_changed")
def membership_changed(sender: Any, instance: Membership, raw: bool = False, **kwargs: Any) -> None:
    """Note what the person of a membership may decide now, by whoever changed it where that is known."""
    if not raw:
        access.note(instance.user_id, by=getattr(instance, "changed_by", None))


@receiver([post_save, post_delete], sender=Placement, dispatch_uid="newsroom.note_places")
def note_places(sender: type[Placement], instance: Placement, **kwargs: Any) -> None:
    """Tell the queue that a story's pictures changed: our own table holds them, so detection can't see it."""
    _note(instance.story_id)


@receiver(post_save, sender=AuditEvent, dispatch_uid="newsroom.note_moves")
def note_moves(sender: type[AuditEvent], instance: AuditEvent, **kwargs: Any) -> None:
    """Tell the queue that a story moved: states change by compare-and-set, of which no model's signal tells."""
    if instance.subject_type == Story._meta.label_lower and instance.action.startswith("story."):
        _note(instance.subject_key)


@receiver(post_save, sender=AuditEvent, dispatch_uid="newsroom.sent_to_chief")
def sent_to_chief(sender: type[AuditEvent], instance: AuditEvent, **kwargs: Any) -> None:
    """Tell the chiefs of what an editor sent them, once a sending."""
    if instance.subject_type == Story._meta.label_lower and instance.action == "gate.sent_to_chief":
        story = Story.objects.filter(pk=instance.subject_key).select_related("desk").first()
        if story is not None:
            alerts.sent_to_chief(story, f"sent:{instance.pk}")


def _note(story: int | str) -> None:
    transaction.on_commit(partial(waiting.look, Story._meta.label, str(story)), robust=True)


@receiver(signals.standing_changed, dispatch_uid="newsroom.after_alert")
def after_alert(sender: Any, asset: Asset, version: int, **kwargs: Any) -> None:
    """Tell the desk of each published story that shows this picture, where it would now be asked to look at it."""
    if asset.content_type != registry.content_type(Photo) or asset.detached_at is not None:
        return
    shown = Story.objects.filter(state=StoryState.PUBLISHED, placements__photo=int(asset.object_key))
    for story in shown.select_related("desk"):
        # What a person confirms since publication stands in the readers' copy too, and in no other.
        with suppress(renditions.NotStored):
            renditions.prepare(story)
        for line in gate.report(story).lines:
            if line.asset is not None and line.asset.pk == asset.pk and line.is_live and _is_news(line):
                alerts.after_publication(story, line)


def _is_news(line: Line) -> bool:
    return line.level.refuses or line.is_queued
