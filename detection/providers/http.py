"""What every detector behind HTTP shares: one guarded session a process, and one table from answers to errors.

A vendor's module says where to send what and how to read it; what a status, a lost connection or a body
that isn't the documented JSON *means* is decided here, once. Nothing that is kept or raised holds a key.
Subclassed by the adapters; asked by nobody else.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import urlsplit

import requests
import tenacity
from urllib3.exceptions import NewConnectionError

from detection.conf import settings as detection_settings
from detection.errors import (
    AmbiguousTimeout,
    AuthFailed,
    ConnectFailed,
    ImageRefused,
    NotFound,
    OutboundBlocked,
    ProviderDown,
    ProviderError,
    ProviderMisconfigured,
    QuotaExceeded,
    RateLimited,
    RedirectReceived,
    SchemaMismatch,
)
from detection.providers.answers import read_json, redact, retry_after
from detection.providers.base import Provider, Thresholds
from detection.providers.outbound import Answer, GuardedSession, guarded_session
from detection.providers.sockets import Limits

MAX_MESSAGE = 200
"""Characters of a vendor's message that are passed on."""
OVERLAY_BYTES = 10_000_000
CONNECT_WITHIN = 5.0
"""Seconds for both tries to reach a detector."""
STATUSES: Mapping[int, type[ProviderError]] = {
    **dict.fromkeys((400, 413, 415, 422), ImageRefused),
    **dict.fromkeys((401, 403), AuthFailed),
    **dict.fromkeys((408, 425), ProviderDown),
    402: QuotaExceeded,
    404: NotFound,
    429: RateLimited,
}
"""What a status means, whoever sends it; 5xx is `ProviderDown`, 3xx `RedirectReceived`, an unknown one is final."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorFault:
    """What a vendor's error body says: its code, its message, and whether it calls the fault passing."""

    code: str = ""
    message: str = ""
    retryable: bool | None = None
    request_id: str = ""


class HttpProvider(Provider):
    """A detector behind HTTP. Subclasses give `headers()` and use `call()`; tables stay here."""

    base_url: ClassVar[str] = ""
    """The vendor's own address, used where the option `base_url` is not set."""
    needs_key: ClassVar[bool] = True
    hosts: ClassVar[tuple[str, ...]] = ()
    """Further hosts of the vendor, e.g. where its overlays lie; `.example.com` means everything below that name."""
    statuses: ClassVar[Mapping[int, type[ProviderError]]] = {}
    """Statuses that mean something else at this vendor."""
    codes: ClassVar[Mapping[str, type[ProviderError]]] = {}
    """The vendor's own error codes; they win over the status."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self._sessions: dict[tuple[int, bool], GuardedSession] = {}
        self.root = str(self.options.get("base_url") or self.base_url).rstrip("/")
        self.key = str(self.options.get("api_key") or "").strip()
        if self.needs_key and not self.key:
            raise self._wrong("api_key", "is empty; the vendor's key goes there")
        if not self.key.isascii() or not self.key.isprintable():
            raise self._wrong("api_key", "has characters that no key has")
        self._read_address()
        self.bounds = Limits(
            connect=self._seconds("connect_timeout", 3.0),
            read=self._seconds("read_timeout", 15.0),
            total=self._seconds("total_timeout", 30.0),
        )
        if "thresholds" in self.options:
            # The class's cuts are the vendor's; this alias was given its own.
            vars(self)["thresholds"] = self._thresholds(self.options["thresholds"])

    @classmethod
    def known_options(cls) -> frozenset[str]:
        """Address, key, hosts that may be spoken to besides, time-outs in seconds, budget, cuts, and call-backs."""
        return super().known_options() | {
            *("base_url", "api_key", "allowed_hosts", "connect_timeout", "read_timeout", "total_timeout"),
            *("daily_budget", "thresholds", "callbacks", "webhook_secrets", "signing"),
        }

    def headers(self) -> dict[str, str]:
        """What goes with every call to the API and never to any other host."""
        return {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a message or a stored answer."""
        return (self.key,)

    def call(self, method: str, path: str, *, submits: bool = False, **request: Any) -> Answer:
        """One API call to `path` below the base address. Returns a 2xx answer, read whole.

        `submits`: it hands a picture over, so a lost answer is ambiguous, and a 404 means the picture.
        `request`: params, data, files, json, headers as in requests. Raises ProviderError subclasses only.
        """
        headers = {**self.headers(), **request.pop("headers", {})}
        address = self.root + path
        answer = self._reach(
            self._session(), method, address, submits=submits, limits=self.bounds, headers=headers, **request
        )
        if 200 <= answer.status < 300:
            return answer
        raise self.error_for(answer, submits=submits)

    def download(self, url: str, *, max_bytes: int = OVERLAY_BYTES) -> bytes:
        """Fetch a picture a vendor links to, without our credentials. Raises ProviderError subclasses only."""
        answer = self._reach(
            self._session(anonymous=True), "GET", url, limits=replace(self.bounds, max_bytes=max_bytes)
        )
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status == 200 and kind in ("image/png", "image/jpeg", "image/webp") and answer.content:
            return answer.content
        if answer.status == 429 or answer.status >= 500:
            raise ProviderDown("The overlay could not be fetched now.", http_status=answer.status)
        if 300 <= answer.status < 400:
            raise OutboundBlocked("The overlay's address redirects; redirects are not followed.")
        raise ProviderError(f"No overlay came from its address (status {answer.status}).", http_status=answer.status)

    def read_fault(self, body: Mapping[str, Any]) -> VendorFault:
        """A vendor's error body. This reads `{"error": {code, message, retryable}}` and the usual flat spellings."""
        error = body.get("error")
        nested: Mapping[str, Any] = error if isinstance(error, Mapping) else {**body, "message": error or ""}
        message = nested.get("message") or body.get("message") or body.get("detail") or ""
        flag = nested.get("retryable")
        return VendorFault(
            code=str(nested.get("code") or "")[:50],
            message=message if isinstance(message, str) else "",
            retryable=flag if isinstance(flag, bool) else None,
            request_id=str(body.get("request_id") or "")[:100],
        )

    def error_for(self, answer: Answer, *, submits: bool = False) -> ProviderError:
        """The error that a whole answer, not a 2xx, stands for."""
        try:
            fault = self.read_fault(read_json(answer.content))
        except SchemaMismatch:
            fault = VendorFault()
        kind = self.codes.get(fault.code) or self.statuses.get(answer.status) or _kind(answer.status, submits)
        said = "redirect received" if kind is RedirectReceived else self.clean(fault.message)
        return kind(
            f"{self.title} answered {answer.status}{': ' + said if said else ''}",
            retry_after=retry_after(answer.headers),
            http_status=answer.status,
            provider_code=self.clean(fault.code),
            request_id=self.clean(answer.headers.get("X-Request-Id") or fault.request_id),
        )

    def clean(self, text: str) -> str:
        """A vendor's words, fit to be shown: one line, at most `MAX_MESSAGE` characters, without keys or queries."""
        words = "".join(c if c.isprintable() else " " for c in redact(text, secrets=self.secrets))
        return words if len(words) <= MAX_MESSAGE else words[: MAX_MESSAGE - 1] + "…"

    def close(self) -> None:
        """Let this process's connections go. The next call opens new ones."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _session(self, *, anonymous: bool = False) -> GuardedSession:
        """One session a process, for connections must not cross a fork; another one for hosts that get no key."""
        found = self._sessions.get((os.getpid(), anonymous))
        if found is None:
            found = self._sessions[os.getpid(), anonymous] = guarded_session(
                allowed_hosts=self._allowed_hosts(),
                allow_loopback=detection_settings.ALLOW_LOOPBACK,
                ca_bundle=detection_settings.CA_BUNDLE,
            )
        return found

    def _reach(
        self, session: GuardedSession, method: str, url: str, *, submits: bool = False, limits: Limits, **request: Any
    ) -> Answer:
        """Send, once more if the first try cannot have arrived."""
        give_up_at = monotonic() + CONNECT_WITHIN
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(2) | tenacity.stop_after_delay(CONNECT_WITHIN),
            wait=tenacity.wait_random(0.1, 0.4),
            retry=tenacity.retry_if_exception(_precedes_acceptance),
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
        if _precedes_acceptance(error) or _is_untrusted_certificate(error):
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

    def _read_address(self) -> None:
        try:
            parts = urlsplit(self.root)
            has_extras = bool(parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0)
        except ValueError:
            raise self._wrong("base_url", "is not an address") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or has_extras:
            raise self._wrong(
                "base_url", "must look like https://api.example.com, without user name, query or fragment"
            )
        if parts.scheme == "http" and not detection_settings.ALLOW_LOOPBACK:
            raise self._wrong(
                "base_url", "must begin with https; http is for loopback with DETECTION_ALLOW_LOOPBACK=on"
            )

    def _seconds(self, name: str, default: float) -> float:
        value = self.options.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
            raise self._wrong(name, "must be a number of seconds over 0")
        return float(value)

    def _thresholds(self, value: Any) -> Thresholds:
        try:
            some, strong = (value["some"], value["strong"]) if isinstance(value, Mapping) else value
            found = Thresholds(some=float(some), strong=float(strong))
        except (KeyError, TypeError, ValueError):
            raise self._wrong("thresholds", 'must be {"some": 0.5, "strong": 0.9}') from None
        if not 0 < found.some <= found.strong <= 1:
            raise self._wrong("thresholds", "must have 0 < some <= strong <= 1")
        return found

    def _wrong(self, name: str, what: str) -> ProviderMisconfigured:
        return ProviderMisconfigured(f"DETECTION_PROVIDERS[{self.alias!r}]['OPTIONS'][{name!r}] {what}.")


def _kind(status: int, submits: bool) -> type[ProviderError]:
    if status == 404 and submits:
        return ImageRefused
    if status >= 500:
        return ProviderDown
    if 300 <= status < 400:
        return RedirectReceived
    return STATUSES.get(status, ProviderError)


def _host(url: str) -> str:
    """The host as it stands in the URL, with brackets around an IPv6 address."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def _precedes_acceptance(error: BaseException) -> bool:
    """Whether the request cannot have reached the vendor, so that sending it again cannot be billed twice."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _is_untrusted_certificate(error: BaseException | None) -> bool:
    while error is not None:
        reason = error.args[0] if error.args else None
        if isinstance(error, ssl.SSLCertVerificationError) or isinstance(reason, ssl.SSLCertVerificationError):
            return True
        error = getattr(reason, "reason", None) or error.__cause__ or error.__context__
    return False
