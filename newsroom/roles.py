"""The newsroom's four roles as groups, made anew after every migrate and by `manage.py roles`.

A group gives a permission; on which desk it counts is a membership's affair (`permissions`). Saving a membership puts
its person into the matching group, so that nobody has to remember to.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from detection.history import access
from newsroom.models import Membership, Role
from newsroom.permissions import CHIEF, EDITOR, HOUSE, NOBODYS, READING, STANDARDS, STANDARDS_EDITORS

EDITORS, CHIEFS, AUDITORS, OPERATORS = "Editors", "Desk chiefs", "Auditors", "Operators"
_AUDITING = frozenset({"detection.view_audit", "detection.export_audit", "detection.view_raw_payload"})
GROUPS: dict[str, frozenset[str]] = {
    EDITORS: EDITOR | {"detection.break_glass"},
    CHIEFS: CHIEF - NOBODYS,
    STANDARDS_EDITORS: STANDARDS,
    AUDITORS: READING | _AUDITING,
    OPERATORS: HOUSE - _AUDITING - {"detection.erase_personal"},
}
OF_ROLE: dict[str, str] = {Role.EDITOR: EDITORS, Role.CHIEF: CHIEFS, Role.STANDARDS: STANDARDS_EDITORS}


def make_roles() -> dict[str, list[str]]:
    """Create the groups and add what they lack; what somebody added by hand stays. Group → permissions it has now."""
    made: dict[str, list[str]] = {}
    for name, wanted in GROUPS.items():
        group, _ = Group.objects.get_or_create(name=name)
        query = Q(pk__in=[])
        for permission in wanted:
            app_label, _, codename = permission.partition(".")
            query |= Q(content_type__app_label=app_label, codename=codename)
        group.permissions.add(*Permission.objects.filter(query))
        held = group.permissions.values_list("content_type__app_label", "codename")
        made[name] = sorted(f"{app_label}.{codename}" for app_label, codename in held)
    return made


def after_migrate(app_config: AppConfig, **kwargs: Any) -> None:
    """Make the roles once the last app has its permissions, which is told after the models of all apps before it."""
    with_models = [one for one in apps.get_app_configs() if one.models_module is not None]
    if app_config == with_models[-1]:
        create_permissions(app_config, **kwargs)
        make_roles()
        for person in Membership.objects.values_list("user", flat=True).distinct():
            access.note(person)  # who was here before the history kept it


def join_group(sender: type[Membership], instance: Membership, raw: bool = False, **kwargs: Any) -> None:
    """Put the person of a membership into the group of its role."""
    if not raw:
        access.stamp(instance.user, getattr(instance, "changed_by", None))
        instance.user.groups.add(Group.objects.get_or_create(name=OF_ROLE[instance.role])[0])
