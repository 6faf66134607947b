"""The gate's forms: send, acknowledge, override, revoke. POST only; the gate decides, these carry words to it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from detection import gate
from detection.admin.review import attempt, first_error
from detection.admin.visits import Visit, is_ours
from detection.errors import Refused
from detection.forms import AcknowledgeForm, OverrideForm, ReasonForm
from detection.models import Override


@require_POST
def acknowledge_view(request: HttpRequest) -> HttpResponse:
    """Seen, and carrying on with this story. Fields: subject, asset, evidence, reason_code, note, seen, next."""
    visit = _visit(request)
    form = AcknowledgeForm(request.POST, auto_id="id_ack_%s")

    def act(visit: Visit) -> str:
        words = _checked(form)
        del words["seen"]  # that it was ticked is what the form asks for
        gate.acknowledge(_subject(visit), visit.asset, by=request.user, **words)
        return _("Acknowledged for this story. Your name, reason and the evidence you saw are recorded.")

    return attempt(visit, act, kept="acknowledge", forms={"acknowledge_form": form}, to=next_of(request))


@require_POST
def send_view(request: HttpRequest) -> HttpResponse:
    """Hand a held picture to the desk chief. Fields: subject, asset, evidence, note, next."""
    visit = _visit(request)

    def act(visit: Visit) -> str:
        evidence, note = request.POST.get("evidence", ""), request.POST.get("note", "")[:1000]
        gate.send_to_chief(_subject(visit), visit.asset, by=request.user, evidence=evidence, note=note)
        return _("Sent to the desk chief, with the evidence you saw. Your name stands with it.")

    return attempt(visit, act, kept="send", to=next_of(request))


@require_POST
def override_view(request: HttpRequest) -> HttpResponse:
    """Let one story go despite an open question. Fields: those, and scope, ends_at, reader_label, no_label_reason."""
    visit = _visit(request)
    form = OverrideForm(request.POST, auto_id="id_override_%s")

    def act(visit: Visit) -> str:
        words = _checked(form)
        words["scope"] = words["scope"] or "story"
        gate.override(_subject(visit), visit.asset, by=request.user, **words)
        return _("The story can publish with this image. Your name, reason and the evidence you saw are recorded.")

    return attempt(visit, act, kept="override", forms={"override_form": form}, to=next_of(request))


@require_POST
def revoke_view(request: HttpRequest) -> HttpResponse:
    """End an override before its time. Fields: override, reason, next."""
    try:
        override = get_object_or_404(Override, public_id=request.POST.get("override", ""))
    except (ValueError, ValidationError):
        raise Http404 from None
    subject = f"{override.subject_type.app_label}.{override.subject_type.model}:{override.subject_key}"
    visit = Visit.of(request, override.asset.public_id, subject)
    form = ReasonForm(request.POST)

    def act(visit: Visit) -> str:
        gate.revoke(override, by=request.user, **_checked(form))
        return _("The override has ended. The question about this picture is open again.")

    return attempt(visit, act, kept="revoke", to=next_of(request))


def _visit(request: HttpRequest) -> Visit:
    return Visit.of(request, request.POST.get("asset", ""), request.POST.get("subject", ""))


def _subject(visit: Visit) -> Model:
    if visit.subject is None:
        raise Refused(_("Open the picture from a story to decide for that story."))
    return visit.subject


def _checked(form: Any) -> dict[str, Any]:
    if not form.is_valid():
        raise Refused(first_error(form))
    return dict(form.cleaned_data)


def next_of(request: HttpRequest) -> str:
    """Where to go afterwards, if it is one of our own pages; else ""."""
    wanted = request.POST.get("next", "")
    return wanted if is_ours(request, wanted) else ""
