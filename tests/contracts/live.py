"""`python -m tests.contracts.live ALIAS`: six cases against the detector that is configured, over its real network.

    make contract ALIAS=generic
    make contract ALIAS=generic ARGS="--yes --url https://news.example/small.jpg"

Calls may be billed: at most ten leave, and to an address that is not on this machine none without `--yes`. Not for CI:
it refuses there. The pictures are drawn here and show nobody. Ends with 1 where a case failed, with 2 where it did not
begin. A case that the detector has no capability for says so, with the flag.
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import django
import requests
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import Resolver404, resolve

from detection.errors import FetchFailed, ImageRefused, ProviderError
from detection.providers import providers
from detection.providers.base import Provider
from detection.results import EXTENSIONS, Accepted, ScanRequest, ScanResult
from detection.testing import images
from detection.vocabulary import Verdict

MOST_CALLS = 10
POLL_AFTER = (2.0, 6.0, 15.0, 30.0)
"""Seconds before each look at an analysis that was accepted; longer where the detector asks for it."""
POLL_FOR = 60.0
OK, FAILED, NOT_APPLICABLE, LEFT_OUT = "ok", "failed", "not applicable", "left out"
NO_PICTURE = b"This is a text and no picture.\n" * 40


class Spent(Exception):
    """The calls of this run are used up."""


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    case: str
    state: str
    said: str


@contextmanager
def counted(most: int = MOST_CALLS) -> Iterator[list[str]]:
    """Count what leaves through `requests`, and raise Spent in place of one call too many."""
    sent: list[str] = []
    send = requests.Session.send

    def counting(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if len(sent) >= most:
            raise Spent
        sent.append(f"{request.method} {urlsplit(request.url or '').path}")
        return send(self, request, **options)

    requests.Session.send = counting  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        requests.Session.send = send  # type: ignore[method-assign]


class Live:
    """The six cases for one detector. `link`: where it can fetch a small picture; `wait`: how to let seconds pass."""

    def __init__(
        self, provider: Provider, sent: list[str], *, link: str = "", wait: Callable[[float], object] = time.sleep
    ) -> None:
        self.provider, self.sent, self.link, self.wait = provider, sent, link, wait
        self.accepted: Accepted | None = None
        self.media_type = "image/jpeg" if "image/jpeg" in provider.media_types else min(provider.media_types)
        self.picture = picture_for(provider, self.media_type)
        self.size = images.decode(self.picture).size

    def run(self) -> list[Line]:
        """All of them, in the order of the table; what costs most is asked first."""
        first = [
            self._case("small upload", self.upload),
            self._case("URL", self.url),
        ]
        later = self._case("asynchronous completion", self.later)
        rest = [
            self._case("unsupported type", self.unsupported),
            self._case("malformed payload", self.malformed),
        ]
        return [*first, *rest, later, self._case("bad callback signature", self.callback)]

    def _case(self, name: str, act: Callable[[], tuple[str, str]]) -> Line:
        try:
            return Line(name, *act())
        except Spent:
            return Line(name, LEFT_OUT, f"the {MOST_CALLS} calls of this run are used up.")
        except (ProviderError, ImproperlyConfigured) as error:
            return Line(name, FAILED, f"{type(error).__name__}: {error}")

    def upload(self) -> tuple[str, str]:
        """A small picture is judged, or taken to be judged later."""
        if not self.provider.takes_upload:
            return NOT_APPLICABLE, "it is given links, not files (takes_upload)."
        return self._judged(self._ask(self.picture, self.media_type))

    def url(self) -> tuple[str, str]:
        """The same by a link."""
        if not self.provider.takes_url:
            return NOT_APPLICABLE, "it is given files, not links (takes_url)."
        if not self.link:
            return LEFT_OUT, 'no link was given: ARGS="--yes --url https://…" names a small picture that it can fetch.'
        return self._judged(self._ask(self.picture, self.media_type, url=self.link))

    def unsupported(self) -> tuple[str, str]:
        """A text, which says that it is one, is refused as a picture that this detector does not take."""
        if not self.provider.takes_upload:
            return NOT_APPLICABLE, "no file can be sent to it (takes_upload)."
        return self._refused("a text", NO_PICTURE, "text/plain")

    def malformed(self) -> tuple[str, str]:
        """An upload without a picture in it, or a link that is none, is refused, and is no fault of the detector."""
        if self.provider.takes_upload:
            return self._refused("an empty file", b"", self.media_type)
        return self._refused("a link that is none", self.picture, self.media_type, url="not-a-link")

    def later(self) -> tuple[str, str]:
        """What was accepted is judged within a minute of asking."""
        if not self.provider.polls:
            return NOT_APPLICABLE, "nothing can be asked for later (polls)."
        if self.accepted is None:
            return NOT_APPLICABLE, "nothing was accepted for later: an answer came at once, or none (polls)."
        # Two calls are for the cases that come after it.
        answer = self._follow(self.accepted, looks=min(len(POLL_AFTER), MOST_CALLS - len(self.sent) - 2))
        if isinstance(answer, Accepted):
            return FAILED, f"request {answer.provider_reference} had no answer in time."
        return self._judged(answer)

    def callback(self) -> tuple[str, str]:
        """A callback with a bad signature is refused."""
        if not self.provider.calls_back:
            return NOT_APPLICABLE, "it does not call back (calls_back)."
        path = f"/detection/webhooks/{self.provider.alias}/"
        try:
            door = resolve(path)
        except Resolver404:
            return NOT_APPLICABLE, "this installation has no callback door."
        # To our own door, in this process: nothing leaves, and what isn't verified touches no database.
        moment = str(int(time.time()))
        signed = {"webhook-id": "ev_live", "webhook-timestamp": moment, "webhook-signature": f"v1,{'A' * 43}="}
        headers = {**signed, "x-timestamp": moment, "x-signature": "0" * 64}
        request = RequestFactory().post(path, data=b"{}", content_type="application/json", headers=headers)
        status = door.func(request, *door.args, **door.kwargs).status_code
        said = f"our door answered {status}, and 401 was expected."
        return (OK, "refused with 401.") if status == 401 else (FAILED, said)

    def _ask(self, content: bytes, media_type: str, *, url: str | None = None) -> ScanResult | Accepted:
        reference = str(uuid.uuid4())
        width, height = self.size if content is self.picture else (0, 0)
        self._keep_pace()
        return self.provider.submit(
            ScanRequest(
                reference=reference,
                filename=f"{reference}.{EXTENSIONS.get(media_type, 'txt')}",
                media_type=media_type,
                content=content,
                sha256=hashlib.sha256(content).hexdigest(),
                width=width,
                height=height,
                url=url,
                idempotency_key=f"{reference}:0",
            )
        )

    def _keep_pace(self) -> None:
        """As slowly as this alias may be asked."""
        # Here, for it reads models, and Django is set up only by `main`.
        from detection.ratelimit import interval_of

        if self.sent and (interval := interval_of(self.provider.rate)):
            self.wait(min(interval, 10.0))

    def _follow(self, answer: ScanResult | Accepted, *, looks: int) -> ScanResult | Accepted:
        """Look so often, over at most `POLL_FOR` seconds; a look that may do better later is only one of them."""
        waited = 0.0
        for pause in POLL_AFTER[: max(looks, 0)]:
            if isinstance(answer, ScanResult):
                break
            left = POLL_FOR - waited
            step = min(max(pause, answer.poll_after), left)
            if step <= 0:
                break
            self.wait(step)
            waited += step
            try:
                answer = self.provider.fetch(answer.provider_reference)
            except ProviderError as error:
                if error.pauses or not error.retryable:
                    raise
        return answer

    def _judged(self, answer: ScanResult | Accepted) -> tuple[str, str]:
        if isinstance(answer, Accepted):
            self.accepted = self.accepted or answer
            return OK, f"taken as {answer.provider_reference}, to be judged later."
        score = "no score" if answer.ai_score is None else f"score {answer.ai_score:.2f}"
        said = f"{answer.verdict}, {score}, model {answer.model or 'not named'}"
        said += f", request {answer.provider_reference or 'not named'}."
        if answer.verdict is Verdict.UNKNOWN or "schema_drift" in answer.warnings:
            codes = ", ".join((*answer.warnings, *answer.reasons)) or "no reason"
            return FAILED, f"the answer was not understood ({codes}): {said}"
        return OK, said

    def _refused(self, what: str, content: bytes, media_type: str, *, url: str | None = None) -> tuple[str, str]:
        try:
            answer = self._ask(content, media_type, url=url)
            if isinstance(answer, Accepted) and self.provider.polls:
                answer = self._follow(answer, looks=2)
        except (ImageRefused, FetchFailed) as error:
            return OK, f"refused ({error.error_class}): {error}"
        if isinstance(answer, ScanResult) and answer.verdict is Verdict.NOT_APPLICABLE:
            return OK, "answered that it does not apply."
        took = "took" if isinstance(answer, Accepted) else f"said {answer.verdict} about"
        return FAILED, f"it {took} {what}, and should have refused it."


def picture_for(provider: Provider, media_type: str) -> bytes:
    """A drawn picture, as small as this detector takes and not below 640 × 480 pixels."""
    short = max(480, provider.min_side)
    kind = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/avif": "AVIF"}.get(
        media_type, "HEIF"
    )
    return images.photo_like(7, size=(short * 4 // 3, short), format=kind)


def table(lines: Sequence[Line]) -> str:
    """The lines below each other."""
    case, state = (max(len(getattr(one, name)) for one in lines) for name in ("case", "state"))
    return "\n".join(f"{one.case:<{case}}  {one.state:<{state}}  {one.said}" for one in lines)


def is_here(address: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def served(content: bytes, media_type: str) -> Iterator[str]:
    """The picture on loopback, for a detector that runs here and fetches; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/small.{EXTENSIONS[media_type]}"
        finally:
            server.shutdown()


def _why_not(provider: Provider, address: str, options: argparse.Namespace) -> str:
    """Why nothing is begun; "" where it may be."""
    if provider.is_embedded or not address:
        return f"{options.alias} calls nobody over HTTP: there is nothing to try."
    provider.check_configuration()
    if is_here(address):
        return ""
    if os.environ.get("CI"):
        return f"This is CI, and {address} is not on this machine. Run it by hand."
    if not options.yes:
        words = f"Up to {MOST_CALLS} calls would go to {address}, with pictures drawn here. They may be billed."
        return f'{words} Add --yes (make contract ALIAS={options.alias} ARGS="--yes").'
    return ""


def _configured(alias: str) -> Provider:
    found = providers.get(alias)
    if found is None:
        raise ImproperlyConfigured(f"No detector is called {alias}. Configured: {', '.join(providers.aliases())}.")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the six cases and print the table; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.live", description="Six live cases.")
    parser.add_argument("alias", help="a detector of DETECTION_PROVIDERS")
    parser.add_argument("--yes", action="store_true", help="send to an address that is not on this machine")
    parser.add_argument("--url", default="", help="a small picture that the detector can fetch")
    options = parser.parse_args(argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    try:
        if not apps.ready:
            django.setup()
        provider = _configured(options.alias)
        address = str(getattr(provider, "root", ""))
        if refusal := _why_not(provider, address, options):
            raise ImproperlyConfigured(refusal)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{provider.title} ({options.alias}) at {address}:\n\n")
    with counted() as sent:
        lines = _lines(provider, sent, options.url, own=is_here(address))
    sys.stdout.write(f"{table(lines)}\n\nCalls sent: {len(sent)} of at most {MOST_CALLS}.\n")
    return int(any(one.state == FAILED for one in lines))


def _lines(provider: Provider, sent: list[str], link: str, *, own: bool) -> list[Line]:
    live = Live(provider, sent, link=link)
    if link or not own or not provider.takes_url:
        return live.run()
    with served(live.picture, live.media_type) as live.link:
        return live.run()


if __name__ == "__main__":
    sys.exit(main())
