"""What the newsroom's own pages need in every template: the sentence that an installation puts on top of them all."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template.context import Context

from newsroom import alerts, permissions

register = template.Library()


@register.simple_tag
def site_notice() -> str:
    """The installation's own sentence, "" for none."""
    return str(settings.DETECTION_NOTICE)


@register.simple_tag(takes_context=True)
def alerts_waiting(context: Context) -> int:
    """How many alerts nobody of this person's desks has seen."""
    user = getattr(context.get("request"), "user", AnonymousUser())
    return alerts.waiting_for(user).count() if user.is_authenticated and user.is_staff else 0


@register.simple_tag(takes_context=True)
def checks_pictures(context: Context) -> bool:
    """Whether this person is offered to check a picture that belongs to no story."""
    user = getattr(context.get("request"), "user", AnonymousUser())
    return permissions.may_anywhere(user, "detection.request_scan")
