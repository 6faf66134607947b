"""What pages around the queue show of it: how many pictures wait for the reader, and a person's word for a conclusion.

{% load detection_queue %}
{% detection_waiting as waiting %}      "12", "99+", or "" where nothing waits for this person
"""

from __future__ import annotations

from django import template
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from detection import reach, wording
from detection.models import Place, Review
from detection.vocabulary import Conclusion

register = template.Library()
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


@register.filter
def detection_conclusion(review: Review) -> str:
    """What a person concluded, in a few words."""
    return wording.conclusion_word(Conclusion(review.conclusion)) if review.conclusion else ""
