"""Mixins: three that a host puts before its `ModelAdmin`, and the read-only one that all of ours share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from detection.history import access
from detection.templatetags.detection_tags import attach_assets, detection_badge

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    _Admin = AnyAdmin
else:
    AnyAdmin = admin.ModelAdmin
    _Admin = object


class _WithStyle(_Admin):
    class Media:
        css = {"all": ("detection/detection.css",)}


class ReadOnlyMixin(_WithStyle):
    """Facts are looked at here and changed nowhere: no adding, no changing, no deleting, for superusers neither."""

    actions: Any = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ClosedAnswersMixin(_Admin):
    """For lists of checks: a detector's answer has a page and a permission of its own, a fencing token none."""

    exclude = ("raw", "lease_token")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """An address may not ask about what no page of this list shows, or a list would answer it bit by bit."""
        return lookup.split("__")[0] not in self.exclude and super().lookup_allowed(lookup, value, request)


class AnalysedImageMixin(_WithStyle):
    """For the admin of a picture model: a column with each picture's badge, which links to its evidence."""

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = list(super().get_list_display(request))
        return columns if "detection" in columns else [*columns, "detection"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        attach_assets(changelist.result_list)
        return changelist

    @admin.display(description=_("Image check"))
    def detection(self, picture: Model) -> SafeString:
        return badge(picture)


class GatedPublicationMixin(_WithStyle):
    """For the admin of a publishable: the notice about its pictures above the form of its change page.

    A host with a template of its own loads `detection_tags` there and calls `{% detection_notice original %}`.
    """

    change_form_template = "admin/detection/gated_change_form.html"


class NamesChangerMixin(_Admin):
    """For the admin of accounts, groups and memberships: the event of a change of rights names who made it."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        access.stamp(obj, request.user)
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        access.stamp(obj, request.user)
        super().delete_model(request, obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for one in formset.forms:
            access.stamp(one.instance, request.user)
        super().save_formset(request, form, formset, change)


def badge(picture: Model | None) -> SafeString:
    """A picture's badge as HTML."""
    return render_to_string("detection/badge.html", detection_badge(picture))
