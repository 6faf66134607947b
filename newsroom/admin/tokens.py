"""The list of API tokens: one's own, or everybody's for whoever may revoke them. Here tokens end; none is made here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from detection.admin.mixins import ReadOnlyMixin
from newsroom.api import tokens
from newsroom.api.models import ApiToken, Scope
from newsroom.models import SourceTier


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who may act by which token, till when; and the way to end one."""

    list_display = ("begins_with", "name", "user", "state", "may", "tier", "expires_at", "last_used_at")
    list_display_links = None
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("prefix", "name", "user__username")
    show_full_result_count = False
    actions = ("revoke_selected",)
    exclude = ("digest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return tokens.seen_by(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        if request.user.has_perm(tokens.REVOKE):
            return True
        seen = tokens.seen_by(request.user)
        if obj is not None:
            return seen.filter(pk=obj.pk).exists()
        # The menu asks twice, on every page.
        known: dict[str, bool] = request.__dict__
        if "_sees_tokens" not in known:
            known["_sees_tokens"] = seen.exists()
        return known["_sees_tokens"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"title": _("API tokens"), **(extra_context or {})})

    @admin.action(description=gettext_lazy("Revoke the selected tokens"))
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """One's own, and for whoever holds the permission everybody's: the list has no others."""
        ended = sum(tokens.revoke(token, by=request.user) for token in queryset)
        words = ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", ended) % {"count": ended}
        messages.success(request, words + " " + _("The next request by it is refused."))

    @admin.display(description=gettext_lazy("begins with"), ordering="prefix")
    def begins_with(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    @admin.display(description=gettext_lazy("state"))
    def state(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return _("Revoked by %(name)s") % {"name": token.revoked_by_label}
        if not token.user.is_active:
            return _("Its account is not active")
        return _("In use") if token.is_live(timezone.now()) else _("Over")

    @admin.display(description=gettext_lazy("may"))
    def may(self, token: ApiToken) -> str:
        words = ", ".join(scope for scope in Scope if scope in token.allowed)
        return _("A service: %(words)s") % {"words": words} if token.is_service else words

    @admin.display(description=gettext_lazy("highest source"))
    def tier(self, token: ApiToken) -> str:
        return str(SourceTier(token.highest_tier).label)
