"""Addresses of the app outside the admin; a host mounts them: `path("detection/", include("detection.urls"))`."""

from __future__ import annotations

from django.urls import path

from detection import views

app_name = "detection"
urlpatterns = [
    path("assets/<uuid:public_id>.json", views.asset_json, name="asset_json"),
    path("media/<uuid:public_id>/<slug:rendition>", views.media, name="media"),
]
