"""A day's budget, asked before a row is claimed and once more before its picture is sent.

What finds it used up waits for the next day: that is no attempt and no failure, and the time does not count against the
scan's deadline. A person who asks by a click is told so at once. The numbers are `budgets`'; asked by `running` and
`requesting`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from detection import budgets
from detection.errors import ConnectFailed, Refused
from detection.models import Analysis, Asset, moments
from detection.providers.base import Provider
from detection.scanning.applying import move
from detection.standing import settle
from detection.vocabulary import RATIONED, AnalysisStatus, Priority, Why

_S = AnalysisStatus


def must_wait(analysis: Analysis, provider: Provider, now: datetime) -> bool:
    """Whether today's budget is used up for this row: then it waits for the next day. An answer may still be polled."""
    if analysis.status == _S.AWAITING_CALLBACK:
        return False
    if analysis.error_class == RATIONED:
        analysis.note(error_class="", error_sentence="")  # whatever holds it back from here on is something else
    most = provider.daily_budget
    if most is None or _is_there_already(analysis, provider):
        return False
    if budgets.left(analysis.provider, most=most, now=now, is_archive=_is_archive(analysis)):
        return False
    budgets.note_used_up(analysis.provider, most=most, now=now)
    with transaction.atomic():
        Asset.objects.lock([analysis.asset_id])
        if analysis.note(**_until_tomorrow(analysis, most, now)):
            settle(analysis.asset)
    return True


def spend(analysis: Analysis, provider: Provider, *, lease: uuid.UUID) -> bool:
    """Count the picture that is about to be sent; False where another took the last of today's, and the row waits."""
    most, now = provider.daily_budget, moments.now()
    if most is None or budgets.take(analysis.provider, most=most, now=now, is_archive=_is_archive(analysis)):
        return True
    waits = _until_tomorrow(analysis, most, now)
    facts = {"sentence": waits["error_sentence"], "at": waits["next_attempt_at"]}
    move(analysis, _S.RETRY_PENDING, lease=lease, facts=facts, attempts=F("attempts") - 1, **waits)
    return False


@contextmanager
def given_back_unless_sent(provider: Provider) -> Iterator[None]:
    """Around a call for which a picture was counted: one that never left the house is counted off again."""
    counted_at = moments.now()
    try:
        yield
    except ConnectFailed:
        if provider.daily_budget is not None:
            budgets.give_back(provider.alias, now=counted_at)
        raise


def spend_on_trial(provider: Provider) -> str:
    """Count a picture that is sent to try a detector; the sentence why it must not go today, or "" where it may."""
    most, now = provider.daily_budget, moments.now()
    if most is None or budgets.take(provider.alias, most=most, now=now):
        return ""
    return budgets.used_up_sentence(most, budgets.next_day(now))


def refuse_where_used_up(provider: Provider) -> None:
    """For a person's click: raises Refused, with the sentence, where today's budget is used up."""
    most, now = provider.daily_budget, moments.now()
    if most is not None and not budgets.left(provider.alias, most=most, now=now):
        raise Refused(budgets.used_up_sentence(most, budgets.next_day(now)))


def _is_there_already(analysis: Analysis, provider: Provider) -> bool:
    """Whether an earlier try may have left the picture at the vendor, where asking for it sends nothing."""
    has_id = provider.polls and bool(analysis.provider_reference)
    return analysis.submitted_at is not None and (provider.finds_by_reference or has_id)


def _is_archive(analysis: Analysis) -> bool:
    return analysis.priority != Priority.NEWS


def _until_tomorrow(analysis: Analysis, most: int, now: datetime) -> dict[str, Any]:
    until = budgets.next_day(now)
    words = budgets.archive_sentence if _is_archive(analysis) else budgets.used_up_sentence
    return {
        "next_attempt_at": until,
        "rung_at": None,
        "why": Why.PAUSED,
        "error_class": RATIONED,
        "error_sentence": words(most, until),
        "deadline_at": F("deadline_at") + (until - now),
    }
