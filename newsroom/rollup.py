"""The worst open question of each story, for lists, the board and the edit page; as many queries for many as for one.

Derived anew each time, as the gate's own answer is; nothing of it is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Model, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import gate, registry, wording
from detection.templatetags.detection_tags import level_words, review_url
from detection.vocabulary import Level, Why
from newsroom import labels
from newsroom.models import Story

_UNDER_WAY = (Why.QUEUED, Why.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollUp:
    """One story's pictures in a line. `count`: of how many the question is open, of `all`."""

    story: Story
    report: gate.Report
    word: str
    tone: str
    icon: str
    sentence: str
    count: int
    all: int
    is_live: bool
    """Whether it is a picture that readers see about which the question is open."""
    url: str
    """The evidence of the worst picture, seen from this story; "" where no question is open."""
    sent: str
    """Who handed which held picture to the desk chief, and when: the last; "" where nobody did."""
    version: str
    """Changes whenever anything here does."""


def of(stories: Iterable[Story]) -> dict[int, RollUp]:
    """The roll-up of each story, by its key."""
    known = list(stories)
    prefetch_related_objects(known, "placements__photo", "desk")
    labels.attach(known)
    reports = gate.overview(known)
    sent = gate.sent_of(_named(line, report.subject) for report in reports for line in _held(report))
    return {story.pk: _rolled(story, report, sent) for story, report in zip(known, reports, strict=True)}


def _held(report: gate.Report) -> list[gate.Line]:
    return [line for line in report.open_lines if line.level is Level.HOLD and line.asset is not None]


def _named(line: gate.Line, story: Model) -> tuple[str, str, int]:
    return story._meta.label_lower, registry.key(story), line.asset.pk if line.asset is not None else 0


def _sent(report: gate.Report, sent: Mapping[tuple[str, str, int], gate.Sent]) -> str:
    found = [(sent.get(_named(line, report.subject)), line.evidence) for line in _held(report)]
    given = [one for one, evidence in found if one is not None and one.evidence == evidence]
    last = max(given, key=lambda one: one.at, default=None)
    return wording.sent_by_sentence(last.by, when=last.at) if last is not None else ""


def _rolled(story: Story, report: gate.Report, sent_all: Mapping[tuple[str, str, int], gate.Sent]) -> RollUp:
    asking = list(report.open_lines)
    live = [line for line in report.lines if line.is_live and line.level.refuses]
    worst = max(asking or live or report.lines, key=lambda line: line.level.rank, default=None)
    is_quiet = worst is None or (worst.level is Level.CLEAR and not worst.cleared_by)
    words = {"word": "", "tone": "neutral", "icon": ""} if worst is None or is_quiet else level_words(worst)
    sentence = _sentence(report, asking, live)
    lines = [(line.evidence, line.level, line.sentence, line.cleared_by) for line in report.lines]
    sent = _sent(report, sent_all)
    told = (story.state, story.publish_at, sentence, lines, sent)
    is_open = bool(asking or live) and worst is not None and worst.asset is not None
    return RollUp(
        story=story,
        report=report,
        **words,
        sentence=sentence,
        count=len(asking or live),
        all=len(report.lines),
        is_live=bool(live) and not asking,
        url=review_url(worst.asset, story) if is_open and worst and worst.asset else "",
        sent=sent,
        version=hashlib.sha256(repr(told).encode()).hexdigest()[:16],
    )


def _sentence(report: gate.Report, asking: list[gate.Line], live: list[gate.Line]) -> str:
    count, total = len(asking or live), len(report.lines)
    if not total:
        return _("No pictures.")
    if total == 1 and count:
        return (
            _("The picture is live with an open question.") if live and not asking else _("The picture needs a look.")
        )
    if asking:
        words = ngettext(
            "%(count)d of %(all)d pictures needs a look.", "%(count)d of %(all)d pictures need a look.", count
        )
        return words % {"count": count, "all": total}
    if live:
        words = ngettext(
            "%(count)d of %(all)d pictures is live with an open question.",
            "%(count)d of %(all)d pictures are live with an open question.",
            count,
        )
        return words % {"count": count, "all": total}
    under_way = sum(line.why in _UNDER_WAY for line in report.lines)
    if under_way:
        return ngettext("%(count)d image is being checked.", "%(count)d images are being checked.", under_way) % {
            "count": under_way
        }
    return _("No image asks for anything.")
