"""What `check --deploy` says about signing in on a public site, each with something to type."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

from newsroom import guarding

_SHOULD = {
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_HTTPONLY": True,
}
_MIDDLEWARE = ("newsroom.headers.HeadersMiddleware", "newsroom.sessions.ClockMiddleware")


@register(Tags.security, deploy=True)
def check_signing_in(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A public site slows guessing, asks for a second factor, and keeps its cookies to itself."""
    found: list[CheckMessage] = []
    install = "pip install '.[people]', then migrate."
    if not guarding.HAS_THROTTLE or not getattr(settings, "AXES_ENABLED", True):
        found.append(Warning("Passwords can be guessed without end.", hint=install, id="newsroom.W001"))
    if not guarding.HAS_SECOND_FACTOR:
        found.append(Warning("Nobody can have a second factor.", hint=install, id="newsroom.W002"))
    elif settings.SECOND_FACTOR == "off":
        hint = "Set NEWSROOM_SECOND_FACTOR to everyone, or to chiefs; or silence this check with its id."
        found.append(Warning("A password alone opens everything.", hint=hint, id="newsroom.W003"))
    for name, value in _SHOULD.items():
        if getattr(settings, name) != value:
            hint = "Set PUBLIC_BASE_URL to the https address that readers use."
            found.append(Warning(f"{name} is {getattr(settings, name)}.", hint=hint, id="newsroom.W004"))
    for name in _MIDDLEWARE:
        if name not in settings.MIDDLEWARE:
            found.append(Warning(f"{name} is not in MIDDLEWARE.", hint="Put it back.", id="newsroom.W005"))
    return found
