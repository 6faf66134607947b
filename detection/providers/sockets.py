"""Sockets that only reach vetted addresses and never outlast the call they serve.

What is vetted is the address of the socket, not the text of a URL: one look-up, all of its answers vetted, then the
connected peer vetted again. A connection made outside a call is refused. Used by `outbound` only.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from detection.errors import OutboundBlocked

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


@dataclass(slots=True)
class Call:
    """One call under way. `ends_at`: monotonic seconds."""

    limits: Limits
    allow_loopback: bool
    ends_at: float

    def left(self, at_most: float) -> float:
        """Seconds that may still be waited, at most `at_most`. Raises TimeoutError when there are none."""
        seconds = min(at_most, self.ends_at - monotonic())
        if seconds <= 0:
            raise TimeoutError("the call ran over its total time")
        return seconds


current_call: ContextVar[Call] = ContextVar("detection_outbound_call")


def ongoing() -> Call:
    """The call that this thread is in. Raises OutboundBlocked outside any."""
    try:
        return current_call.get()
    except LookupError:
        raise OutboundBlocked("A connection was tried outside GuardedSession.call.") from None


class _Timed:
    """Socket operations that never outlast the call. The read time-out of requests starts anew with every byte."""

    def sendall(self, *args: Any) -> Any:
        self.settimeout(ongoing().left(ongoing().limits.total))  # type: ignore[attr-defined]
        return super().sendall(*args)  # type: ignore[misc]

    def recv_into(self, *args: Any) -> Any:
        self.settimeout(ongoing().left(ongoing().limits.read))  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc]


class _TimedSocket(_Timed, socket.socket):
    pass


class TimedTlsSocket(_Timed, ssl.SSLSocket):
    """What a TLS context wraps sockets into."""


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
        call = ongoing()
        connect_by = monotonic() + call.limits.connect
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
    def _vet(address: str, call: Call, loopback_only: bool) -> None:
        if not is_reachable(address, loopback_only=loopback_only, allow_loopback=call.allow_loopback):
            raise OutboundBlocked("The host resolves to an address that detectors are not reached at.")


class _PlainConnection(_Vetted, HTTPConnection):
    pass


class _TlsConnection(_Vetted, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    """Connections over http: to loopback alone."""

    ConnectionCls = _PlainConnection


class TlsPool(HTTPSConnectionPool):
    """Connections over https."""

    ConnectionCls = _TlsConnection
