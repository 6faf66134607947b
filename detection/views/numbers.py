"""`/metrics`, for Prometheus alone: with the token, or, where none is set, from this machine."""

from __future__ import annotations

import ipaddress
import logging
from hmac import compare_digest

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from detection import addresses, metrics, tallies
from detection.conf import settings

logger = logging.getLogger("detection")


@login_not_required
@transaction.non_atomic_requests
@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """All numbers as text; 401 or 404 for whoever may not have them, 503 where the database doesn't answer."""
    token = str(getattr(django_settings, "METRICS_TOKEN", ""))
    if token and not compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        return HttpResponse("Send the token.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    if not token and not _is_from_here(request):
        return HttpResponse("Not found.\n", status=404)
    try:
        tallies.flush()
        told = metrics.exposition()
    except DatabaseError:
        logger.warning("The numbers could not be asked for: the database does not answer.")
        return HttpResponse("Not available now.\n", status=503)
    return HttpResponse(told, content_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _is_from_here(request: HttpRequest) -> bool:
    """Whether it comes from this machine, and not through a proxy on it that serves everybody."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if (forwarded or request.META.get("HTTP_FORWARDED")) and not settings.TRUSTED_PROXIES:
        return False
    peer = request.META.get("REMOTE_ADDR", "")
    address = addresses.client(peer, forwarded, trusted=settings.TRUSTED_PROXIES).get("address", "")
    return bool(address) and ipaddress.ip_address(address).is_loopback
