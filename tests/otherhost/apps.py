from __future__ import annotations

from django.apps import AppConfig


class OtherhostConfig(AppConfig):
    name = "tests.otherhost"
    label = "otherhost"
