"""One picture after another: after each decision the next one comes by itself. It writes nothing.

Where a person is lies in the address alone (`after`), with the filters, so that two windows don't disturb each other.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from detection import reach
from detection.admin.queue import listing
from detection.admin.queue.listing import Filters
from detection.admin.queue.rows import review_address
from detection.models import Place
from detection.models.places import PlaceQuerySet


@require_safe
def one_view(request: HttpRequest) -> HttpResponse:
    """Lead to the first picture that waits behind the one named by `after`; past the last, back to the list.

    What somebody else says they are looking at is passed over.
    """
    if not reach.may_look_at_any(request.user):
        raise PermissionDenied
    now, filters = timezone.now(), Filters.of(request.GET)
    mine = filters.apply(listing.waiting_for(request.user, now), user=request.user, now=now)
    free = mine.filter(~Q(asset__claim__until__gt=now) | Q(asset__claim__author_id=request.user.pk))
    place = _behind(free, request.GET.get("after", "")).order_by("due", "-urge", "pk").select_related("asset").first()
    if place is None:
        end = "&".join(part for part in (filters.query, "end=1") if part)
        return HttpResponseRedirect(f"{reverse('admin:detection_queue_changelist')}?{end}")
    return HttpResponseRedirect(review_address(place, back=address(filters, after=place.pk)))


def address(filters: Filters, *, after: int | None = None) -> str:
    """Where the next picture is asked for."""
    query = "&".join(part for part in (filters.query, f"after={after}" if after else "") if part)
    here = reverse("admin:detection_queue_one")
    return f"{here}?{query}" if query else here


def _behind(rows: PlaceQuerySet, after: str) -> PlaceQuerySet:
    last = Place.objects.filter(pk=int(after)).first() if after.isdecimal() and len(after) < 19 else None
    if last is None:
        return rows
    later = Q(due__gt=last.due) | Q(due=last.due, urge__lt=last.urge)
    return rows.filter(later | Q(due=last.due, urge=last.urge, pk__gt=last.pk))
