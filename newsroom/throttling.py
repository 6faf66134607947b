"""Guessing passwords is slowed: after some wrong ones an address waits before it may try that name again.

The pair of name and address is what counts. So whoever guesses Dana's password from elsewhere doesn't lock Dana out,
and one person's typing errors don't lock the others behind the same router.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from detection import addresses
from detection.conf import settings
from newsroom import guarding, problems

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


def locked(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """What whoever guessed too often is told, whether or not the last password was right."""
    seconds = int(guarding.PAUSE.total_seconds())
    said = _("Too many wrong passwords for this name from where you are. Wait %(minutes)d minutes, then try again.")
    ask = _("If this wasn't you, tell whoever runs this site.")
    answer = problems.page(request, 429, _("Wait a little"), said % {"minutes": seconds // 60}, ask)
    answer.headers["Retry-After"] = str(seconds)
    return answer
