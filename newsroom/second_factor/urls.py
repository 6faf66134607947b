"""The addresses of the second factor; mounted where its packages are installed."""

from __future__ import annotations

from django.urls import path

from newsroom.second_factor import views

app_name = "second_factor"
urlpatterns = [
    path("code/", views.code, name="code"),
    path("second-factor/", views.set_up, name="set_up"),
    path("leave/", views.leave, name="leave"),
]
