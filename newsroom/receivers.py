"""What the newsroom listens to: a picture's standing that changed, and memberships. Connected by `apps`."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from detection import gate, registry, signals
from detection.gate import Line
from detection.history import access
from detection.models import Asset
from newsroom import alerts, roles
from newsroom.models import Membership, Photo, Story, StoryState

post_save.connect(roles.join_group, sender=Membership, dispatch_uid="newsroom.join_group")


@receiver((post_save, post_delete), sender=Membership, dispatch_uid="newsroom.membership_changed")
def membership_changed(sender: Any, instance: Membership, raw: bool = False, **kwargs: Any) -> None:
    """Note what the person of a membership may decide now, by whoever changed it where that is known."""
    if not raw:
        access.note(instance.user_id, by=getattr(instance, "changed_by", None))


@receiver(signals.standing_changed, dispatch_uid="newsroom.after_alert")
def after_alert(sender: Any, asset: Asset, version: int, **kwargs: Any) -> None:
    """Tell the desk of each published story that shows this picture, where it would now be asked to look at it."""
    if asset.content_type != registry.content_type(Photo) or asset.detached_at is not None:
        return
    shown = Story.objects.filter(state=StoryState.PUBLISHED, placements__photo=int(asset.object_key))
    for story in shown.select_related("desk"):
        for line in gate.report(story).lines:
            if line.asset is not None and line.asset.pk == asset.pk and line.is_live and _is_news(line):
                alerts.after_publication(story, line)


def _is_news(line: Line) -> bool:
    return line.level.refuses or line.is_queued
