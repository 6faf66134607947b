"""Tests of a detector by a person: are its credentials good, and, by command alone, what does it say of one picture.

The button writes a row and rings; a worker asks, for only workers hold keys. A ring may be lost, doubled or late: the
row decides. A test is no scan: nothing here becomes an analysis, and a test that succeeds resumes nothing. One that a
worker makes, and that fails as every further call must, for a refused key or a used-up plan, pauses the detector as a
scan would. The command pauses nothing: the shell it runs in may hold another key than the workers.
Asked by the page of detectors, the worker's task and `detection_provider`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext as _

from detection import audit, queue, sandbox, switches, wording
from detection.conf import settings
from detection.errors import ProviderError, Refused, Rejected
from detection.models import Analysis, Asset, ProviderCheck, moments
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import ORIGINAL, Accepted, ScanRequest, ScanResult
from detection.scanning import is_protected
from detection.scanning.rationing import spend_on_trial
from detection.scanning.reading import sendable

PERMISSION = "detection.operate_provider"
KEEP = 20
"""Tests that are kept of each alias."""
UNTAKEN = timedelta(minutes=10)
"""How long a test waits for a worker before it ends without one."""
POLL_FOR = 60.0
"""Seconds that an answer to a picture is waited for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a test found. `milliseconds`: by the clock, waits included; None where nobody was asked.

    `remaining`, `unit`: what is left of the plan, where the vendor tells. `result`: of a picture.
    """

    ok: bool
    sentence: str
    error_class: str = ""
    remaining: float | None = None
    unit: str = ""
    milliseconds: int | None = None
    result: ScanResult | None = None
    fault: ProviderError | None = None


def request(alias: str, *, by: Any) -> ProviderCheck:
    """Ask for a test of the credentials. `by`: the person, None for the system. One that is open already stands.

    Raises NotPermitted, and Refused for an alias that is not configured.
    """
    if by is not None and not by.has_perm(PERMISSION):
        raise audit.denied(PERMISSION, by=by, sentence=_("Only operators may test a detector. Ask one of them."))
    if alias not in providers.aliases():
        raise Refused(_("No detector is called %(alias)s.") % {"alias": alias})
    with transaction.atomic():
        waiting = ProviderCheck.objects.open().filter(alias=alias).first()
        if waiting is not None:
            return waiting
        now = moments.now()
        made = ProviderCheck.objects.create(alias=alias, asked_by_label=audit.name_of(by), asked_at=now, rung_at=now)
        older = list(ProviderCheck.objects.filter(alias=alias).values_list("pk", flat=True)[KEEP:])
        ProviderCheck.objects.filter(pk__in=older).delete()
        queue.wake("check", made.pk, asks=alias)
        audit.record("provider.test_requested", by=by, provider=alias)
    return made


def run(pk: int) -> None:
    """Ask the detector, in a worker, and store what it said. Harmless when it is rung twice, or late."""
    row = ProviderCheck.objects.open().filter(pk=pk).first()
    if row is None:
        return
    try:
        _end(row, ask(row.alias))
    except Exception:
        said = _("The test stopped by a fault of ours. The worker's log tells which.")
        _end(row, Outcome(ok=False, sentence=said, error_class="house"))
        raise


def give_up(row: ProviderCheck) -> bool:
    """End a test that no worker took in time; False where one did meanwhile."""
    said = _("No worker took it. Is detection_worker running?")
    return _end(row, Outcome(ok=False, sentence=said, error_class="house"))


def _end(row: ProviderCheck, found: Outcome) -> bool:
    now = moments.now()
    with transaction.atomic():
        won = ProviderCheck.objects.open().filter(pk=row.pk)
        if not won.update(
            done_at=now,
            ok=found.ok,
            sentence=_line(found.sentence, 1000),
            error_class=found.error_class,
            remaining=found.remaining,
            unit=_line(found.unit, 50),
            milliseconds=found.milliseconds,
        ):
            return False
        if found.fault is not None and found.fault.pauses:
            switches.note_fault(row.alias, found.fault, now=now)
        audit.record(
            "provider.tested",
            provider=row.alias,
            ok=found.ok,
            error=found.error_class,
            milliseconds=found.milliseconds,
        )
    return True


def _line(text: str, most: int) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:most]


def ask(alias: str) -> Outcome:
    """Whether the detector accepts the key of this process. Sends no picture and changes nothing, paused or not."""

    def talk(provider: Provider) -> Outcome:
        provider.check_configuration()
        said = provider.check()
        return Outcome(ok=True, sentence=said.sentence, remaining=said.remaining, unit=said.unit)

    return _measured(alias, talk)


def _measured(alias: str, talk: Callable[[Provider], Outcome]) -> Outcome:
    began = time.monotonic()
    try:
        provider = providers.get(alias)
        if provider is None:
            return Outcome(ok=False, sentence=_not_configured(alias), error_class="misconfigured")
        found = talk(provider)
    except ProviderError as error:
        found = Outcome(ok=False, sentence=str(error), error_class=error.error_class, fault=error)
    except ImproperlyConfigured as error:
        found = Outcome(ok=False, sentence=str(error), error_class="misconfigured")
    return replace(found, milliseconds=round((time.monotonic() - began) * 1000))


def _not_configured(alias: str) -> str:
    return _("The detector %(alias)s is not configured any more.") % {"alias": alias}


def pause_reason(alias: str) -> str | None:
    """Why this detector, or all of them, are paused; None where they are not."""
    paused = switches.pauses()
    return paused.get(alias, paused.get(switches.ALL))


# One picture, by command.


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that was read in the sandbox, to be sent without becoming one of the house's pictures."""

    content: bytes
    asset: Asset
    """Never saved; holds what intake read."""


def picture_of(content: bytes, *, filename: str) -> Picture:
    """Read a file in the sandbox. Raises Rejected or SandboxFailed."""
    reading = sandbox.read(content, max_bytes=settings.MAX_BYTES, max_pixels=settings.MAX_PIXELS, filename=filename)
    asset = Asset(sha256=reading.sha256, media_type=reading.media_type, width=reading.width, height=reading.height)
    return Picture(content, asset)


def try_picture(alias: str, picture: Picture) -> Outcome:
    """Send this one picture, which may be billed, and wait for its answer. What was tried stands in the history.

    A detector that is paused, or takes links alone, and a picture that is kept inside get a sentence instead.
    """
    sent: list[str] = []

    def talk(provider: Provider) -> Outcome:
        if refusal := _why_not(alias, provider, picture):
            return Outcome(ok=False, sentence=refusal)
        # Never saved either: it carries a fresh reference.
        made = sendable(Analysis(asset=picture.asset, public_id=uuid.uuid4()), provider, picture.content)
        if isinstance(made, str):
            return Outcome(ok=False, sentence=made)
        if used_up := spend_on_trial(provider):
            return Outcome(ok=False, sentence=used_up)
        sent.append(made.request.sha256)
        return _judged(provider, _answer(provider, made.request), as_sent=made.as_sent)

    try:
        found = _measured(alias, talk)
    except Rejected as refusal:
        found = Outcome(ok=False, sentence=refusal.sentence, error_class="bad_image")
    if sent:
        facts: dict[str, Any] = {"ok": found.ok, "error": found.error_class, "milliseconds": found.milliseconds}
        audit.record("provider.tested", provider=alias, picture=sent[0], **facts)
    return found


def _why_not(alias: str, provider: Provider, picture: Picture) -> str:
    if not provider.takes_upload:
        words = _("%(detector)s takes links to pictures only, so a file cannot be tried with it.")
        return words % {"detector": provider.title}
    if provider.is_embedded:
        return ""
    provider.check_configuration()
    if (reason := pause_reason(alias)) is not None:
        return _("It is paused, so nothing was sent: %(reason)s") % {"reason": reason}
    if is_protected(picture.asset):
        return _("These very bytes are kept inside: not sent to any detector.")
    return ""


def _answer(provider: Provider, request: ScanRequest) -> ScanResult | Accepted:
    """The detector's answer, asked for as often as it wants within `POLL_FOR`; Accepted: there was none in time."""
    until = time.monotonic() + POLL_FOR
    answer = provider.submit(request)
    while isinstance(answer, Accepted) and provider.polls and (left := until - time.monotonic()) > 0:
        time.sleep(min(max(answer.poll_after, 0.5), left))
        try:
            answer = provider.fetch(answer.provider_reference)
        except ProviderError as error:
            if error.pauses or not error.retryable or time.monotonic() >= until:
                raise
    return answer


def _judged(provider: Provider, answer: ScanResult | Accepted, *, as_sent: str) -> Outcome:
    # Whoever knows the id of such an analysis can read it, and what a command prints is kept in many places.
    told = "" if provider.reference_is_secret else answer.provider_reference
    if isinstance(answer, Accepted):
        if provider.polls:
            said = _("It took the picture%(request)s and had no answer after %(seconds)d seconds.")
        else:
            said = _("It took the picture%(request)s and answers by calling back, which no test waits for.")
        words = said % {"request": _(" (request %(id)s)") % {"id": told} if told else "", "seconds": POLL_FOR}
        return Outcome(ok=not provider.polls, sentence=words)
    parts = [wording.verdict_word(answer.verdict, answer.basis)]
    if answer.ai_score is not None:
        parts.append(_("estimate %(number)d of 99") % {"number": wording.band_number(answer.ai_score)})
    if answer.model:
        parts.append(_("model %(model)s") % {"model": answer.model})
    if told:
        parts.append(_("request %(id)s") % {"id": told})
    said = f"{', '.join(parts)}."
    if as_sent != ORIGINAL:
        said += " " + _("Sent as %(what)s.") % {"what": wording.as_sent_words(as_sent)}
    if answer.warnings:
        said += " " + _("Warnings: %(codes)s.") % {"codes": ", ".join(answer.warnings)}
    return Outcome(ok=True, sentence=said, result=replace(answer, provider_reference=told))
