"""What a host puts on its own pages: `detection_badge`, `detection_notice`, `detection_compare` and `|detection_held`.

    {% load detection_tags %}
    {% detection_badge photo %}      word, icon and tone, with a link to the evidence
    {% detection_notice story %}     one line a picture: what, why, who can clear it, the next click; nothing when clear
    {% detection_compare asset %}    original and overlay side by side
    {% if story|detection_held %}…

For lists call `detection.templatetags.detection_tags.attach_assets(pictures)` first: one query for all badges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings as django_settings
from django.db.models import Model
from django.template.context import Context
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from detection import gate, registry, screens, wording
from detection.models import Asset
from detection.providers import providers
from detection.vocabulary import Basis, Conclusion, Level, NoteKind, Signal, Verdict
from detection.wording import decision_texts

register = template.Library()

DISMISSED = "detection_no_pixels_dismissed"
"""The session's key under which an operator hid the line about missing detectors."""
_ATTACHED = "_detection_asset"


def attach_assets(pictures: Iterable[Model]) -> None:
    """Look up the assets of a whole list at once, so that badges in it ask nothing more."""
    listed = list(pictures)
    found = Asset.objects.of_many(listed)
    for picture in listed:
        key = registry.content_type(picture).pk, registry.key(picture)
        setattr(picture, _ATTACHED, found.get(key))


def asset_of(picture: Model | None) -> Asset | None:
    """The asset of a picture, or the asset itself; None where there is none yet."""
    if picture is None or isinstance(picture, Asset):
        return picture
    if not hasattr(picture, _ATTACHED):
        setattr(picture, _ATTACHED, Asset.objects.of(picture).first())
    attached: Asset | None = getattr(picture, _ATTACHED)
    return attached


def review_url(asset: Asset, subject: Model | None = None, back: str = "") -> str:
    """The review page, in the context of a story where one is given; "" without the admin.

    `back`: where its reader goes on to after letting the story go.
    """
    url = _address("admin:detection_asset_review", asset.public_id)
    query = {"for": subject_name(subject)} if subject is not None else {}
    if back:
        query["next"] = back
    return f"{url}?{urlencode(query, safe=':/')}" if url and query else url


def _address(name: str, *args: object) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def subject_name(subject: Model) -> str:
    """How a form or an address names a publishable: `app.model:key`."""
    return f"{subject._meta.label_lower}:{registry.key(subject)}"


@register.inclusion_tag("detection/icon.html")
def detection_icon(name: str) -> dict[str, Any]:
    """One icon by its name; always stands beside a word."""
    return {"name": name}


@register.inclusion_tag("detection/badge.html")
def detection_badge(picture: Model | None, link: bool = True) -> dict[str, Any]:
    """Word, icon and tone of a picture's signal."""
    asset = asset_of(picture)
    if asset is None:
        return {
            "face": screens.Face(
                word=_("Not checked"), sentence=_("Not checked yet: waiting its turn."), tone="neutral", icon="clock"
            )
        }
    return {"face": screens.face(asset), "url": review_url(asset) if link else ""}


@register.inclusion_tag("detection/notice.html", takes_context=True)
def detection_notice(context: Context, story: Model, back: str = "", replace: str = "") -> dict[str, Any]:
    """One line for each picture that is not clear, the story's sentence first; nothing when all are.

    `back`: where acts lead afterwards, this page by default. `replace`: the name of the host's page that puts another
    picture in the place of one, which takes the keys of the story and of the picture.
    """
    request = context.get("request")
    report = gate.report(story, user=getattr(request, "user", None))
    back = back or (request.get_full_path() if request else "")
    shown = [
        _line(line, story, back, replace) for line in report.lines if line.level is not Level.CLEAR or line.cleared_by
    ]
    is_open = report.level.refuses
    return {
        "report": report,
        "together_url": _together_url(report, back),
        "lines": shown if is_open or any(item["line"].level is not Level.CLEAR for item in shown) else [],
        "tone": wording.tone(report.level),
        "icon": wording.icon(report.level),
        "is_shadow": report.mode == "shadow",
        "request": request,
        "back": back,
    }


def _together_url(report: gate.Report, back: str) -> str:
    """The page that acknowledges several pictures at once; "" where no two ask the same of this reader."""
    url = _address("admin:detection_gate_together")
    if not url or all(len(lines) < 2 for lines in gate.alike(report)):
        return ""
    return f"{url}?{urlencode({'subject': subject_name(report.subject), 'next': back}, safe=':/')}"


def _line(line: gate.Line, story: Model, back: str, replace: str = "") -> dict[str, Any]:
    asks = line.asks
    next_click, anchor = _("Look at the evidence"), ""
    if asks and "clear" in line.actions:
        next_click, anchor = _("Look and decide"), "#look"
    elif asks and "acknowledge" in line.actions:
        next_click, anchor = _("Look and acknowledge"), "#look"
    elif asks and "override" in line.actions:
        next_click, anchor = _("Look and decide"), "#look"
    return {
        "line": line,
        **level_words(line),
        "asks": asks,
        "who": line.level_sentence,
        "url": review_url(line.asset, story, back) if line.asset else "",
        "next": next_click,
        "anchor": anchor,
        "replace": _address(replace, story.pk, line.placed.picture.pk) if replace and line.level.refuses else "",
    }


@register.inclusion_tag("detection/send.html", takes_context=True)
def detection_send(
    context: Context, line: gate.Line, story: Model, back: str = "", with_note: bool = False
) -> dict[str, Any]:
    """The button that hands a held picture to the desk chief; after that, who sent it to whom and when."""
    user = getattr(context.get("request"), "user", None)
    may_clear, sent = "override" in line.actions, line.sent
    sentence = ""
    if sent is not None and may_clear:
        sentence = wording.sent_to_you_sentence(sent.by, when=sent.at)
    elif sent is not None:
        sentence = wording.sent_sentence(line.who_can_clear, when=sent.at)
    kind = registry.publishable_type(story)
    is_offered = line.asks and "send_to_chief" in line.actions
    return {
        "line": line,
        "sentence": sentence,
        "url": _address("admin:detection_gate_send")
        if is_offered and kind.allows(user, "detection.review_analysis", story)
        else "",
        "subject_name": subject_name(story),
        "next": back,
        "with_note": with_note,
    }


def level_words(line: gate.Line) -> dict[str, str]:
    """Word, tone and icon of what a line asks now; what a person cleared says so, for the question itself remains."""
    if line.cleared_by and line.level is Level.CLEAR:
        return {"word": _("Cleared by a person"), "tone": "neutral", "icon": "person"}
    return {
        "word": wording.level_word(line.level),
        "tone": wording.tone(line.level),
        "icon": wording.icon(line.level),
    }


@register.inclusion_tag("detection/compare.html", takes_context=True)
def detection_compare(context: Context, asset: Asset, alt: str = "") -> dict[str, Any]:
    """Original left, a detector's overlay right; with none, what was read and why there is nothing to highlight."""
    request = context.get("request")
    query = request.GET if request else {}
    kept = {name: query[name] for name in ("for", "next") if name in query}
    shown = screens.comparison(asset, alt=alt, chosen=query.get("overlay", ""), kept=kept)
    return shown | {
        "hides": bool(shown["preview_url"]) and screens.is_hidden(asset, request),
        "preferences_url": _address("admin:detection_queue_preferences"),
        "here": request.get_full_path() if request else "",
    }


@register.inclusion_tag("detection/banners.html", takes_context=True)
def detection_banners(context: Context) -> dict[str, Any]:
    """The site's own notice (`DETECTION_NOTICE`), and to operators once that no detector looks at pixels."""
    request = context.get("request")
    user = getattr(request, "user", None)
    is_hidden = request is not None and request.session.get(DISMISSED, False)
    may_act = user is not None and user.has_perm("detection.operate_provider")
    is_blind = not any(provider.looks_at_pixels for provider in providers.values())
    return {
        "notice": getattr(django_settings, "DETECTION_NOTICE", ""),
        "says_no_pixels": may_act and not is_hidden and is_blind,
        "here": request.get_full_path() if request else "",
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def detection_held(story: Model) -> bool:
    """Whether publishing this would be refused now."""
    return gate.report(story).refuses


@register.filter
def detection_tier(asset: Asset) -> str:
    """Where a picture comes from, in a few words."""
    return wording.tier_word(screens.tier_of(asset))


_FACTS = {
    "provider": _l("Detector"),
    "conclusion": _l("Conclusion"),
    "noted": _l("What"),
    "reason": _l("Reason"),
    "signal": _l("Signal"),
    "level": _l("Level"),
    "verdict_before": _l("Verdict before"),
    "verdict": _l("Verdict"),
    "evidence": _l("Evidence"),
    "policy": _l("Policy"),
    "scope": _l("Scope"),
    "ends_at": _l("Until"),
    "reader_label": _l("Label for readers"),
    "no_label_reason": _l("No label because"),
    "sentence": _l("Why"),
}


@register.filter
def detection_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The facts of an event that a reader of the history needs, named and in words; the whole stands in the record."""
    shown = {**facts, **(facts.get("after") or {})}
    return [(str(label), _fact(name, shown)) for name, label in _FACTS.items() if shown.get(name)]


def _fact(name: str, facts: Mapping[str, Any]) -> str:
    text = str(facts[name])
    if name == "provider":
        provider = providers.get(text)
        return provider.title if provider else text
    if name in ("verdict", "verdict_before") and text in set(Verdict):
        return wording.verdict_word(Verdict(text), _basis(facts))
    if name == "evidence":
        return text[:12]
    if name == "reason":
        return str(wording.REASON_CODES.get(text, text))
    if name == "ends_at" and (when := parse_datetime(text)) is not None:
        return wording.moment(when)
    if name in _VOCABULARIES:
        terms, word = _VOCABULARIES[name]
        return word(terms(text)) if text in set(terms) else text
    return text


_VOCABULARIES: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "signal": (Signal, wording.signal_word),
    "level": (Level, wording.level_word),
    "conclusion": (Conclusion, wording.conclusion_word),
    "noted": (NoteKind, lambda kind: str(decision_texts.NOTE_KINDS[kind])),
}


def _basis(facts: Mapping[str, Any]) -> Basis:
    if facts.get("basis") in set(Basis):
        return Basis(facts["basis"])
    provider = providers.get(str(facts.get("provider", "")))
    return provider.basis if provider else Basis.PIXELS
