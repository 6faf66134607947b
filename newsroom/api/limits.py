"""How much and how often: sizes and types of bodies, requests a minute for each token and for whoever has none.

All of it is asked before a body is read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from detection import addresses
from newsroom import throttling
from newsroom.api.problems import Problem
from newsroom.streaming import UPLOAD_CAP

JSON, MULTIPART = "application/json", "multipart/form-data"
JSON_CAP = 64 * 1024
"""Bytes of a body that is words alone."""
AROUND_A_FILE = 1024 * 1024
"""Bytes that an upload may have beside its file."""
STRANGERS = 60
"""Requests a minute from one address that come with no valid token."""
_WINDOW = 60


def check_body(request: HttpRequest, takes: str) -> None:
    """Refuse a body of another type, or one that is larger than this address takes. Raises Problem."""
    if request.content_type != takes:
        raise Problem("wrong-type", _("Send it as %(type)s.") % {"type": takes}, headers={"Accept-Post": takes})
    cap = JSON_CAP if takes == JSON else UPLOAD_CAP + AROUND_A_FILE
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > cap:
        raise too_large(JSON_CAP if takes == JSON else UPLOAD_CAP)


def check_names(given: Iterable[str], known: Sequence[str], where: str) -> None:
    """Refuse parameters, or fields of a form, that this address doesn't know. Raises Problem that names them."""
    unknown = [name for name in given if name not in known]
    if unknown:
        what = _("not known here; there are: %(known)s") % {"known": ", ".join(known) or _("none")}
        errors = [{"where": f"{where}.{name}"[:200], "what": what} for name in unknown[:50]]
        raise Problem("invalid", f"{errors[0]['where']}: {what}", more={"errors": errors})


def too_large(cap: int) -> Problem:
    """The answer to a body or a file over `cap` bytes."""
    most = f"{cap // (1024 * 1024)} MB" if cap >= 1024 * 1024 else f"{cap // 1024} KB"
    return Problem("too-large", _("At most %(most)s are taken. Send a smaller copy.") % {"most": most})


def count_token(number: int) -> None:
    """Count one request of a token. Raises Problem (429) over `API_RATE` a minute."""
    _count(f"token:{number}", settings.API_RATE)


def count_stranger(request: HttpRequest) -> None:
    """Count one request without a valid token, so that guessing is slow. Raises Problem (429)."""
    _count(f"address:{throttling.address(request)}", STRANGERS)


def came_from(request: HttpRequest) -> dict[str, str]:
    """The caller's address, counted from our own proxies."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return addresses.client(request.META.get("REMOTE_ADDR", ""), forwarded, trusted=settings.TRUSTED_PROXIES)


def till_tomorrow() -> int:
    """Seconds until a new day begins in TIME_ZONE."""
    now = timezone.localtime()
    return int((now.replace(hour=0, minute=0, second=0) + timedelta(days=1) - now).total_seconds()) + 1


def _count(who: str, most: int) -> None:
    now = time.time()
    window = int(now // _WINDOW)
    key = f"api:{who}:{window}"
    try:
        cache.add(key, 0, timeout=2 * _WINDOW)
        count = cache.incr(key)
    except (OSError, ValueError):
        return  # a cache that can't be written, or that lost the key, must not keep anybody from working
    if count > most:
        wait = int((window + 1) * _WINDOW - now) + 1
        sentence = _("More than %(most)d requests in a minute. Try again in %(wait)d s.") % {"most": most, "wait": wait}
        raise Problem("too-many", sentence, headers={"Retry-After": str(wait)})
