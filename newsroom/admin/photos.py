"""The pictures this person may see: a list with badges and filters, and a page for what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import CharField, Prefetch, QuerySet, prefetch_related_objects
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from detection import registry, screens, wording
from detection.admin.mixins import AnalysedImageMixin
from detection.models import Asset
from detection.templatetags.detection_pictures import column, thumbnail
from detection.templatetags.detection_tags import asset_of, review_url
from detection.vocabulary import Signal
from newsroom import permissions, sourcing
from newsroom.forms import PhotoForm
from newsroom.models import Photo, Story


class SignalFilter(admin.SimpleListFilter):
    """By what the evidence amounts to."""

    title = gettext_lazy("image check")
    parameter_name = "signal"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(signal.value, wording.signal_word(signal)) for signal in Signal]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Photo]) -> QuerySet[Photo]:
        if self.value() is None:
            return queryset
        assets = Asset.objects.filter(content_type=registry.content_type(Photo), signal=self.value())
        keyed = queryset.annotate(detection_key=Cast("pk", CharField(max_length=64)))
        return keyed.filter(detection_key__in=assets.values("object_key"))


@admin.register(Photo)
class PhotoAdmin(AnalysedImageMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """A picture's words can be corrected; its file never changes, and being surer of its source takes a desk chief."""

    _FACTS = (
        "preview", "evidence", "inside", "desk", "original_name", "uploader", "created_at", "expires_at",
        "stories_list",
    )  # fmt: skip
    form = PhotoForm
    readonly_fields = _FACTS
    list_display = ("__str__", "detection", "source_tier", "desk", "uploader", "inside", "uploaded")
    list_display_links = ("__str__",)
    list_filter = (SignalFilter, "source_tier", "keep_inside", ("desk", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("desk", "uploader")
    list_per_page = 30
    search_fields = ("headline", "original_name", "credit", "caption")
    show_full_result_count = False
    actions = None
    fieldsets = (
        (
            None,
            {"fields": ("preview", "evidence", "headline", "credit", "licence", "caption", "alt_text", "is_graphic")},
        ),
        (
            gettext_lazy("Where it comes from"),
            {"fields": ("source_tier", "tier_reason", "inside", "desk", "original_name")},
        ),
        (gettext_lazy("Here"), {"fields": ("uploader", "created_at", "expires_at", "stories_list")}),
    )

    def get_list_display(self, request: HttpRequest) -> Any:
        return [column(request, "n-thumb", width=84, height=63), *super().get_list_display(request)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Photo]:
        return permissions.photos(request.user, "newsroom.view_photo").order_by("-pk")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Photo | None:
        """With the stories that this person may read; of others the page gives no name."""
        photo: Photo | None = super().get_object(request, object_id, from_field)
        if photo is not None:
            readable = permissions.stories(request.user, "newsroom.view_story")
            prefetch_related_objects([photo], Prefetch("stories", queryset=readable, to_attr="readable_stories"))
            photo.read_by = request  # type: ignore[attr-defined]
        return photo

    def get_form(self, request: HttpRequest, obj: Photo | None = None, change: bool = False, **kwargs: Any) -> Any:
        base = super().get_form(request, obj, change, **kwargs)
        return type("PhotoForm", (base,), {"by": request.user})

    def get_fieldsets(self, request: HttpRequest, obj: Photo | None = None) -> Any:
        """Without the reason where nothing can be changed: it is no fact about the picture."""
        if self.has_change_permission(request, obj):
            return self.fieldsets
        return [
            (name, {"fields": [one for one in options["fields"] if one != "tier_reason"]})
            for name, options in self.fieldsets
        ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return permissions.offers(request, "newsroom.view_photo")

    def has_view_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        if obj is None:
            return self.has_module_permission(request)
        return permissions.may(request.user, "newsroom.view_photo", obj)

    def has_change_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        if obj is None:
            return permissions.offers(request, "newsroom.change_photo")
        return permissions.may(request.user, "newsroom.change_photo", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Pictures come in with a story, or to be checked; never by a form of their own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Photo | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Pictures"), **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Photo, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "source_tier" in form.changed_data:
            was, reason = form.initial.get("source_tier", ""), form.cleaned_data["tier_reason"]
            sourcing.note_change(obj, was, by=request.user, reason=reason)

    @admin.display(description=gettext_lazy("uploaded"), ordering="created_at")
    def uploaded(self, photo: Photo) -> str:
        return wording.moment(photo.created_at)

    @admin.display(description=gettext_lazy("picture"))
    def preview(self, photo: Photo) -> SafeString | str:
        asset = asset_of(photo)
        if asset is None or not screens.thumbnail_url(asset):
            return _("There is no preview of this file.")
        how = {"width": 480, "height": 360, "alt": photo.alt_text or str(photo)}
        return thumbnail(asset, getattr(photo, "read_by", None), kind="n-preview", **how)

    @admin.display(description=gettext_lazy("image check"))
    def evidence(self, photo: Photo) -> SafeString | str:
        asset = asset_of(photo)
        if asset is None:
            return _("Not checked yet.")
        link = '{} <a href="{}">{}</a>'
        return format_html(link, self.detection(photo), review_url(asset), _("Look at the evidence"))

    @admin.display(description=gettext_lazy("sending to detectors"), ordering="keep_inside")
    def inside(self, photo: Photo) -> str:
        asset = asset_of(photo)
        if photo.keep_inside and asset is not None and asset.released_at is not None:
            return _("Released")
        return _("Kept inside") if photo.keep_inside else _("May be sent")

    @admin.display(description=gettext_lazy("stands in"))
    def stories_list(self, photo: Photo) -> SafeString | str:
        """Every story that uses it, what readers see first; of another desk's no name."""
        readable: list[Story] = getattr(photo, "readable_stories", [])
        ordered = sorted(readable, key=lambda story: story.is_draft)
        items = [
            (reverse("admin:newsroom_story_change", args=[one.pk]), one, one.state, one.get_state_display())
            for one in ordered
        ]
        named = '<li><a href="{}">{}</a> <span class="n-state n-state-{}">{}</span></li>'
        listed = format_html_join("", named, items)
        if photo.stories.exclude(pk__in=[story.pk for story in readable]).exists():
            listed += format_html("<li>{}</li>", _("a story of another desk"))
        return format_html('<ul class="n-where">{}</ul>', listed) if listed else _("No story")
