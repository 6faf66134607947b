"""What every detector behind HTTP shares: one guarded session a process, and one table from answers to errors.

A vendor's module says where to send what and how to read it; what a status or a lost connection *means* is decided
here, once; what becomes of an answer, in `telling`. Nothing that is kept or raised holds a key.
Subclassed by the adapters; asked by nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
import tenacity

from detection import correlation, counting
from detection.conf import settings as detection_settings
from detection.errors import (
    AmbiguousTimeout,
    AnalysisLost,
    ConnectFailed,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    RedirectReceived,
    SchemaMismatch,
)
from detection.providers.answers import read_json, retry_after
from detection.providers.faults import VendorFault, is_untrusted_certificate, kind_of, precedes_acceptance
from detection.providers.options import Options, wrong
from detection.providers.outbound import Answer, GuardedSession, guarded_session
from detection.providers.sockets import Limits
from detection.providers.telling import TellingProvider
from detection.results import Accepted, Overlay, ScanRequest, ScanResult

DURATION = "newsroom_provider_request_duration_seconds"
OVERLAY_BYTES = 10_000_000
MAX_CODE, MAX_ID = 50, 100
"""Characters kept of a vendor's code and of its request's id, once they hold no secret."""
CONNECT_WITHIN = 5.0
"""Seconds for both tries to reach a detector."""


class HttpProvider(TellingProvider):
    """A detector behind HTTP. Subclasses give `headers()` and use `call()`; tables stay here."""

    base_url: ClassVar[str] = ""
    """The vendor's own address, used where the option `base_url` is not set."""
    needs_key: ClassVar[bool] = True
    key_parts: ClassVar[tuple[str, ...]] = ("key",)
    """What the option `api_key` holds, divided by colons, e.g. user and secret."""
    hosts: ClassVar[tuple[str, ...]] = ()
    """Further hosts of the vendor, e.g. where its overlays lie; `.example.com` means everything below that name."""
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {}
    """Statuses that mean something else at this vendor."""
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {}
    """The vendor's own error codes; they win over the status."""
    limits_of_a_call: ClassVar[Limits] = Limits()
    """Seconds and bytes of one call; a vendor that is slow by its own account is given longer, at most 100 s in all."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self._sessions: dict[tuple[int, bool], GuardedSession] = {}
        self.given = Options(alias, self.options)
        self.credentials = self.given.key("api_key", self.key_parts)
        self.key = self.credentials[-1]
        self.root = self.given.address("base_url", self.base_url)
        usual = self.limits_of_a_call
        self.bounds = replace(
            usual,
            connect=self.given.seconds("connect_timeout", usual.connect),
            read=self.given.seconds("read_timeout", usual.read),
            total=self.given.seconds("total_timeout", usual.total),
        )
        # The class's cuts are the vendor's; this alias may be given its own.
        vars(self)["thresholds"] = self.given.thresholds("thresholds", self.thresholds)

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Address, key, hosts that may be spoken to besides, time-outs in seconds, budget, cuts, and call-backs."""
        return super().known_options() | {
            *("base_url", "api_key", "allowed_hosts", "connect_timeout", "read_timeout", "total_timeout"),
            *("daily_budget", "thresholds", "callbacks", "webhook_secrets", "signing"),
        }

    def check_configuration(self) -> None:
        """Whether this process was given the key. Only processes that call need it. Raises ProviderMisconfigured."""
        if self.needs_key and not self.key:
            raise self._wrong("api_key", f"is empty; the vendor's {':'.join(self.key_parts)} goes there")

    def headers(self) -> dict[str, str]:
        """What goes with every call to the API and never to any other host."""
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """The credentials, part by part."""
        return tuple(part for part in self.credentials if part)

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        """Send one picture. Raises ProviderError; AmbiguousTimeout where it may have been taken."""
        return self.read(self.send(request))

    def send(self, request: ScanRequest) -> Answer:
        """The vendor's verb: hand one picture over, by `call(…, submits=True)`. Must be overridden, or `submit`."""
        raise ProviderMisconfigured(f"{type(self).__name__} does not define send().")

    def call(self, method: str, path: str, *, submits: bool = False, **request: Any) -> Answer:
        """One API call to `path` below the base address. Returns a 2xx answer, read whole.

        `submits`: it hands a picture over, so a lost answer is ambiguous, and a 400 or 404 may mean the picture.
        `request`: params, data, files, json, headers as in requests. Raises ProviderError subclasses only.
        """
        told = {correlation.HEADER: correlation.current()} if correlation.current() else {}
        headers = {**told, **self.headers(), **request.pop("headers", {})}
        address = self.root + path
        answer = self._reach(
            self._session(), method, address, submits=submits, limits=self.bounds, headers=headers, **request
        )
        if 200 <= answer.status < 300:
            return answer
        raise self.error_for(answer, submits=submits)

    def download(self, url: str, *, max_bytes: int = OVERLAY_BYTES) -> bytes:
        """Fetch a picture a vendor links to, without our credentials. Raises ProviderError subclasses only."""
        bounds = replace(self.bounds, max_bytes=max_bytes)
        answer = self._reach(self._session(anonymous=True), "GET", url, op="overlay", limits=bounds)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status == 200 and kind in ("image/png", "image/jpeg", "image/webp") and answer.content:
            return answer.content
        if answer.status == 429 or answer.status >= 500:
            raise ProviderDown("The overlay could not be fetched now.", http_status=answer.status)
        if 300 <= answer.status < 400:
            raise OutboundBlocked("The overlay's address redirects; redirects are not followed.")
        raise ProviderError(f"No overlay came from its address (status {answer.status}).", http_status=answer.status)

    def hand_over(self, url: str, content: bytes, *, headers: Mapping[str, str]) -> None:
        """Put a picture at an address that the vendor gave for it, without our credentials.

        Raises AmbiguousTimeout where it may have arrived, AnalysisLost where it was refused, or ProviderDown.
        """
        answer = self._reach(
            self._session(anonymous=True), "PUT", url, submits=True, limits=self.bounds, data=content, headers=headers
        )
        if answer.status >= 500:
            raise ProviderDown(f"{self.title} could not store the picture now.", http_status=answer.status)
        if not 200 <= answer.status < 300:
            said = f"{self.title} did not take the picture at the address it gave (status {answer.status})."
            raise AnalysisLost(said, http_status=answer.status)

    def download_overlay(self, overlay: Overlay) -> bytes:
        """The overlay's bytes, unread, at most 10 MB; fetched without our key. Raises ProviderError."""
        return overlay.content or self.download(overlay.url)

    def error_for(self, answer: Answer, *, submits: bool = False) -> ProviderError:
        """The error that a whole answer, not a 2xx, stands for."""
        try:
            fault = self.read_fault(read_json(answer.content))
        except SchemaMismatch:
            fault = VendorFault()
        kind = self.codes.get(fault.code) or self.statuses.get(answer.status) or kind_of(answer.status, submits=submits)
        said = "redirect received" if kind is RedirectReceived else self.clean(fault.message)
        return kind(
            f"{self.title} answered {answer.status}{': ' + said if said else ''}",
            retry_after=retry_after(answer.headers),
            http_status=answer.status,
            provider_code=self.clean(fault.code)[:MAX_CODE],
            request_id=self.clean(answer.headers.get("X-Request-Id") or fault.request_id)[:MAX_ID],
        )

    def close(self) -> None:
        """Let this process's connections go. The next call opens new ones."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _session(self, *, anonymous: bool = False) -> GuardedSession:
        """One session a process, for connections must not cross a fork; another one for hosts that get no key."""
        if not anonymous:
            self.check_configuration()
        found = self._sessions.get((os.getpid(), anonymous))
        if found is None:
            found = self._sessions[os.getpid(), anonymous] = guarded_session(
                allowed_hosts=self._allowed_hosts(),
                allow_loopback=detection_settings.ALLOW_LOOPBACK,
                ca_bundle=detection_settings.CA_BUNDLE,
            )
        return found

    def _reach(self, *args: Any, op: str = "", submits: bool = False, **request: Any) -> Answer:
        """Send, and count how long it took and how it ended; `op` is a word for what the call is for."""
        op = op or ("submit" if submits else "ask")
        with counting.timed(DURATION, provider=self.alias, op=op, outcome="unforeseen") as counted:
            try:
                answer = self._sent(*args, submits=submits, **request)
            except ProviderError as error:
                counted["outcome"] = error.error_class
                raise
            counted["outcome"] = "429" if answer.status == 429 else f"{answer.status // 100}xx"
            return answer

    def _sent(
        self, session: GuardedSession, method: str, url: str, *, submits: bool = False, limits: Limits, **request: Any
    ) -> Answer:
        """Send, once more if the first try cannot have arrived."""
        give_up_at = monotonic() + CONNECT_WITHIN
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(2) | tenacity.stop_after_delay(CONNECT_WITHIN),
            wait=tenacity.wait_random(0.1, 0.4),
            retry=tenacity.retry_if_exception(precedes_acceptance),
            reraise=True,
        )

        def send() -> Answer:
            connect = max(0.1, min(limits.connect, give_up_at - monotonic()))
            return session.call(method, url, limits=replace(limits, connect=connect), **request)

        try:
            return retrying(send)
        except requests.RequestException as error:
            # Not "from error": its text may hold a signed address.
            raise self._lost(error, submits=submits) from None

    def _lost(self, error: requests.RequestException, *, submits: bool) -> ProviderError:
        if precedes_acceptance(error) or is_untrusted_certificate(error):
            return ConnectFailed(f"{self.title} could not be reached ({type(error).__name__}). Trying again.")
        if submits:
            return AmbiguousTimeout(
                f"{self.title} was sent the picture and gave no whole answer. Asking before resending."
            )
        return ProviderDown(f"{self.title} gave no whole answer ({type(error).__name__}). Trying again.")

    def _allowed_hosts(self) -> list[str]:
        named = self.options.get("allowed_hosts") or ()
        listed: Iterable[str] = named.split(",") if isinstance(named, str) else named
        return [_host(self.root), *self.hosts, *(str(host).strip() for host in listed)]

    def _wrong(self, name: str, what: str) -> ProviderMisconfigured:
        return wrong(self.alias, name, what)


def _host(url: str) -> str:
    """The host as it stands in the URL, with brackets around an IPv6 address."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host
