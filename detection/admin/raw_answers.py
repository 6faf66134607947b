"""What a detector sent, word for word as it was kept: one page for those who may read it, and nowhere else.

Asked by auditors, and by whoever looks after an adapter. A picture of a foreign desk does not exist for its reader; on
one within reach, an attempt without the permission is recorded.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib.admin import site as admin_site
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from detection import audit, reach, screens, wording
from detection.admin.review import refused
from detection.history import viewing
from detection.models import Analysis
from detection.providers import providers
from detection.templatetags.detection_tags import review_url
from detection.vocabulary import LIVE, AnalysisStatus


@require_safe
def raw_view(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The kept answer of one check, redacted and as text, or why none is kept. Writes nothing but a refusal."""
    analysis = Analysis.objects.select_related("asset__content_type", "reused_from").filter(public_id=public_id).first()
    if analysis is None or not reach.may_look(request.user, analysis.asset):
        raise Http404
    asset = analysis.asset
    if not reach.may_read_raw(request.user, asset):
        sentence = _("You may not read raw answers. What this one means stands on the review page.")
        error = audit.denied(reach.READ_RAW, asset=asset, by=request.user, sentence=sentence)
        return refused(request, str(error), back=review_url(asset))
    viewing.note(asset, by=request.user, what="raw")
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": _("Raw answer of %(detector)s") % {"detector": screens.title_of(analysis)},
        "analysis": analysis,
        "request_id": screens.request_of(analysis),
        "asset": asset,
        "answered": wording.moment(analysis.completed_at) if analysis.completed_at else "",
        "status": wording.state_word(AnalysisStatus(analysis.status)),
        "review_url": review_url(asset),
        "raw": as_text(analysis.raw) if analysis.raw is not None else "",
        "why_empty": "" if analysis.raw is not None else _why_empty(analysis),
        "earlier": _earlier(request.user, analysis),
    }
    return TemplateResponse(request, "admin/detection/analysis/raw.html", context)


def as_text(raw: Any) -> str:
    """JSON as a person reads it; what nobody can see, or what would turn a line around, stands as its escape."""
    text = json.dumps(raw, indent=2, ensure_ascii=False)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _why_empty(analysis: Analysis) -> str:
    """Why nothing is kept, by the first reason that fits."""
    provider = providers.get(analysis.provider)
    if provider is not None and provider.is_embedded:
        return _("This detector runs here and reads the file itself: nothing was sent, and all it read is on its card.")
    if analysis.reused_from_id:
        return _("This detector was not asked again: an earlier answer about the same file was taken.")
    if analysis.status in LIVE:
        return _("There is no answer yet. Come back when the check has ended.")
    if analysis.status != AnalysisStatus.COMPLETE:
        return _("No answer came that could be kept. Why the check ended is said on the review page.")
    return _("The answer is not kept: it came without a body, or the time for which raw answers are kept is over.")


def _earlier(user: Any, analysis: Analysis) -> Analysis | None:
    """The check whose answer was taken, where this person may read it too."""
    earlier = analysis.reused_from
    return earlier if earlier is not None and reach.may_read_raw(user, earlier.asset) else None
