"""Being one of the demo's people with one click: in the demo alone, and only for whoever sits at this machine."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from newsroom.demo.stories import PEOPLE

_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP")
_HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


@require_POST
def be(request: HttpRequest, username: str) -> HttpResponse:
    """Sign in as one of the demo's people, and go on to `next`. 404 for everybody who isn't at this machine."""
    if not settings.DEMO or username not in PEOPLE or not is_from_here(request):
        raise Http404
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Http404
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(wanted if is_ours else reverse("newsroom:start"))


def is_from_here(request: HttpRequest) -> bool:
    """Whether the browser runs on this machine, and asked for it by one of its own names.

    Behind a proxy every visitor comes from loopback, so whatever a proxy adds is a no.
    """
    host = request.get_host().rpartition(":")[0] or request.get_host()
    if any(request.META.get(name) for name in _FORWARDED) or (host not in _HERE and request.get_host() not in _HERE):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
