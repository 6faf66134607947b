"""Who may decide what on which desk, as the history keeps it: asked whenever somebody's rights change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from detection.history.access import EVERYWHERE
from newsroom import permissions
from newsroom.models import Membership


def held(user: Any, codenames: Sequence[str]) -> Mapping[str, Iterable[tuple[str, datetime | None]]]:
    """For each permission of ours the desks, by their short names, with the end of the membership (None: no end)."""
    memberships = list(Membership.objects.current().filter(user=user).select_related("desk"))
    found: dict[str, list[tuple[str, datetime | None]]] = {}
    for codename in codenames:
        name = f"detection.{codename}"
        if name in permissions.HOUSE:
            found[codename] = [(EVERYWHERE, None)] if user.is_active and user.has_perm(name) else []
            continue
        roles = permissions.roles_with(user, name) if memberships else []
        found[codename] = [(one.desk.slug, one.ends_at) for one in memberships if one.role in roles]
    return found
