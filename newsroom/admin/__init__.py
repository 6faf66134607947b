"""The newsroom's admin: stories with their pictures, the pictures themselves, desks and who works on them."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from newsroom.admin import accounts, desks, photos, stories, tokens

__all__ = ["accounts", "desks", "photos", "stories", "tokens"]

admin.site.site_header = admin.site.site_title = _("Newsroom")
admin.site.index_title = _("Everything you may see")
admin.site.site_url = None
admin.site.enable_nav_sidebar = False
