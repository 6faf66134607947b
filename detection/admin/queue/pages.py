"""What a reader of the queue may want to look up: this newsroom's rules, in sentences, and what each word means."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from detection import reach, registry, sampling
from detection.admin.queue.views import frame
from detection.conf import settings
from detection.models import PolicyVersion
from detection.providers import providers
from detection.wording.glossary_texts import glossary
from detection.wording.rule_texts import rule_sentences, rule_table


@require_safe
def rules_view(request: HttpRequest) -> HttpResponse:
    """The policy in force, in sentences; nothing is changed here."""
    _permit(request)
    version = PolicyVersion.current()
    rules = version.rules
    marks = [
        (provider.title, cuts.some, cuts.strong)
        for alias, provider in providers.items()
        if provider.looks_at_pixels
        for cuts in [rules.thresholds_for(alias, provider.thresholds)]
    ]
    has_tiers = any(kind.source_tier is not None for kind in registry.asset_types())
    context = frame(
        request,
        _("Our rules for pictures"),
        version=version,
        table=rule_table(rules, has_tiers=has_tiers),
        sentences=rule_sentences(rules, mode=settings.MODE, detectors=marks, sample=sampling.share(rules)),
    )
    return TemplateResponse(request, "admin/detection/queue/rules.html", context)


@require_safe
def words_view(request: HttpRequest) -> HttpResponse:
    """The glossary: every word of the screens, each under an address of its own."""
    _permit(request)
    context = frame(request, _("What the words mean"), chapters=glossary())
    return TemplateResponse(request, "admin/detection/queue/words.html", context)


def _permit(request: HttpRequest) -> None:
    user = request.user
    if not reach.may_look_at_any(user) and not user.has_perm("detection.operate_provider"):
        raise PermissionDenied
