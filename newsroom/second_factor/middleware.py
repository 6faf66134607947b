"""Whoever still owes a code is nobody, on every page but the ones that ask for it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase

from newsroom import second_factor, sessions


class SecondFactorMiddleware:
    """Right behind the authentication: what stands further in can't tell such a person from a reader."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if sessions.in_use(request):
            self._look(request)
        return self.get_response(request)

    def _look(self, request: HttpRequest) -> None:
        if second_factor.STATE not in request.session and request.user.is_authenticated:
            # Signed in before this was installed.
            second_factor.begin(None, request, request.user)
        if request.session.get(second_factor.STATE) != second_factor.SETTLED:
            request.owes_code = request.user  # type: ignore[attr-defined]
            request.user = AnonymousUser()
