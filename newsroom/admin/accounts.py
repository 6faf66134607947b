"""Accounts and groups, as Django has them; a change of what somebody may decide names who made it."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from detection.admin import NamesChangerMixin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class AccountAdmin(NamesChangerMixin, UserAdmin):  # type: ignore[type-arg]
    """An account with its groups and permissions."""


@admin.register(Group)
class RoleAdmin(NamesChangerMixin, GroupAdmin):
    """A role: what whoever is in it may do, on the desks of their memberships."""
