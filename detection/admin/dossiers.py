"""The door to a picture's dossier: a page that says what it holds, and two buttons. Making one is an event."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.admin import site as admin_site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from detection import audit
from detection.admin.review import refused
from detection.admin.visits import find_asset
from detection.history import dossier
from detection.history.dossier import paper, pictures
from detection.models import Asset
from detection.templatetags.detection_tags import review_url


@require_http_methods(["GET", "HEAD", "POST"])
def dossier_view(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET says what a dossier holds; POST (`format`, `reason`) makes it."""
    asset = find_asset(request.user, public_id)
    user: Any = request.user
    if not user.has_perm(dossier.PERMISSION):
        sentence = _("You may not make dossiers. An auditor can do it.")
        error = audit.denied(dossier.PERMISSION, asset=asset, by=user, sentence=sentence)
        return refused(request, str(error), back=review_url(asset))
    wanted = request.POST.get("format", "")
    if request.method != "POST" or wanted not in ("json", "pdf"):
        return _page(request, asset, status=400 if request.method == "POST" else 200)
    made = dossier.make(asset, by=user, reason=request.POST.get("reason", "")[:1000])
    is_paper = wanted == "pdf"
    content = paper.draw(made, pictures=pictures.of(asset)) if is_paper else dossier.as_json(made)
    response = HttpResponse(content, content_type="application/pdf" if is_paper else "application/json")
    name = f"dossier-{slugify(asset.label)[:60] or asset.public_id.hex}.{wanted}"
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _page(request: HttpRequest, asset: Asset, *, status: int) -> HttpResponse:
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": _("Dossier"),
        "asset": asset,
        "back": review_url(asset),
        "problem": _("Choose the file to verify or the paper to read.") if status == 400 else "",
    }
    return TemplateResponse(request, "admin/detection/asset/dossier.html", context, status=status)
