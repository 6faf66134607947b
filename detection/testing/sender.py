"""Events of the sandbox detector: signed, and lost, doubled, early or forged as its script says.

Only `detector.SandboxDetector` uses it. A script's `event` may hold

    lost: true            it is never sent
    early: true           it is sent before the submission is answered
    delay: 2.0            seconds after the analysis is ready
    times: 3              how often, under one id
    processing_after: true     an older event, "processing", comes behind it
    forged: true          signed with a secret that nobody gave out
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from detection import signing
from detection.signing import Scheme

SECRET = "whsec_c2FuZGJveC1kZXRlY3Rvci1zaWduaW5nLWtleQ=="  # noqa: S105 (it signs what the sandbox plays, nothing else)
"""What the sandbox signs its events with, unless it is told otherwise."""
FORGED = "whsec_bm9ib2R5LWdhdmUtdGhpcy1vdXQtdG8tYW55Ym9keQ=="
KNOWN = frozenset({"lost", "early", "delay", "times", "processing_after", "forged"})
_TRIES = 5
_BETWEEN = 1.0
"""Seconds between two tries of an event that was not taken."""


@dataclass(slots=True)
class Sent:
    """One event on its way: to which address, under which id, and what each try was answered (0: nothing)."""

    url: str
    event_id: str
    answers: list[int]


class Sender:
    """Sends events. `stopping`: set when the detector ends."""

    def __init__(self, stopping: threading.Event) -> None:
        self.secret, self.scheme = SECRET, Scheme.STANDARD
        self.sent: list[Sent] = []
        self._stopping = stopping

    def plan(self, url: str, name: str, told: Callable[[bool], Mapping[str, Any]], how: Mapping[str, Any]) -> None:
        """Send what the script says of the analysis `name`. `told`: the analysis, as it stands or (True) as it ends.

        An early event is sent before this returns, others from a thread.
        """
        if how.get("lost"):
            return
        if how.get("early"):
            self._send_all(url, name, told, how)
        else:
            threading.Thread(target=self._send_all, args=(url, name, told, how), daemon=True).start()

    def _send_all(self, url: str, name: str, told: Callable[[bool], Mapping[str, Any]], how: Mapping[str, Any]) -> None:
        self._stopping.wait(float(how.get("delay", 0)))
        while not how.get("early") and told(False).get("status") == "processing" and not self._stopping.wait(0.05):
            pass
        over = told(True)
        secret = FORGED if how.get("forged") else self.secret
        body = event_about(over)
        for _time in range(int(how.get("times", 1))):
            self.send(url, f"ev_{name}", body, secret=secret)
        if how.get("processing_after"):
            self.send(url, f"ev_{name}_before", event_about({**over, "status": "processing"}), secret=secret)

    def send(self, url: str, event_id: str, body: bytes, *, secret: str = "") -> Sent:
        """Post one event until it is taken or refused for good, at most `_TRIES` times; each try is signed anew."""
        sent = Sent(url, event_id, [])
        self.sent.append(sent)
        key = signing.key_of(self.scheme, secret or self.secret)
        for _try in range(_TRIES):
            headers = signing.sign(self.scheme, key, body, event_id=event_id, now=time.time())
            sent.answers.append(_post(url, body, {**headers, "Content-Type": "application/json"}))
            if 200 <= sent.answers[-1] < 500 or self._stopping.wait(_BETWEEN):
                break
        return sent


def event_about(analysis: Mapping[str, Any]) -> bytes:
    """The event of the wire contract that holds this analysis, as it stands now."""
    kind = "failed" if analysis.get("status") == "failed" else "completed"
    event = {"type": f"image.analysis.{kind}", "timestamp": datetime.now(UTC).isoformat(), "data": analysis}
    return json.dumps(event).encode()


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(url, data=body, headers=dict(headers), timeout=15, allow_redirects=False)
        except requests.RequestException:
            return 0
        return int(answer.status_code)
