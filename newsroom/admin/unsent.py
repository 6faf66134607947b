"""A story's words that were typed before the session ended stand in its form again after signing in. Nothing was saved.

They wait for their author alone, for an hour, in the session that begins with the sign-in: no address and no other
table holds them. Files don't wait; they are chosen again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from detection.admin.over_sign_in import ENDED_FOR
from newsroom.models import Story

_KEPT = "newsroom_unsent"
_WORDS = ("headline", "slug", "desk", "body", "their_tier", "their_credit", "their_inside")
_OF_PICTURES = ("use", "reader_label", "position")
_MOST = 200_000
"""Characters that are kept of one form: a long feature, many times over."""
_HOUR = 3600


def keeping(patterns: list[URLPattern], *names: str) -> list[URLPattern]:
    """The same addresses, where those of these names keep what was typed before a session ended."""
    for pattern in patterns:
        if pattern.name in names:
            pattern.callback = _keeps(pattern.callback)
    return patterns


def _keeps(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Only of somebody whose session ended with this very request: no stranger fills a session.
        whose = getattr(request, ENDED_FOR, "")
        if request.method == "POST" and whose and not request.user.is_authenticated:
            typed = _typed(request)
            if sum(len(word) for word in typed.values()) <= _MOST:
                kept = {"page": request.path, "for": whose, "at": timezone.now().timestamp(), "typed": typed}
                request.session[_KEPT] = kept
                return redirect_to_login(request.path, reverse("admin:login"))
        elif request.method == "POST":
            request.session.pop(_KEPT, None)
        return view(request, *args, **kwargs)

    return inside


def _typed(request: HttpRequest) -> dict[str, str]:
    """The story's own words, and those about its pictures by the place that each is about."""
    found = {name: request.POST[name] for name in _WORDS if name in request.POST}
    for name, place in request.POST.items():
        prefix, _dash, last = name.rpartition("-")
        if prefix.startswith("placements-") and last == "id" and place:
            words = {word: request.POST.get(f"{prefix}-{word}") for word in _OF_PICTURES}
            found |= {f"{place} {word}": said for word, said in words.items() if isinstance(said, str)}
    return found


def words_for(request: HttpRequest) -> dict[str, str]:
    """What waits for this person on this page; {} for nothing."""
    kept = request.session.get(_KEPT) or {}
    is_here = bool(kept) and kept["page"] == request.path and kept["for"] == str(request.user.pk)
    if not is_here or request.method == "POST" or timezone.now().timestamp() - kept["at"] > _HOUR:
        return {}
    return dict(kept["typed"])


def say(request: HttpRequest, story: Story | None) -> None:
    """Say that the words are here again, and whether the story has changed meanwhile."""
    if not words_for(request):
        return
    said = _("You were signed out before this was saved. What you typed is here again: look it over and save it.")
    files = _("Choose files anew.")
    messages.warning(request, f"{said} {files}")
    if story is not None and story.updated_at.timestamp() > request.session[_KEPT]["at"]:
        messages.warning(request, _("The story has been changed since; saving this puts your words in its place."))


def told_again(request: HttpRequest, base: type[forms.ModelForm[Any]], *, is_placed: bool = False) -> Any:
    """The form, beginning with what was typed. `is_placed`: about a picture of the story, and not the story itself."""
    waiting = words_for(request)

    class Told(base):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            begins = f"{self.instance.pk} " if is_placed else ""
            self.initial |= {name: waiting[begins + name] for name in self.fields if begins + name in waiting}

    return Told if waiting else base
