"""What moves a story, as the buttons do: hand in, schedule, publish, publish in an emergency, withdraw.

Each asks `publishing`, which asks the gate; none has a rule of its own.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from detection import audit
from detection.errors import EvidenceChanged
from newsroom import publishing
from newsroom.api import shapes, telling
from newsroom.api.callers import Caller, caller_of
from newsroom.api.doors import SLUG, door, story_for
from newsroom.api.limits import JSON
from newsroom.api.models import Scope
from newsroom.api.problems import Problem
from newsroom.api.words import BreakGlass, Schedule
from newsroom.publishing import Outcome

router = Router(tags=["Moving"])


@door(router, "POST", f"{SLUG}/submit", scope=Scope.PUBLISH, gives=shapes.Moved, refuses=(409,))
def submit_story(request: HttpRequest, slug: str) -> shapes.Moved:
    """Hand a draft to the desk. Open questions are named, and none keeps it from being handed in."""
    caller = caller_of(request)
    return _told(publishing.submit(story_for(caller, slug), by=caller.user), caller)


@door(router, "POST", f"{SLUG}/schedule", scope=Scope.PUBLISH, gives=shapes.Moved, takes=JSON, refuses=(409,))
def schedule_story(request: HttpRequest, slug: str, words: Schedule) -> shapes.Moved:
    """Let a story go out by itself. The gate is asked when its time has come, and its desk is warned before. Another
    time than it has already takes the scope `withdraw` too."""
    caller = caller_of(request)
    story = story_for(caller, slug)
    if not caller.may_schedule(story):
        audit.record("gate.denied", subject=story, by=caller.user, permission=f"api.{Scope.WITHDRAW}")
        sentence = _("This story has a time already. To give it another, a token needs the scope “withdraw”.")
        raise Problem("lacks-scope", sentence, more={"needs": Scope.WITHDRAW, "scopes": sorted(caller.token.allowed)})
    return _told(publishing.schedule(story, words.at, by=caller.user), caller)


@door(router, "POST", f"{SLUG}/publish", scope=Scope.PUBLISH, gives=shapes.Moved, refuses=(409,))
def publish_story(request: HttpRequest, slug: str) -> shapes.Moved:
    """Ask to publish. The same gate as the button answers: 200 and it is out, or 409 with what holds it and who can
    clear that."""
    caller = caller_of(request)
    return _told(publishing.publish(story_for(caller, slug), by=caller.user), caller)


@door(router, "POST", f"{SLUG}/withdraw", scope=Scope.WITHDRAW, gives=shapes.Moved, refuses=(409,))
def withdraw_story(request: HttpRequest, slug: str) -> shapes.Moved:
    """Take a published story away from readers, or a scheduled one off the schedule. The gate never refuses it."""
    caller = caller_of(request)
    return _told(publishing.withdraw(story_for(caller, slug), by=caller.user), caller)


@door(router, "POST", f"{SLUG}/break-glass", scope=Scope.EMERGENCY, gives=shapes.Moved, takes=JSON, refuses=(409,))
def break_glass(request: HttpRequest, slug: str, words: BreakGlass) -> shapes.Moved:
    """Publish past the gate in an emergency, as a person who may. The desk hears of it at once, and somebody has to
    look at it within the hour. Nothing is cleared: the next publication is asked about as before. A `stop` stays so."""
    caller = caller_of(request)
    story = story_for(caller, slug)
    return _told(publishing.break_glass(story, by=caller.user, **words.model_dump()), caller)


def _told(outcome: Outcome, caller: Caller) -> shapes.Moved:
    """What became of it. Raises Problem where it was refused, by the kind of the refusal."""
    story, report = outcome.story, outcome.report
    if not outcome.is_permitted:
        raise Problem("not-permitted", outcome.sentence)
    if isinstance(outcome.mistake, EvidenceChanged):
        more = telling.what_holds(report, caller) if report is not None else {}
        raise Problem("evidence-changed", outcome.sentence, more=more)
    if outcome.mistake is not None:
        raise Problem("invalid", outcome.sentence)
    if not outcome.is_done and report is None:
        raise Problem("moved", outcome.sentence)
    if not outcome.is_done and report is not None:
        raise Problem("held", outcome.sentence, more=telling.what_holds(report, caller))
    return shapes.Moved(
        slug=story.slug,
        state=story.state,
        sentence=outcome.sentence,
        level=report.level if report else "",
        publish_at=story.publish_at,
        published_at=story.published_at,
        actions=telling.story_actions(story, caller),
    )
