"""What was typed before a session ended is there again after signing in, and nothing of it was recorded meanwhile.

The words wait in the new session, on the server, for an hour: no address carries them, and no tick or evidence does
either, so that whoever sends them has looked at the page as it is then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.admin import site as admin_site
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from detection.forms import AcknowledgeForm, ConclusionForm, KnowledgeForm, OverrideForm, ReasonForm

View = Callable[..., HttpResponse]
ENDED_FOR = "detection_session_ended_for"
"""A host that ends sessions itself may set this on the request: the key of the person it ended for, as text."""
_KEPT = "detection_typed"
_HOUR = 3600
_LONGEST = 4000
_WORDS = ("conclusion", "reason_code", "note", "reader_label", "no_label_reason", "scope", "ends_at", "reason", "kind")
_FORMS: dict[str, tuple[str, Callable[..., Any], str]] = {
    "decide": ("form", ConclusionForm, "id_%s"),
    "note": ("knowledge_form", KnowledgeForm, "id_known_%s"),
    "release": ("reason_form", ReasonForm, "id_release_%s"),
    "acknowledge": ("acknowledge_form", AcknowledgeForm, "id_ack_%s"),
    "override": ("override_form", OverrideForm, "id_override_%s"),
}
"""By the name under which the page keeps a form: its place in the page's context, the form, and its ids."""


def keeps_what_was_typed(view: View, *, form: str = "") -> View:
    """Around an admin view: a POST of nobody's leaves its words in the session and leads to the sign-in and back.

    `form`: which of the page's forms it is; "" for the review page's own, which name theirs.
    """

    @wraps(view)
    def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not request.user.is_authenticated:
            found = _typed(request, form)
            if found:
                # A host may have the middleware for it or not; strangers fill no session of their own accord.
                return csrf_protect(lambda request: _keep(request, found))(request)
        elif request.method == "POST":
            request.session.pop(_KEPT, None)
        return view(request, *args, **kwargs)

    return inside


def _typed(request: HttpRequest, form: str) -> dict[str, Any]:
    """What there is to keep; {} for nothing."""
    name, page = form or request.POST.get("action", ""), _page(request, own=not form)
    typed = {word: request.POST.get(word, "")[:_LONGEST] for word in _WORDS if request.POST.get(word, "").strip()}
    return {"page": page, "form": name, "typed": typed} if name in _FORMS and page and typed else {}


def _keep(request: HttpRequest, found: dict[str, Any]) -> HttpResponse:
    when = {"for": getattr(request, ENDED_FOR, ""), "at": int(timezone.now().timestamp())}
    request.session[_KEPT] = {**found, **when}
    return redirect_to_login(found["page"], reverse("admin:login"))


def _page(request: HttpRequest, *, own: bool) -> str:
    """The review page that the form stood on; "" where that can't be told."""
    if own:
        return request.get_full_path()
    try:
        public_id = UUID(request.POST.get("asset", ""))
    except ValueError:
        return ""
    story = request.POST.get("subject", "")[:200]
    query = f"?{urlencode({'for': story}, safe=':/')}" if story else ""
    return reverse("admin:detection_asset_review", args=[public_id]) + query


def typed_before(request: HttpRequest) -> dict[str, Any]:
    """What the review page is to show of words that waited for this person: its `page()`'s arguments; {} for none."""
    if not admin_site.has_permission(request):
        return {}
    kept = request.session.get(_KEPT) or {}
    is_here = bool(kept) and kept["page"].split("?")[0] == request.path
    if not is_here or timezone.now().timestamp() - kept["at"] > _HOUR or kept["for"] not in ("", str(request.user.pk)):
        return {}
    place, form, ids = _FORMS[kept["form"]]
    said = _("You were signed out before this was sent. Nothing was recorded; what you typed is here again.")
    return {"problem": said, "kept": kept["form"], "forms": {place: form(initial=kept["typed"], auto_id=ids)}}
