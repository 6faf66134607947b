"""Who may do what on which desk: the one predicate that the admin, the pages, the gate and the media view all ask.

Three keys open a door on a desk: a membership that has not ended, a role that carries the permission, and the
permission itself, by group or by person. A superuser has the last one always, and still needs the other two: nobody
clears a picture by being an administrator. A few permissions concern the whole house and need no desk.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import Group, Permission
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from newsroom.models import Desk, Membership, Photo, Placement, Role, Story

_M = TypeVar("_M", bound=Model)

EDITOR = frozenset(
    {
        "newsroom.view_story",
        "newsroom.add_story",
        "newsroom.change_story",
        "newsroom.publish_story",
        "newsroom.view_photo",
        "newsroom.add_photo",
        "newsroom.change_photo",
        "detection.review_analysis",
        "detection.acknowledge_gate",
        "detection.request_scan",
    }
)
CHIEF = EDITOR | {
    "newsroom.delete_story",
    "detection.override_hold",
    "detection.override_stop",
    "detection.break_glass",
    "detection.release_outside",
    "detection.change_source_tier",
}
STANDARDS = EDITOR | {"detection.override_hold", "detection.override_stop"}
ROLES: dict[Role, frozenset[str]] = {Role.EDITOR: EDITOR, Role.CHIEF: CHIEF, Role.STANDARDS: STANDARDS}
"""What each role carries on its own desk."""
HOUSE = frozenset(
    {
        "detection.view_audit",
        "detection.export_audit",
        "detection.view_raw_payload",
        "detection.operate_provider",
        "detection.redrive",
        "detection.change_policy",
        "detection.erase_personal",
        "newsroom.revoke_token",
    }
)
"""Held for the whole house or not at all; none of them decides about a picture."""
NOBODYS = frozenset({"detection.override_stop"})
"""Not implied by being a superuser or a chief: a standards editor's, or granted to a person on purpose."""
STANDARDS_EDITORS = "Standards editors"
"""The group that gives `NOBODYS` to whoever is standards editor on any desk; on other desks it gives them nothing."""
OWN_UPLOAD = frozenset({"newsroom.view_photo", "detection.request_scan"})
"""What whoever uploaded a picture may do with it while they are on any desk: look, and ask for another look."""
OWN_CHECK = OWN_UPLOAD | {"detection.review_analysis"}
"""What they may do with a picture that they only check, which belongs to no desk: read the evidence and judge it."""
READING = frozenset({"newsroom.view_story", "newsroom.view_photo"})
"""What a reader of the whole history sees on every desk."""


def desks(user: Any, permission: str) -> QuerySet[Desk]:
    """The desks on which `user` holds `permission` by an unended membership."""
    roles = roles_with(user, permission)
    if not roles:
        return Desk.objects.none()
    own = Membership.objects.current().filter(user=user)
    found = Q(pk__in=own.filter(role__in=roles).values("desk"))
    if permission == "detection.break_glass":
        found |= Q(editors_may_break_glass=True, pk__in=own.values("desk"))
    return Desk.objects.filter(found)


def stories(user: Any, permission: str) -> QuerySet[Story]:
    """The stories on which `user` holds `permission`."""
    everywhere = _everywhere(user, permission)
    if everywhere is not None:
        return Story.objects.all() if everywhere else Story.objects.none()
    return Story.objects.filter(desk__in=desks(user, permission))


def photos(user: Any, permission: str) -> QuerySet[Photo]:
    """The pictures on which `user` holds `permission`: by their desk, by a story they stand in, or as uploader.

    Releasing a picture to the outside, and raising its source, is for the desk it belongs to, where it has one.
    """
    everywhere = _everywhere(user, permission)
    if everywhere is not None:
        return Photo.objects.all() if everywhere else Photo.objects.none()
    held = desks(user, permission)
    by_story = Q(pk__in=Placement.objects.filter(story__desk__in=held).values("photo"))
    if permission in ("detection.release_outside", "detection.change_source_tier"):
        by_story &= Q(desk=None)
    found = Q(desk__in=held) | by_story
    return Photo.objects.filter(found | _own(user, permission))


def _own(user: Any, permission: str) -> Q:
    """The pictures that this person may reach for having uploaded them."""
    own = Q(pk__in=[])
    if permission in OWN_CHECK:
        own |= Q(uploader=user, desk=None, expires_at__gt=timezone.now())
    if permission in OWN_UPLOAD and Membership.objects.current().filter(user=user).exists():
        own |= Q(uploader=user)
    return own


def may(user: Any, permission: str, obj: Story | Photo) -> bool:
    """Whether `user` holds `permission` on this very story or picture, now."""
    if user is None or not user.is_active:
        return False
    reachable = stories(user, permission) if isinstance(obj, Story) else photos(user, permission)
    return reachable.filter(pk=obj.pk).exists()


def may_anywhere(user: Any, permission: str) -> bool:
    """Whether there is any desk on which `user` holds `permission`, or the whole house."""
    if not user.is_active:
        return False
    return bool(_everywhere(user, permission)) or desks(user, permission).exists()


def offers(request: HttpRequest, permission: str) -> bool:
    """`may_anywhere` for the menus and lists of one request, which ask the same of the desks again and again."""
    user: Any = request.user
    if not user.is_active:
        return False
    everywhere = _everywhere(user, permission)
    roles = frozenset(roles_with(user, permission)) if everywhere is None else frozenset()
    if not roles:
        return bool(everywhere)
    known: dict[Any, bool] = request.__dict__.setdefault("_offered_by_desks", {})
    asked = (user.pk, roles, permission == "detection.break_glass")
    if asked not in known:
        known[asked] = desks(user, permission).exists()
    return known[asked]


def _everywhere(user: Any, permission: str) -> bool | None:
    """True or False where the whole house decides; None where a desk does."""
    if not user.is_active:
        return False
    if permission in HOUSE:
        return bool(user.has_perm(permission))
    if permission in READING and user.has_perm("detection.view_audit"):
        return True
    return None


def roles_with(user: Any, permission: str) -> list[Role]:
    """The roles by which this person, as long as they are one on a desk, holds `permission` there; none without it.

    `NOBODYS` never come by a superuser's blanket yes, nor on a chief's desk by being standards editor of another: who
    has them by that group alone has them as standards editor alone.
    """
    carrying = [role for role, carried in ROLES.items() if permission in carried]
    if not carrying or not user.is_active:
        return []
    if permission not in NOBODYS:
        return carrying if user.has_perm(permission) else []
    app_label, _, codename = permission.partition(".")
    named = {"content_type__app_label": app_label, "codename": codename}
    if user.user_permissions.filter(**named).exists():
        return carrying
    giving = Group.objects.filter(user=user, permissions__in=Permission.objects.filter(**named))
    groups = set(giving.values_list("name", flat=True))
    if groups == {STANDARDS_EDITORS}:
        return [Role.STANDARDS]
    return carrying if groups else []
