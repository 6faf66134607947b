"""Who asks: the account, its desks, its token, and what both together may do somewhere."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from detection import audit
from newsroom import permissions
from newsroom.api import shapes
from newsroom.api.callers import caller_of
from newsroom.api.doors import door
from newsroom.api.models import Scope
from newsroom.models import Membership

router = Router(tags=["Token"])
_ANYWHERE = {
    "look": "newsroom.view_story",
    "upload": "newsroom.change_story",
    "submit": "newsroom.change_story",
    "schedule": "newsroom.publish_story",
    "publish": "newsroom.publish_story",
    "withdraw": "newsroom.publish_story",
    "break_glass": "detection.break_glass",
    "decide": "detection.review_analysis",
    "undo": "detection.review_analysis",
    "acknowledge": "detection.acknowledge_gate",
    "override": "detection.override_hold",
    "revoke": "detection.override_hold",
}


@door(router, "GET", "", scope=Scope.READ, gives=shapes.Me)
def read_me(request: HttpRequest) -> shapes.Me:
    """Who this token acts for, where, till when, and what for."""
    caller = caller_of(request)
    token = caller.token
    held = [word for word, permission in _ANYWHERE.items() if permissions.may_anywhere(caller.user, permission)]
    return shapes.Me(
        account=caller.user.get_username(),
        name=audit.name_of(caller.user),
        desks=[
            shapes.Desk(slug=one.desk.slug, name=one.desk.name, role=one.role)
            for one in Membership.objects.current().filter(user=caller.user).select_related("desk")
        ],
        token=shapes.Token(
            begins_with=token.prefix,
            name=token.name,
            scopes=sorted(token.allowed),
            is_service=token.is_service,
            highest_tier=token.highest_tier,
            expires_at=token.expires_at,
        ),
        actions=caller.within(held),
    )
