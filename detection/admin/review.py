"""The review page: the evidence about one picture, and the acts a person may take on it. Only a door to `reviewing`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin import site as admin_site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from detection import audit, four_eyes, noting, reviewing, scanning, wording
from detection.admin.over_sign_in import typed_before
from detection.admin.visits import Visit
from detection.errors import DetectionError, EvidenceChanged, NotPermitted, Refused
from detection.forms import ConclusionForm, KnowledgeForm, ReasonForm
from detection.history import viewing
from detection.models import Review
from detection.vocabulary import Conclusion, NoteKind
from detection.wording import decision_texts


@require_http_methods(["GET", "HEAD", "POST"])
def review_view(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """GET shows the page and notes who looked; POST takes one act, then sends the reader back to the page."""
    visit = Visit.of(request, public_id, request.GET.get("for", ""))
    if request.method != "POST":
        viewing.note(visit.asset, by=request.user)
        return visit.page(**typed_before(request))
    act = _ACTS.get(request.POST.get("action", ""))
    if act is None:
        return visit.page(status=400, problem=_("That button is not known here. Nothing was recorded."))
    is_decision = request.POST["action"] == "decide"
    return attempt(visit, act, kept=request.POST["action"], to=visit.onward if is_decision else "")


def attempt(
    visit: Visit, act: Callable[[Visit], str], *, kept: str, forms: dict[str, Any] | None = None, to: str = ""
) -> HttpResponse:
    """Take one act and answer for it: done → redirect (`to`, else this page); refused → the page as it was typed."""
    if kept == "decide":
        forms = {"form": ConclusionForm(visit.request.POST)}
    elif kept == "release":
        forms = {"reason_form": ReasonForm(visit.request.POST, auto_id="id_release_%s")}
    elif kept == "note":
        forms = {"knowledge_form": KnowledgeForm(visit.request.POST, auto_id="id_known_%s")}
    try:
        done = act(visit)
    except EvidenceChanged as error:
        return visit.page(status=409, problem=str(error), kept=kept, forms=forms)
    except NotPermitted as error:
        return refused(visit.request, str(error), back=visit.url)
    except DetectionError as error:
        return visit.page(status=400, problem=str(error), kept=kept, forms=forms)
    messages.success(visit.request, done)
    return HttpResponseRedirect(to or visit.url)


def refused(request: HttpRequest, sentence: str, *, back: str = "") -> HttpResponse:
    """The 403 page: what may not be done, in a sentence, and the way back."""
    context = {**admin_site.each_context(request), "title": _("Not allowed here"), "sentence": sentence, "back": back}
    return TemplateResponse(request, "admin/detection/refused.html", context, status=403)


def _decide(visit: Visit) -> str:
    form = ConclusionForm(visit.request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    words = form.cleaned_data
    conclusion = Conclusion(words["conclusion"])
    part = four_eyes.part_of(visit.request.user, visit.asset, desk=visit.desk) if visit.may("override_hold") else ""
    if conclusion is Conclusion.WAITING_FOR_SOURCE:
        reviewing.ask_source(
            visit.asset,
            by=visit.request.user,
            evidence=words["evidence"],
            subject=visit.subject,
            note=words["note"],
        )
    else:
        reviewing.decide(
            visit.asset,
            conclusion,
            by=visit.request.user,
            evidence=words["evidence"],
            subject=visit.subject,
            note=words["note"],
            reason_code=words["reason_code"],
            reader_label=words["reader_label"],
            no_label_reason=words["no_label_reason"],
        )
    said = _("Recorded: %(conclusion)s. You can undo it for ten minutes.") % {
        "conclusion": wording.conclusion_word(conclusion)
    }
    return f"{said} {four_eyes.sentence(part)}".strip()


def _undo(visit: Visit) -> str:
    try:
        review = get_object_or_404(Review, asset=visit.asset, public_id=visit.request.POST.get("review", ""))
    except ValueError:
        raise Http404 from None
    reviewing.undo(review, by=visit.request.user)
    return _("Taken back. The question is open again; both steps stand in the history.")


def _note(visit: Visit) -> str:
    form = KnowledgeForm(visit.request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    evidence = form.cleaned_data["evidence"]
    made = noting.note(visit.asset, form.words(), by=visit.request.user, evidence=evidence, subject=visit.subject)
    told = "; ".join(str(decision_texts.NOTE_KINDS[NoteKind(one.kind)]) for one in made)
    return _("Noted: %(what)s. The question about the picture is as open as before.") % {"what": told}


def _graphic(visit: Visit) -> str:
    is_graphic = visit.request.POST.get("graphic") == "on"
    noting.mark_graphic(visit.asset, by=visit.request.user, is_graphic=is_graphic, subject=visit.subject)
    if is_graphic:
        return _("Marked as graphic: everybody in the newsroom sees it blurred until they ask for it.")
    return _("Not marked as graphic any more.")


def _claim(visit: Visit) -> str:
    reviewing.claim(visit.asset, by=visit.request.user)
    return _("Others now see that you are looking at this picture.")


def _look_again(visit: Visit) -> str:
    if not visit.may("request_scan"):
        sentence = _("You may not ask for a new look at this picture.")
        raise audit.denied("detection.request_scan", asset=visit.asset, by=visit.request.user, sentence=sentence)
    picture = visit.asset.picture()
    if picture is None:
        raise Refused(_("This picture is not in the newsroom any more, so it cannot be looked at again."))
    scanning.request_scan(picture, by=visit.request.user, force=True)
    return _("Looking again. Earlier evidence no longer counts; the page shows the new one when it is there.")


def _second_opinion(visit: Visit) -> str:
    asked = scanning.ask_second_opinion(visit.asset, by=visit.request.user)
    if not asked:
        raise Refused(_("Every detector that takes this picture has been asked already."))
    return ngettext("%(count)d further detector is asked.", "%(count)d further detectors are asked.", len(asked)) % {
        "count": len(asked)
    }


def _release(visit: Visit) -> str:
    form = ReasonForm(visit.request.POST)
    if not form.is_valid():
        raise Refused(first_error(form))
    scanning.release_outside(visit.asset, by=visit.request.user, reason=form.cleaned_data["reason"])
    return _("Released: this picture may now be sent to detectors. Your name and reason are recorded.")


def first_error(form: Any) -> str:
    """The first thing that is missing, in words."""
    return next(str(error) for errors in form.errors.values() for error in errors)


_ACTS: dict[str, Callable[[Visit], str]] = {
    "decide": _decide,
    "undo": _undo,
    "note": _note,
    "claim": _claim,
    "graphic": _graphic,
    "look_again": _look_again,
    "second_opinion": _second_opinion,
    "release": _release,
}
