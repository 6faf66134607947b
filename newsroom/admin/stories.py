"""The story's edit page: its words, its pictures with what was found about each, and the notice on top.

Whatever moves a story towards readers is a button of its own (`moves`); saving this page never publishes.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from detection.admin.mixins import GatedPublicationMixin, badge
from detection.templatetags.detection_pictures import thumbnail
from detection.templatetags.detection_tags import asset_of, attach_assets, review_url
from newsroom import alerts, permissions, placing, publishing, rollup, uploads, watching
from newsroom.admin import moves, unsent
from newsroom.admin.naming import NamedCellsMixin
from newsroom.admin.replacing import replace_view
from newsroom.forms import AFTERWARDS, ScheduleForm, StoryForm
from newsroom.models import Placement, Story, StoryState


class PlacementInline(NamedCellsMixin, admin.TabularInline):  # type: ignore[type-arg]
    """The story's pictures: what each is to the story, and in which order. Others are added above, not here."""

    model = Placement
    extra = 0
    fields = ("picture", "found", "use", "reader_label", "position")
    readonly_fields = ("picture", "found")
    verbose_name_plural = gettext_lazy("Pictures of this story")
    request: HttpRequest | None = None
    """Whose page it is; an inline is made anew for each."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Placement]:
        return super().get_queryset(request).select_related("photo", "story")

    def has_add_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return obj is None or permissions.may(request.user, "newsroom.view_story", obj)

    def has_change_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return obj is None or permissions.may(request.user, "newsroom.change_story", obj)

    has_delete_permission = has_change_permission

    def get_formset(self, request: HttpRequest, obj: Story | None = None, **kwargs: Any) -> Any:
        self.request = request
        formset = super().get_formset(request, obj, **kwargs)
        formset.form = unsent.told_again(request, formset.form, is_placed=True)
        return formset

    @admin.display(description=gettext_lazy("picture"))
    def picture(self, placement: Placement) -> SafeString:
        asset = asset_of(placement.photo)
        image = thumbnail(asset, self.request, kind="n-thumb", width=84, height=63)
        tier = placement.photo.get_source_tier_display() or _("Source not known")
        inside = f" · {_('Kept inside')}" if placement.photo.keep_inside else ""
        words = '<span class="n-picture">{}<span><a href="{}">{}</a><br><small>{}{}</small></span></span>'
        return format_html(words, image, _photo_url(placement), placement.photo, tier, inside)

    @admin.display(description=gettext_lazy("image check"))
    def found(self, placement: Placement) -> SafeString | str:
        asset = asset_of(placement.photo)
        if asset is None:
            return badge(placement.photo)
        link = '{}<br><a class="n-look" href="{}">{}</a>'
        return format_html(link, badge(placement.photo), review_url(asset, placement.story), _("Look at the evidence"))


def _photo_url(placement: Placement) -> str:
    return moves.admin_url("newsroom_photo_change", placement.photo_id)


@admin.register(Story)
class StoryAdmin(GatedPublicationMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Stories of this person's desks."""

    form = StoryForm
    change_form_template = "admin/newsroom/story/change_form.html"
    list_display = ("headline", "desk", "state_word", "held", "publish_at", "updated_at")
    list_filter = ("state", ("desk", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("desk",)
    list_per_page = 25
    search_fields = ("headline", "slug")
    show_full_result_count = False
    prepopulated_fields = {"slug": ("headline",)}
    inlines = (PlacementInline,)
    actions = ("publish_selected",)
    view_on_site = False
    fieldsets = (
        (None, {"fields": ("headline", "slug", "desk", "body")}),
        (
            gettext_lazy("Bring pictures in"),
            {"fields": ("new_pictures", ("their_tier", "their_credit", "their_inside"), "their_graphic", "attach")},
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        name = "newsroom_story_move"
        own = [
            path("<int:pk>/move/<slug:verb>/", inside(moves.move_view), name=name),
            path("<int:pk>/replace/<int:photo>/", inside(replace_view), name="newsroom_story_replace"),
        ]
        kept = unsent.keeping(super().get_urls(), "newsroom_story_change", "newsroom_story_add")
        return [*own, *kept]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Story]:
        return permissions.stories(request.user, "newsroom.view_story").order_by("-updated_at", "-pk")

    def get_fieldsets(self, request: HttpRequest, obj: Story | None = None) -> Any:
        """Whoever only reads a story is not shown empty fields for bringing pictures in."""
        return self.fieldsets if self.has_change_permission(request, obj) else self.fieldsets[:1]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        rolled = rollup.of(changelist.result_list)
        for story in changelist.result_list:
            story.rolled = rolled[story.pk]
        return changelist

    def has_module_permission(self, request: HttpRequest) -> bool:
        return permissions.offers(request, "newsroom.view_story")

    def has_view_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return self._may(request, "view_story", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add_story", None)

    def has_change_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return self._may(request, "change_story", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        """One by one, and never while readers see it: withdraw it first."""
        if obj is None or obj.state == StoryState.PUBLISHED:
            return False
        return self._may(request, "delete_story", obj)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Who is offered the bulk action; for each story `publishing` asks again."""
        return self._may(request, "publish_story", None)

    def _may(self, request: HttpRequest, name: str, story: Story | None) -> bool:
        permission = f"newsroom.{name}"
        if story is None:
            return permissions.offers(request, permission)
        return permissions.may(request.user, permission, story)

    def get_form(self, request: HttpRequest, obj: Story | None = None, change: bool = False, **kwargs: Any) -> Any:
        base = unsent.told_again(request, super().get_form(request, obj, change, **kwargs))
        user = request.user

        class OfferedForm(base):  # type: ignore[misc, valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.offer(user)

        return OfferedForm

    def save_model(self, request: HttpRequest, obj: Story, form: Any, change: bool) -> None:
        if not change:
            obj.author = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the pictures' places, then bring in what came along."""
        story = form.instance
        before = placing.as_it_stands(story)
        super().save_related(request, form, formsets, change)
        if form.cleaned_data.get("attach"):
            uploads.place(form.cleaned_data["attach"], story)
        files = form.cleaned_data.get("new_pictures") or []
        added = 0
        for file in files:
            try:
                uploads.receive(file, by=request.user, story=story, particulars=form.particulars())
                added += 1
            except uploads.NotStored as error:
                # The words that were typed are saved all the same.
                messages.error(request, str(error))
        placing.record_changes(story, before, by=request.user)
        if added:
            words = ngettext("%(count)d picture added.", "%(count)d pictures added.", added)
            messages.info(request, words % {"count": added} + " " + _("Checks run in the background."))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Stories"), **(extra_context or {})})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        story = self.get_object(request, object_id) if object_id else None
        context: dict[str, Any] = {"schedule_form": None}
        unsent.say(request, story)
        if isinstance(story, Story):
            attach_assets([placement.photo for placement in story.placements.select_related("photo")])
            context |= {
                "title": str(story),
                "subtitle": None,
                "schedule_form": ScheduleForm.offering(story),
                "moves": moves.offered(story, request.user),
                "to_review": publishing.to_review(request.user, story),
                "afterwards": AFTERWARDS,
                "now": timezone.now(),
                "live_url": watching.address(story),
                "rolled": rollup.of([story])[story.pk],
                "replace_name": watching.replace_name(story, request.user),
                "story_alerts": alerts.of_story(story),
            }
        return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What happened to this story, from the history that nobody can change."""
        return moves.history_page(request, get_object_or_404(self.get_queryset(request), pk=object_id))

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_word(self, story: Story) -> SafeString:
        return format_html('<span class="n-state n-state-{}">{}</span>', story.state, story.get_state_display())

    @admin.display(description=gettext_lazy("pictures"))
    def held(self, story: Story) -> SafeString:
        rolled = getattr(story, "rolled", None) or rollup.of([story])[story.pk]
        return render_to_string("newsroom/rollup.html", {"rolled": rolled})

    @admin.action(description=gettext_lazy("Publish the selected stories"), permissions=["publish"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Story]) -> HttpResponse:
        """Each through the same gate as the button; the answer says for each what became of it."""
        outcomes = [publishing.publish(story, by=request.user) for story in queryset.order_by("pk")]
        return moves.outcomes_page(request, outcomes)
