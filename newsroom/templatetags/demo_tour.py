"""`{% demo_tour %}`: the demo's tour on the start page, and nothing at all anywhere else."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.template import Context
from django.template.loader import render_to_string

from newsroom.demo import tour
from newsroom.demo.views import is_from_here

register = template.Library()


@register.simple_tag(takes_context=True)
def demo_tour(context: Context) -> str:
    """The tour, for a browser on this machine."""
    request = context.get("request")
    if not settings.DEMO or request is None or not is_from_here(request):
        return ""
    shown = {**tour.context(request.user.get_username()), "password": settings.DEMO_PASSWORD}
    return render_to_string("newsroom/tour.html", shown, request=request)
