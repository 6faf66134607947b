"""One page that acknowledges all pictures of a story that ask for the same thing. Only a door to `gate`."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import site as admin_site
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from detection import gate
from detection.admin.gate_views import next_of
from detection.admin.review import first_error, refused
from detection.admin.visits import find_asset, find_subject
from detection.errors import DetectionError, NotPermitted, Refused
from detection.forms import TogetherForm
from detection.models import Asset
from detection.templatetags.detection_tags import review_url, subject_name


@require_http_methods(["GET", "HEAD", "POST"])
def together_view(request: HttpRequest) -> HttpResponse:
    """GET shows the open pictures by what was found; POST acknowledges the ticked ones of one group.

    Fields: `subject`; `picture`, a public id, once a picture; `evidence_<public id>`; reason_code, note, seen, next.
    """
    subject = find_subject(request.user, request.POST.get("subject") or request.GET.get("subject", ""))
    if subject is None:
        raise Http404
    if request.method != "POST":
        return _page(request, subject)
    form = TogetherForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused(first_error(form))
        words = {"reason_code": form.cleaned_data["reason_code"], "note": form.cleaned_data["note"]}
        outcomes = gate.acknowledge_together(subject, _seen(request), by=request.user, **words)
    except NotPermitted as error:
        return refused(request, str(error), back=next_of(request))
    except DetectionError as error:
        return _page(request, subject, status=400, problem=str(error), form=form)
    _tell(request, outcomes)
    return HttpResponseRedirect(next_of(request) or request.get_full_path())


def _seen(request: HttpRequest) -> dict[Asset, str]:
    """The ticked pictures with the evidence that stood beside each. Raises Http404 for one this person can't see."""
    chosen = [find_asset(request.user, public_id) for public_id in dict.fromkeys(request.POST.getlist("picture"))]
    return {asset: request.POST.get(f"evidence_{asset.public_id}", "") for asset in chosen}


def _tell(request: HttpRequest, outcomes: Any) -> None:
    """What became of each picture: those that were recorded in one line, each other one with its reason."""
    done = [one.label for one in outcomes if one.is_recorded]
    if done:
        names = {"pictures": get_text_list(done, _("and"))}
        messages.success(request, _("Acknowledged for this story: %(pictures)s. Your name and reason stand.") % names)
    for one in outcomes:
        if not one.is_recorded:
            messages.warning(request, f"{one.label}: {one.sentence}")


def _page(
    request: HttpRequest, subject: Model, *, status: int = 200, problem: str = "", form: TogetherForm | None = None
) -> TemplateResponse:
    ticked = set(request.POST.getlist("picture"))
    back = next_of(request) or request.GET.get("next", "")
    context = {
        **admin_site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": _("Acknowledge several pictures"),
        "subject_label": str(subject),
        "subject_name": subject_name(subject),
        "problem": problem,
        "next": back,
        "groups": [_group(lines, subject, back, ticked, form) for lines in gate.alike(_report(request, subject))],
    }
    return TemplateResponse(request, "admin/detection/asset/together.html", context, status=status)


def _report(request: HttpRequest, subject: Model) -> gate.Report:
    return gate.report(subject, user=request.user)


def _group(lines: list[gate.Line], subject: Model, back: str, ticked: set[str], form: Any) -> dict[str, Any]:
    """One form; as it was typed, where it is the one that was sent."""
    names = {str(line.asset.public_id) for line in lines if line.asset is not None}
    was_sent = form is not None and (not ticked or bool(names & ticked))
    return {
        "word": lines[0].word,
        "signal": lines[0].signal,
        "form": form if was_sent else TogetherForm(auto_id=f"id_{lines[0].signal}_%s"),
        "pictures": [
            {
                "line": line,
                "url": review_url(line.asset, subject, back),
                "is_ticked": not was_sent or str(line.asset.public_id) in ticked,
            }
            for line in lines
            if line.asset is not None
        ],
    }
