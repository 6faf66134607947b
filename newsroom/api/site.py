"""The API put together: its doors, its description for programs, and the answers that are nobody's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, re_path
from django.utils.cache import get_conditional_response, set_response_etag
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from detection import __version__
from newsroom.api import describing, guide, judging, moves, pictures, problems, stories, whoami

_View = Callable[..., HttpResponseBase]


class _Api(NinjaAPI):
    """Answers that may be asked for again, operations named as their functions, and problems of their own type."""

    def create_response(self, request: HttpRequest, data: Any, **how: Any) -> HttpResponse:
        """The answer as JSON; to GET with a tag, or 304 where the caller has it."""
        response = super().create_response(request, data, **how)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Vary"] = "Authorization"
        if request.method != "GET" or response.status_code != 200:
            response.headers["Cache-Control"] = "private, no-store"
            return response
        response.headers["Cache-Control"] = "private, no-cache"
        set_response_etag(response)
        same = get_conditional_response(request, etag=response.headers["ETag"], response=response)
        return same or response

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Refusals as problems; what nobody foresaw goes on to Django, which logs it."""
        return problems.answer_to(exc) or super().on_exception(request, exc)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The function's name."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        """The description, completed."""
        schema = super().get_openapi_schema(**where)
        describing.complete(schema)
        return schema

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        found = super()._get_urls()
        for one in found:
            if isinstance(one, URLPattern):
                one.callback = _door(one.callback)
        return found


def _door(view: _View) -> _View:
    """A view of the API as Django calls it: HEAD is a GET, and a wrong method is a problem too.

    No cookie counts here, so there is nothing that a CSRF token would guard.
    """

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "HEAD":
            request.method = "GET"
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return problems.Problem("wrong-method", headers={"Allow": response.headers["Allow"]}).response()
        return response

    return inner


api = _Api(
    title="Newsroom",
    version=__version__,
    urls_namespace="api",
    docs_url=None,
    docs_decorator=require_safe,
    description="Stories, their pictures, the evidence about each, and the gate before publishing.",
)
api.add_router("/me", whoami.router)
api.add_router("/stories", stories.router)
api.add_router("/stories", moves.router)
api.add_router("/stories", pictures.into_stories)
api.add_router("/pictures", pictures.router)
api.add_router("", judging.router)


@require_safe
def explained(request: HttpRequest) -> HttpResponse:
    """The page for people."""
    return guide.page(request, api.get_openapi_schema())


def _urls() -> tuple[list[Any], str, str]:
    patterns, app, namespace = api.urls
    doors = [one for one in patterns if not (isinstance(one, URLPattern) and one.name == "api-root")]
    last = re_path(r"^[\s\S]*\Z", _door(problems.not_found), name="nothing")
    return [path("", _door(explained), name="api-root"), *doors, last], app, namespace


urls = _urls()
"""For `path("api/v1/", site.urls)`; every address below that is none of the API's is a problem too."""
