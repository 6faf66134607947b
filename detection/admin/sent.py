"""What left the house: which picture, to which detector, in which variant, when, and why.

The list is read off the checks; the history holds the same per event, and outlives both picture and person.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from detection import screens
from detection.admin.filters import VariantFilter
from detection.admin.mixins import AnyAdmin, ClosedAnswersMixin, ReadOnlyMixin
from detection.models import Sent
from detection.providers import providers
from detection.vocabulary import Priority


@admin.register(Sent)
class SentAdmin(ClosedAnswersMixin, ReadOnlyMixin, AnyAdmin):
    """One row for each check whose picture was sent; those that were read here alone, or re-used, are not in it."""

    list_display = ("picture", "to_whom", "sent_at", "variant", "fingerprint", "times", "because")
    list_display_links = None
    list_filter = ("provider", ("submitted_at", admin.DateFieldListFilter), "is_second_opinion", VariantFilter)
    search_fields = ("public_id", "asset__label", "sent_sha256", "provider_reference")
    list_select_related = ("asset",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    ordering = ("-pk",)
    actions = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Sent | None = None) -> bool:
        user: Any = request.user
        return bool(user.has_perm("detection.operate_provider") or user.has_perm("detection.view_audit"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        embedded = [alias for alias in providers.aliases() if providers[alias].is_embedded]
        return super().get_queryset(request).filter(calls__gt=0).exclude(provider__in=embedded)

    @admin.display(description=_l("Picture"))
    def picture(self, row: Sent) -> SafeString:
        """Its label, with the way to its evidence."""
        address = reverse("admin:detection_asset_review", args=[row.asset.public_id])
        return format_html('<a href="{}">{}</a>', address, row.asset.label or _("Picture"))

    @admin.display(description=_l("To"), ordering="provider")
    def to_whom(self, row: Sent) -> str:
        """The detector, with the model that was asked for."""
        title = screens.title_of(row)
        return f"{title} ({row.model})" if row.model else title

    @admin.display(description=_l("Last sent"), ordering="submitted_at")
    def sent_at(self, row: Sent) -> Any:
        """When; empty where the detector has answered since and nothing is open."""
        return row.submitted_at or row.completed_at or row.created_at

    @admin.display(description=_l("As"))
    def variant(self, row: Sent) -> str:
        """The file as it is, without its metadata, or a smaller copy."""
        return _("the file as it is") if row.as_sent == "original" else row.as_sent

    @admin.display(description=_l("sha256 of what was sent"))
    def fingerprint(self, row: Sent) -> SafeString:
        """Its beginning; the whole stands in the history."""
        return format_html("<code>{}</code>", row.sent_sha256[:16])

    @admin.display(description=_l("Times"), ordering="calls")
    def times(self, row: Sent) -> int:
        """How often it was sent."""
        return row.calls

    @admin.display(description=_l("Because"))
    def because(self, row: Sent) -> str:
        """Why this detector was asked about this picture."""
        if row.redrives:
            return _("Started once more by a person, or lost by the detector")
        if row.is_second_opinion:
            return _("A second opinion")
        if not row.may_reuse:
            return _("A person asked for a new look")
        return _("Picture of an archive") if row.priority != Priority.NEWS else _("New picture")
