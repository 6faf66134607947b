"""The queue's pages: the list, claims, and what a person chose for their own screen. Only doors; GET writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.contrib.admin import site as admin_site
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from detection import reach, reviewing, screens
from detection.admin.queue import listing, onward
from detection.admin.queue.listing import Filters
from detection.admin.queue.rows import rows_of
from detection.admin.review import refused
from detection.admin.visits import UNDO, find_asset, is_ours
from detection.errors import DetectionError, NotPermitted
from detection.models import Preference, Queue, Review
from detection.templatetags.detection_queue import KEYS

PER_PAGE = 25
SAVED = "queue_filters"
MOST_SAVED = 20
"""Filters that one person may save."""


def frame(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    """What every page inside the admin needs, without the list of all its models, which would be asked for in vain."""
    return {
        "site_title": admin_site.site_title,
        "site_header": admin_site.site_header,
        "site_url": admin_site.site_url,
        "has_permission": admin_site.has_permission(request),
        "is_popup": False,
        "is_nav_sidebar_enabled": False,
        "available_apps": [],
        "opts": Queue._meta,
        "title": title,
        **more,
    }


@require_safe
def list_view(request: HttpRequest) -> HttpResponse:
    """What waits for this person, the next to go out first."""
    if not reach.may_look_at_any(request.user):
        raise PermissionDenied
    now, filters = timezone.now(), Filters.of(request.GET)
    mine = listing.waiting_for(request.user, now)
    counts = listing.counts(mine, now)
    found = filters.apply(mine, user=request.user, now=now)
    ordered = found.order_by("due", "-urge", "pk").select_related("asset", "asset__claim")
    pages = Paginator(ordered, PER_PAGE)
    if not filters.is_narrowed:
        pages.count = counts[filters.state]
    page = pages.get_page(request.GET.get("page"))
    preferences = preferences_of(request.user)
    context = frame(
        request,
        _("Waiting for you"),
        filters=filters,
        tabs=_tabs(filters, counts),
        choices=listing.choices(filters, listing.desks(mine)),
        rows=rows_of(list(page), user=request.user, now=now, back=request.get_full_path()),
        page=page,
        saved=sorted(preferences.get(SAVED, {}).items()),
        keys_on=preferences.get(KEYS, True),
        undoable=undoable(request.user),
        here=request.get_full_path(),
        nobody=_("Nobody"),
        one_url=onward.address(filters),
        news_url=f"{reverse('admin:detection_queue_news')}?{urlencode({'read': now.isoformat()})}&{filters.query}",
        is_end="end" in request.GET,
        total=counts["waiting"],
    )
    return TemplateResponse(request, "admin/detection/queue/list.html", context)


def _tabs(filters: Filters, counts: dict[str, int]) -> list[listing.Tab]:
    return [
        listing.Tab(name, str(label), counts[name], f"?state={name}", filters.state == name)
        for name, label in listing.STATES.items()
        if name in ("waiting", filters.state) or counts[name]
    ]


def preferences_of(user: Any) -> dict[str, Any]:
    """What this person chose for their screens, by name."""
    return dict(Preference.objects.filter(user=user.pk).values_list("name", "value"))


def undoable(user: Any) -> list[Review]:
    """This person's own decisions that may still be taken back, the newest first."""
    since = timezone.now() - timedelta(seconds=UNDO.total_seconds())
    mine = Review.objects.filter(author_id=user.pk, created_at__gt=since, reversed_by=None).exclude(conclusion="")
    return list(mine.select_related("asset")[:3])


@require_POST
def claim_view(request: HttpRequest) -> HttpResponse:
    """Say that one is looking at a picture, take it over, or give it back. Fields: asset, verb, next."""
    asset = find_asset(request.user, request.POST.get("asset", ""))
    try:
        if request.POST.get("verb") == "release":
            reviewing.release(asset, by=request.user)
            said = _("Given back: %(picture)s.")
        else:
            reviewing.claim(asset, by=request.user)
            said = _("Others now see that you are looking at %(picture)s, for a quarter of an hour.")
    except NotPermitted as error:
        return refused(request, str(error), back=next_of(request))
    messages.success(request, said % {"picture": asset.label or _("this picture")})
    return HttpResponseRedirect(next_of(request))


@require_POST
def undo_view(request: HttpRequest) -> HttpResponse:
    """Take back one's own decision within ten minutes, from wherever one is. Fields: review, next."""
    try:
        review = get_object_or_404(Review.objects.select_related("asset"), public_id=request.POST.get("review", ""))
    except ValidationError:
        raise Http404 from None
    find_asset(request.user, review.asset.public_id)
    try:
        reviewing.undo(review, by=request.user)
        messages.success(request, _("Taken back. The question is open again; both steps stand in the history."))
    except NotPermitted as error:
        return refused(request, str(error), back=next_of(request))
    except DetectionError as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(next_of(request))


@require_POST
def preferences_view(request: HttpRequest) -> HttpResponse:
    """Keep what a person chose. Fields: keys, graphic (on, off); save (a name) with query; remove (a name); next."""
    if not reach.may_look_at_any(request.user):
        raise PermissionDenied
    asked = request.POST
    if asked.get("keys") in ("on", "off"):
        _keep(request.user, KEYS, asked["keys"] == "on")
        said = _("Keys are on.") if asked["keys"] == "on" else _("Keys are off. Every button still works.")
        messages.success(request, said)
    if asked.get("graphic") in ("on", "off"):
        _keep(request.user, screens.SHOWS, asked["graphic"] == "on")
        shown, hidden = _("Graphic pictures are shown at once."), _("Graphic pictures are hidden until you ask.")
        messages.success(request, shown if asked["graphic"] == "on" else hidden)
    saved: dict[str, str] = preferences_of(request.user).get(SAVED, {})
    if name := asked.get("save", "").strip()[:40]:
        if len(saved) >= MOST_SAVED and name not in saved:
            messages.error(request, _("You have saved %(most)d filters. Remove one first.") % {"most": MOST_SAVED})
        else:
            _keep(request.user, SAVED, {**saved, name: Filters.of(_asked(asked.get("query", ""))).query})
            messages.success(request, _("Saved: %(name)s.") % {"name": name})
    elif asked.get("remove") in saved:
        _keep(request.user, SAVED, {key: value for key, value in saved.items() if key != asked["remove"]})
        messages.success(request, _("Removed: %(name)s.") % {"name": asked["remove"]})
    return HttpResponseRedirect(next_of(request))


def _asked(query: str) -> dict[str, str]:
    return dict(parse_qsl(query[:500]))


def _keep(user: Any, name: str, value: Any) -> None:
    Preference.objects.update_or_create(user_id=user.pk, name=name, defaults={"value": value})


def next_of(request: HttpRequest) -> str:
    """Where to go afterwards: the page of ours that was named, else the queue."""
    wanted = request.POST.get("next") or request.POST.get("stay", "")
    return wanted if wanted and is_ours(request, wanted) else reverse("admin:detection_queue_changelist")
