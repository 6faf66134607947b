"""The list of pictures, which leads to the review page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from detection import reach, screens, wording
from detection.admin import gate_views
from detection.admin.dossiers import dossier_view
from detection.admin.filters import ConclusionFilter, KeptInsideFilter, SignalFilter, TierFilter
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin, badge
from detection.admin.over_sign_in import keeps_what_was_typed
from detection.admin.review import review_view
from detection.admin.together import together_view
from detection.concluded import heard_by
from detection.models import Asset
from detection.templatetags.detection_pictures import column
from detection.templatetags.detection_tags import DISMISSED, review_url
from detection.vocabulary import Conclusion, Why


@admin.register(Asset)
class AssetAdmin(ReadOnlyMixin, AnyAdmin):
    """Every picture this person may look at, with its review page and the gate's forms."""

    change_list_template = "admin/detection/asset/change_list.html"
    list_display = ("picture", "found", "tier", "concluded", "waiting_since")
    list_display_links = None
    list_filter = (SignalFilter, TierFilter, ConclusionFilter, KeptInsideFilter)
    list_per_page = 25
    show_facets = admin.ShowFacets.NEVER
    empty_value_display = ""
    search_fields = ("label", "sha256")
    search_help_text = gettext_lazy("A picture's name, or its whole fingerprint")
    show_full_result_count = False
    ordering = ("-standing_at", "-pk")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return reach.may_look_at_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Asset | None = None) -> bool:
        return reach.may_look_at_any(request.user) if obj is None else reach.may_look(request.user, obj)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [column(request, "d-thumb", is_linked=True), *super().get_list_display(request)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        own = super().get_queryset(request)
        return own.filter(pk__in=reach.reachable_assets(request.user).order_by().values("pk"))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The review page takes the place of a form: nothing here is edited."""
        asset = self.get_object(request, object_id)
        if asset is None:
            return HttpResponseRedirect(reverse("admin:detection_asset_changelist"))
        return HttpResponseRedirect(review_url(asset))

    @admin.display(description=gettext_lazy("Picture"), ordering="label")
    def picture(self, asset: Asset) -> SafeString:
        return format_html('<a class="d-list-label" href="{}">{}</a>', review_url(asset), asset.label or _("Picture"))

    @admin.display(description=gettext_lazy("Image check"), ordering="signal")
    def found(self, asset: Asset) -> SafeString:
        return format_html('{}<span class="d-list-why">{}</span>', badge(asset), _why(asset))

    @admin.display(description=gettext_lazy("Source"), ordering="source_tier")
    def tier(self, asset: Asset) -> str:
        return wording.tier_word(screens.tier_of(asset))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        page = super().get_changelist_instance(request)
        heard = heard_by(request.user, page.result_list)
        for asset in page.result_list:
            asset.heard = heard[asset.pk].latest
        return page

    @admin.display(description=gettext_lazy("A person concluded"))
    def concluded(self, asset: Any) -> str:
        return wording.conclusion_word(Conclusion(asset.heard.conclusion)) if asset.heard else ""

    @admin.display(description=gettext_lazy("Since"), ordering="standing_at")
    def waiting_since(self, asset: Asset) -> str:
        return wording.moment(asset.standing_at or asset.created_at)

    def get_urls(self) -> list[URLPattern]:
        inside, kept = self.admin_site.admin_view, keeps_what_was_typed
        acknowledge = kept(inside(gate_views.acknowledge_view), form="acknowledge")
        override = kept(inside(gate_views.override_view), form="override")
        return [
            path(
                "gate/acknowledge/",
                acknowledge,
                name="detection_gate_acknowledge",
            ),
            path("gate/together/", inside(together_view), name="detection_gate_together"),
            path("gate/send/", inside(gate_views.send_view), name="detection_gate_send"),
            path(
                "gate/override/",
                override,
                name="detection_gate_override",
            ),
            path("gate/revoke/", inside(gate_views.revoke_view), name="detection_gate_revoke"),
            path("dismiss/", inside(_dismiss), name="detection_dismiss"),
            path("<uuid:public_id>/review/", kept(inside(review_view)), name="detection_asset_review"),
            path("<uuid:public_id>/dossier/", inside(dossier_view), name="detection_asset_dossier"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, _titled(_("Pictures"), extra_context))


def _why(asset: Asset) -> str:
    """Why it could not be read or checked; else what was found, in a sentence."""
    if asset.rejected_sentence and asset.why == Why.UNREADABLE:
        return asset.rejected_sentence
    shown = screens.face(asset)
    told = capfirst(shown.rest.lstrip(" .:")) if shown.rest.startswith((".", ":")) else shown.sentence
    return " ".join((told, *shown.notes))


def _titled(title: str, extra: dict[str, Any] | None) -> dict[str, Any]:
    # A picture needs the width that the navigation would take.
    return {"title": title, "is_nav_sidebar_enabled": False, **(extra or {})}


@require_POST
def _dismiss(request: HttpRequest) -> HttpResponse:
    """Hide the line that no detector looks at pixels, for this session."""
    request.session[DISMISSED] = True
    return HttpResponseRedirect(gate_views.next_of(request) or reverse("admin:index"))
