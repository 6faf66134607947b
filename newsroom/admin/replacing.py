"""One picture of a story gives way to another, in its place and use: a page of its own, reached from the warning."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import site as admin_site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from detection.templatetags.detection_tags import asset_of
from newsroom import permissions, placing, uploads
from newsroom.admin.moves import admin_url
from newsroom.forms import ReplaceForm
from newsroom.models import Story


@require_http_methods(["GET", "HEAD", "POST"])
def replace_view(request: HttpRequest, pk: int, photo: int) -> HttpResponse:
    """GET shows the form; POST takes the new file in and swaps. 404 for a foreign desk's story, 403 for a reader's."""
    story = get_object_or_404(permissions.stories(request.user, "newsroom.view_story").select_related("desk"), pk=pk)
    placement = get_object_or_404(story.placements.select_related("photo"), photo=photo)
    if not permissions.may(request.user, "newsroom.change_story", story):
        raise PermissionDenied
    sent: dict[str, Any] = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
    form = ReplaceForm(**sent, label_suffix="")
    status, back = 200, admin_url("newsroom_story_change", story.pk)
    if request.method == "POST" and form.is_valid():
        particulars = form.particulars(keep_inside=placement.photo.keep_inside)
        try:
            placing.replace(placement, form.cleaned_data["file"], by=request.user, particulars=particulars)
        except uploads.NotStored as error:
            form.add_error("file", str(error))
            status = error.status
        else:
            messages.success(request, _("Replaced. The check of the new picture runs in the background."))
            return HttpResponseRedirect(back)
    elif request.method == "POST":
        status = 400
    context = {
        **admin_site.each_context(request),
        "title": _("Replace the picture"),
        "is_nav_sidebar_enabled": False,
        "opts": Story._meta,
        "story": story,
        "placement": placement,
        "asset": asset_of(placement.photo),
        "form": form,
        "next": back,
    }
    return TemplateResponse(request, "admin/newsroom/story/replace.html", context, status=status)
