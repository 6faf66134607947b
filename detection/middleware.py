"""What a host may put into MIDDLEWARE: an id for each request, and where it came from.

`CorrelationMiddleware` stands first: the id is found again in the answer, the rows and the workers' lines.
`OriginMiddleware` stands behind the host's authentication: who acts then carries where they came from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from detection import addresses, correlation
from detection.conf import settings

logger = logging.getLogger("detection.requests")


class CorrelationMiddleware:
    """Takes the id that comes with a request, if it looks like one, or makes one; names it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = monotonic()
        with correlation.bound(correlation.accepted(request.headers.get(correlation.HEADER, ""))):
            response = self.get_response(request)
            response.headers[correlation.HEADER] = correlation.current()
            # The pattern and not the address: addresses may hold a token, or a question that names somebody.
            match = request.resolver_match
            where = (match.view_name or match.route) if match else "no page"
            milliseconds = round((monotonic() - began) * 1000)
            facts = {"method": request.method, "page": where, "status": response.status_code, "ms": milliseconds}
            logger.info("%s %s %s", request.method, where, response.status_code, extra=facts)
        return response


class OriginMiddleware:
    """The events that a request causes name its address, read by `TRUSTED_PROXIES`; asks no database by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        anybody: Any = request.user
        meta = request.META
        where = addresses.client(
            meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""), trusted=settings.TRUSTED_PROXIES
        )

        def person() -> Any:
            known = bool(anybody)  # wakes the lazy user up
            return addresses.put_on(getattr(anybody, "_wrapped", anybody) if known else anybody, where)

        request.user = SimpleLazyObject(person)  # type: ignore[assignment]
        return self.get_response(request)
