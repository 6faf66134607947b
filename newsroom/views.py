"""The newsroom's own pages: where a person starts, checking one picture, and what readers see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from detection import stored
from detection.errors import StorageUnavailable
from detection.models import Asset
from detection.templatetags.detection_tags import review_url
from newsroom import alerts, handed, permissions, publishing, renditions, rollup, showing, starting, uploads
from newsroom.forms import AFTERWARDS, CheckForm
from newsroom.models import Desk, Photo, Story, StoryState

AT_WORK = 30
"""How many unpublished stories the start page shows: the next to go out first, then the last changed."""

A_COLUMN = 15
"""How many stories one column of the board shows."""
_BOARD = (StoryState.DRAFT, StoryState.SUBMITTED, StoryState.SCHEDULED, StoryState.PUBLISHED)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """For readers: what is published. For the newsroom: their stories, what waits for them, and the way on."""
    published = Story.objects.filter(state=StoryState.PUBLISHED).order_by("-published_at").select_related("desk")
    context: dict[str, Any] = {"published": published[:20], "title": _("The front page")}
    if request.user.is_authenticated and request.user.is_staff:
        mine = permissions.stories(request.user, "newsroom.view_story").select_related("desk", "author")
        next_out = F("publish_at").asc(nulls_last=True)
        at_work = mine.exclude(state=StoryState.PUBLISHED).order_by(next_out, "-updated_at")[:AT_WORK]
        rows = list(rollup.of(at_work).values())
        own = starting.own_asking(rows, request.user)
        context |= {
            "is_newsroom": True,
            "title": _("Your desk"),
            "own": own,
            "rows": [row for row in rows if row not in own],
            "soon": starting.due_soon(rows) if permissions.offers(request, "detection.review_analysis") else [],
            "house": starting.house_of(request.user),
            "mine_published": mine.filter(state=StoryState.PUBLISHED).order_by("-published_at")[:10],
            "to_review": publishing.to_review(request.user),
            "afterwards": AFTERWARDS,
            "now": timezone.now(),
            "alerts": alerts.waiting_for(request.user)[:10],
            "desks": Desk.objects.filter(memberships__in=request.user.memberships.current()),
            "may_write": permissions.offers(request, "newsroom.add_story"),
            "may_check": permissions.offers(request, "detection.request_scan"),
            "may_look": permissions.offers(request, "detection.review_analysis"),
        }
        context |= _for_a_chief(request)
    return render(request, "newsroom/start.html", context)


def _for_a_chief(request: HttpRequest) -> dict[str, Any]:
    """What waits for whoever clears holds; empty for everybody else."""
    if not permissions.offers(request, "detection.override_hold"):
        return {}
    given = handed.waiting_for(request.user, back=request.path)
    return {
        "handed": given,
        "clears": True,
        "to_clear": starting.to_clear(request.user, given),
        "live": starting.live_asking(request.user),
        "ending": starting.overrides_ending(request.user),
    }


@dataclass(frozen=True, slots=True)
class Column:
    """The stories in one state, as the board shows them."""

    label: str
    cards: list[rollup.RollUp]
    is_cut: bool
    is_public: bool


@staff_member_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """A person's stories by state, each with its worst open picture."""
    mine = permissions.stories(request.user, "newsroom.view_story").select_related("desk")
    next_out = F("publish_at").asc(nulls_last=True)
    by_state = {
        state: list(mine.filter(state=state).order_by(next_out, "-updated_at")[: A_COLUMN + 1]) for state in _BOARD
    }
    rolled = rollup.of([story for stories in by_state.values() for story in stories[:A_COLUMN]])
    columns = [
        Column(
            label=str(state.label),
            cards=[rolled[story.pk] for story in stories[:A_COLUMN]],
            is_cut=len(stories) > A_COLUMN,
            is_public=state == StoryState.PUBLISHED,
        )
        for state, stories in by_state.items()
    ]
    return render(request, "newsroom/board.html", {"columns": columns, "title": _("The board")})


@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Drop one file and look at the evidence; it belongs to no story and is deleted after a day."""
    if not permissions.offers(request, "detection.request_scan"):
        raise PermissionDenied
    form = CheckForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        words = form.cleaned_data
        try:
            photo = uploads.receive_for_check(words["file"], by=request.user, keep_inside=words["keep_inside"])
        except uploads.NotStored as error:
            form.add_error("file", str(error))
            status = error.status
        else:
            asset = Asset.objects.of(photo).first()
            if asset is not None:
                return HttpResponseRedirect(review_url(asset))
            form.add_error(None, _("The picture is here, but no check could be started. Tell whoever runs this site."))
            status = 503
    elif request.method == "POST":
        status = 400
    own = Photo.objects.filter(uploader=request.user.pk).exclude(expires_at=None)
    return render(request, "newsroom/check.html", {"form": form, "own": own[:10]}, status=status)


@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    """A published story with its pictures, credits and labels; 404 for everything else, whoever asks."""
    found = get_object_or_404(Story.objects.select_related("desk"), slug=slug, state=StoryState.PUBLISHED)
    context = {"story": found, "pictures": showing.pictures(found), "title": found.headline}
    return render(request, "newsroom/story.html", context)


@require_safe
def rendition(request: HttpRequest, name: str) -> HttpResponse | StreamingHttpResponse:
    """A picture for readers, while a published story shows it."""
    path = renditions.public(name)
    if path is None:
        raise Http404
    try:
        download = stored.Download(default_storage, path)
    except FileNotFoundError:
        raise Http404 from None
    except StorageUnavailable:
        waiting = _("This picture can't be shown just now. Reload the page in a minute.")
        return HttpResponse(
            waiting, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "60"}
        )
    response = StreamingHttpResponse(download, content_type="image/jpeg")
    if download.size is not None:
        response["Content-Length"] = str(download.size)
    response["Cache-Control"] = "public, max-age=300"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
