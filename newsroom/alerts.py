"""What a desk hears of without asking: evidence that changed after publication, a scheduled story that is held.

One alert an occasion, however often it is heard of. Nothing unpublishes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit, gate
from detection.models import Asset
from detection.templatetags.detection_tags import review_url
from newsroom import permissions
from newsroom.models import Story, StoryAlert
from newsroom.notifications import telling


def raise_alert(
    story: Story,
    sentence: str,
    *,
    occasion: str,
    picture_label: str = "",
    is_urgent: bool = False,
    told: str = "",
    permission: str = "newsroom.change_story",
) -> StoryAlert | None:
    """Tell the story's desk; None where it was told of this occasion before, or the same words still wait there.

    `told`: the reason as it leaves these pages, where the sentence names a picture or repeats a note. `permission`:
    what those hold who hear of it by e-mail.
    """
    with transaction.atomic():
        kind = occasion.partition(":")[0]
        waiting = StoryAlert.objects.filter(
            story=story, sentence=sentence, seen_at=None, occasion__startswith=f"{kind}:"
        )
        if waiting.exclude(occasion=occasion).exists():
            return None
        alert, is_new = StoryAlert.objects.get_or_create(
            story=story,
            occasion=occasion,
            defaults={"sentence": sentence, "picture_label": picture_label, "is_urgent": is_urgent},
        )
        if not is_new:
            return None
        audit.record("story.alerted", subject=story, sentence=sentence, picture=picture_label)
        telling.tell(story, told or sentence, occasion=occasion, permission=permission, is_urgent=is_urgent)
    return alert


def after_publication(story: Story, line: gate.Line) -> None:
    """Tell the desk that a picture which readers see would be asked about now."""
    sentence = _("%(picture)s, which readers see: %(found)s Correct the label, replace it or withdraw the story.")
    raise_alert(
        story,
        sentence % {"picture": line.label, "found": line.sentence},
        occasion=f"after:{line.asset.pk if line.asset else ''}:{line.evidence}:{line.level}:{line.conclusion}"[:200],
        picture_label=line.label,
        is_urgent=line.level.refuses,
        told=_("A picture that readers see: %(word)s. Correct its label, replace it or withdraw the story.")
        % {"word": line.word},
    )


@dataclass(frozen=True, slots=True)
class Noticed:
    """An alert, and where it is about a picture, that picture, so that the page can offer ways to correct it."""

    alert: StoryAlert
    url: str
    photo: int | None


def of_story(story: Story) -> list[Noticed]:
    """What nobody has seen yet of one story, the newest first."""
    found = []
    for alert in story.alerts.filter(seen_at=None):
        kind, _colon, rest = alert.occasion.partition(":")
        key = rest.partition(":")[0]
        about = kind == "after" and key.isascii() and key.isdigit()
        asset = Asset.objects.filter(pk=int(key)).first() if about else None
        placed = {str(pk) for pk in story.placements.values_list("photo_id", flat=True)}
        photo = int(asset.object_key) if asset is not None and asset.object_key in placed else None
        found.append(Noticed(alert, review_url(asset, story) if asset is not None else "", photo))
    return found


def sent_to_chief(story: Story, occasion: str) -> None:
    """Tell the chiefs by e-mail that a picture was sent to them; their start page shows it anyway."""
    reason = _("A picture was sent to you: the story can go out after you have looked.")
    telling.tell(story, reason, occasion=occasion, permission="detection.override_hold")


def waiting_for(user: Any) -> QuerySet[StoryAlert]:
    """The alerts nobody has seen yet, of the stories this person can do something about."""
    own = permissions.stories(user, "newsroom.change_story")
    return StoryAlert.objects.filter(seen_at=None, story__in=own).select_related("story", "story__desk")


def mark_seen(story: Story, *, by: Any) -> int:
    """Note that somebody has read a story's alerts; how many they were."""
    unseen = StoryAlert.objects.filter(story=story, seen_at=None)
    return unseen.update(seen_at=timezone.now(), seen_by_label=audit.name_of(by))
