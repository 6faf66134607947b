"""Delivers messages from their rows: a task may be lost, doubled or late, and the row decides.

A try is counted, and the next one put off, before anything leaves. What fails is tried again for a day.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import queue
from detection.conf import settings as detection_settings
from detection.errors import ProviderError
from detection.providers.posting import post_event
from newsroom import permissions
from newsroom.models import Story
from newsroom.notifications import setting
from newsroom.notifications.models import Notice, NoticeState

logger = logging.getLogger(__name__)

PAUSES = (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=4), timedelta(hours=12))
"""Before the second try, the third, and so on; after the last of them a message is given up."""
ROUND = 200
"""How many messages one look at the rows takes up."""


def deliver(pk: int) -> None:
    """Deliver one message, and with a daily one everything else that waits for the same person."""
    now = timezone.now()
    notice = Notice.objects.due(now).filter(pk=pk).select_related("story__desk", "recipient").first()
    if notice is None:
        return
    together = _claimed(notice, now)
    if not together:
        return
    try:
        if notice.recipient is None:
            _post(notice, now)
        else:
            _mail(notice.recipient, together)
    except (SMTPException, OSError, ProviderError) as error:
        _failed(together, error)
    else:
        Notice.objects.filter(pk__in=[one.pk for one in together]).update(
            state=NoticeState.SENT, sent_at=timezone.now(), failure=""
        )


def _claimed(notice: Notice, now: datetime) -> list[Notice]:
    """Of what is due for the same person at the same pace, what nobody else has taken up; the try is counted."""
    same = Notice.objects.due(now).filter(recipient=notice.recipient_id, is_urgent=False)
    rows = [notice] if notice.is_urgent or notice.recipient_id is None else list(same.select_related("story__desk"))
    claimed = []
    for row in rows:
        pause = PAUSES[min(row.attempts, len(PAUSES) - 1)]
        is_mine = Notice.objects.filter(pk=row.pk, state=NoticeState.WAITING, attempts=row.attempts)
        if is_mine.update(attempts=F("attempts") + 1, next_try_at=now + pause):
            claimed.append(row)
    return claimed


def _failed(notices: list[Notice], error: Exception) -> None:
    logger.warning("%d messages could not be delivered (%s).", len(notices), type(error).__name__)
    for notice in notices:
        is_last = notice.attempts + 1 >= len(PAUSES)
        Notice.objects.filter(pk=notice.pk).update(
            failure=type(error).__name__, state=NoticeState.FAILED if is_last else NoticeState.WAITING
        )


def headline(story: Story) -> str:
    """How a message names a story: nothing of a confidential desk's leaves these pages."""
    return _("A story of a confidential desk") if story.desk.is_confidential else story.headline


def address(story: Story) -> str:
    """Where the story is worked on; "" where the site does not know its own address."""
    base: str = settings.PUBLIC_BASE_URL
    return f"{base}{reverse('admin:newsroom_story_change', args=[story.pk])}" if base else ""


def _mail(person: Any, notices: list[Notice]) -> None:
    """One message; who has left the desk meanwhile is not told any more."""
    own = [one for one in notices if permissions.may(person, "newsroom.view_story", one.story)]
    if not own:
        return
    items = [
        {"headline": headline(one.story), "reason": one.reason, "when": _when(one.story), "url": address(one.story)}
        for one in own
    ]
    if own[0].is_urgent:
        subject = _("%(story)s: needs you now") % {"story": items[0]["headline"]}
    else:
        count = len({one.story_id for one in own})
        subject = ngettext("%(count)d story waits for you", "%(count)d stories wait for you", count) % {"count": count}
    wishes = f"{settings.PUBLIC_BASE_URL}{reverse('newsroom:notifications')}"
    body = render_to_string("newsroom/notification.txt", {"items": items, "wishes": wishes})
    line = " ".join(subject.split())
    EmailMessage(line, body, to=[person.email], headers={"Auto-Submitted": "auto-generated"}).send()


def _when(story: Story) -> str:
    if story.publish_at is None:
        return ""
    return date_format(timezone.localtime(story.publish_at), "SHORT_DATETIME_FORMAT")


def _post(notice: Notice, now: datetime) -> None:
    """The webhook's event, signed as Standard Webhooks has it; the id stays the same through every try."""
    story, notify = notice.story, setting.in_force()
    if notify["shape"] == "chat":
        parts = [f"{headline(story)}: {notice.reason}", address(story)]
        body: dict[str, Any] = {"text": "\n".join(part for part in parts if part)}
    else:
        body = {
            "type": "story.needs_somebody",
            "timestamp": notice.created_at.isoformat(),
            "data": {
                "story": None if story.desk.is_confidential else story.slug,
                "headline": headline(story),
                "desk": story.desk.slug,
                "reason": notice.reason,
                "urgent": notice.is_urgent,
                "publishAt": story.publish_at.isoformat() if story.publish_at else None,
                "url": address(story),
            },
        }
    post_event(
        notify["url"],
        json.dumps(body, ensure_ascii=False).encode(),
        secret=notify["secret"],
        event_id=f"msg_{notice.public_id.hex}",
        now=now.timestamp(),
        allow_loopback=detection_settings.ALLOW_LOOPBACK,
        ca_bundle=detection_settings.CA_BUNDLE,
    )


def ring_due(now: datetime) -> int:
    """Every minute: ring for what is due, and once for all that one person gets together; how many rings."""
    seen: set[int] = set()
    rung = 0
    for notice in Notice.objects.due(now).order_by("next_try_at")[:ROUND]:
        if notice.recipient_id is not None and not notice.is_urgent:
            if notice.recipient_id in seen:
                continue
            seen.add(notice.recipient_id)
        with transaction.atomic():
            queue.wake_host("newsroom.notifications.sending.deliver", notice.pk)
        rung += 1
    return rung
