"""Asking after analyses that a detector accepted, until its answer is there or the deadline has come."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext as _

from detection import ratelimit, switches
from detection.errors import AnalysisLost, FetchFailed, HeldBack, HouseFault, NotFound, ProviderError, SchemaMismatch
from detection.models import Analysis, moments
from detection.providers import providers
from detection.results import ScanResult
from detection.scanning.applying import apply_result, give_up
from detection.scanning.pacing import hold_back, note_answer, note_error, wait_for_turn
from detection.scanning.running import failed
from detection.vocabulary import AnalysisStatus

_WAITING = AnalysisStatus.AWAITING_CALLBACK
"""A poll holds no lease: its answer counts only while the row still waits, for a slow one may come late."""
_POLL_CAP = 60.0
_ONE_CALL = 35.0
"""Seconds; a call ends after 30 by itself."""
_UNKNOWN_FOR = timedelta(minutes=10)
"""A detector that says for so long that it knows nothing of a picture it took has lost it."""
_PATIENCE = timedelta(hours=1)
"""After the deadline, for a detector that can't be asked: then the row ends, whatever stands in the way."""


def run_poll(pk: int) -> None:
    """Ask the detector about one accepted analysis; an event that comes first wins, and that is well."""
    now = moments.now()
    analysis = Analysis.objects.select_related("asset").to_poll(now).filter(pk=pk).first()
    if analysis is None:
        return
    provider = providers.get(analysis.provider)
    if provider is None:
        give_up(analysis, error=HouseFault(_("This detector is not configured any more.")), expected=_WAITING)
        return
    if now >= analysis.deadline_at + _PATIENCE and not switches.waits_for_a_person(analysis.provider):
        give_up(analysis, error=_never_answered(), expected=_WAITING)
        return
    if not provider.polls:
        give_up(analysis, error=_never_called_back(), expected=_WAITING)
        return
    leave = hold_back(analysis, provider, now)
    if leave is None:
        return
    wait = min(2.0 * 1.6 ** min(analysis.faults, 10), _POLL_CAP)
    # For as long as one call may take, not as the next wait: a poller that dies must not keep the row waiting.
    if not analysis.claim_poll(until=now + timedelta(seconds=ratelimit.SLEEP_UP_TO + _ONE_CALL), now=now):
        return
    begun = now
    try:
        wait_for_turn(analysis, provider, leave)
        begun = moments.now()
        answer = provider.fetch(analysis.provider_reference)
    except HeldBack as held:
        analysis.note(next_attempt_at=held.until, rung_at=None)
        return
    except ProviderError as error:
        told = _as_lost(error, analysis, now)
        if told is not error and analysis.error_class != error.error_class:
            # Once is a slip; that it is so again at the next poll means that the picture is lost.
            analysis.note(error_class=error.error_class, error_sentence=str(error))
            told = error
        if not told.retryable or isinstance(told, AnalysisLost | FetchFailed):
            failed(analysis, told, lease=None, expected=_WAITING)
            return
        asked = note_error(analysis, error, begun=begun, now=moments.now())
        _again(analysis, max(wait, asked), now=now)
        return
    note_answer(analysis)
    if isinstance(answer, ScanResult):
        _apply(analysis, answer)
    else:
        analysis.note(error_class="", error_sentence="")
        _again(analysis, max(wait, min(answer.poll_after, _POLL_CAP)), now=now)


def _apply(analysis: Analysis, answer: ScanResult) -> None:
    try:
        apply_result(analysis, answer, expected=_WAITING, via="poll")
    except SchemaMismatch as error:
        failed(analysis, error, lease=None, expected=_WAITING)


def _as_lost(error: ProviderError, analysis: Analysis, now: datetime) -> ProviderError:
    """The error, or that the analysis is lost, where the detector has known nothing of it for too long."""
    if not isinstance(error, NotFound) or now < (analysis.submitted_at or now) + _UNKNOWN_FOR:
        return error
    return AnalysisLost(_("The detector took the picture and knows nothing of it any more. Sending it anew."))


def _never_called_back() -> ProviderError:
    return SchemaMismatch(_("The detector took the picture, its answer never came, and it cannot be asked for it."))


def _never_answered() -> ProviderError:
    return SchemaMismatch(_("The detector took the picture and never answered."))


def _again(analysis: Analysis, wait: float, *, now: datetime) -> None:
    if now >= analysis.deadline_at:
        give_up(analysis, error=_never_answered(), expected=_WAITING)
        return
    soon = moments.now() + timedelta(seconds=wait)
    analysis.note(next_attempt_at=soon, rung_at=None, faults=F("faults") + 1, why="")
