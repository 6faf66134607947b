"""A detector of the generic profile that runs here: real HTTP on loopback, told by a script what to answer.

For tests (`with SandboxDetector() as detector: …`) and, behind the command `sandbox_detector`, for demonstrations.
It never judges a picture: without a script every answer is `uncertain`, from the model "sandbox-detector".

A script is `{key: {sha256: answer or [answers]}}`. `key` is the bearer key, so that one server plays several
detectors; `sha256` that of the file (or the text of a submitted link); `"*"` stands for any. Of a list each submission
takes the next, and the last one stays. An answer may hold

    verdict confidence ai_score model generators schema_version    the analysis, as in the wire contract
    overlay: true                            with a painted overlay in the picture's shape (bytes are not judged)
    failed: {code, message, retryable}       an analysis that ended without a verdict
    accept: true, after: 2.0, then: {…}      202 now; `processing` for `after` seconds; then that answer
    polls: [{http: 500}, {silence: true}]    what the first polls get instead, each a refusal, a silence or a delay
    http: 429, retry_after: 5, code, message, body, headers        a refusal; `body` may be JSON or text
    html: true                               a web page, as a gateway sends it (with `http`, else 200)
    delay: 0.5                               seconds before any of these
    silence: true                            the connection is closed without an answer
    reset: true                              it is reset, as when the detector crashes
    drop_after_store: true                   the analysis is kept, its answer never comes; a number: seconds of waiting
    event: {lost: true}                      what becomes of the event, where a callback_url was given (`sender`)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Self

from detection.testing.heatmaps import paint
from detection.testing.sender import KNOWN as EVENT_WORDS
from detection.testing.sender import Sender
from detection.testing.wire import Call, WireServer

MODEL = "sandbox-detector"
DEFAULT: Mapping[str, Any] = {"verdict": "uncertain", "model": MODEL}
ANALYSIS_FIELDS = ("verdict", "confidence", "ai_score", "model", "generators", "schema_version")
KNOWN = frozenset(
    {
        *(*ANALYSIS_FIELDS, "overlay", "failed", "accept", "after", "then", "http", "retry_after", "code", "message"),
        *("body", "headers", "html", "delay", "silence", "reset", "drop_after_store", "polls", "event"),
    }
)
Answer = Mapping[str, Any]
Script = Mapping[str, Mapping[str, "Answer | list[Answer]"]]


@dataclass(slots=True)
class Stored:
    """An analysis the detector keeps. `ready_at`: monotonic seconds from which it says its answer."""

    id: str
    key: str
    reference: str
    answer: Answer
    ready_at: float
    content: bytes
    polls: list[Answer] = field(default_factory=list)
    """What the next polls get in place of the answer."""


def checked(script: object) -> Script:
    """The script, if its shape and words are known. Raises ValueError with a sentence that names the place."""
    if not isinstance(script, Mapping) or not all(isinstance(table, Mapping) for table in script.values()):
        raise ValueError('A script is {"key or *": {"sha256 or *": answer or [answers]}}.')
    for key, table in script.items():
        for sha256, answers in table.items():
            for answer in answers if isinstance(answers, list) and answers else [answers]:
                _check(answer, f"{key} / {sha256}")
    return script


def _check(answer: object, where: str) -> None:
    if not isinstance(answer, Mapping):
        raise ValueError(f"At {where} the script needs an answer, or a list of at least one.")
    if unknown := set(answer) - KNOWN:
        raise ValueError(f"At {where} the script has unknown words: {', '.join(sorted(map(str, unknown)))}.")
    for word in ("http", "after", "delay"):
        if isinstance(value := answer.get(word, 0), bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"At {where} the script's {word} must be a number, 0 or more.")
    if "then" in answer:
        _check(answer["then"], where)
    for poll in answer.get("polls", ()):
        _check(poll, where)
    if unknown := set(answer.get("event", {})) - EVENT_WORDS:
        raise ValueError(f"At {where} the script's event has unknown words: {', '.join(sorted(map(str, unknown)))}.")


class SandboxDetector:
    """The server. Binds 127.0.0.1 only. `port` 0: any free one. Give a script, or queue answers with `will`.

    `allows`: so many calls within any stretch of so many seconds; one more is refused with 429, and no Retry-After.
    """

    def __init__(self, port: int = 0, script: Script | None = None, *, allows: tuple[int, float] | None = None) -> None:
        self.allows = allows
        self.down = 0
        """While this is a status such as 503, every call is answered with it: an outage."""
        self._let_in: deque[float] = deque()
        self.calls: list[Call] = []
        """Everything that came in, in order."""
        self.billed = 0
        """Analyses made; a repeated Idempotency-Key makes none."""
        self._script: dict[str, dict[str, list[Answer]]] = {}
        for key, table in checked({} if script is None else script).items():
            for sha256, answers in table.items():
                self.will(*(answers if isinstance(answers, list) else [answers]), key=key, sha256=sha256)
        self._stored: dict[str, Stored] = {}
        self._by_idempotency: dict[tuple[str, str], Stored] = {}
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self.events = Sender(self.stopping)
        """Sends what ended to those who gave a `callback_url`, where the script says `accept`."""
        self._server = WireServer(("127.0.0.1", port), self)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stopping.set()
        if self._thread:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted."""
        try:
            self._server.serve_forever()
        finally:
            self.stopping.set()
            self._server.server_close()

    def will(self, *answers: Answer, key: str = "*", sha256: str = "*") -> Self:
        """Queue answers behind those already told for this key and file. Raises ValueError for unknown words."""
        for answer in answers:
            _check(answer, f"{key} / {sha256}")
            self._script.setdefault(key, {}).setdefault(sha256, []).append(answer)
        return self

    def turns_away(self) -> int:
        """The status with which this call is refused, whatever it asks for; 0: it is let in, and counted."""
        if self.down or self.allows is None:
            return self.down
        most, seconds = self.allows
        with self._lock:
            now = monotonic()
            while self._let_in and self._let_in[0] <= now - seconds:
                self._let_in.popleft()
            if len(self._let_in) >= most:
                return 429
            self._let_in.append(now)
            return 0

    def next_answer(self, key: str, sha256: str) -> Answer:
        """What the script says now; the most exact entry wins."""
        with self._lock:
            for table in (self._script.get(key, {}), self._script.get("*", {})):
                for queue in (table.get(sha256), table.get("*")):
                    if queue:
                        return queue.pop(0) if len(queue) > 1 else queue[0]
        return DEFAULT

    def store(self, call: Call, content: bytes, answer: Answer) -> Stored:
        """Keep a new analysis; it is billed."""
        with self._lock:
            self.billed += 1
            said, wait = (answer.get("then", DEFAULT), answer.get("after", 0)) if "accept" in answer else (answer, 0)
            kept = content if said.get("overlay") else b""
            name = f"an_{self.billed:06d}"
            reference, polls = call.fields.get("reference", ""), list(answer.get("polls", ()))
            found = Stored(name, call.key, reference, said, monotonic() + wait, kept, polls)
            self._stored[name] = found
            if idempotency := call.headers.get("idempotency-key"):
                self._by_idempotency[call.key, idempotency] = found
        url = call.fields.get("callback_url")
        if url and ("accept" in answer or "event" in answer):
            self.events.plan(url, name, partial(self._told, found), answer.get("event", {}))
        return found

    def earlier(self, call: Call) -> Stored | None:
        """The analysis made under the same Idempotency-Key."""
        return self._by_idempotency.get((call.key, call.headers.get("idempotency-key", "")))

    def analysis(self, name: str, key: str) -> Stored | None:
        """The analysis of this id, if this key made it."""
        found = self._stored.get(name)
        return found if found and found.key == key else None

    def next_poll(self, stored: Stored) -> Answer:
        """What this poll gets in place of the analysis; nothing: the analysis as it stands."""
        with self._lock:
            return stored.polls.pop(0) if stored.polls else {}

    def by_reference(self, reference: str, key: str) -> list[Stored]:
        """The analyses of the caller's reference, newest first."""
        found = [one for one in self._stored.values() if (one.reference, one.key) == (reference, key)]
        return found[::-1]

    def overlay(self, name: str) -> bytes | None:
        """The painted overlay of an analysis, as PNG, or None."""
        found = self._stored.get(name)
        return paint(found.content) if found and found.content else None

    def told(self, stored: Stored) -> dict[str, Any]:
        """The analysis as it stands, in the words of the wire contract."""
        return self._told(stored, monotonic() >= stored.ready_at)

    def _told(self, stored: Stored, is_over: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"request_id": stored.id, "reference": stored.reference or None, "status": "processing"}
        if not is_over and monotonic() < stored.ready_at:
            return told
        answer = stored.answer
        if "failed" in answer:
            return {**told, "status": "failed", "error": answer["failed"]}
        told |= {"status": "complete", "model": MODEL}
        told |= {name: answer[name] for name in ANALYSIS_FIELDS if name in answer}
        if stored.content:
            told["overlay"] = {"url": f"{self.url}/overlays/{stored.id}.png"}
        return told
