"""The timeline of everything, searched: by picture, story, person, desk, day, reason, policy version and kind of event.

A page of fifty at a time, newest first, continued from the last event seen: so a year of history costs what a week
does. By time, and not by number, for then any question within any span of time is a walk along one index. Nothing here
needs the person, the picture, the story or the file to be there still.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Max, Min, Q, QuerySet
from django.utils import timezone

from detection import registry, wording
from detection.audit import Entry, entry_of
from detection.models import Asset, AuditEvent, AuditPersonal, words
from detection.vocabulary import Conclusion, Signal, Why

PAGE = 50
_MOST = 500
"""Pictures, or people, of one name that are looked for."""
SYSTEM = "system"
_VOCABULARIES: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "signal": (Signal, wording.signal_word),
    "conclusion": (Conclusion, wording.conclusion_word),
    "why": (Why, wording.why_sentence),
}
"""What is recorded as a term, and how a person reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for; empty fields ask nothing. `before`: only what is older than the event of this number."""

    picture: str = ""
    story: str = ""
    person: str = ""
    desk: str = ""
    since: date | None = None
    until: date | None = None
    reason: str = ""
    policy: int | None = None
    action: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the timeline, with the picture it was about."""

    entry: Entry
    picture: str = ""
    public_id: str = ""
    desk: str = ""
    reason: str = ""
    policy: int | None = None
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    """What changed: name, before, after."""
    evidence: str = ""
    correlation: str = ""


def search(question: Question) -> tuple[list[Row], int | None]:
    """One page of answers, and the number from which the next one goes on (None: there are no more)."""
    rows = _matching(question).select_related("asset").prefetch_related("personal").order_by("-at", "-pk")
    found = list(rows[: PAGE + 1])
    more = found[PAGE - 1].pk if len(found) > PAGE else None
    return [row_of(event) for event in found[:PAGE]], more


def row_of(event: AuditEvent) -> Row:
    """One event with what stands around it; with asset and personal values fetched it asks nothing."""
    facts = event.facts
    picture = event.asset if event.asset_id else None
    return Row(
        entry=entry_of(event),
        picture=(picture.label or str(picture.public_id)) if picture is not None else str(facts.get("picture") or ""),
        public_id=str(picture.public_id) if picture is not None else "",
        desk=event.desk,
        reason=event.reason,
        policy=event.policy,
        changes=_changes(facts),
        evidence=str(facts.get("evidence") or (facts.get("after") or {}).get("evidence") or "")[:12],
        correlation=str(facts.get("correlation") or ""),
    )


def _changes(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    before, after = facts.get("before"), facts.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [
        (str(words.COLUMNS.get(name, name)), _word(name, before[name]), _word(name, after.get(name)))
        for name in before
        if before[name] != after.get(name)
    ]


def _word(name: str, value: Any) -> str:
    if name in _VOCABULARIES and value:
        terms, word = _VOCABULARIES[name]
        if value in {term.value for term in terms}:
            return str(word(terms(value)))
    return str(value or "")


def _matching(question: Question) -> QuerySet[AuditEvent]:
    rows: QuerySet[AuditEvent] = AuditEvent.objects.all()
    for name in ("desk", "reason", "action"):
        if value := getattr(question, name):
            rows = rows.filter(**{name: value})
    if question.policy is not None:
        rows = rows.filter(policy=question.policy)
    if question.since is not None:
        rows = rows.filter(at__gte=_begin(question.since))
    if question.until is not None:
        rows = rows.filter(at__lt=_begin(question.until) + timedelta(days=1))
    if question.before is not None:
        rows = _older_than(rows, question.before)
    if question.story:
        rows = rows.filter(_about(question.story))
    if question.picture:
        rows = _of_pictures(rows, _assets(question.picture), question)
    return _by(rows, question.person) if question.person else rows


def _older_than(rows: QuerySet[AuditEvent], number: int) -> QuerySet[AuditEvent]:
    last = AuditEvent.objects.filter(pk=number).values_list("at", flat=True).first()
    if last is None:  # removed after its time, as is all that is older
        return rows.filter(pk__lt=number)
    return rows.filter(at__lte=last).exclude(at=last, pk__gte=number)


def _about(text: str) -> Q:
    """Stories by a part of what they were called when something happened, or by their key."""
    named = AuditEvent.objects.filter(subject_label__gt="", subject_label__icontains=text).order_by()
    found: dict[str, list[str]] = {}
    for kind, key in named.values_list("subject_type", "subject_key").distinct()[:_MOST]:
        found.setdefault(kind, []).append(key)
    wanted = Q(pk__in=[])
    for kind in {*found, *(kind.model_class._meta.label_lower for kind in registry.publishable_types())}:
        wanted |= Q(subject_type=kind, subject_key__in={*found.get(kind, ()), text[:64]})
    return wanted


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())


def _of_pictures(rows: QuerySet[AuditEvent], assets: list[int], question: Question) -> QuerySet[AuditEvent]:
    """Where more is asked than the picture, within the time in which anything happened to these pictures: else whatever
    index answers the rest is walked from today back to them."""
    if question.person or question.desk or question.reason or question.action or question.policy is not None:
        found = AuditEvent.objects.filter(asset__in=assets).order_by().aggregate(first=Min("at"), last=Max("at"))
        if found["first"] is not None:
            rows = rows.filter(at__gte=found["first"], at__lte=found["last"])
    return rows.filter(asset__in=assets)


def _assets(text: str) -> list[int]:
    """By its identifier, the fingerprint of its file, or a part of its name; of many the newest."""
    try:
        wanted = Q(public_id=uuid.UUID(text))
    except ValueError:
        is_hash = re.fullmatch(r"[0-9a-f]{64}", text.lower())
        wanted = Q(sha256=text.lower()) if is_hash else Q(label__icontains=text)
    # In no order, so that names are read off their index; in order, whole rows would be.
    return sorted(Asset.objects.filter(wanted).order_by().values_list("pk", flat=True), reverse=True)[:_MOST]


def _by(rows: QuerySet[AuditEvent], name: str) -> QuerySet[AuditEvent]:
    """Caused by, or about the rights of, people of this name; also of those whose account is gone."""
    if name.strip().lower() == SYSTEM:
        return rows.filter(actor=None)
    model = get_user_model()
    fields = {field.name for field in model._meta.get_fields()}
    named = Q(**{f"{model.USERNAME_FIELD}__icontains": name})
    for one in ("first_name", "last_name"):
        if one in fields:
            named |= Q(**{f"{one}__icontains": name})
    people = set(model._default_manager.filter(named).values_list("pk", flat=True)[:_MOST])
    kept = AuditPersonal.objects.filter(name="actor", value__icontains=name).exclude(event__actor=None)
    people |= set(kept.order_by().values_list("event__actor", flat=True).distinct()[:_MOST])
    about = Q(action="access.changed", facts__person_id__in=[str(one) for one in people])
    return rows.filter(Q(actor__in=people) | about)
