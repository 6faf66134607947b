"""What a person changed about a story's pictures by its form: kept in the history, and told where readers lose a label.

Asked by the story's edit page, before and after it saves, and by the page that replaces one picture.
"""

from __future__ import annotations

from typing import Any

from django.core.files.base import File
from django.db import transaction

from detection import audit, gate
from detection.models import Asset
from newsroom import alerts, uploads
from newsroom.models import Photo, Placement, Story

_Shown = dict[int, tuple[str, str]]
"""Picture → what it is to the story, and its own label for readers."""


def as_it_stands(story: Story) -> _Shown:
    """The pictures of a story as its form shows them."""
    rows: list[Placement] = list(story.placements.all())
    return {row.photo_id: (row.use, row.reader_label) for row in rows}


def record_changes(story: Story, before: _Shown, *, by: Any) -> None:
    """Record each picture that was added, removed, or got another use or label since `before`, and alert the desk.

    Correcting a published story is never refused, so a lost label that the gate rested on is told instead.
    """
    after = as_it_stands(story)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    photos = {photo.pk: photo for photo in Photo.objects.filter(pk__in=changed)}
    assets = {int(key): asset for (_type, key), asset in Asset.objects.of_many(photos.values()).items()}
    for key in sorted(photos):
        audit.record(
            "story.picture_changed",
            asset=assets.get(key),
            subject=story,
            by=by,
            picture=str(photos[key]),
            **_facts(before.get(key), after.get(key)),
        )
    lost = {key for key in changed if before.get(key, ("", ""))[1] and not after.get(key, ("", ""))[1]}
    if lost:
        _tell_of_lost_labels(story, lost)


def replace(placement: Placement, file: File[bytes], *, by: Any, particulars: uploads.Particulars) -> Photo:
    """Take a file in and put it where another picture stands, in the same use; that one leaves the story.

    The label for readers stays behind: it was about the other picture. Raises uploads.NotStored; nothing changes then.
    """
    story, old = placement.story, placement.photo
    photo = uploads.receive(file, by=by, story=story, particulars=particulars)
    with transaction.atomic():
        fresh = Placement.objects.filter(story=story, photo=photo)
        fresh.update(position=placement.position, use=placement.use)
        Placement.objects.filter(pk=placement.pk).delete()
        words: dict[str, Any] = {"picture": str(old), "now": str(photo), "use": placement.use}
        asset = Asset.objects.of(old).first()
        audit.record("story.picture_replaced", asset=asset, subject=story, by=by, **words)
    return photo


def _facts(was: tuple[str, str] | None, now: tuple[str, str] | None) -> dict[str, Any]:
    if was is None or now is None:
        change = "added" if was is None else "removed"
        use, label = now or was or ("", "")
        return {"change": change, "use": use, "label": label}
    return {"change": "changed", "was_use": was[0], "use": now[0], "was_label": was[1], "label": now[1]}


def _tell_of_lost_labels(story: Story, lost: set[int]) -> None:
    for line in gate.report(story).lines:
        if line.is_live and line.level.refuses and line.placed.picture.pk in lost and not line.placed.reader_label:
            alerts.after_publication(story, line)
