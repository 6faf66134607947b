"""The pages for what went wrong, in the newsroom's clothes: what happened, and what to do next.

They ask neither the database nor the session, which may be what failed, and tell nothing of what there is.
Programs get the same sentence as JSON.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_safe

from newsroom.api import problems as api_problems
from newsroom.storage import is_full


def page(
    request: HttpRequest, status: int, title: str, *sentences: str, back: bool = True, sign_in: bool = False
) -> HttpResponse:
    if request.path.startswith("/api/"):
        return api_problems.of_status(status, " ".join(sentences))
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return JsonResponse({"sentence": " ".join(sentences)}, status=status)
    context = {"title": title, "sentences": sentences, "back": back, "sign_in": sign_in}
    return HttpResponse(render_to_string("newsroom/problem.html", context), status=status)


def unreadable(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400."""
    return page(request, 400, _("Not understood"), _("This request could not be read. Nothing was changed."))


def denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403 for whoever is signed in and lacks the permission."""
    missing = _("What you do here does not include this page or this step. Nothing was changed.")
    ask = _("Whoever looks after your desk's people can give you the role for it.")
    return page(request, 403, _("Not allowed here"), missing, ask)


@requires_csrf_token
def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without its token: mostly one that was opened before its reader signed in anew."""
    happened = _("This form was opened before you last signed in, or your browser keeps no cookies. Nothing was saved.")
    keep = _("Go back: your browser still has what you typed. Copy it, reload that page, and send it from there.")
    return page(request, 403, _("This form is out of date"), happened, keep)


def missing(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404, which is also what another desk's things are to everybody else."""
    words = _("There is nothing at this address, or it belongs to a desk that you don't work on.")
    return page(request, 404, _("Nothing here"), words)


def went_wrong(request: HttpRequest) -> HttpResponse:
    """500, what is shown after an error that nobody foresaw; 507 where there is no room left, wherever it was met."""
    error = sys.exc_info()[1]
    _let_go_of_uploads(request)
    title = _("Something went wrong")
    if error is not None and is_full(error):
        words = _("There is no room left here, so this was not saved. Tell whoever runs this site.")
        return page(request, 507, title, words)
    words = _("Something went wrong here, and this may not have been saved. Go back and look.")
    return page(request, 500, title, words)


@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Where signing out leads."""
    words = _("You are signed out. Nothing of the newsroom stays in this window.")
    return page(request, 200, _("Signed out"), words, back=False, sign_in=True)


def _let_go_of_uploads(request: HttpRequest) -> None:
    """Delete what was received of a file when its receiving broke off; Django leaves that on the full disk."""
    for handler in request.upload_handlers:
        if (half := getattr(handler, "file", None)) is not None:
            with contextlib.suppress(OSError, ValueError):
                half.close()
