"""Every address of the newsroom. Uploads have none: their files are served by views that ask who is reading."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from detection.views import live, numbers, ready
from newsroom import feeds, problems, views, watching
from newsroom.api import site
from newsroom.notifications import pages as pages_of_wishes

handler400 = "newsroom.problems.unreadable"
handler403 = "newsroom.problems.denied"
handler404 = "newsroom.problems.missing"
handler500 = "newsroom.problems.went_wrong"
pages = [
    path("", views.start, name="start"),
    path("board/", views.board, name="board"),
    path("live/", watching.live, name="live"),
    path("feed/", feeds.latest, name="feed"),
    path("notifications/", pages_of_wishes.wishes, name="notifications"),
    path("check/", views.check, name="check"),
    path("signed-out/", problems.signed_out, name="signed_out"),
    path("stories/<slug:slug>/", views.story, name="story"),
    path("renditions/<str:name>", views.rendition, name="rendition"),
]
urlpatterns = [
    path("", include((pages, "newsroom"))),
    path("admin/", admin.site.urls),
    path("detection/", include("detection.urls")),
    path("health/live", live),
    path("health/ready", ready),
    path("metrics", numbers),
    path("api/v1/", site.urls),
]
if settings.HAS_SECOND_FACTOR:
    urlpatterns.append(path("sign-in/", include("newsroom.second_factor.urls")))
if settings.DEMO:
    urlpatterns.append(path("demo/", include("newsroom.demo.urls")))
