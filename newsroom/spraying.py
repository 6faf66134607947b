"""One password tried on many names from one address: that address waits too, but for names known in this browser.

django-axes counts wrong passwords by name and address, and compares each count with one limit. How many names an
address has tried is another question with a figure of its own, so it is asked here, of the rows that axes keeps anyway.
"""

from __future__ import annotations

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_failure_limit
from axes.models import AccessAttempt
from django.http import HttpRequest
from django.utils import timezone

from newsroom import guarding, throttling


class Handler(AxesDatabaseHandler):  # type: ignore[misc]
    """As axes' own, and an address that has tried too many names is locked as if this name had used up its tries."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures that count against this request."""
        own = int(super().get_failures(request, credentials))
        limit = get_failure_limit(request, credentials)
        name = get_client_username(request, credentials) or ""
        if own >= limit or throttling.is_known(request, name) or not _sprays(request):
            return own
        throttling.note_spraying(request)
        return int(limit)


def _sprays(request: HttpRequest) -> bool:
    """Whether this address has wrong passwords open for too many names. Who then signs in right is counted no more."""
    since = timezone.now() - guarding.NAMES_WITHIN
    tried = AccessAttempt.objects.filter(ip_address=throttling.address(request), attempt_time__gte=since)
    return bool(tried.values("username").distinct().count() >= guarding.NAMES)
