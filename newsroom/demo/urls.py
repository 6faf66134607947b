"""The demo's one address. The newsroom mounts it only where DEMO is on."""

from __future__ import annotations

from django.urls import path

from newsroom.demo import views

app_name = "demo"
urlpatterns = [path("be/<slug:username>/", views.be, name="be")]
