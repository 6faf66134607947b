"""The events that detectors delivered: what became of each, its words for those who may read them, and "deliver again".

For those who keep the pipeline healthy. Nothing is changed here but by the one verb, which is for the permission
`redrive` alone; an attempt without it is answered with 403 and recorded.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from detection import audit, callbacks, reach, wording
from detection.admin.gave_up import PERMISSION, TOLD, may_redrive
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.admin.raw_answers import as_text
from detection.admin.review import refused
from detection.errors import SchemaMismatch
from detection.models import WebhookDelivery
from detection.providers.answers import read_json, redact
from detection.templatetags.detection_tags import review_url
from detection.vocabulary import DeliveryState

_WORDS = {
    DeliveryState.WAITING: gettext_lazy("Waiting"),
    DeliveryState.UNMATCHED: gettext_lazy("No check found yet"),
    DeliveryState.APPLIED: gettext_lazy("Applied"),
    DeliveryState.IGNORED: gettext_lazy("Changed nothing"),
    DeliveryState.FAILED: gettext_lazy("Failed"),
}


class StateFilter(admin.SimpleListFilter):
    """By what became of them."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.value, word) for state, word in _WORDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyMixin, AnyAdmin):
    """One row for each event that was verified; the same once more is a number in it."""

    list_display = ("received", "provider", "told", "reason", "picture", "repeats", "conflicts", "event_id")
    list_filter = (StateFilter, "provider")
    list_select_related = ("analysis__asset",)
    list_per_page = 50
    search_fields = ("event_id", "analysis__public_id")
    show_full_result_count = False
    ordering = ("-pk",)
    fields = (
        "received",
        "provider",
        "event_id",
        "told",
        "reason",
        "picture",
        "signed_by",
        "repeats",
        "conflicts",
        "words",
    )
    actions = ("deliver_again",)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_redrive(request.user) or bool(request.user.has_perm("detection.operate_provider"))

    def has_again_permission(self, request: HttpRequest) -> bool:
        return may_redrive(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in self.fields if name != "words" or request.user.has_perm(reach.READ_RAW)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_readonly_fields(request, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and not may_redrive(request.user):
            sentence = _("You may not deliver events again. An operator can do it.")
            return refused(request, str(audit.denied(PERMISSION, by=request.user, sentence=sentence)))
        title = {"title": _("Events from detectors"), "is_nav_sidebar_enabled": False}
        return super().changelist_view(request, title | (extra_context or {}))

    @admin.action(description=gettext_lazy("Deliver again"), permissions=["again"])
    def deliver_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each that is ticked; those that are not are named, with the reason."""
        done, left = 0, []
        for row in queryset.select_related("analysis__asset"):
            if sentence := callbacks.deliver_again(row, by=request.user):
                left.append((row.provider, row.event_id[:40], sentence))
            else:
                done += 1
        if done:
            said = ngettext("%(count)d event is delivered again.", "%(count)d events are delivered again.", done)
            messages.success(request, said % {"count": done})
        if left:
            said = ngettext("%(count)d was not:", "%(count)d were not:", len(left)) % {"count": len(left)}
            messages.warning(request, format_html("{}{}", said, format_html_join("", "<br>{} {}: {}", left[:TOLD])))

    @admin.display(description=gettext_lazy("Received"), ordering="received_at")
    def received(self, row: WebhookDelivery) -> str:
        return wording.moment(row.received_at)

    @admin.display(description=gettext_lazy("State"), ordering="state")
    def told(self, row: WebhookDelivery) -> str:
        return str(_WORDS[DeliveryState(row.state)])

    @admin.display(description=gettext_lazy("Picture"))
    def picture(self, row: WebhookDelivery) -> SafeString | str:
        if row.analysis is None:
            return ""
        # The review page itself asks who may look; the label may say who is in the picture.
        return format_html('<a href="{}">{}</a>', review_url(row.analysis.asset), _("Picture"))

    @admin.display(description=gettext_lazy("Signed with"))
    def signed_by(self, row: WebhookDelivery) -> str:
        if row.slot is None:
            return _("Not signed: it came to an address of its own.")
        return (
            _("The newest secret.") if row.slot == 0 else _("Secret %(number)d of the list.") % {"number": row.slot + 1}
        )

    @admin.display(description=gettext_lazy("What came"))
    def words(self, row: WebhookDelivery) -> SafeString | str:
        if row.body is None:
            return _("Not kept any more.")
        provider, body = callbacks.called(row.provider), bytes(row.body)
        secrets = provider.secrets if provider is not None else ()
        try:
            shown = as_text(redact(read_json(body), secrets=secrets))
        except SchemaMismatch:
            shown = as_text(redact(body.decode("utf-8", "replace"), secrets=secrets))
        return format_html('<pre class="d-raw">{}</pre>', shown)
