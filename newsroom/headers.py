"""What every answer tells the browser: no inline code, no frames, and no copy for the next person at this screen.

One constant header needs no package: nothing here is inline, so there is no nonce to hand around, and Django 5.2 has
no middleware of its own for it. A view that says something stricter, as those for pictures do, keeps its own words.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = ", ".join(f"{name}=()" for name in ("camera", "geolocation", "microphone", "payment", "usb"))


class HeadersMiddleware:
    """Outermost but for Django's own SecurityMiddleware: it also answers for what fails further in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not (settings.DEBUG and response.status_code >= 400):  # Django's pages for developers are all inline
            response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            # The next person at this screen gets none of it by the back button.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
