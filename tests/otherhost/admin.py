from __future__ import annotations

from django.contrib import admin

from detection.admin import AnalysedImageMixin, GatedPublicationMixin
from tests.otherhost.models import Article, Plate


@admin.register(Plate)
class PlateAdmin(AnalysedImageMixin, admin.ModelAdmin):
    list_display = ["title"]


@admin.register(Article)
class ArticleAdmin(GatedPublicationMixin, admin.ModelAdmin):
    list_display = ["title", "is_out"]
