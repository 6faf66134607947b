"""The detectors: which one is asked, which is paused and why, what its last test said, and the three buttons.

The page asks no detector and needs no key: a worker does the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from detection import budgets, checking, switches
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.admin.review import first_error, refused
from detection.errors import NotPermitted, Refused
from detection.forms import ReasonForm
from detection.models import ProviderCheck, ProviderSwitch, moments
from detection.providers import providers

_USUALLY_TAKEN = timedelta(seconds=30)
"""How long a test usually waits at most; after that the page asks whether anybody works."""


@dataclass(frozen=True, slots=True)
class _Row:
    alias: str
    title: str
    looks_at: str = ""
    switch: ProviderSwitch | None = None
    check: ProviderCheck | None = None
    is_paused: bool = False
    is_set: bool = False
    """Paused by the setting `PAUSED`, which no button ends."""
    budget: budgets.Budget | None = None

    @property
    def is_all(self) -> bool:
        return self.alias == switches.ALL

    @property
    def waits_long(self) -> bool:
        """Whether a test was asked for that no worker has taken in the usual time."""
        check = self.check
        return check is not None and check.ok is None and check.asked_at < timezone.now() - _USUALLY_TAKEN


def _back(request: HttpRequest) -> HttpResponseRedirect:
    """To the page on which the button was pressed: this one, or the operations page."""
    page = "pipeline" if request.POST.get("from") == "pipeline" else "providerswitch"
    return HttpResponseRedirect(reverse(f"admin:detection_{page}_changelist"))


@admin.register(ProviderSwitch)
class ProviderSwitchAdmin(ReadOnlyMixin, AnyAdmin):
    """Every configured detector with its switch, and the one for all of them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: ProviderSwitch | None = None) -> bool:
        return bool(request.user.has_perm("detection.operate_provider"))

    def get_urls(self) -> list[URLPattern]:
        inside = self.admin_site.admin_view
        return [
            path("<str:alias>/pause/", inside(require_POST(self.pause_view)), name="detection_switch_pause"),
            path("<str:alias>/resume/", inside(require_POST(self.resume_view)), name="detection_switch_resume"),
            path("<str:alias>/test/", inside(require_POST(self.test_view)), name="detection_switch_test"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self._page(request)

    def pause_view(self, request: HttpRequest, alias: str) -> HttpResponse:
        """Stop asking one detector, with a reason."""
        self._check(request, alias)
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(request, problem=first_error(form), at=alias, status=400)
        switches.pause(alias, by=request.user, reason=form.cleaned_data["reason"])
        messages.info(request, _("Paused. Pictures wait and are checked after it is resumed."))
        return _back(request)

    def resume_view(self, request: HttpRequest, alias: str) -> HttpResponse:
        """Ask it again."""
        self._check(request, alias)
        if switches.held_by_setting(alias):
            return self._page(request, problem=switches.setting_sentence(), at=alias, status=409)
        switches.resume(alias, by=request.user, reason=request.POST.get("reason", "")[:1000])
        messages.info(request, _("Resumed. What waited is checked now."))
        return _back(request)

    def test_view(self, request: HttpRequest, alias: str) -> HttpResponse:
        """Ask for a test of its credentials; a worker does it."""
        try:
            checking.request(alias, by=request.user)
        except NotPermitted as error:
            return refused(request, str(error))
        except Refused:
            raise Http404 from None
        messages.info(request, _("A worker tests the connection. Its answer stands beside the detector."))
        return HttpResponseRedirect(reverse("admin:detection_providerswitch_changelist"))

    def _check(self, request: HttpRequest, alias: str) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if alias != switches.ALL and alias not in providers.aliases():
            raise Http404

    def _page(self, request: HttpRequest, *, problem: str = "", at: str = "", status: int = 200) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        known = {switch.alias: switch for switch in ProviderSwitch.objects.all()}
        checks = {check.alias: check for check in ProviderCheck.objects.newest()}
        paused = switches.pauses()
        all_set = switches.held_by_setting(switches.ALL)
        spent = {budget.alias: budget for budget in budgets.all_of(moments.now())}
        rows = [_Row(switches.ALL, _("All detectors"), switch=known.get(switches.ALL), is_set=all_set)]
        for alias in providers.aliases():
            one, is_set = providers[alias], not providers[alias].is_embedded and switches.held_by_setting(alias)
            is_paused = bool(paused.keys() & {alias, switches.ALL})
            row = _Row(alias, one.title, _(one.looks_at), known.get(alias), checks.get(alias), is_paused, is_set)
            rows.append(replace(row, budget=spent.get(alias)))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Detectors"),
            "opts": self.opts,
            "rows": rows,
            "setting": switches.setting_sentence(),
            "problem": problem,
            "at": at,
            "typed": request.POST.get("reason", ""),
        }
        return TemplateResponse(request, "admin/detection/providerswitch/change_list.html", context, status=status)
