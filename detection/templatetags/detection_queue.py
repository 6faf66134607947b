"""What pages around the queue show of it: how many pictures wait for the reader, and a person's word for a conclusion.

{% load detection_queue %}
{% detection_waiting as waiting %}      "12", "99+", or "" where nothing waits for this person
"""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from detection import reach, wording
from detection.models import Asset, Place, Preference, Review
from detection.reviewing import UNDO_FOR
from detection.vocabulary import Conclusion

register = template.Library()
KEYS = "keys"
"""The preference under which a person switches single keys off."""
MOST = 99
"""Above this nobody counts on: the number says that there is more than enough to do."""


@register.simple_tag(takes_context=True)
def detection_waiting(context: Context) -> str:
    """How many pictures wait for the reader of this page, "99+" for more than that, "" for none. One short look."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated or not user.is_staff:
        return ""
    waits = Place.objects.order_by().waiting(timezone.now()).filter(reach.places_for(user), is_live=False)
    count = len(waits.values_list("pk")[: MOST + 1])
    return f"{MOST}+" if count > MOST else str(count or "")


@register.simple_tag(takes_context=True)
def detection_queue_url(context: Context) -> str:
    """The queue's address; "" for whoever may look at no picture, and without the admin."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated or not user.is_staff or not reach.may_look_at_any(user):
        return ""
    try:
        return reverse("admin:detection_queue_changelist")
    except NoReverseMatch:
        return ""


@register.inclusion_tag("detection/queue/keys.html", takes_context=True)
def detection_keys(context: Context) -> dict[str, Any]:
    """The keys of this page: what they do, by `?`, and the switch with which a person turns them off."""
    request = context.get("request")
    user = getattr(request, "user", None)
    kept = Preference.objects.filter(user=getattr(user, "pk", None), name=KEYS).first()
    return {
        "keys_on": kept is None or bool(kept.value),
        "here": request.get_full_path() if request else "",
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("detection/queue/onward.html", takes_context=True)
def detection_onward(context: Context, asset: Asset, onward: str) -> dict[str, Any]:
    """While a person goes from picture to picture: the way on, back to the list, and their last decision to undo."""
    request = context.get("request")
    own = Review.objects.filter(author_id=getattr(getattr(request, "user", None), "pk", None), reversed_by=None)
    since = timezone.now() - UNDO_FOR
    last = own.filter(created_at__gt=since).exclude(conclusion="").select_related("asset").first() if onward else None
    return {
        "onward": onward,
        "list_url": detection_queue_url(context),
        "undoable": [last] if last is not None and last.asset_id != asset.pk else [],
        "here": request.get_full_path() if request else "",
        "keys_on": True,
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def detection_word_url(term: str, kind: str) -> str:
    """Where the glossary explains a word: `{{ asset.signal|detection_word_url:"signal" }}`; "" without the admin."""
    try:
        return f"{reverse('admin:detection_queue_words')}#{kind}-{term}"
    except NoReverseMatch:
        return ""


@register.filter
def detection_conclusion(review: Review) -> str:
    """What a person concluded, in a few words."""
    return wording.conclusion_word(Conclusion(review.conclusion)) if review.conclusion else ""
