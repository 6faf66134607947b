"""Guessing passwords is slowed: after some wrong ones an address waits before it may try that name again.

The pair of name and address is what counts. So whoever guesses Dana's password from elsewhere doesn't lock Dana out,
and one person's typing errors don't lock the others behind the same router. An address that tries many names waits as
a whole, a short while (`spraying`); a name that has signed in with this very browser before is then let through to its
own count, so that a guesser among them doesn't keep a newsroom out.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

from django.conf import settings as project
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from detection import addresses
from detection.conf import settings
from newsroom import guarding, problems

_KNOWN, _SPRAYED = "newsroom_known", "newsroom_sprayed"
_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that name a customer's network: the rest whoever sits there may choose anew each time."""


def address(request: HttpRequest) -> str:
    """Where an attempt comes from; a forwarded header counts by TRUSTED_PROXIES alone."""
    meta = request.META
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "")
    found = addresses.client(meta.get("REMOTE_ADDR", ""), forwarded, trusted=settings.TRUSTED_PROXIES)
    try:
        one = ipaddress.ip_address(found.get("address", ""))
    except ValueError:
        return "0.0.0.0"  # noqa: S104, the name of no address: a Unix socket without a trusted proxy
    if one.version == 6:
        return str(ipaddress.ip_network((one, _ONE_CUSTOMER), strict=False).network_address)
    return str(one)


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser of whoever has just signed in be known for their name: a signed cookie for the sign-in alone."""
    response.set_signed_cookie(
        _KNOWN,
        _digest(request.user.get_username()),
        salt=_KNOWN,
        max_age=int(guarding.KNOWN_FOR.total_seconds()),
        path=request.path,
        secure=project.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def is_known(request: HttpRequest, name: str) -> bool:
    """Whether this name has signed in with this browser. It excuses from others' guesses, never from one's own."""
    try:
        known = request.get_signed_cookie(_KNOWN, "", salt=_KNOWN, max_age=int(guarding.KNOWN_FOR.total_seconds()))
    except signing.BadSignature:
        return False
    return bool(name) and constant_time_compare(known or "", _digest(name))


def _digest(name: str) -> str:
    # A name may be in any script, and a header in one only.
    return hashlib.sha256(name.encode()).hexdigest()


def note_spraying(request: HttpRequest) -> None:
    """Let the answer say that it was many names, and not this one."""
    setattr(request, _SPRAYED, True)


def locked(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """What whoever guessed too often is told, whether or not the last password was right."""
    is_sprayed = getattr(request, _SPRAYED, False)
    seconds = int((guarding.NAMES_WITHIN if is_sprayed else guarding.PAUSE).total_seconds())
    if is_sprayed:
        said = _(
            "Too many names with wrong passwords were tried from where you are. Wait %(minutes)d minutes, then try "
            "again; or sign in with a browser that you have signed in with before."
        )
    else:
        said = _("Too many wrong passwords for this name from where you are. Wait %(minutes)d minutes, then try again.")
    ask = _("If this wasn't you, tell whoever runs this site.")
    answer = problems.page(request, 429, _("Wait a little"), said % {"minutes": seconds // 60}, ask)
    answer.headers["Retry-After"] = str(seconds)
    return answer
