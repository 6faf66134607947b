"""The policy, read and changed: tables, cuts and limits in a form, what a change would have meant, and every version.

A preview is a POST that writes nothing. Activating needs `change_policy`, a reason, and that no other version came in
force since the form was opened. A desk's own table is edited on the same page, by the desk's key.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from detection import audit, policy, reach, ruling, sampling, wording
from detection.admin.mixins import AnyAdmin, ReadOnlyMixin
from detection.admin.review import refused
from detection.conf import settings
from detection.errors import EvidenceChanged, NotPermitted, Refused
from detection.models import PolicyVersion
from detection.providers import providers
from detection.vocabulary import Level, PlacedUse, Signal, SourceTier
from detection.wording.rule_texts import use_word

_NUMBERS = ("pixel_share_floor", "min_note")
LABELLED = (PlacedUse.ILLUSTRATION, PlacedUse.SUBJECT)
"""The uses in which a label can answer for a picture that a person confirmed as AI."""
_LIMITS = ("default_hours", "after_publication_hours", "max_days")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of both tables."""

    name: str
    label: str
    level: str
    is_queued: bool


def number(text: str) -> float | int | str:
    """A number as it was typed; anything else as it is, for the rules to refuse it by its name."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(found) if found.is_integer() else found


def read(posted: QueryDict, base: dict[str, Any], desk: str) -> dict[str, Any]:
    """The document that a form stands for: `base` with what was changed in it. What is wrong in it `Rules` says."""
    made = copy.deepcopy({**policy.DEFAULT, **base})
    levels = {
        row: {tier.value: posted.get(f"level.{row}.{tier.value}", "") for tier in SourceTier} for row in policy.ROWS
    }
    queued = {row: {tier.value: f"queued.{row}.{tier.value}" in posted for tier in SourceTier} for row in policy.ROWS}
    made["labelled_use"] = _labelled(posted, made["labelled_use"], desk)
    if desk:
        own: dict[str, Any] = {"four_eyes": "four_eyes" in posted}
        own |= {"levels": _apart(levels, "levels", made), "queued": _apart(queued, "queued", made)}
        made["desks"] = {**made["desks"], desk: {name: value for name, value in own.items() if value not in ({}, None)}}
        if own == {"four_eyes": made["four_eyes"], "levels": {}, "queued": {}}:
            del made["desks"][desk]
        return made
    made |= {"levels": levels, "queued": queued, "four_eyes": "four_eyes" in posted}
    made |= {name: number(posted.get(name, "")) for name in _NUMBERS}
    if "sample" in posted:
        share = posted.get("sample", "").strip()
        made["sample"] = number(share) if share else None
    made["override"] = {name: number(posted.get(f"override.{name}", "")) for name in _LIMITS}
    made["primary"] = posted.get("primary") or None
    low, high = posted.get("band.low", "").strip(), posted.get("band.high", "").strip()
    made["second_opinion_band"] = [number(low), number(high)] if low or high else None
    cuts = {}
    for alias in providers.aliases():
        some, strong = (posted.get(f"cut.{alias}.{name}", "").strip() for name in ("some", "strong"))
        if some or strong:
            cuts[alias] = {"some": number(some), "strong": number(strong)}
    gone = {alias: pair for alias, pair in made["thresholds"].items() if alias not in providers.aliases()}
    made["thresholds"] = {**gone, **cuts}
    return made


def _labelled(posted: QueryDict, base: dict[str, Any], desk: str) -> dict[str, Any]:
    """What may be used with a label, as this form has it; a form without these fields changes nothing.

    A desk keeps a list of its own only where it differs from the house's.
    """
    made = {**policy.DEFAULT["labelled_use"], **base}
    if "has_uses" not in posted:
        return made
    uses = [use.value for use in LABELLED if f"use.{use.value}" in posted]
    if not desk:
        return {**made, "default": uses}
    lists = {name: own for name, own in made["desks"].items() if name != desk}
    if set(uses) != set(made["default"]):
        lists[desk] = uses
    waiting = [name for name in made["standards"] if name != desk or "standards" in posted]
    if "standards" in posted and desk not in waiting:
        waiting.append(desk)
    return {**made, "desks": lists, "standards": waiting}


def _apart(cells: dict[str, Any], table: str, house: dict[str, Any]) -> dict[str, Any]:
    """Only the cells in which a desk differs from the house."""
    found: dict[str, Any] = {}
    for row, own in cells.items():
        usual = {**policy.DEFAULT[table][row], **house[table].get(row, {})}
        if differing := {tier: value for tier, value in own.items() if usual[tier] != value}:
            found[row] = differing
    return found


def cells_of(rules: policy.Rules) -> list[tuple[str, list[Cell]]]:
    """Both tables, row by row."""
    rows = []
    for row in policy.ROWS:
        cells = [
            Cell(
                f"{row}.{tier.value}",
                f"{row_word(row)}, {wording.tier_word(tier)}",
                rules.levels[row, tier].value,
                (row, tier) in rules.queued,
            )
            for tier in SourceTier
        ]
        rows.append((row_word(row), cells))
    return rows


def row_word(row: str) -> str:
    """A row of the table in words."""
    if row == policy.CREDENTIALS_BROKEN_AI:
        return _("A broken credential says AI")
    if row == policy.BEFORE_INSTALL:
        return _("Older than this installation")
    return str(wording.signal_word(Signal(row)))


def _moved(seen: ruling.Preview | None) -> list[tuple[str, str, int]]:
    """From which level to which, in words, and how many."""
    if seen is None:
        return []
    return [(wording.level_word(old), wording.level_word(new), count) for (old, new), count in seen.moved.items()]


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyMixin, AnyAdmin):
    """Every version with who wrote it and why; the newest can be changed into the next."""

    list_display = ("__str__", "author_label", "reason", "created_at", "activated_at")
    ordering = ("-number",)
    change_list_template = "admin/detection/policyversion/change_list.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: PolicyVersion | None = None) -> bool:
        user: Any = request.user
        return reach.may_look_at_any(user) or bool(user.has_perm(ruling.PERMISSION))

    def get_urls(self) -> list[URLPattern]:
        edit = path("edit/", self.admin_site.admin_view(self.edit_view), name="detection_policyversion_edit")
        return [edit, *super().get_urls()]

    def edit_view(self, request: HttpRequest) -> HttpResponse:
        """The form; a POST previews what was changed, or puts it in force."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        current = PolicyVersion.current()
        given = request.POST if request.method == "POST" else request.GET
        desk = given.get("desk", "").strip()[:64]
        document, seen, problem, status = dict(current.document), None, "", 200
        user: Any = request.user
        if request.method == "POST" and not user.has_perm(ruling.PERMISSION):
            # A preview counts the pictures of every desk.
            sentence = _("You may not change the policy.")
            return refused(request, str(audit.denied(ruling.PERMISSION, by=user, sentence=sentence)))
        if request.method == "POST":
            document = read(request.POST, document, desk)
            try:
                if "activate" in request.POST:
                    return self._activate(request, document)
                seen = ruling.preview(document, desk=desk)
            except NotPermitted as error:
                return refused(request, str(error))
            except EvidenceChanged as error:
                problem, status = str(error), 409
            except Refused as error:
                problem, status = str(error), 400
        try:
            rules = policy.Rules.parse(document).of_desk(desk)
        except Refused:
            rules, document = current.rules.of_desk(desk), dict(current.document)
        return self._page(request, current, document, rules, desk=desk, seen=seen, problem=problem, status=status)

    def _activate(self, request: HttpRequest, document: dict[str, Any]) -> HttpResponse:
        based_on = request.POST.get("based_on", "")
        made = ruling.activate(
            document,
            by=request.user,
            reason=request.POST.get("reason", ""),
            based_on=int(based_on) if based_on.isdecimal() and len(based_on) < 10 else 0,
        )
        messages.success(request, _("Policy %(number)d is in force.") % {"number": made.number})
        return HttpResponseRedirect(reverse("admin:detection_policyversion_changelist"))

    def _page(
        self,
        request: HttpRequest,
        current: PolicyVersion,
        document: dict[str, Any],
        rules: policy.Rules,
        *,
        desk: str,
        seen: ruling.Preview | None,
        problem: str,
        status: int,
    ) -> HttpResponse:
        shown = {**policy.DEFAULT, **document}
        context = {
            **self.admin_site.each_context(request),
            "title": _("Policy of the desk %(desk)s") % {"desk": desk} if desk else _("Policy"),
            "opts": self.opts,
            "current": current,
            "based_on": request.POST.get("based_on") or current.number,
            "desk": desk,
            "desks": sorted(shown["desks"]),
            "tiers": [wording.tier_word(tier) for tier in SourceTier],
            "levels": [(level.value, wording.level_word(level)) for level in Level],
            "table": cells_of(rules),
            "rules": rules,
            "uses": [(one.value, use_word(one), one in rules.labelled_uses(desk)) for one in LABELLED],
            "is_stopped": desk in rules.standards,
            "stopped": sorted(rules.standards),
            "sample": shown["sample"],
            "sample_set": settings.SAMPLE,
            "chosen": seen.unflagged * sampling.share(rules) / 100 if seen else 0,
            "band": shown["second_opinion_band"],
            "cuts": [(one, shown["thresholds"].get(one, {})) for one in providers.aliases() if one != "provenance"],
            "override": {**policy.DEFAULT["override"], **shown["override"]},
            "preview": [(wording.level_word(level), new, old) for level, new, old in seen.rows()] if seen else None,
            "moved": [(wording.level_word(a), wording.level_word(b), n) for (a, b), n in seen.moved.items()]
            if seen
            else [],
            "seen": seen,
            "changed": list(ruling.differences(current.document, document)) if seen else [],
            "problem": problem,
            "reason": request.POST.get("reason", ""),
            "may_change": request.user.has_perm(ruling.PERMISSION),
            "is_shadow": settings.MODE == "shadow",
        }
        return TemplateResponse(request, "admin/detection/policyversion/edit.html", context, status=status)
