"""Who asks: the account behind a token, and what both together may do. A browser's session opens nothing here.

So no page can make a browser act, and whatever is done here is done by a token that somebody can revoke.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja.security import HttpBearer

from detection import addresses, audit
from newsroom import permissions
from newsroom.api import limits, tokens
from newsroom.api.models import ApiToken, Scope
from newsroom.api.problems import Problem
from newsroom.models import Photo, SourceTier, Story, StoryState

NEEDS: dict[str, Scope] = {
    "look": Scope.READ,
    "read": Scope.READ,
    "upload": Scope.UPLOAD,
    "replace": Scope.UPLOAD,
    "submit": Scope.PUBLISH,
    "schedule": Scope.PUBLISH,
    "publish": Scope.PUBLISH,
    "withdraw": Scope.WITHDRAW,
    "break_glass": Scope.EMERGENCY,
    "undo": Scope.REVIEW,
    "decide": Scope.REVIEW,
    "clear": Scope.REVIEW,
    "acknowledge": Scope.REVIEW,
    "send_to_chief": Scope.REVIEW,
    "override": Scope.OVERRIDE,
    "revoke": Scope.OVERRIDE,
}
"""What each word in `actions` asks of a token; the rest is the account's affair."""


_NEVER_JUDGES = gettext_lazy("A service never judges a picture. Somebody of the story's desk does.")
_NOT_FOR_SERVICES: dict[Scope, Any] = {
    Scope.REVIEW: _NEVER_JUDGES,
    Scope.OVERRIDE: _NEVER_JUDGES,
    Scope.WITHDRAW: gettext_lazy("A service takes nothing away from readers. Somebody of the story's desk does."),
    Scope.EMERGENCY: gettext_lazy(
        "A service never publishes past the gate. A person does, who answers for it: in the newsroom, or by a token of "
        "their own with the scope “emergency”."
    ),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's account and token."""

    user: Any
    token: ApiToken

    def within(self, actions: Iterable[str]) -> list[str]:
        """Those that the account may take and the token is for; what has no door here is left out."""
        return [action for action in actions if NEEDS.get(action) in self.token.allowed]

    def may(self, permission: str, obj: Story | Photo) -> bool:
        """Whether the account holds this permission on this very object."""
        return permissions.may(self.user, permission, obj)

    def may_schedule(self, story: Story) -> bool:
        """Whether the token is for giving this story a time: another time than it has takes it off the present one."""
        return story.state != StoryState.SCHEDULED or Scope.WITHDRAW in self.token.allowed

    def need(self, permission: str, obj: Story | Photo) -> None:
        """Raise Problem (403), after the attempt was recorded, where the account may not."""
        if not self.may(permission, obj):
            audit.record("gate.denied", subject=obj, by=self.user, permission=permission)
            raise Problem("not-permitted", _("You don't work on this story's desk, so you can't do that."))

    def check_tier(self, wanted: str) -> None:
        """Raise Problem (403) for a source above the highest that the token may claim. None is always fine."""
        order = list(SourceTier)
        highest = SourceTier(self.token.highest_tier)
        if wanted and order.index(SourceTier(wanted)) < order.index(highest):
            words = {"wanted": wanted, "highest": highest}
            raise Problem("source-too-high", _("It may claim at most “%(highest)s”, not “%(wanted)s”.") % words)


class Bearer(HttpBearer):
    """Lets in whoever has a live token of this scope; counts, and looks at size and type, before a body is read.

    `asks`: the parameters that an address knows; another is named, for a list with a mistyped filter would hold all.
    """

    def __init__(self, scope: Scope, *, takes: str = "", asks: Sequence[str] = ()) -> None:
        super().__init__()
        self.scope, self.takes, self.asks = scope, takes, asks

    def __call__(self, request: HttpRequest) -> Caller:
        kind, _blank, text = request.headers.get("Authorization", "").partition(" ")
        return self.authenticate(request, text.strip() if kind.lower() == "bearer" else "")

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        now = timezone.now()
        live = tokens.found(token, now)
        if live is None:
            limits.count_stranger(request)
            raise _nobody(was_given=bool(token))
        limits.count_token(live.pk)
        user: Any = live.user
        addresses.put_on(user, limits.came_from(request))
        user.acts_through = f"API token {live.prefix}"
        request.user = user
        if self.scope not in live.allowed:
            raise self._refused(request, live)
        limits.check_names(request.GET, self.asks, "query")
        if self.takes:
            limits.check_body(request, self.takes)
        tokens.note_use(live, now)
        return Caller(user, live)

    def _refused(self, request: HttpRequest, token: ApiToken) -> Problem:
        if self.scope != Scope.READ:
            named = request.resolver_match.kwargs.get("slug", "") if request.resolver_match else ""
            story = permissions.stories(token.user, "newsroom.view_story").filter(slug=named).first()
            audit.record(
                "gate.denied", subject=story, by=token.user, permission=f"api.{self.scope}", address=request.path[:200]
            )
        words = {"scope": self.scope, "scopes": ", ".join(sorted(token.allowed))}
        sentence = _("It needs the scope “%(scope)s”; this token has: %(scopes)s.") % words
        if token.is_service and self.scope in _NOT_FOR_SERVICES:
            sentence = str(_NOT_FOR_SERVICES[self.scope])
        return Problem("lacks-scope", sentence, more={"needs": self.scope, "scopes": sorted(token.allowed)})


def _nobody(*, was_given: bool) -> Problem:
    challenge = 'Bearer realm="newsroom"'
    if was_given:
        sentence = _("This token is not valid: mistyped, over, revoked, or its account is not active.")
        return Problem("no-token", sentence, headers={"WWW-Authenticate": f'{challenge}, error="invalid_token"'})
    sentence = _("Send a token: “Authorization: Bearer nrd_…”. `manage.py api_token USER` issues one.")
    return Problem("no-token", sentence, headers={"WWW-Authenticate": challenge})


def caller_of(request: HttpRequest) -> Caller:
    """Who asks; every door of the API has asked `Bearer` first."""
    found = getattr(request, "auth", None)
    if not isinstance(found, Caller):
        raise _nobody(was_given=False)
    return found
