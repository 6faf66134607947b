"""A vendor on loopback: answers from our sample bodies, by method and path, to an adapter that speaks its dialect."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests

from tests.contracts.samples import samples_of


@dataclass(frozen=True)
class Heard:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Vendor:
    """Use as a context manager. `routes`: "POST /1.0/check.json" → bodies, one after another; the last one stays.

    A body may hold `{url}`, which becomes this server's own address; a path's `*` stands for its last part.
    `fetches`: the field of a JSON request whose link it fetches first; a picture it can't have is a 403, as at Winston.
    """

    def __init__(self, routes: Mapping[str, Sequence[Any]], *, fetches: str = "") -> None:
        self.heard: list[Heard] = []
        self.fetched: list[bytes] = []
        self._fetches = fetches
        self._answers = {route: list(bodies) for route, bodies in routes.items()}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, heard: Heard) -> bytes | None:
        """The body for this request; None where no route fits."""
        path = heard.path.partition("?")[0]
        with self._lock:
            self.heard.append(heard)
            for route in (f"{heard.method} {path}", f"{heard.method} {path.rpartition('/')[0]}/*"):
                if bodies := self._answers.get(route):
                    body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
                    return json.dumps(body).replace("{url}", self.url).encode()
        return None

    def has_picture(self, content: bytes) -> bool:
        """Fetch the picture that a request links to; True where it came, or none was wanted."""
        if not self._fetches:
            return True
        answer = requests.get(json.loads(content)[self._fetches], timeout=20)
        self.fetched.append(answer.content)
        return answer.status_code == 200 and answer.headers["Content-Type"] == "image/jpeg"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = self.rfile.read(length)
                has_picture = vendor.has_picture(sent)
                body = vendor.answer(Heard(self.command, self.path, headers, sent)) if has_picture else b"{}"
                self.send_response(403 if not has_picture else 404 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body or b"{}")))
                self.end_headers()
                self.wfile.write(body or b"{}")

            do_GET = do_POST = do_PUT = _answer  # noqa: N815, http.server's names

            def log_message(self, *args: Any) -> None:
                """Nobody reads it."""

        return Handler


def body(vendor: str, file: str) -> Any:
    """One of our sample bodies."""
    return next(one.body for one in samples_of(vendor) if one.file == file)
