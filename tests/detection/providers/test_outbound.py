"""The guarded way out: nothing is reached that isn't on the list, whatever its spelling, and every call ends."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from detection.errors import OutboundBlocked
from detection.providers.outbound import GuardedSession, guarded_session
from detection.providers.sockets import Limits, is_reachable

from .listening import OK, Listener, Reply, certificate


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    opened: list[Listener] = []

    def start(reply: bytes | Reply = OK, context: ssl.SSLContext | None = None) -> Listener:
        answer: Reply = (lambda connection: connection.sendall(reply)) if isinstance(reply, bytes) else reply
        opened.append(Listener(answer, context))
        return opened[-1]

    yield start
    for listener in opened:
        listener.close()


@pytest.fixture
def session() -> Iterator[GuardedSession]:
    with guarded_session(allowed_hosts=["127.0.0.1", "localhost"], allow_loopback=True) as made:
        yield made


HOSTILE_ADDRESSES = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
    *("169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.88.99.1"),
    *("198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.9", "::", "::1"),
    *("::ffff:127.0.0.1", "::127.0.0.1", "::169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1"),
    *("fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "4000::1"),
]


@pytest.mark.parametrize("address", HOSTILE_ADDRESSES)
def test_an_address_that_is_not_public_is_never_reachable(address: str) -> None:
    assert not is_reachable(address, loopback_only=False, allow_loopback=False)


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is_reachable_but_not_over_http_or_another_port(address: str) -> None:
    assert is_reachable(address, loopback_only=False, allow_loopback=False)
    assert not is_reachable(address, loopback_only=True, allow_loopback=True)


@pytest.mark.parametrize("address", [a for a in HOSTILE_ADDRESSES if a not in ("127.0.0.1", "127.8.8.8", "::1")])
def test_allowing_loopback_opens_nothing_else(address: str) -> None:
    assert not is_reachable(address, loopback_only=False, allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://good.example@127.0.0.1/",
        "https://user:pw@good.example/",
        "https://127.0.0.1\\@good.example/",
        "https://good.example\\@127.0.0.1/",
        "https://good.example#@127.0.0.1/",
        "https://good.example/a#b",
        "file:///etc/passwd",
        "ftp://good.example/",
        "gopher://good.example/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "good.example/x",
        "//good.example/x",
        "https:///x",
        "https://",
        "",
        "http://good.example/",
        "https://good.example:22/",
        "https://good.example:0022/",
        "https://good.example:6379/",
        "https://good.example:65536/",
        "https://good.example:99999/",
        "https://good.example:/",
        "https://good.example:٤٤٣/",
        "https://good.example/a\r\nX: y",
        "https://good.example /",
        "https://good.example/a b",
        "https://good.example\t/",
        "https://" + "a." * 300 + "example/",
        "https://good.example/" + "a" * 2000,
        "https://gооd.example/",
        "https://xn--zzzz.example/",
        "https://good.example.evil.test/",
        "https://evilgood.example/",
        "https://good.example./",
        "https://①②⑦.⓪.⓪.①/",
        "https://127。0。0。1/",
        "https://127.0.0.1%00.good.example/",
        "https://[fe80::1%25lo]/",
        "https://[::1/",
        "https://evil.test/?good.example",
        "https://sub.example/",
    ],
)
def test_a_hostile_url_is_refused_before_anything_is_looked_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """B09."""
    asked: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: asked.append(args) or [])
    session = guarded_session(allowed_hosts=["good.example", ".sub.example"], allow_loopback=False)

    with pytest.raises(OutboundBlocked):
        session.call("GET", url)

    assert asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "[::1]", "[::]"],
)
@pytest.mark.parametrize("listed", [True, False])
def test_no_spelling_of_loopback_is_reached_even_if_somebody_lists_it(host: str, listed: bool) -> None:
    session = guarded_session(allowed_hosts=[host] if listed else ["good.example"], allow_loopback=False)

    with pytest.raises((OutboundBlocked, requests.ConnectionError)) as caught:
        session.call("GET", f"https://{host}/", limits=Limits(connect=2))

    # A resolver may not know an odd spelling at all; what matters is that nothing was connected.
    assert "refused" not in str(caught.value)


def answering(*addresses: str) -> Callable[..., list[Any]]:
    """A resolver that gives these addresses, one list a look-up being separated by "|"."""
    rounds = [part.split() for part in " ".join(addresses).split("|")]

    def look_up(host: str, port: int, *args: Any) -> list[Any]:
        now = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [(families[ipaddress.ip_address(one).version], socket.SOCK_STREAM, 6, "", (one, port)) for one in now]

    return look_up


@pytest.mark.parametrize("answers", ["127.0.0.1", "1.1.1.1 127.0.0.1", "fd00::1", "1.1.1.1 169.254.169.254"])
def test_one_bad_address_spoils_the_whole_answer(answers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """B04, B11."""
    connected: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", answering(answers))
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connected.append(address))
    session = guarded_session(allowed_hosts=["good.example"], allow_loopback=False)

    with pytest.raises(OutboundBlocked):
        session.call("GET", "https://good.example/")

    assert connected == []


def test_a_name_is_looked_up_once_so_a_second_answer_cannot_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """B03."""
    connected: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", answering("1.1.1.1", "|", "127.0.0.1"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    session = guarded_session(allowed_hosts=["good.example"], allow_loopback=False)

    with pytest.raises(requests.ConnectionError):
        session.call("GET", "https://good.example/")

    assert connected == ["1.1.1.1"]


def test_the_connected_peer_is_vetted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("1.1.1.1"))
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: None)
    monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("10.0.0.1", 443))
    session = guarded_session(allowed_hosts=["good.example"], allow_loopback=False)

    with pytest.raises(OutboundBlocked):
        session.call("GET", "https://good.example/")


def test_a_name_on_loopback_over_http_is_held_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("1.1.1.1"))
    session = guarded_session(allowed_hosts=["good.example"], allow_loopback=True)

    with pytest.raises(OutboundBlocked):
        session.call("GET", "http://good.example/")


def test_a_resolver_that_hangs_is_left_after_the_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """B05."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: released.wait(30) and [])
    session = guarded_session(allowed_hosts=["good.example"], allow_loopback=False)

    with pytest.raises(requests.ConnectTimeout):
        session.call("GET", "https://good.example/", limits=Limits(connect=0.1))
    released.set()


def test_proxies_of_the_environment_are_not_asked(
    listen: Callable[..., Listener], session: GuardedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B06."""
    proxy, server = listen(), listen()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    answer = session.call("GET", f"http://127.0.0.1:{server.port}/")

    assert (answer.status, answer.content) == (200, b"ok")
    assert proxy.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_returned_and_not_followed(
    listen: Callable[..., Listener], session: GuardedSession, status: int
) -> None:
    """B02."""
    canary = listen()
    location = f"Location: http://127.0.0.1:{canary.port}/\r\nRefresh: 0\r\n"
    server = listen(f"HTTP/1.1 {status} Moved\r\n{location}Content-Length: 0\r\n\r\n".encode())

    answer = session.call("POST", f"http://127.0.0.1:{server.port}/", data=b"x", headers={"X-Api-Key": "k"})

    assert answer.status == status
    assert canary.seen == []


@pytest.mark.parametrize("location", [b"http://[", b"http://\xff\xfe/", b"https://[::1", b"//", b"http://a:b@c:d/"])
def test_where_a_redirect_points_is_not_even_read(
    listen: Callable[..., Listener], session: GuardedSession, location: bytes
) -> None:
    """B08."""
    server = listen(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")

    assert session.call("POST", f"http://127.0.0.1:{server.port}/", data=b"x").status == 302


@pytest.mark.parametrize("encoding", [b"", b"Content-Encoding: gzip\r\n"])
def test_a_redirect_s_body_is_bounded_like_any_other(
    listen: Callable[..., Listener], session: GuardedSession, encoding: bytes
) -> None:
    """B14, B16."""
    sent = []

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + encoding + b"Content-Length: 99999999\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b"x" * 65_536)
            sent.append(65_536)

    server = listen(endless)

    with pytest.raises(OutboundBlocked):
        session.call("GET", f"http://127.0.0.1:{server.port}/", limits=Limits(max_bytes=100_000))

    assert sum(sent) < 20_000_000


def test_cookies_are_not_kept(listen: Callable[..., Listener], session: GuardedSession) -> None:
    server = listen(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    session.call("GET", f"http://127.0.0.1:{server.port}/")
    session.call("GET", f"http://127.0.0.1:{server.port}/")

    assert b"cookie" not in server.seen[1].lower()


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "gzip, gzip", "deflate"])
def test_a_compressed_answer_is_refused_unread(
    listen: Callable[..., Listener], session: GuardedSession, encoding: str
) -> None:
    """B14."""
    bomb = gzip.compress(b"\0" * 1_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    server = listen(head + bomb)

    with pytest.raises(OutboundBlocked, match="compressed"):
        session.call("GET", f"http://127.0.0.1:{server.port}/")

    assert b"accept-encoding: identity" in server.seen[0].lower()


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(10_000):
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


@pytest.mark.parametrize("reply", [_endless, b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 200_000])
def test_a_body_that_is_too_long_is_cut_off(
    listen: Callable[..., Listener], session: GuardedSession, reply: Any
) -> None:
    """B16."""
    server = listen(reply)

    with pytest.raises(OutboundBlocked, match="longer than 100000"):
        session.call("GET", f"http://127.0.0.1:{server.port}/", limits=Limits(max_bytes=100_000))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(120)) + b"\r\n",
        b"not http at all\r\n\r\n",
    ],
    ids=["short", "short-chunk", "nothing", "long-line", "many-headers", "garbage"],
)
def test_a_broken_answer_is_a_network_failure(
    listen: Callable[..., Listener], session: GuardedSession, reply: bytes
) -> None:
    """B17, B18."""
    server = listen(reply)

    with pytest.raises(requests.RequestException):
        session.call("GET", f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_a_drip_ends_by_the_wall_clock(listen: Callable[..., Listener], session: GuardedSession, first: bytes) -> None:
    """B15."""
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(200):
            if stop.wait(0.02):
                return
            connection.sendall(b"X")

    server = listen(drip)
    began = time.monotonic()

    with pytest.raises(requests.RequestException):
        session.call("GET", f"http://127.0.0.1:{server.port}/", limits=Limits(read=0.4, total=0.4))
    stop.set()

    assert 0.3 < time.monotonic() - began < 3


def test_the_time_to_connect_does_not_bound_sending(listen: Callable[..., Listener], session: GuardedSession) -> None:
    size = 8_000_000

    def slowly(connection: socket.socket) -> None:
        left = size
        released.wait(0.4)
        while left > 70_000:
            left -= len(connection.recv(65_536))
        connection.sendall(OK)

    released = threading.Event()
    server = listen(slowly)

    answer = session.call("POST", f"http://127.0.0.1:{server.port}/", data=b"x" * size, limits=Limits(connect=0.1))

    assert answer.status == 200


def test_nothing_leaves_a_session_except_through_call(listen: Callable[..., Listener], session: GuardedSession) -> None:
    server = listen()

    with pytest.raises(OutboundBlocked):
        session.get(f"http://127.0.0.1:{server.port}/")

    assert server.seen == []


class TestTls:
    def test_an_authority_the_operator_names_is_trusted(self, listen: Callable[..., Listener], tmp_path: Path) -> None:
        context, bundle = certificate(tmp_path, "localhost")
        server = listen(OK, context)

        with guarded_session(allowed_hosts=["localhost"], allow_loopback=True, ca_bundle=bundle) as session:
            answer = session.call("GET", f"https://localhost:{server.port}/")

        assert answer.content == b"ok"
        assert f"Host: localhost:{server.port}".encode() in server.seen[0]

    @pytest.mark.parametrize(("name", "knows_bundle"), [("localhost", False), ("elsewhere.example", True)])
    def test_an_unknown_authority_or_a_wrong_name_gets_not_one_byte(
        self, listen: Callable[..., Listener], tmp_path: Path, name: str, knows_bundle: bool
    ) -> None:
        """B10."""
        context, bundle = certificate(tmp_path, name)
        server = listen(OK, context)

        with (
            guarded_session(
                allowed_hosts=["localhost"], allow_loopback=True, ca_bundle=bundle if knows_bundle else ""
            ) as session,
            pytest.raises(requests.exceptions.SSLError),
        ):
            session.call("GET", f"https://localhost:{server.port}/secret")

        assert not any(b"secret" in seen for seen in server.seen)

    def test_a_drip_over_tls_ends_by_the_wall_clock_too(self, listen: Callable[..., Listener], tmp_path: Path) -> None:
        context, bundle = certificate(tmp_path, "localhost")
        stop = threading.Event()

        def drip(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(200):
                if stop.wait(0.02):
                    return
                connection.sendall(b"X")

        server = listen(drip, context)
        began = time.monotonic()

        with (
            guarded_session(allowed_hosts=["localhost"], allow_loopback=True, ca_bundle=bundle) as session,
            pytest.raises(requests.RequestException),
        ):
            session.call("GET", f"https://localhost:{server.port}/", limits=Limits(total=0.5))
        stop.set()

        assert time.monotonic() - began < 3
