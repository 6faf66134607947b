"""When a session ends: after hours without a click, and at the latest some hours after signing in.

A page that asks for news of itself is no click, so a screen that somebody left open doesn't stay signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

BEGAN, SEEN = "newsroom_began", "newsroom_seen"
"""In the session: when its person signed in, and when they last clicked; seconds since 1970."""
MACHINES = ("/detection/webhooks/", "/detection/handed/", "/health/", "/metrics")
"""Where machines come: their doors know no session, and a cookie that comes along is not looked at."""
FINENESS = 60
"""Seconds: so often at most a click is written down, for each costs a write."""


def begin(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Start the clock of whoever signs in."""
    request.session[BEGAN] = request.session[SEEN] = now()


def now() -> int:
    """Seconds since 1970."""
    return int(timezone.now().timestamp())


def in_use(request: HttpRequest) -> bool:
    """Whether somebody is signed in here, on an address where that matters; asks the database only then."""
    is_machines = request.path_info.startswith(MACHINES)
    return not is_machines and settings.SESSION_COOKIE_NAME in request.COOKIES and SESSION_KEY in request.session


def is_click(request: HttpRequest) -> bool:
    """Whether a person did something: opened a page or sent a form. What a page fetches by itself is none."""
    return request.method not in ("GET", "HEAD") or request.headers.get("Sec-Fetch-Dest", "document") == "document"


class ClockMiddleware:
    """Behind SessionMiddleware and before whatever asks who is there. Asks nothing of whoever brings no cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if in_use(request):
            self._tick(request)
        return self.get_response(request)

    def _tick(self, request: HttpRequest) -> None:
        session, moment = request.session, now()
        began, seen = session.setdefault(BEGAN, moment), session.setdefault(SEEN, moment)
        if moment - seen > settings.SESSION_IDLE or moment - began > settings.SESSION_COOKIE_AGE:
            # What was typed waits for this very person (`detection.admin.over_sign_in`).
            request.detection_session_ended_for = session[SESSION_KEY]  # type: ignore[attr-defined]
            session.flush()
        elif moment - seen >= FINENESS and is_click(request):
            session[SEEN] = moment
