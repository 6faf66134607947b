"""Whether a detector may be asked at all: a person's switch and the circuit breaker, in one row.

Asked by `scanning` before every call. The breaker opens after three of the vendor's faults in a row, or at once
when every further call must fail alike; then one probe at a time is let through until one succeeds. A pause by a
person, or for a refused key, stands until a person resumes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from detection.errors import ProviderError
from detection.models import Analysis, ProviderSwitch

ALL = "*"
"""The switch of every detector at once."""
FAULTS_TO_OPEN = 3
_UNTIL_RESUMED = Q(is_paused=True, paused_until__isnull=True)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=5)


def _row(alias: str) -> ProviderSwitch:
    return ProviderSwitch.objects.get_or_create(alias=alias)[0]


def pause(alias: str, *, by: Any = None, reason: str) -> None:
    """Stop asking this detector (`*`: all) until a person resumes it."""
    _stop(alias, by=by, reason=reason, until=None)


def _stop(alias: str, *, by: Any, reason: str, until: datetime | None, is_automatic: bool = False) -> None:
    with transaction.atomic():
        _row(alias)
        switches = ProviderSwitch.objects.filter(alias=alias)
        if is_automatic:
            # Asked in the statement itself: a person may have paused it since the row was read.
            switches = switches.exclude(_UNTIL_RESUMED)
        changed = switches.update(
            is_paused=True,
            paused_until=until,
            reason=reason,
            paused_by_label=audit.name_of(by),
            # A pause that is given a new reason goes on from where it began.
            changed_at=Case(When(_UNTIL_RESUMED, then=F("changed_at")), default=timezone.now()),
            opened_times=F("opened_times") + 1,
        )
        if not changed:
            return
        audit.record("provider.paused", by=by, provider=alias, reason=reason, until=until)


def resume(alias: str, *, by: Any = None, reason: str = "") -> None:
    """Ask this detector again; the time that a scan spent in a person's pause does not count against its deadline."""
    _go_on(ProviderSwitch.objects.filter(alias=alias, is_paused=True), alias, by=by, reason=reason)


def _go_on(paused: QuerySet[ProviderSwitch], alias: str, *, by: Any, reason: str) -> None:
    now = timezone.now()
    with transaction.atomic():
        by_hand = paused.filter(_UNTIL_RESUMED).first()
        changed = paused.update(
            is_paused=False, paused_until=None, reason="", faults_in_a_row=0, opened_times=0, changed_at=now
        )
        if changed:
            lost = now - by_hand.changed_at if by_hand and by_hand.changed_at else timedelta()
            # What was put off need not wait for the end of the pause it was put off for.
            Analysis.objects.paused(alias).update(
                next_attempt_at=now, rung_at=None, deadline_at=F("deadline_at") + lost
            )
            audit.record("provider.resumed", by=by, provider=alias, reason=reason)


def is_paused(alias: str) -> bool:
    """Whether this detector, or all of them, are paused at present."""
    return ProviderSwitch.objects.filter(alias__in=[alias, ALL], is_paused=True).exists()


def waits_for_a_person(alias: str) -> bool:
    """Whether this detector, or all of them, are paused until a person resumes it."""
    return ProviderSwitch.objects.filter(_UNTIL_RESUMED, alias__in=[alias, ALL]).exists()


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
        # Only what the breaker paused: a person may have paused it since the row was read.
        opened = ProviderSwitch.objects.filter(pk=switch.pk, is_paused=True, paused_until__isnull=False)
        _go_on(opened, alias, by=None, reason=_("The detector answers again."))
    ProviderSwitch.objects.filter(pk=switch.pk).update(faults_in_a_row=0, opened_times=0)


def note_fault(alias: str, error: ProviderError, *, now: datetime) -> None:
    """Count one of the vendor's faults; open the breaker at three in a row, or at once where a person has to act."""
    switch = _row(alias)
    if error.pauses:
        _stop(alias, by=None, reason=str(error), until=None, is_automatic=True)
        return
    if not error.is_vendor_fault:
        return
    ProviderSwitch.objects.filter(pk=switch.pk).update(faults_in_a_row=F("faults_in_a_row") + 1)
    switch.refresh_from_db()
    if switch.faults_in_a_row >= FAULTS_TO_OPEN:
        wait = min(_FIRST_PAUSE * 2 ** min(switch.opened_times, 10), _LONGEST_PAUSE)
        reason = _("Several faults in a row: %(error)s") % {"error": error}
        _stop(alias, by=None, reason=reason, until=now + wait, is_automatic=True)
