"""The door by which a detector fetches one picture: the token in its address is the credential, and nothing else is.

Whoever comes is anonymous: no session, no cookie, no redirect. A token that is wrong, dead or withdrawn gets the same
page, and nothing that is logged or shown holds a token, not even one that was mistyped.
"""

from __future__ import annotations

import logging
import re

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe

from detection.errors import HouseFault
from detection.scanning import handing

logger = logging.getLogger("detection")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}
_RETRY_AFTER = 5
"""Seconds."""


@csrf_exempt  # nothing is posted here; refusing the method is shorter than refusing a form
@login_not_required
@transaction.non_atomic_requests
@require_safe
@sensitive_variables()  # here and in everything called from here, where a log or a mail shows variables
def handed(request: HttpRequest, token: str) -> HttpResponse:
    """The picture that this link was made for: 404 where it leads nowhere, 503 where it can't be read just now."""
    try:
        found = handing.opened(token.removesuffix("/"), timezone.now())
    except HouseFault as error:
        logger.warning("A picture could not be handed over: %s", error)
        return _said("Not available now. Try again.\n", status=503)
    except Exception:
        logger.exception("A picture could not be handed over.")
        return _said("Not available now. Try again.\n", status=503)
    if found is None:
        return _said("Not found.\n", status=404)
    response = HttpResponse(found.content, content_type=found.media_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, found.filename)
    return _strict(response)


def _said(text: str, *, status: int) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8", status=status)
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER)
    return _strict(response)


def _strict(response: HttpResponse) -> HttpResponse:
    response.headers["Content-Length"] = str(len(response.content))
    for name, value in _HEADERS.items():
        response.headers[name] = value
    return response


_TOKEN = re.compile(r"(/handed/|/webhooks/[^/\s]+/).+?(?= HTTP/[0-9]|\Z)", re.DOTALL)
_WRITTEN_BY_DJANGO = ("django.request", "django.server", "django.security.csrf", "django.security.DisallowedHost")


class _WithoutToken(logging.Filter):
    """Django logs the address of every answer that is no success; here it ends before the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record where it names such an address; never drop it."""
        said = record.getMessage()
        if (masked := _TOKEN.sub(r"\1[token]", said)) != said:
            record.msg, record.args = masked, ()
        address = getattr(getattr(record, "request", None), "path", "")
        if masked != said or (isinstance(address, str) and _TOKEN.search(address)):
            # Mails and error trackers write out the request that goes with a record.
            record.request = None
        return True


def keep_tokens_out_of_logs() -> None:
    """Filter what Django itself logs of requests. Called once a process, when the app is ready."""
    without_token = _WithoutToken()
    for name in _WRITTEN_BY_DJANGO:
        logging.getLogger(name).addFilter(without_token)
