"""The buttons that move a story, each a POST that asks `publishing`; and the page that says why one was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import site as admin_site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from detection import audit, gate, policy, wording
from detection.forms import AcknowledgeForm, OverrideForm
from detection.models import PolicyVersion
from detection.templatetags.detection_tags import review_url, subject_name
from detection.vocabulary import Conclusion
from newsroom import alerts, permissions, publishing
from newsroom.forms import EmergencyForm, ScheduleForm
from newsroom.models import Placement, Story, StoryState
from newsroom.publishing import Outcome


def admin_url(name: str, *args: object) -> str:
    """The address of an admin page."""
    return reverse(f"admin:{name}", args=args)


@dataclass(frozen=True, slots=True)
class Move:
    """One button: the verb in its address, and the words on it."""

    verb: str
    label: str
    is_main: bool = False


def offered(story: Story, user: Any) -> list[Move]:
    """The buttons that fit the story's state, for somebody who may press them. Scheduling has a form of its own."""
    if not permissions.may(user, "newsroom.publish_story", story):
        return []
    by_state: dict[str, list[Move]] = {
        StoryState.DRAFT: [Move("submit", _("Submit to the desk")), Move("publish", _("Publish now"), is_main=True)],
        StoryState.SUBMITTED: [Move("publish", _("Publish now"), is_main=True)],
        StoryState.SCHEDULED: [
            Move("withdraw", _("Take off the schedule")),
            Move("publish", _("Publish now"), is_main=True),
        ],
        StoryState.PUBLISHED: [
            Move("withdraw", _("Withdraw")),
            Move("publish", _("Publish the changed pictures"), is_main=True),
        ],
        StoryState.WITHDRAWN: [Move("publish", _("Publish again"), is_main=True)],
    }
    return by_state[story.state]


@require_POST
def move_view(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do what one button says. 404 for a story of a foreign desk; 403, 409 where it is refused, with the reasons."""
    story = get_object_or_404(permissions.stories(request.user, "newsroom.view_story"), pk=pk)
    act = _VERBS.get(verb)
    if act is None:
        raise Http404
    outcome = act(request, story)
    if wants_json(request):
        return _as_json(outcome)
    if not outcome.is_permitted:
        return refused_page(request, outcome, status=403)
    if outcome.was_refused:
        return refused_page(request, outcome, status=409)
    (messages.success if outcome.is_done else messages.warning)(request, outcome.sentence)
    return HttpResponseRedirect(admin_url("newsroom_story_change", story.pk))


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller is a program."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _as_json(outcome: Outcome) -> JsonResponse:
    if outcome.is_done:
        return JsonResponse({"state": outcome.story.state, "sentence": outcome.sentence})
    status = 409 if outcome.is_permitted else 403
    body = outcome.report.as_json() if outcome.report is not None else {"sentence": outcome.sentence}
    return JsonResponse(body, status=status)


def _publish(request: HttpRequest, story: Story) -> Outcome:
    return publishing.publish(story, by=request.user)


def _submit(request: HttpRequest, story: Story) -> Outcome:
    return publishing.submit(story, by=request.user)


def _withdraw(request: HttpRequest, story: Story) -> Outcome:
    return publishing.withdraw(story, by=request.user)


def _schedule(request: HttpRequest, story: Story) -> Outcome:
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return Outcome(story=story, is_done=False, sentence=str(form.errors["at"][0]))
    return publishing.schedule(story, form.cleaned_data["at"], by=request.user)


def _publish_without(request: HttpRequest, story: Story) -> Outcome:
    placement = story.placements.filter(pk=_number(request.POST.get("placement", ""))).first()
    if placement is None:
        return Outcome(story=story, is_done=False, sentence=_("This picture is not in this story any more."))
    return publishing.publish_without(story, placement, by=request.user)


def _break_glass(request: HttpRequest, story: Story) -> Outcome:
    form = EmergencyForm(request.POST)
    if not form.is_valid():
        sentence = str(next(iter(form.errors.values()))[0])
        return Outcome(story=story, is_done=False, sentence=sentence, report=gate.report(story, user=request.user))
    return publishing.break_glass(story, by=request.user, **form.cleaned_data)


def _review(request: HttpRequest, story: Story) -> Outcome:
    words = {name: request.POST.get(name, "")[:4000] for name in ("public_id", "outcome", "note")}
    return publishing.review(story, by=request.user, **words)


def _seen(request: HttpRequest, story: Story) -> Outcome:
    if permissions.may(request.user, "newsroom.change_story", story):
        alerts.mark_seen(story, by=request.user)
        return Outcome(story=story, is_done=True, sentence=_("Noted that you have seen it."))
    return Outcome(story=story, is_done=False, is_permitted=False, sentence=_("You don't work on this story's desk."))


_VERBS: dict[str, Callable[[HttpRequest, Story], Outcome]] = {
    "publish": _publish,
    "publish-without": _publish_without,
    "break-glass": _break_glass,
    "review": _review,
    "submit": _submit,
    "schedule": _schedule,
    "withdraw": _withdraw,
    "seen": _seen,
}


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 18 else 0


def refused_page(request: HttpRequest, outcome: Outcome, *, status: int) -> HttpResponse:
    """Why the story didn't go out: a line a picture, with the forms for whoever may use them."""
    story = outcome.story
    back = admin_url("newsroom_story_change", story.pk)
    lines = [_line(line, outcome, back) for line in outcome.report.open_lines] if outcome.report else []
    context = {
        **admin_site.each_context(request),
        "title": _("Not published") if outcome.report else _("Not allowed here"),
        "is_nav_sidebar_enabled": False,
        "opts": Story._meta,
        "story": story,
        "outcome": outcome,
        "lines": lines,
        "subject_name": subject_name(story),
        "next": back,
        "min_note": PolicyVersion.current().rules.min_note,
        "emergency_form": _emergency_form(request, outcome),
        "review_due": date_format(timezone.localtime(timezone.now() + gate.REVIEW_WITHIN), "H:i"),
        "reviewers": gate.others_who_review(story, by=request.user) if outcome.report else (),
    }
    return TemplateResponse(request, "admin/newsroom/story/refused.html", context, status=status)


def _emergency_form(request: HttpRequest, outcome: Outcome) -> EmergencyForm | None:
    """The form for whoever may publish past this refusal, as it was typed; with the evidence that is shown now."""
    if outcome.report is None or not gate.can_break(outcome.report, by=request.user):
        return None
    typed = {name: request.POST.get(name, "") for name in ("reason_code", "note", "typed")}
    shown = {"evidence": gate.seen_in(outcome.report), **typed}
    return EmergencyForm(initial=shown, auto_id="id_emergency_%s", label_suffix="")


def _line(line: gate.Line, outcome: Outcome, back: str) -> dict[str, Any]:
    rules = PolicyVersion.current().rules
    end = policy.override_end(timezone.now(), outcome.story.publish_at, rules)
    placement = Placement.objects.filter(story=outcome.story, photo=line.placed.picture.pk).first()
    number = placement.pk if placement else 0
    conclusion = Conclusion(line.conclusion) if line.conclusion else None
    typed = {"ends_at": end, "reader_label": wording.suggested_label(line.signal, conclusion)}
    return {
        "line": line,
        "icon": wording.icon(line.level),
        "level_word": wording.level_word(line.level),
        "url": review_url(line.asset, outcome.story, back) if line.asset else "",
        "placement": placement,
        "may_acknowledge": "acknowledge" in line.actions,
        "may_override": "override" in line.actions,
        "acknowledge_form": AcknowledgeForm(auto_id=f"id_ack_{number}_%s"),
        "override_form": OverrideForm(initial=typed, auto_id=f"id_override_{number}_%s"),
        "consequence": wording.override_consequence(end),
    }


def history_page(request: HttpRequest, story: Story) -> HttpResponse:
    """Everything that happened to a story and for its pictures' sake: who, when, why."""
    context = {
        **admin_site.each_context(request),
        "title": _("History"),
        "opts": Story._meta,
        "story": story,
        "entries": audit.history(subject=story),
        "next": admin_url("newsroom_story_change", story.pk),
    }
    return TemplateResponse(request, "admin/newsroom/story/history.html", context)


def outcomes_page(request: HttpRequest, outcomes: list[Outcome]) -> HttpResponse:
    """What became of each story of a bulk action; 409 where the gate refused one."""
    status = 409 if any(not outcome.is_done for outcome in outcomes) else 200
    context = {
        **admin_site.each_context(request),
        "title": _("What became of each story"),
        "opts": Story._meta,
        "outcomes": outcomes,
    }
    return TemplateResponse(request, "admin/newsroom/story/outcomes.html", context, status=status)
