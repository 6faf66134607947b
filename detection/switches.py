"""Whether a detector may be asked at all: a person's switch and the circuit breaker, in one row.

Asked by `scanning` before every call. The breaker opens after three of the vendor's faults in a row, or at once
when every further call must fail alike; then one probe at a time is let through until one succeeds. A pause by a
person, or for a refused key, stands until a person resumes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import ProviderError
from detection.models import Analysis, ProviderSwitch

ALL = "*"
"""The switch of every detector at once."""
FAULTS_TO_OPEN = 3
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=5)


def _row(alias: str) -> ProviderSwitch:
    return ProviderSwitch.objects.get_or_create(alias=alias)[0]


def pause(alias: str, *, by: Any = None, reason: str) -> None:
    """Stop asking this detector (`*`: all) until a person resumes it."""
    _stop(alias, by=by, reason=reason, until=None)


def _stop(alias: str, *, by: Any, reason: str, until: datetime | None) -> None:
    with transaction.atomic():
        _row(alias)
        ProviderSwitch.objects.filter(alias=alias).update(
            is_paused=True,
            paused_until=until,
            reason=reason,
            paused_by_label=audit.name_of(by),
            changed_at=timezone.now(),
            opened_times=F("opened_times") + 1,
        )
        audit.record("provider.paused", by=by, provider=alias, reason=reason, until=until)


def resume(alias: str, *, by: Any = None, reason: str = "") -> None:
    """Ask this detector again."""
    with transaction.atomic():
        changed = ProviderSwitch.objects.filter(alias=alias, is_paused=True).update(
            is_paused=False, paused_until=None, reason="", faults_in_a_row=0, opened_times=0, changed_at=timezone.now()
        )
        if changed:
            # What was put off need not wait for the end of the pause it was put off for.
            Analysis.objects.paused(alias).update(next_attempt_at=timezone.now(), rung_at=None)
            audit.record("provider.resumed", by=by, provider=alias, reason=reason)


def is_paused(alias: str) -> bool:
    """Whether this detector, or all of them, are paused at present."""
    return ProviderSwitch.objects.filter(alias__in=[alias, ALL], is_paused=True).exists()


def may_ask(alias: str, *, now: datetime) -> datetime | None:
    """None: go. Else when to look again. Where the breaker's pause is over, exactly one caller is let through."""
    for switch in ProviderSwitch.objects.filter(alias__in=[alias, ALL], is_paused=True):
        if switch.paused_until is None:
            return now + timedelta(seconds=30)
        if switch.paused_until > now:
            return switch.paused_until
        probe_until = now + _FIRST_PAUSE
        won = ProviderSwitch.objects.filter(pk=switch.pk, is_paused=True, paused_until=switch.paused_until)
        if not won.update(paused_until=probe_until):
            return probe_until
    return None


def note_success(alias: str) -> None:
    """An answer came: the count of faults starts anew, and an open breaker closes."""
    switch = ProviderSwitch.objects.filter(alias=alias).first()
    if switch is None or not (switch.faults_in_a_row or switch.is_paused):
        return
    if switch.is_paused and switch.paused_until is None:
        return
    if switch.is_paused:
        resume(alias, reason=_("The detector answers again."))
    ProviderSwitch.objects.filter(pk=switch.pk).update(faults_in_a_row=0, opened_times=0)


def note_fault(alias: str, error: ProviderError, *, now: datetime) -> None:
    """Count one of the vendor's faults; open the breaker at three in a row, or at once where a person has to act."""
    switch = _row(alias)
    if error.pauses:
        if not (switch.is_paused and switch.paused_until is None):
            pause(alias, reason=str(error))
        return
    if not error.is_vendor_fault:
        return
    ProviderSwitch.objects.filter(pk=switch.pk).update(faults_in_a_row=F("faults_in_a_row") + 1)
    switch.refresh_from_db()
    is_by_hand = switch.is_paused and switch.paused_until is None
    if switch.faults_in_a_row >= FAULTS_TO_OPEN and not is_by_hand:
        wait = min(_FIRST_PAUSE * 2 ** min(switch.opened_times, 10), _LONGEST_PAUSE)
        _stop(alias, by=None, reason=_("Several faults in a row: %(error)s") % {"error": error}, until=now + wait)
