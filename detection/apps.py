"""The app: reads the hosts' `detection_hooks` modules and connects itself to what they registered."""

from __future__ import annotations

import importlib

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class DetectionConfig(AppConfig):
    """AI-image detection for the host's pictures."""

    name = "detection"
    verbose_name = _("Picture checks")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        autodiscover_modules("detection_hooks")
        importlib.import_module("detection.models.words").give(self)
        importlib.import_module("detection.checks")
        importlib.import_module("detection.receivers").connect(self)
        importlib.import_module("detection.queue").beat_with_tasks()
        importlib.import_module("detection.views.handed").keep_tokens_out_of_logs()
        importlib.import_module("detection.redaction").on_every_handler()
