"""The door at which detectors call back: looks at the headers, hands the bytes on, and answers with a number.

Whoever comes is anonymous: no session, no cookie, no redirect. Nothing that isn't verified is stored, read or logged,
beyond its length and the beginning of its hash, and everything that isn't gets one and the same answer.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from time import monotonic

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from detection import callbacks, counting, tallies
from detection.callbacks import Answer
from detection.errors import ProviderMisconfigured

logger = logging.getLogger("detection")

MAX_BODY = 64 * 1024
"""Bytes of one event."""
_SAID = {
    401: "Not accepted.",
    404: "Not found.",
    405: "POST only.",
    409: "Another event came under this id.",
    411: "Send a Content-Length.",
    413: "At most 64 KiB.",
    415: "Send application/json.",
    429: "Too many. Try again later.",
    503: "Not available now. Try again later.",
}
RESULTS = {
    202: "accepted",
    200: "duplicate",
    401: "bad_signature",
    409: "conflict",
    413: "too_large",
    429: "throttled",
    503: "unavailable",
    **dict.fromkeys((400, 405, 411, 415), "malformed"),
}
"""What is counted of each answer; nothing is counted of an alias that is none of ours."""
_RETRY_AFTER = {429: 60, 503: 30}
"""Seconds."""


class Refusals:
    """How many bad deliveries each peer has left in this process: `burst` at once, then one each `refill` seconds.

    Behind a proxy all come from one peer, so a good delivery is never refused for the bad ones before it.
    """

    def __init__(self, *, burst: int = 30, refill: float = 1.0, peers: int = 1000) -> None:
        self._burst, self._refill, self._peers = burst, refill, peers
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_one_too_many(self, peer: str, now: float) -> bool:
        """Count one more of this peer's; whether it is over what it may. `now`: monotonic seconds."""
        with self._lock:
            full_at = max(self._full_at.pop(peer, now), now)
            is_over = full_at - now > (self._burst - 1) * self._refill
            self._full_at[peer] = full_at if is_over else full_at + self._refill
            if len(self._full_at) > self._peers:
                self._full_at.popitem(last=False)
            return is_over


refusals = Refusals()


@csrf_exempt  # the signature, or the address itself, is the credential
@login_not_required
@transaction.non_atomic_requests
@sensitive_variables()
def webhook(request: HttpRequest, alias: str, token: str = "") -> HttpResponse:
    """One delivery: 202 kept, 200 known already, 409 other words under its id, 401 not verified, 503 come again."""
    status = _taken(request, alias, token)
    if status != 404:  # an alias that is none of ours is nobody's label
        counting.add("newsroom_webhook_received_total", provider=alias, result=RESULTS[status])
    tallies.flush_due()
    return _said(status)


@sensitive_variables()
def _taken(request: HttpRequest, alias: str, token: str) -> int:
    """The status of the answer."""
    try:
        provider = callbacks.called(alias)
    except ProviderMisconfigured:
        logger.exception("The detector %s is configured wrongly, so it cannot call back.", alias)
        return 503
    if provider is None or (token and provider.signs_events):
        return 404
    if refused := _refused_by_headers(request):
        return refused
    if not provider.can_verify:
        logger.error("The detector %s called back, and this process has no webhook_secrets for it.", alias)
        return 503
    try:
        body = request.body
    except RequestDataTooBig:
        return 413
    except UnreadablePostError:
        return 400
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        answer = callbacks.accept(provider, token, headers, body, now=timezone.now().timestamp())
    except DatabaseError:
        logger.exception("An event of %s could not be kept; its sender has to come again.", alias)
        return 503
    if answer is Answer.UNVERIFIED and refusals.is_one_too_many(request.META.get("REMOTE_ADDR", ""), monotonic()):
        return 429
    return answer.value


def _refused_by_headers(request: HttpRequest) -> int:
    """The status by which this request is refused unread; 0: it may be read."""
    if request.method != "POST":
        return 405
    length = request.META.get("CONTENT_LENGTH") or ""
    if not re.fullmatch(r"[0-9]{1,18}", length, re.ASCII):
        return 411
    if int(length) > MAX_BODY:
        return 413
    return 0 if request.content_type == "application/json" else 415


def _said(status: int) -> HttpResponse:
    said = _SAID.get(status, "")
    response = HttpResponse(f"{said}\n" if said else "", content_type="text/plain; charset=utf-8", status=status)
    response.headers["Content-Length"] = str(len(response.content))
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if status == 405:
        response.headers["Allow"] = "POST"
    if status in _RETRY_AFTER:
        response.headers["Retry-After"] = str(_RETRY_AFTER[status])
    return response
