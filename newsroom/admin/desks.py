"""Desks and who works on them; for those who hold Django's own permissions on them, such as a superuser."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from detection.admin import NamesChangerMixin
from newsroom.admin.naming import NamedCellsMixin, NamedHalvesMixin
from newsroom.models import Desk, Membership


class MembershipInline(NamedCellsMixin, admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 1
    autocomplete_fields = ("user",)


@admin.register(Desk)
class DeskAdmin(NamesChangerMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """A desk with its people."""

    list_display = ("name", "slug", "is_confidential", "editors_may_break_glass")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Desk | None = None) -> Any:
        return ("slug",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Desk | None = None) -> Any:
        return {} if obj else self.prepopulated_fields


@admin.register(Membership)
class MembershipAdmin(NamesChangerMixin, NamedHalvesMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who works where, till when."""

    list_display = ("user", "desk", "role", "ends_at")
    list_filter = ("desk", "role")
    list_select_related = ("user", "desk")
    autocomplete_fields = ("user",)
