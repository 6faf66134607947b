"""What a host may put into MIDDLEWARE, behind its authentication: who acts then carries where they came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from detection import addresses
from detection.conf import settings


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
