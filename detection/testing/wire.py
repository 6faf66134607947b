"""The generic profile's wire contract, served: requests in, the words of a scripted detector out.

Only `detector.SandboxDetector` uses it. HTTP/1.1 on the standard library, for it must also serve a clone that has
nothing but the app installed.
"""

from __future__ import annotations

import hashlib
import json
import select
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_BODY = 64 * 1024 * 1024
TAKEN = frozenset({"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"})
"""The media types of the contract. What a file says it is counts; its bytes are not judged."""
WRONG_KEY = "wrong"
"""The bearer key that is refused, so that a refusal can be shown."""
HANGING = 60.0
"""Seconds a call stays open whose answer never comes, unless the caller hangs up first."""
PAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"


@dataclass(slots=True)
class Call:
    """One request that came in. `at`, `ended`: monotonic seconds; `size`: bytes of the body; header names in small
    letters. `ended` is when the answer was about to be sent, or the connection was left without one; 0: not yet."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    media_type: str = ""
    sha256: str = ""
    """Of the file; for a submitted link, the link itself."""
    status: int = 0
    """What was answered; 0: nothing, or nothing yet."""
    ended: float = 0.0
    caller_port: int = 0

    @property
    def key(self) -> str:
        """The bearer key, or an empty string."""
        return self.headers.get("authorization", "").removeprefix("Bearer ").strip()


class Played(Protocol):
    """What the server asks of the detector behind it. `Any` stands for one of its analyses."""

    calls: list[Call]
    stopping: threading.Event

    def turns_away(self) -> int: ...
    def next_answer(self, key: str, sha256: str) -> Mapping[str, Any]: ...
    def store(self, call: Call, content: bytes, answer: Mapping[str, Any]) -> Any: ...
    def earlier(self, call: Call) -> Any: ...
    def analysis(self, name: str, key: str) -> Any: ...
    def next_poll(self, stored: Any) -> Mapping[str, Any]: ...
    def by_reference(self, reference: str, key: str) -> list[Any]: ...
    def overlay(self, name: str) -> bytes | None: ...
    def told(self, stored: Any) -> dict[str, Any]: ...


class WireServer(ThreadingHTTPServer):
    """One thread a connection; closing it ends the connections too."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], detector: Played) -> None:
        self.detector = detector
        self._open: set[socket.socket] = set()
        self.resets: set[socket.socket] = set()
        """Connections that are to end by a reset, as when the other side crashes, and not in order."""
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request in self.resets:
            self.resets.discard(request)
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_request(request)
            return
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A caller that hangs up is what several answers provoke.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WireServer
    call: Call

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the journal is `calls`."""

    def do_GET(self) -> None:
        detector, call = self.server.detector, self._journal()
        kind, _, name = call.path.strip("/").removeprefix("v1/").partition("/")
        if kind == "overlays" and call.path.endswith(".png"):
            painted = detector.overlay(name.removesuffix(".png"))
            self._send(200, painted, "image/png") if painted else self._refuse(404, "not_found", "There is no overlay.")
        elif not call.path.startswith("/v1/"):
            self._refuse(404, "not_found", "There is nothing here.")
        elif not self._is_let_in():
            return
        elif kind == "account":
            self._say(200, {"account": "sandbox"})
        elif kind == "analyses" and not name:
            found = detector.by_reference(call.query.get("reference", ""), call.key)
            self._say(200, {"analyses": [detector.told(one) for one in found]})
        elif kind == "analyses" and (stored := detector.analysis(unquote(name), call.key)):
            if not self._is_played(detector.next_poll(stored)):
                self._say(200, detector.told(stored))
        else:
            self._refuse(404, "not_found", "There is no such analysis.")

    def do_POST(self) -> None:
        call = self._journal()
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self.close_connection = True
            self._refuse(413 if length.isdecimal() else 411, "bad_length", "Send a Content-Length, at most 64 MB.")
            return
        body = self.rfile.read(int(length))
        call.size = len(body)
        if call.path not in ("/v1/analyze", "/v1/analyze-file"):
            self._refuse(404, "not_found", "There is nothing here.")
        elif self._is_let_in():
            is_link = call.path == "/v1/analyze"
            content = self._read_link(body) if is_link else self._read_form(body)
            if content is None or not (is_link or content):
                self._refuse(400, "bad_request", "Send a file, or an image_url as JSON.")
            elif not is_link and call.media_type not in TAKEN:
                self._refuse(415, "unsupported_type", "Send JPEG, PNG, WebP or HEIC.")
            else:
                self._submit(content)

    def _submit(self, content: bytes) -> None:
        detector, call = self.server.detector, self.call
        if earlier := detector.earlier(call):
            self._say(200, detector.told(earlier))
            return
        answer = detector.next_answer(call.key, call.sha256)
        if not self._is_played(answer):
            stored = detector.store(call, content, answer)
            if lost := answer.get("drop_after_store"):
                self._hang(HANGING if lost is True else float(lost))
            else:
                self._say(202 if answer.get("accept") else 200, detector.told(stored))

    def _is_played(self, answer: Mapping[str, Any]) -> bool:
        """Wait as the script says; whether it then has something else said than an analysis, or nothing."""
        self.server.detector.stopping.wait(float(answer.get("delay", 0)))
        if answer.get("silence") or answer.get("reset"):
            self.close_connection = True
            self.call.ended = monotonic()
            if answer.get("reset"):
                self.server.resets.add(self.connection)
            return True
        if "http" in answer or "html" in answer:
            self._play_refusal(answer)
            return True
        return False

    def _play_refusal(self, answer: Mapping[str, Any]) -> None:
        status, headers = int(answer.get("http", 200)), dict(answer.get("headers", {}))
        if "retry_after" in answer:
            headers["Retry-After"] = str(answer["retry_after"])
        body = answer.get("body")
        if answer.get("html"):
            self._send(status, PAGE, "text/html", headers)
        elif isinstance(body, str):
            self._send(status, body.encode(), "text/plain; charset=utf-8", headers)
        elif body is not None:
            self._send(status, json.dumps(body).encode(), "application/json", headers)
        else:
            message = answer.get("message", "The script says so.")
            self._refuse(status, str(answer.get("code", "scripted")), message, headers)

    def _hang(self, seconds: float) -> None:
        """Keep the call open without a word until the caller hangs up, at most so long."""
        self.close_connection = True
        until = monotonic() + seconds
        while monotonic() < until and not self.server.detector.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable:
                break
        self.call.ended = monotonic()

    def _journal(self) -> Call:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.call = Call(monotonic(), self.command, parts.path, dict(parse_qsl(parts.query)), headers)
        self.call.caller_port = int(self.client_address[1])
        self.server.detector.calls.append(self.call)
        return self.call

    def _is_let_in(self) -> bool:
        if not self.call.key or self.call.key == WRONG_KEY:
            self._refuse(401, "unauthorized", "This key is not known.")
        elif status := self.server.detector.turns_away():
            self._refuse(status, "turned_away", "Not now.")
        else:
            return True
        return False

    def _read_link(self, body: bytes) -> bytes | None:
        """The submitted link is kept as if it were the file: nothing is fetched from here. None for what is no link."""
        try:
            told = json.loads(body)
            link = told["image_url"]
        except (ValueError, KeyError, TypeError):
            return None
        if not str(link).startswith(("http://", "https://")):
            return None
        self.call.fields = {name: str(value) for name, value in told.items()}
        self.call.sha256 = str(link)
        return b""

    def _read_form(self, body: bytes) -> bytes | None:
        kind, _, rest = self.headers.get("Content-Type", "").partition("boundary=")
        boundary = rest.partition(";")[0].strip('" ').encode()
        if not kind.startswith("multipart/form-data") or not boundary:
            return None
        content = None
        for part in body.split(b"--" + boundary)[1:-1]:
            head, _, value = part.partition(b"\r\n\r\n")
            value = value.removesuffix(b"\r\n")
            name, filename, media_type = _disposition(head.decode("utf-8", "replace"))
            if name == "file":
                content = value
                self.call.filename, self.call.media_type = filename, media_type
                self.call.sha256 = hashlib.sha256(value).hexdigest()
            else:
                self.call.fields[name] = value.decode("utf-8", "replace")
        return content

    def _say(self, status: int, told: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        retryable = status in (408, 425, 429) or status >= 500
        told = {"error": {"code": code, "message": message, "retryable": retryable}}
        self._send(status, json.dumps(told).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.call.status, self.call.ended = status, monotonic()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _disposition(head: str) -> tuple[str, str, str]:
    """Name, file name and media type of one part of a form."""
    found = {"name": "", "filename": ""}
    media_type = ""
    for line in head.splitlines():
        field_name, _, value = line.partition(":")
        if field_name.strip().lower() == "content-type":
            media_type = value.strip()
        elif field_name.strip().lower() == "content-disposition":
            for piece in value.split(";")[1:]:
                key, _, text = piece.strip().partition("=")
                found[key] = text.strip('"')
    return found["name"], found["filename"], media_type
