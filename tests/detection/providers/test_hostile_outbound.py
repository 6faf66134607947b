"""B01: 54 hostile cases on each way out: an overlay, a picture handed over, and the API by upload and by link.

The whole internet is the canary here: whatever address a socket connects to, it ends at a server on loopback that
counts. So one connection too many is a failure, whatever its address; the last test shows that the canary hears.
"""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tenacity
from django.utils import timezone

from detection import overlays
from detection.errors import ProviderError, ProviderMisconfigured
from detection.models import Analysis, StoredOverlay
from detection.providers import sockets
from detection.providers.generic import GenericProvider
from detection.results import Overlay, ScanRequest
from detection.testing import images

from . import hostile
from .listening import Canary, Listener, certificate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
GOOD = "good.example"
OUTSIDE = "1.1.1.1"
"""A public address at which nobody answers."""
KEY = "sk-canary-0123456789abcdef"
PNG = images.photo_like(3, size=(64, 48), format="PNG")
BOMB = images.bomb(13_000, 13_000)
QUICK = {"connect_timeout": 0.3, "read_timeout": 0.3, "total_timeout": 0.6}
WAYS = ("overlay", "handed over", "API by upload", "API by link")
real_look_up = socket.getaddrinfo


class World:
    """All that can be reached from here: the canary, and servers that were opened on purpose."""

    def __init__(self) -> None:
        self.canary = Canary()
        self.open: list[Listener] = [self.canary]
        self.answers: list[str] = []
        self.asked: list[str] = []
        self.released = threading.Event()

    def connect(self, connecting: socket.socket, address: Any) -> None:
        """A public address is silent; one of our servers is itself; everything else is the canary."""
        if address[0] == OUTSIDE:
            raise ConnectionRefusedError
        is_ours = address[1] in {one.port for one in self.open} and address[0] in ("127.0.0.1", "127.0.0.2")
        port = address[1] if is_ours else self.canary.port
        to: tuple[Any, ...] = ("127.0.0.1", port)
        if connecting.family == socket.AF_INET6:
            to = ("::ffff:127.0.0.1", port)
        socket.socket.connect(connecting, to)

    def look_up(self, host: str, port: int, *args: Any) -> list[Any]:
        """good.example as the case says; numbers and localhost as the system has them; nobody else is known."""
        self.asked.append(host)
        if host == GOOD and self.answers:
            now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if now == "hangs":
                self.released.wait(30)
                return []
            return [found for one in now.split() for found in real_look_up(one, port, 0, socket.SOCK_STREAM)]
        if host.lower().rstrip(".") != "localhost" and any(letter in "ghijklmnopqrstuvwyz" for letter in host.lower()):
            raise socket.gaierror(socket.EAI_NONAME, "unknown here")
        return real_look_up(host, port, *args)

    def listen(self, reply: Any, context: ssl.SSLContext | None = None) -> Listener:
        self.open.append(
            Listener((lambda connection: connection.sendall(reply)) if isinstance(reply, bytes) else reply, context)
        )
        return self.open[-1]

    def close(self) -> None:
        self.released.set()
        for one in self.open:
            one.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    monkeypatch.setattr(sockets._TimedSocket, "connect", lambda own, address: made.connect(own, address), raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    monkeypatch.setattr(tenacity, "wait_random", lambda *between: tenacity.wait_none())
    yield made
    monkeypatch.undo()
    made.close()


@pytest.fixture
def go(world: World, plate: Callable[..., Any], settings: Any, configure: Any) -> Callable[..., str]:
    """Take one way to an address; the name of what became of it. `hosts` are listed; `inside`: loopback is allowed."""

    def overlay(url: str, options: dict[str, Any]) -> str:
        given = {**options, "base_url": "https://api.example", "api_key": KEY}
        backend = "detection.providers.generic.GenericProvider"
        settings.DETECTION_PROVIDERS = {"vendor": {"BACKEND": backend, "OPTIONS": given}}
        try:
            Overlay(url=url)
        except ValueError:
            return "never stored"
        row = StoredOverlay.objects.first()
        if row is None:
            plate()
            analysis = Analysis.objects.get()
            row = StoredOverlay(analysis=analysis, kind="heatmap")
        row.status, row.tries, row.source_url, row.next_try_at = "pending", 0, url, timezone.now()
        row.save()
        overlays.store(row.pk)
        row.refresh_from_db()
        assert (row.file.name, row.sha256) == ("", ""), "something of it was stored"
        assert KEY not in row.reason
        return str(row.status)

    def called(url: str, way: str, options: dict[str, Any]) -> str:
        request = ScanRequest(
            reference="r", filename="r.png", media_type="image/png", content=PNG, sha256="0" * 64, width=64, height=48,
            url="https://news.example/x" if way == "API by link" else None,
        )  # fmt: skip
        mode = {"mode": "url"} if way == "API by link" else {}
        try:
            if way == "handed over":
                given = {**options, "base_url": "https://api.example", "api_key": KEY}
                GenericProvider("vendor", given).hand_over(url, PNG, headers={})
            else:
                GenericProvider("vendor", {**options, **mode, "base_url": url, "api_key": KEY}).submit(request)
        except (ProviderError, ProviderMisconfigured) as error:
            return f"{type(error).__name__}: {error}"
        return "done"

    def take(way: str, url: str, *, hosts: Sequence[str], inside: bool = False, bundle: str = "") -> str:
        configure(ALLOW_LOOPBACK=inside, CA_BUNDLE=bundle)
        options: dict[str, Any] = {**QUICK, "allowed_hosts": list(hosts)}
        found = overlay(url, options) if way == "overlay" else called(url, way, options)
        assert KEY not in found
        return found

    return take


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", hostile.SPELLINGS)
def test_b01_no_spelling_of_an_inner_address_is_reached(
    world: World, go: Callable[..., str], number: int, way: str
) -> None:
    """B11."""
    for host in hostile.SPELLINGS[number]:
        for url in (f"https://{host}/x.png", f"http://{host}:{world.canary.port}/x.png"):
            assert go(way, url, hosts=[host, GOOD]) not in ("done", "ready"), url
    assert world.canary.hits() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", hostile.SHAPES)
def test_b01_no_odd_shape_of_an_address_is_asked_for(
    world: World, go: Callable[..., str], number: int, way: str
) -> None:
    """B09: and no name is looked up."""
    world.answers = ["9.9.9.9"]
    for url in hostile.SHAPES[number]:
        if url or not way.startswith("API"):  # without one, an API has its vendor's own
            assert go(way, url, hosts=[GOOD]) not in ("done", "ready"), url
    assert world.canary.hits() == 0
    assert GOOD not in world.asked


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", hostile.ANSWERS)
def test_b01_no_name_leads_inside(world: World, go: Callable[..., str], number: int, way: str) -> None:
    """B03, B04, B05, B11."""
    for _look_up in range(2):
        world.answers = list(hostile.ANSWERS[number])
        assert go(way, f"https://{GOOD}/x.png", hosts=[GOOD]) not in ("done", "ready")
    assert world.canary.hits() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", hostile.redirects(0))
def test_b01_no_redirect_is_followed(world: World, go: Callable[..., str], number: int, way: str) -> None:
    """B02, B07, B08: nor does a key go anywhere but to the API."""
    for reply in hostile.redirects(world.canary.port)[number]:
        vendor = world.listen(reply)
        found = go(way, f"http://127.0.0.1:{vendor.port}/x.png", hosts=["127.0.0.1"], inside=True)
        assert found not in ("done", "ready") or (way, number) == ("handed over", 49)
        assert len(vendor.seen) == 1
        assert (KEY.encode() in vendor.seen[0]) == way.startswith("API")
        if not way.startswith("API"):
            assert not any(word in vendor.seen[0].lower() for word in (b"authorization", b"api-key", b"cookie"))
    assert world.canary.hits() == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", hostile.bodies(b"", b""))
def test_b01_no_body_gets_through_or_holds_us_up(world: World, go: Callable[..., str], number: int, way: str) -> None:
    """B13, B14, B15, B16, B17. What answers a picture that was handed over isn't read at all beyond its limits."""
    for reply in hostile.bodies(PNG, BOMB)[number]:
        vendor = world.listen(reply)
        found = go(way, f"http://127.0.0.1:{vendor.port}/x.png", hosts=["127.0.0.1"], inside=True)
        assert found not in ("done", "ready") or (way, number) == ("handed over", 53)
    assert world.canary.hits() == 0


def _old_tls(folder: Path) -> tuple[ssl.SSLContext, str]:
    context, bundle = certificate(folder, "localhost")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context, bundle


def _unknown(folder: Path) -> tuple[ssl.SSLContext, str]:
    return certificate(folder, "localhost")[0], ""


BROKEN_TLS: dict[str, Callable[[Path], tuple[ssl.SSLContext, str]]] = {
    "expired": lambda folder: certificate(folder, "localhost", days_old=30),
    "another name": lambda folder: certificate(folder, "elsewhere.example"),
    "nobody's": _unknown,
    "TLS 1.0": _old_tls,
}


@pytest.mark.parametrize("way", WAYS)
def test_b01_no_broken_tls_gets_a_byte(world: World, go: Callable[..., str], way: str, tmp_path: Path) -> None:
    """B10. Case 54: nor is anything tried without TLS."""
    for name, made in BROKEN_TLS.items():
        context, bundle = made(tmp_path)
        vendor = world.listen(hostile.answer(PNG, "Content-Type: image/png"), context)
        found = go(way, f"https://localhost:{vendor.port}/x.png", hosts=["localhost"], inside=True, bundle=bundle)
        assert found not in ("done", "ready"), name
        assert set(vendor.seen) <= {b""}, name
    resets = world.listen(lambda connection: None)
    assert go(way, f"https://localhost:{resets.port}/x.png", hosts=["localhost"], inside=True) != "done"
    assert all(seen.startswith(b"\x16\x03") for seen in resets.seen)
    assert world.canary.hits() == 0


@pytest.mark.parametrize("way", WAYS)
def test_the_canary_hears_whoever_comes(world: World, go: Callable[..., str], way: str) -> None:
    """Without this the others would prove nothing."""
    world.answers = ["9.9.9.9"]
    assert go(way, f"https://{GOOD}/x.png", hosts=[GOOD]) not in ("done", "ready")
    assert world.canary.hits() > 0


def test_the_cases_are_54() -> None:
    assert list(range(1, 55)) == hostile.ALL
