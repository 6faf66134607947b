"""The newsroom's app: makes the roles after every migrate, and hears what detection has to say."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NewsroomConfig(AppConfig):
    name = "newsroom"
    label = "newsroom"
    verbose_name = _("Newsroom")
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        import_module("newsroom.receivers")
        import_module("newsroom.checks")
        sessions = import_module("newsroom.sessions")
        user_logged_in.connect(sessions.begin, dispatch_uid="newsroom.sessions")
        if settings.HAS_SECOND_FACTOR:
            second_factor = import_module("newsroom.second_factor")
            user_logged_in.connect(second_factor.begin, dispatch_uid="newsroom.second_factor")
        roles = import_module("newsroom.roles")
        post_migrate.connect(roles.after_migrate, dispatch_uid="newsroom.roles")


class NewsroomAdminConfig(admin_apps.AdminConfig):
    """Django's admin with the newsroom's own site, in place of "django.contrib.admin"."""

    default = False
    default_site = "newsroom.admin_site.NewsroomAdminSite"
