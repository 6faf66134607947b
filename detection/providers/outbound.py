"""The one way out: every call to a detector or an overlay host leaves through a session made here.

What is vetted is the address of the connected socket, not the text of a URL: two parsers may
disagree about a host, and a name may resolve to something else a moment later. One look-up, all of
its answers vetted, then the connected peer vetted again. Only https on port 443 and only
hosts on the list; http and other ports exist on loopback alone, and only where the operator allowed it.

Redirects are never followed, proxies and netrc from the environment never read, cookies never
kept. Each call ends by a wall clock and a byte count, whatever the other side does.
Asked by `http.HttpProvider` only.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from detection.errors import OutboundBlocked

MAX_URL = 2000
_URL = re.compile(r"(https?)://([a-z0-9.-]{1,253}|\[[0-9a-f:.]+\])(?::(\d{1,5}))?(?:[/?][!-~]*)?", re.IGNORECASE)
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
# What `is_global` lets through on some interpreters, or what is public and still nobody's detector
# (168.63.129.16 is a cloud's own wire server).
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("240.0.0.0/4", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23"),
        *("2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10"),
    )
]
_LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Seconds to connect (name look-up included), between two received pieces, and in all; bytes of the body."""

    connect: float = 3.0
    read: float = 15.0
    total: float = 30.0
    max_bytes: int = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A whole answer, read to its end. Header names compare without regard to case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(slots=True)
class _Call:
    limits: Limits
    allow_loopback: bool
    ends_at: float

    def left(self, at_most: float) -> float:
        seconds = min(at_most, self.ends_at - monotonic())
        if seconds <= 0:
            raise TimeoutError("the call ran over its total time")
        return seconds


_current: ContextVar[_Call] = ContextVar("detection_outbound_call")


def _call() -> _Call:
    try:
        return _current.get()
    except LookupError:
        raise OutboundBlocked("A connection was tried outside GuardedSession.call.") from None


class _Timed:
    """Socket operations that never outlast the call. The read time-out of requests starts anew with every byte."""

    def sendall(self, *args: Any) -> Any:
        self.settimeout(_call().left(_call().limits.total))  # type: ignore[attr-defined]
        return super().sendall(*args)  # type: ignore[misc]

    def recv_into(self, *args: Any) -> Any:
        self.settimeout(_call().left(_call().limits.read))  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc]


class _TimedSocket(_Timed, socket.socket):
    pass


class _TimedTlsSocket(_Timed, ssl.SSLSocket):
    pass


def is_reachable(address: str, *, loopback_only: bool, allow_loopback: bool) -> bool:
    """Whether a socket may be connected to this IP address (as text, without a port)."""
    ip = ipaddress.ip_address(address)
    if any(ip in network for network in _LOOPBACK):
        return allow_loopback
    if loopback_only or any(ip in network for network in _NEVER):
        return False
    if ip.version == 6 and ip not in _PUBLIC_V6:
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """All addresses of a name. In a thread, for the system's resolver knows no time-out."""
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except UnicodeError:
            answers.put(socket.gaierror(socket.EAI_NONAME, "not a host name"))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="detection-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("the name look-up took too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _Vetted:
    """A connection whose socket is ours; TLS, SNI and Host stay on the name."""

    def _new_conn(self) -> socket.socket:
        host: str = self._dns_host.strip("[]")  # type: ignore[attr-defined]
        port: int = self.port  # type: ignore[attr-defined]
        try:
            return self._connect(host, port)
        except socket.gaierror as error:
            raise NameResolutionError(host, self, error) from error  # type: ignore[arg-type]
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connecting to {host} took too long.") from error
        except OSError as error:
            raise NewConnectionError(self, f"No connection to {host}: {error}") from error  # type: ignore[arg-type]

    def _connect(self, host: str, port: int) -> socket.socket:
        call, connect_by = _call(), monotonic() + _call().limits.connect
        loopback_only = not (isinstance(self, HTTPSConnection) and port == 443)
        answers = _look_up(host, port, call.left(call.limits.connect))
        for answer in answers:
            self._vet(answer[4][0], call, loopback_only)
        failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
        for family, kind, protocol, _, address in answers:
            opened = _TimedSocket(family, kind, protocol)
            try:
                opened.settimeout(max(0.001, call.left(connect_by - monotonic())))
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                opened.connect(address)
                self._vet(opened.getpeername()[0], call, loopback_only)
            except OSError as error:
                opened.close()
                failure = error
            except OutboundBlocked:
                opened.close()
                raise
            else:
                return opened
        raise failure

    @staticmethod
    def _vet(address: str, call: _Call, loopback_only: bool) -> None:
        if not is_reachable(address, loopback_only=loopback_only, allow_loopback=call.allow_loopback):
            raise OutboundBlocked("The host resolves to an address that detectors are not reached at.")


class _PlainConnection(_Vetted, HTTPConnection):
    pass


class _TlsConnection(_Vetted, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, allowed_hosts: Iterable[str], allow_loopback: bool) -> None:
        self.allowed_hosts = tuple(host.strip().lower() for host in allowed_hosts if host.strip(" ."))
        self.allow_loopback = allow_loopback
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
        context.sslsocket_class = _TimedTlsSocket
        super().init_poolmanager(*args, **kwargs, ssl_context=context)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.vet(request.url or "")
        return super().send(request, *args, **{**kwargs, "proxies": {}})

    def vet(self, url: str) -> None:
        """Refuse a URL by its shape and host, before anything is looked up. Raises OutboundBlocked."""
        shape = _URL.fullmatch(url) if len(url) <= MAX_URL and not {"\\", "#"} & set(url) else None
        if shape is None:
            raise OutboundBlocked("This address is refused for its shape: scheme, user name, fragment or characters.")
        scheme, host, port = shape[1].lower(), shape[2].lower(), int(shape[3] or 0)
        if (scheme == "http" or port not in (0, 443)) and not self.allow_loopback:
            raise OutboundBlocked("Only https on port 443 is allowed; see DETECTION_ALLOW_LOOPBACK for tests.")
        listed = any(host == entry or (entry[0] == "." and host.endswith(entry)) for entry in self.allowed_hosts)
        if not listed or port > 65_535 or (parse_url(url).host or "").lower() != host:
            raise OutboundBlocked("The host is not on this detector's list; see DETECTION_<ALIAS>_ALLOWED_HOSTS.")


class GuardedSession(requests.Session):
    """A requests session that only speaks through `call`."""

    guard: _GuardedAdapter

    def call(self, method: str, url: str, *, limits: Limits | None = None, **request: Any) -> Answer:
        """One request, its answer read whole. `request`: params, data, files, json, headers as in requests.

        Raises OutboundBlocked where our guard refuses the address, a compressed or an over-long body;
        requests.RequestException for everything the network did.
        """
        limits = limits or Limits()
        self.guard.vet(url)
        token = _current.set(_Call(limits, self.guard.allow_loopback, monotonic() + limits.total))
        try:
            timeout = (limits.connect, limits.read)
            with self.request(method, url, stream=True, timeout=timeout, allow_redirects=False, **request) as response:
                content = _body(response, limits.max_bytes)
            return Answer(status=response.status_code, headers=response.headers, content=content)
        finally:
            _current.reset(token)


def _body(response: requests.Response, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise OutboundBlocked("The answer came compressed, which was not asked for; nothing of it was read.")
    pieces = bytearray()
    try:
        for piece in response.raw.stream(65_536, decode_content=False):
            pieces += piece
            if len(pieces) > max_bytes:
                raise OutboundBlocked(f"The answer is longer than {max_bytes} bytes; the rest was not read.")
            _call().left(1)
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
