"""Addresses of the app outside the admin; a host mounts them: `path("detection/", include("detection.urls"))`."""

from __future__ import annotations

from django.urls import path, re_path

from detection import views

app_name = "detection"
urlpatterns = [
    path("assets/<uuid:public_id>.json", views.asset_json, name="asset_json"),
    path("media/<uuid:public_id>/<slug:rendition>", views.media, name="media"),
    # Whatever stands behind it, with and without a last slash: a mistyped link is answered by the same door too.
    re_path(r"^handed/(?P<token>[\s\S]*)\Z", views.handed, name="handed"),
    # With and without the last slash, for a redirect would turn a POST into nothing.
    re_path(r"^webhooks/(?P<alias>[^/]+)/?\Z", views.webhook, name="webhook"),
    re_path(r"^webhooks/(?P<alias>[^/]+)/(?P<token>[\s\S]+?)/?\Z", views.webhook, name="webhook_of"),
]
