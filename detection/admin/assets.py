"""The list of pictures and the queue of those that ask for a person; both lead to the review page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from detection import policy, reach, registry, screens, wording
from detection.admin import gate_views
from detection.admin.filters import ConclusionFilter, KeptInsideFilter, SignalFilter, TierFilter
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin, badge
from detection.admin.review import review_view
from detection.models import Analysis, Asset, AuditEvent, PolicyVersion, Queue, Review
from detection.templatetags.detection_tags import DISMISSED, review_url, thumbnail_url
from detection.vocabulary import AnalysisStatus, Conclusion, Signal, SourceTier, Why


class _PictureList(ReadOnlyMixin, AnyAdmin):
    """What the list and the queue share: who sees which rows, and their columns."""

    change_list_template = "admin/detection/asset/change_list.html"
    list_display = ("thumbnail", "picture", "found", "tier", "concluded", "waiting_since")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        own = super().get_queryset(request)
        return own.filter(pk__in=reach.reachable_assets(request.user).order_by().values("pk"))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The review page takes the place of a form: nothing here is edited."""
        asset = self.get_object(request, object_id)
        if asset is None:
            return HttpResponseRedirect(reverse("admin:detection_asset_changelist"))
        return HttpResponseRedirect(review_url(asset))

    @admin.display(description="")
    def thumbnail(self, asset: Asset) -> SafeString | str:
        url = thumbnail_url(asset)
        if not url:
            return ""
        return format_html(
            '<a class="d-thumb" href="{}" tabindex="-1" aria-hidden="true"><img src="{}" alt="" loading="lazy"></a>',
            review_url(asset),
            url,
        )

    @admin.display(description=gettext_lazy("Picture"), ordering="label")
    def picture(self, asset: Asset) -> SafeString:
        return format_html('<a class="d-list-label" href="{}">{}</a>', review_url(asset), asset.label or _("Picture"))

    @admin.display(description=gettext_lazy("Image check"), ordering="signal")
    def found(self, asset: Asset) -> SafeString:
        return format_html('{}<span class="d-list-why">{}</span>', badge(asset), _why(asset))

    @admin.display(description=gettext_lazy("Source"), ordering="source_tier")
    def tier(self, asset: Asset) -> str:
        return wording.tier_word(screens.tier_of(asset))

    @admin.display(description=gettext_lazy("A person concluded"), ordering="conclusion")
    def concluded(self, asset: Asset) -> str:
        return wording.conclusion_word(Conclusion(asset.conclusion)) if asset.conclusion else ""

    @admin.display(description=gettext_lazy("Since"), ordering="standing_at")
    def waiting_since(self, asset: Asset) -> str:
        return wording.moment(asset.standing_at or asset.created_at)


def _why(asset: Asset) -> str:
    """Why it could not be read or checked; else what was found, in a sentence."""
    if asset.rejected_sentence and asset.why == Why.UNREADABLE:
        return asset.rejected_sentence
    shown = screens.face(asset)
    told = capfirst(shown.rest.lstrip(" .:")) if shown.rest.startswith((".", ":")) else shown.sentence
    return " ".join((told, *shown.notes))


@admin.register(Asset)
class AssetAdmin(_PictureList):
    """Every picture this person may look at, with its review page and the gate's forms."""

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("gate/acknowledge/", inside(gate_views.acknowledge_view), name="detection_gate_acknowledge"),
            path("gate/send/", inside(gate_views.send_view), name="detection_gate_send"),
            path("gate/override/", inside(gate_views.override_view), name="detection_gate_override"),
            path("gate/revoke/", inside(gate_views.revoke_view), name="detection_gate_revoke"),
            path("dismiss/", inside(_dismiss), name="detection_dismiss"),
            path("<uuid:public_id>/review/", inside(review_view), name="detection_asset_review"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, _titled(_("Pictures"), extra_context))


def _titled(title: str, extra: dict[str, Any] | None) -> dict[str, Any]:
    # A picture needs the width that the navigation would take.
    return {"title": title, "is_nav_sidebar_enabled": False, **(extra or {})}


@require_POST
def _dismiss(request: HttpRequest) -> HttpResponse:
    """Hide the line that no detector looks at pixels, for this session."""
    request.session[DISMISSED] = True
    return HttpResponseRedirect(gate_views.next_of(request) or reverse("admin:index"))


@admin.register(Queue)
class QueueAdmin(_PictureList):
    """The pictures that ask for a person, the newest evidence first; what counts as concluded is left out."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        asking = super().get_queryset(request).filter(_asks_for_a_person(), detached_at=None)
        return asking.exclude(_is_concluded_for(request.user))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, _titled(_("Waiting for a person"), extra_context))


def _asks_for_a_person() -> Q:
    """The policy table as a filter: a row asks where its level refuses, or where the policy wants somebody to look."""
    rules = PolicyVersion.current().rules
    found = Q(pk__in=[])
    for tier in SourceTier:
        rows = [row for row in policy.ROWS if rules.levels[row, tier].refuses or (row, tier) in rules.queued]
        stored = [tier.value, ""] if tier is SourceTier.UNKNOWN else [tier.value]
        found |= Q(source_tier__in=stored, row__in=rows)
    # Whatever the table says of pictures that could not be checked: one whose check gave up waits for nobody else.
    given_up = Analysis.objects.filter(
        asset=OuterRef("pk"), generation=OuterRef("generation"), status=AnalysisStatus.DEAD
    )
    return found | Q(Exists(given_up), signal=Signal.COULD_NOT_CHECK)


def _is_concluded_for(user: Any) -> Q:
    """Where a conclusion stands on the present evidence, on a desk of this person's.

    One of another desk, or for no story, is a hint: it takes nothing off anybody's queue, except where no desks are.
    """
    stands = Review.objects.filter(asset=OuterRef("pk"), evidence=OuterRef("evidence"), reversed_by=None)
    says_ai = [word for word in Conclusion if word.says_ai]
    decided = [word for word in Conclusion if word is not Conclusion.WAITING_FOR_SOURCE]
    asked_since = Review.objects.filter(
        asset=OuterRef("asset"), evidence=OuterRef("evidence"), desk=OuterRef("desk"), pk__gt=OuterRef("pk")
    ).filter(conclusion=Conclusion.WAITING_FOR_SOURCE, reversed_by=None)
    stands = stands.filter(Q(conclusion__in=says_ai) | ~Exists(asked_since), conclusion__in=decided)
    on_own_desk = Exists(stands.filter(desk__in=_desks(user)))
    return Q(on_own_desk) | Q(Exists(stands.filter(desk="")), content_type__in=_without_desks())


def _without_desks() -> list[ContentType]:
    """The kinds of pictures that all people share, or share with stories that have no desk."""
    has_desks = any(kind.desk is not None for kind in registry.publishable_types())
    kinds = [kind for kind in registry.asset_types() if not has_desks or kind.scope is None]
    return [registry.content_type(kind.model_class) for kind in kinds]


def _desks(user: Any) -> list[str]:
    """The desks on which anybody concluded anything and this person may."""
    known = [desk for desk in Review.objects.order_by().values_list("desk", flat=True).distinct() if desk]
    return [desk for desk in known if any(_is_of_desk(kind, user, desk) for kind in registry.publishable_types())]


def _is_of_desk(kind: registry.PublishableType, user: Any, desk: str) -> bool:
    """Whether one of the stories that were decided about on this desk is within this person's reach."""
    about = AuditEvent.objects.filter(action="review.concluded", facts__desk=desk)
    own = reach.keys_of(kind, user, "detection.review_analysis")
    return about.filter(subject_type=kind.model_class._meta.label_lower, subject_key__in=own).exists()
