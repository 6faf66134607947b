"""Whether a detector may be asked at all: a person's switch, the circuit breaker, and the setting `PAUSED`.

Asked by `scanning` before every call. The breaker opens, for a while that grows with each probe that fails: after three
of the vendor's faults in a row, when half of the calls of five minutes failed, or at once when an answer could not be
read at all. Then one probe at a time is let through until one succeeds. What must fail for every picture until a person
acts (a refused key, a used-up plan, an address that points elsewhere, three answers in a row that were not the
documented ones) pauses it until that person resumes it, as a pause by a person does. What the setting pauses nobody
resumes here. An incident is recorded and logged once, however many probes fail in it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import audit
from detection.conf import settings
from detection.errors import ConnectFailed, ProviderDown, ProviderError, SchemaMismatch
from detection.models import Analysis, ProviderSwitch, moments
from detection.vocabulary import RATIONED, AnalysisStatus

logger = logging.getLogger("detection")
ALL = "*"
"""The switch of every detector at once."""
FAULTS_TO_OPEN = 3
UNREAD_TO_STOP = 3
"""Answers in a row that were not the documented ones: one may be a picture's own oddity, so many are the detector's."""
WINDOW = timedelta(minutes=5)
CALLS_TO_JUDGE = 10
"""Calls within `WINDOW` before the share of faults means anything; from a half on it opens the breaker."""
LOOK_AGAIN = timedelta(seconds=30)
"""After how long a row looks again whether a person's pause is over; resuming it doesn't wait for that."""
_UNTIL_RESUMED = Q(is_paused=True, paused_until__isnull=True)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(minutes=5)
_PROBE = timedelta(seconds=45)
"""How long others wait for the probe; longer than its call may take at most detectors."""
_SAME_INCIDENT = timedelta(minutes=10)
FAULTS = (ConnectFailed.error_class, ProviderDown.error_class)
"""The words kept on rows that wait for the detector to get well, and for nothing else. After a time-out a picture may
have been taken and billed: when that one is sent again is decided elsewhere."""


def _row(alias: str) -> ProviderSwitch:
    return ProviderSwitch.objects.get_or_create(alias=alias)[0]


def named_by_setting() -> list[str]:
    """What the setting `PAUSED` names: aliases, or `*`."""
    return [alias for one in settings.PAUSED.split(",") if (alias := one.strip())]


def held_by_setting(alias: str) -> bool:
    """Whether the setting `PAUSED` names this detector, or all; it counts in the processes that have it."""
    return not {alias, ALL}.isdisjoint(named_by_setting())


def setting_sentence() -> str:
    """Why a detector is paused that the setting pauses."""
    return str(_("Paused by the setting PAUSED (in the newsroom: DETECTION_PAUSED), which no button ends."))


def pauses() -> dict[str, str]:
    """The reason of every pause that stands now, by alias; `*` is all of them. The setting's win over the rows'."""
    found = {row.alias: row.reason for row in ProviderSwitch.objects.filter(is_paused=True)}
    return found | {alias: setting_sentence() for alias in named_by_setting()}


def pause(alias: str, *, by: Any = None, reason: str) -> None:
    """Stop asking this detector (`*`: all) until a person resumes it. Calls under way end; no further one begins."""
    with transaction.atomic():
        _row(alias)
        _shut(ProviderSwitch.objects.filter(alias=alias), reason=reason, until=None, by=by)
        audit.record("provider.paused", by=by, provider=alias, reason=reason, until=None)


def _shut(rows: QuerySet[ProviderSwitch], *, reason: str, until: datetime | None, by: Any = None) -> int:
    return rows.update(
        is_paused=True,
        paused_until=until,
        reason=reason,
        paused_by_label=audit.name_of(by),
        # A pause that is given a new reason goes on from where it began.
        changed_at=Case(When(_UNTIL_RESUMED, then=F("changed_at")), default=timezone.now()),
        opened_times=F("opened_times") + 1,
        is_probing=False,
    )


def _open(alias: str, *, reason: str, until: datetime | None) -> None:
    """The breaker opens, or stays open for longer. Recorded, and told, where that begins or becomes a person's affair.

    Each condition stands in the statement itself: a person, or another worker, may have paused it since it was read.
    """
    with transaction.atomic():
        switches = ProviderSwitch.objects.filter(alias=alias)
        is_new = bool(_shut(switches.filter(is_paused=False), reason=reason, until=until))
        if not is_new and not _shut(switches.exclude(_UNTIL_RESUMED), reason=reason, until=until):
            return
        if not is_new and until is not None:
            return
        audit.record("provider.paused", provider=alias, reason=reason, until=until)
        if until is None or not switches.filter(quiet_until__gt=timezone.now()).exists():
            goes_on = "until a person resumes it" if until is None else "and is tried again by itself"
            transaction.on_commit(lambda: logger.warning("The detector %s is paused %s: %s", alias, goes_on, reason))


def resume(alias: str, *, by: Any = None, reason: str = "") -> None:
    """Ask this detector again; the time that a scan spent in a person's pause does not count against its deadline."""
    _go_on(ProviderSwitch.objects.filter(alias=alias, is_paused=True), alias, by=by, reason=reason)


def _go_on(paused: QuerySet[ProviderSwitch], alias: str, *, by: Any, reason: str, quiet: bool = False) -> None:
    now = timezone.now()
    with transaction.atomic():
        by_hand = paused.filter(_UNTIL_RESUMED).first()
        changed = paused.update(
            is_paused=False,
            paused_until=None,
            reason="",
            faults_in_a_row=0,
            unread_in_a_row=0,
            window_began_at=None,
            opened_times=0,
            is_probing=False,
            changed_at=now,
            quiet_until=now + _SAME_INCIDENT if quiet else None,
        )
        if changed:
            lost = now - by_hand.changed_at if by_hand and by_hand.changed_at else timedelta()
            # What was put off need not wait for the end of the pause it was put off for, or of its own back-off.
            soon: dict[str, Any] = {"next_attempt_at": moments.now(), "rung_at": None}
            _put_off_for_faults(alias).update(**soon)
            by_us = Analysis.objects.paused(alias).exclude(error_class=RATIONED)
            by_us.update(**soon, deadline_at=F("deadline_at") + lost)
            audit.record("provider.resumed", by=by, provider=alias, reason=reason)


def _put_off_for_faults(alias: str) -> QuerySet[Analysis]:
    waiting = [AnalysisStatus.PENDING_SCAN, AnalysisStatus.RETRY_PENDING]
    rows = Analysis.objects.filter(status__in=waiting, error_class__in=FAULTS)
    return rows if alias == ALL else rows.filter(provider=alias)


def _standing(alias: str) -> list[ProviderSwitch]:
    """What is paused of this detector and of all; first what waits for a person."""
    found = ProviderSwitch.objects.filter(alias__in=[alias, ALL], is_paused=True)
    return sorted(found, key=lambda switch: switch.paused_until is not None)


def is_paused(alias: str) -> bool:
    """Whether this detector, or all of them, are paused at present."""
    return held_by_setting(alias) or bool(_standing(alias))


def waits_for_a_person(alias: str) -> bool:
    """Whether this detector, or all of them, are paused until a person resumes it, or takes the setting back."""
    return held_by_setting(alias) or any(switch.paused_until is None for switch in _standing(alias))


def open_until(alias: str, *, now: datetime) -> datetime | None:
    """Until when the breaker is open; None where it is not, or where a person has to act."""
    ends = [switch.paused_until for switch in _standing(alias)]
    times = [end for end in ends if end is not None]
    return max(times) if times and len(times) == len(ends) and max(times) > now else None


def why_open(alias: str) -> str:
    """The reason of the pause that stands, or ""."""
    return next((switch.reason for switch in _standing(alias)), "")


def may_ask(alias: str, *, now: datetime) -> datetime | None:
    """None: go. Else when to look again. Where the breaker's pause is over, exactly one caller is let through."""
    if held_by_setting(alias):
        return now + LOOK_AGAIN
    for switch in _standing(alias):
        if switch.paused_until is None:
            return now + LOOK_AGAIN
        if switch.paused_until > now:
            return switch.paused_until
        probe_until = now + _PROBE
        won = ProviderSwitch.objects.filter(pk=switch.pk, is_paused=True, paused_until=switch.paused_until)
        if not won.update(paused_until=probe_until, is_probing=True):
            return probe_until
    return None


def note_success(alias: str) -> None:
    """An answer came: the count of faults starts anew, and an open breaker closes."""
    switch = _row(alias)
    if switch.is_paused and switch.paused_until is None:
        return
    if switch.is_paused:
        # Only what the breaker paused: a person may have paused it since the row was read.
        opened = ProviderSwitch.objects.filter(pk=switch.pk, is_paused=True, paused_until__isnull=False)
        _go_on(opened, alias, by=None, reason=_("The detector answers again."), quiet=True)
    _count(alias, now=moments.now())


def _count(alias: str, *, now: datetime, is_fault: bool = False, is_unread: bool = False) -> None:
    """Count one call, in one statement, so that no two workers' counts are lost in each other."""
    bad, is_bad = int(is_fault or is_unread), is_fault or is_unread
    begun = Q(window_began_at__gt=now - WINDOW)
    counts: dict[str, Any] = {
        "window_calls": Case(When(begun, then=F("window_calls") + 1), default=1),
        "window_faults": Case(When(begun, then=F("window_faults") + bad), default=bad),
        "window_began_at": Case(When(begun, then=F("window_began_at")), default=now),
        "faults_in_a_row": F("faults_in_a_row") + 1 if is_bad else 0,
    }
    if is_unread or not is_bad:
        counts["unread_in_a_row"] = F("unread_in_a_row") + 1 if is_unread else 0
    ProviderSwitch.objects.filter(alias=alias).update(**counts)


def note_fault(alias: str, error: ProviderError, *, now: datetime) -> None:
    """Count one of the vendor's faults, or an answer that was not the documented one; open the breaker where it must.

    A refusal of one picture, a refusal for asking too fast and a fault of ours say nothing of the detector's health.
    """
    switch = _row(alias)
    if error.pauses:
        _open(alias, reason=str(error), until=None)
        return
    is_unread = isinstance(error, SchemaMismatch)
    if not (error.is_vendor_fault or is_unread):
        return
    _count(alias, now=now, is_fault=error.is_vendor_fault, is_unread=is_unread)
    switch.refresh_from_db()
    if switch.unread_in_a_row >= UNREAD_TO_STOP:
        words = _("Several answers in a row were not the documented ones: %(error)s")
        _open(alias, reason=words % {"error": error}, until=None)
        return
    if switch.is_paused and not switch.is_probing:
        return  # a call that was under way when it opened
    reason = _why_to_open(switch, error)
    if reason:
        wait = min(_FIRST_PAUSE * 2 ** min(switch.opened_times, 10), _LONGEST_PAUSE)
        _open(alias, reason=reason % {"error": error}, until=now + wait)


def _why_to_open(switch: ProviderSwitch, error: ProviderError) -> str:
    if isinstance(error, SchemaMismatch) and error.raw is None:
        # No JSON object at all: no picture's oddity makes a detector answer with a web page.
        return str(_("An answer could not be read: %(error)s"))
    if switch.faults_in_a_row >= FAULTS_TO_OPEN:
        return str(_("Several faults in a row: %(error)s"))
    if switch.window_calls >= CALLS_TO_JUDGE and 2 * switch.window_faults >= switch.window_calls:
        return str(_("Half of its answers of late were faults: %(error)s"))
    return str(_("The probe failed: %(error)s")) if switch.is_probing else ""
