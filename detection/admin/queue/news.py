"""What happened to the queue while it was open: asked by the page now and then; it writes nothing."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from detection import reach, wording
from detection.admin.queue import listing
from detection.admin.queue.listing import Filters
from detection.admin.queue.rows import claim_words, said_of
from detection.models import Acknowledgement, Place

MOST = 100
"""Rows that one page may ask about."""


@require_safe
def news_view(request: HttpRequest) -> JsonResponse:
    """`{new, sentence, done{place: sentence}, claims{place: words}}` since the page was read. Five queries."""
    if not reach.may_look_at_any(request.user):
        raise PermissionDenied
    now, filters = timezone.now(), Filters.of(request.GET)
    count = 0
    if (read := _moment(request.GET.get("read", ""))) is not None:
        mine = filters.apply(listing.waiting_for(request.user, now), user=request.user, now=now)
        count = mine.filter(since__gt=read).exclude(pk__in=_shown(request)).count()
    shown = Place.objects.filter(reach.places_seen(request.user), pk__in=_shown(request))
    places = list(shown.select_related("asset", "asset__claim"))
    words = ngettext("%(count)d new picture waits.", "%(count)d new pictures wait.", count) % {"count": count}
    claims = {place.pk: claim_words(place, user=request.user, now=now) for place in places}
    return JsonResponse(
        {
            "new": count,
            "sentence": words if count else "",
            "done": _done(places, now),
            "claims": {pk: told for pk, told in claims.items() if told},
        }
    )


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None


def _shown(request: HttpRequest) -> list[int]:
    asked = request.GET.get("shown", "").split(",")[:MOST]
    return [int(one) for one in asked if one.isdecimal() and len(one) < 19]


def _done(places: list[Place], now: datetime) -> dict[int, str]:
    """By place, who answered for it meanwhile and how; a person's word comes with the name."""
    closed = [one for one in places if not one.is_open or (one.closed_until is not None and one.closed_until > now)]
    said = said_of(closed, now)
    unsaid = [place for place in closed if place.pk not in said]
    seen: dict[tuple[int, str], Acknowledgement] = {}
    for one in Acknowledgement.objects.filter(asset__in=[one.asset_id for one in unsaid]) if unsaid else ():
        seen.setdefault((one.asset_id, one.subject_key), one)
    for place in unsaid:
        act = seen.get((place.asset_id, place.subject_key))
        if act is not None and act.evidence == place.asset.evidence:
            named = {"name": act.author_label, "time": wording.moment(act.created_at, now=now)}
            said[place.pk] = _("Acknowledged for this story by %(name)s, %(time)s.") % named
        elif place.closed_until is not None:
            until = {"time": wording.moment(place.closed_until, now=now)}
            said[place.pk] = _("Somebody let this story go despite it, until %(time)s.") % until
        else:
            said[place.pk] = _("It asks for nobody any more.")
    return said
