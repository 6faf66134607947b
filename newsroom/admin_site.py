"""The admin as the newsroom runs it: Django's own, with the doors it leaves ajar closed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.views import shortcut
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path

from newsroom import throttling

_NOBODYS = frozenset({"axes", "otp_static", "otp_totp"})
"""Apps whose rows are no page's affair: keys and codes of people, and who mistyped what."""


class NewsroomAdminSite(admin.AdminSite):
    """What `django.contrib.admin.site` is in this project."""

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django's, but for the rows that stand on no page."""
        found: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().register([one for one in found if one._meta.app_label not in _NOBODYS], admin_class, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The password; whoever has given it and still owes a code is led on to that."""
        owing = getattr(request, "owes_code", None)
        if owing is not None and request.method != "POST":
            # Imported here because the package may be left out of an installation.
            return import_module("newsroom.second_factor.views").to_code(request, owing)  # type: ignore[no-any-return]
        response = super().login(request, extra_context)
        if request.method == "POST" and request.user.is_authenticated:
            throttling.remember(request, response)
        return response

    def get_urls(self) -> list[URLPattern | URLResolver]:
        there = self.admin_view(self.view_on_site, cacheable=True)
        return [path("r/<path:content_type_id>/<path:object_id>/", there, name="view_on_site"), *super().get_urls()]

    def view_on_site(self, request: HttpRequest, content_type_id: str, object_id: str) -> HttpResponse:
        """Go to an object's public page. Django's own tells everybody the address of every object; this one asks."""
        try:
            model = ContentType.objects.get(pk=content_type_id).model_class()
            found: Any = model._default_manager.get(pk=object_id) if model is not None else None
        except (ObjectDoesNotExist, ValueError):
            raise Http404 from None
        page = self._registry.get(type(found)) if found is not None else None
        if page is None or not page.has_view_permission(request, found):
            raise Http404
        return shortcut(request, content_type_id, object_id)
