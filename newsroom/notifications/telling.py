"""Whom an occasion concerns, and when they hear of it: only people who can act, at once what is urgent, else daily."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from detection import queue
from newsroom import permissions
from newsroom.models import Membership, Story, StoryState
from newsroom.notifications import setting
from newsroom.notifications.models import Notice, Wish

SOON = timedelta(hours=2)
"""What concerns a story that goes out within this time is urgent."""
ACTS = ("newsroom.change_story", "detection.override_hold")
_DELIVER = "newsroom.notifications.sending.deliver"


def tell(story: Story, reason: str, *, occasion: str, permission: str, is_urgent: bool = False) -> int:
    """Make a message for each person who holds `permission` on this story, and one for the webhook; how many are new.

    `occasion`: one message an occasion and person, however often it is heard of. Within the caller's transaction, so
    that nobody is told of what was taken back.
    """
    now = timezone.now()
    urgent = is_urgent or _is_soon(story, now)
    made = 0
    with transaction.atomic():
        if setting.in_force()["url"]:
            made += _make(story, reason, occasion, None, urgent, now)
        if setting.in_force()["mail"]:
            for person, wish in _wishes(who_can(story, permission)):
                if wish.urgent if urgent else wish.digest:
                    at = now if urgent else next_digest(wish, now)
                    made += _make(story, reason, occasion, person, urgent, at)
    return made


def _make(story: Story, reason: str, occasion: str, person: Any, urgent: bool, at: datetime) -> int:
    words = {"reason": reason, "is_urgent": urgent, "next_try_at": at}
    notice, is_new = Notice.objects.get_or_create(
        story=story, occasion=occasion[:200], recipient=person, defaults=words
    )
    if is_new and (urgent or person is None):
        queue.wake_host(_DELIVER, notice.pk)
    return int(is_new)


def _is_soon(story: Story, now: datetime) -> bool:
    if story.state == StoryState.PUBLISHED:
        return True
    return story.publish_at is not None and story.publish_at <= now + SOON


def who_can(story: Story, permission: str) -> list[Any]:
    """The active people of the story's desk with an address who hold this permission on it."""
    own = Membership.objects.current().filter(desk=story.desk_id).values("user")
    people = get_user_model()._default_manager.filter(pk__in=own).exclude(email="").order_by("pk")
    return [person for person in people if permissions.may(person, permission, story)]


def _wishes(people: list[Any]) -> Iterable[tuple[Any, Wish]]:
    said = {wish.user_id: wish for wish in Wish.objects.filter(user__in=people)}
    return [(person, said.get(person.pk) or Wish(user=person)) for person in people]


def next_digest(wish: Wish, now: datetime) -> datetime:
    """When this person's next daily message leaves, in the time zone of the house."""
    local = timezone.localtime(now)
    at = local.replace(hour=wish.digest_hour, minute=0, second=0, microsecond=0)
    return at if at > local else at + timedelta(days=1)
