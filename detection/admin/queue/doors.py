"""The queue's place in the admin: its addresses, and who is offered it. Facts are changed nowhere here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from detection import reach
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.admin.queue import bulk, news, onward, pages, views
from detection.models import Asset, Queue
from detection.templatetags.detection_tags import review_url


@admin.register(Queue)
class QueueAdmin(ReadOnlyMixin, AnyAdmin):
    """Waiting for you: the list takes the place of the admin's own."""

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
        there = review_url(asset) if asset is not None else reverse("admin:index")
        return HttpResponseRedirect(there)

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("claim/", inside(views.claim_view), name="detection_queue_claim"),
            path("rules/", inside(pages.rules_view), name="detection_queue_rules"),
            path("words/", inside(pages.words_view), name="detection_queue_words"),
            path("bulk/", inside(bulk.bulk_view), name="detection_queue_bulk"),
            path("one/", inside(onward.one_view), name="detection_queue_one"),
            path("news.json", inside(news.news_view), name="detection_queue_news"),
            path("undo/", inside(views.undo_view), name="detection_queue_undo"),
            path("preferences/", inside(views.preferences_view), name="detection_queue_preferences"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return views.list_view(request)
