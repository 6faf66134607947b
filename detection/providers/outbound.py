"""The one way out: every call to a detector or an overlay host leaves through a session made here.

What is vetted is the address of the connected socket, not the text of a URL: two parsers may
disagree about a host, and a name may resolve to something else a moment later. One look-up, all of
its answers vetted, then the connected peer vetted again. Only https on port 443 and only
hosts on the list; http and other ports exist on loopback alone, and only where the operator allowed it.

Redirects are never followed, proxies and netrc from the environment never read, cookies never
kept. Each call ends by a wall clock and a byte count, whatever the other side does.
Asked by `http.HttpProvider`, and by `posting` for the house's own webhook.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from detection.errors import OutboundBlocked
from detection.providers.sockets import Call, Limits, PlainPool, TimedTlsSocket, TlsPool, current_call, ongoing

MAX_URL = 2000
_URL = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:[/?][!-~]*)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer, read to its end. Header names compare without regard to case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allowed_hosts: Iterable[str], allow_loopback: bool) -> None:
        self.allowed_hosts = tuple(host.strip().lower() for host in allowed_hosts if host.strip(" ."))
        self.allow_loopback = allow_loopback
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
        context.sslsocket_class = TimedTlsSocket
        super().init_poolmanager(*args, **kwargs, ssl_context=context)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.vet(request.url or "")
        return super().send(request, *args, **{**kwargs, "proxies": {}})

    def vet(self, url: str) -> None:
        """Refuse a URL by its shape and host, before anything is looked up. Raises OutboundBlocked."""
        shape = _URL.fullmatch(url) if len(url) <= MAX_URL and not {"\\", "#"} & set(url) else None
        if shape is None:
            raise OutboundBlocked("This address is refused for its shape: scheme, user name, fragment or characters.")
        scheme, host, port = shape[1].lower(), shape[2].lower(), int(shape[3] or 443)
        if (scheme == "http" or port != 443) and not self.allow_loopback:
            raise OutboundBlocked("Only https on port 443 is allowed; see DETECTION_ALLOW_LOOPBACK for tests.")
        listed = any(host == entry or (entry[0] == "." and host.endswith(entry)) for entry in self.allowed_hosts)
        if not listed or not 0 < port <= 65_535 or (parse_url(url).host or "").lower() != host:
            raise OutboundBlocked("The host is not on this detector's list; see DETECTION_<ALIAS>_ALLOWED_HOSTS.")


class GuardedSession(requests.Session):
    """A requests session that only speaks through `call`."""

    guard: _GuardedAdapter

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None, whatever the answer says. Even where redirects are not followed, requests would prepare the next
        one: read this answer's body whole, without our limits, and parse an address that may be anything."""
        return None

    def call(self, method: str, url: str, *, limits: Limits | None = None, **request: Any) -> Answer:
        """One request, its answer read whole. `request`: params, data, files, json, headers as in requests.

        Raises OutboundBlocked where our guard refuses the address, a compressed or an over-long body;
        requests.RequestException for everything the network did.
        """
        limits = limits or Limits()
        self.guard.vet(url)
        token = current_call.set(Call(limits, self.guard.allow_loopback, monotonic() + limits.total))
        try:
            timeout = (limits.connect, limits.read)
            with self.request(method, url, stream=True, timeout=timeout, allow_redirects=False, **request) as response:
                content = _body(response, limits.max_bytes)
            return Answer(status=response.status_code, headers=response.headers, content=content)
        finally:
            current_call.reset(token)


def _body(response: requests.Response, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise OutboundBlocked("The answer came compressed, which was not asked for; nothing of it was read.")
    pieces = bytearray()
    try:
        for piece in response.raw.stream(65_536, decode_content=False):
            pieces += piece
            if len(pieces) > max_bytes:
                raise OutboundBlocked(f"The answer is longer than {max_bytes} bytes; the rest was not read.")
            ongoing().left(1)
    except (HTTPError, OSError) as error:
        raise requests.ConnectionError(f"the answer broke off: {type(error).__name__}") from error
    return bytes(pieces)


def guarded_session(
    *,
    allowed_hosts: Iterable[str],
    allow_loopback: bool,
    ca_bundle: str = "",
    headers: Mapping[str, str] | None = None,
) -> GuardedSession:
    """A session for these hosts: exact names, or `.example.com` for everything below a name.

    `ca_bundle`: PEM file of certificate authorities, "" for the packaged one. `headers` go with every call,
    so a session that fetches from hosts a vendor names must carry no credentials.
    """
    session = GuardedSession()
    session.guard = _GuardedAdapter(allowed_hosts, allow_loopback)
    session.adapters.clear()
    session.mount("https://", session.guard)
    session.mount("http://", session.guard)
    session.trust_env = False
    session.verify = ca_bundle or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "newsroom-detection", **(headers or {})})
    return session
