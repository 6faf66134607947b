"""What waits for one person, filtered as they asked: one look at the queue's own rows, however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from detection import reach, wording
from detection.models import Place
from detection.models.places import PlaceQuerySet
from detection.vocabulary import Signal, SourceTier, Why
from detection.waiting import BEING_CHECKED

STATES: dict[str, Any] = {
    "waiting": _("Waiting"),
    "soon": _("Within the hour"),
    "overdue": _("Overdue"),
    "unchecked": _("Could not be checked"),
    "checking": _("Being checked"),
    "live": _("Live with open questions"),
}
"""The tabs: each a state of what waits, with its count."""
AGES: dict[str, Any] = {"1": _("Over an hour"), "4": _("Over four hours"), "24": _("Over a day")}
"""Hours that something has waited at least."""
CLAIMS: dict[str, Any] = {"nobody": _("Nobody"), "me": _("Me"), "others": _("Somebody else")}
DOWN = (Why.FAILED, Why.PAUSED)
"""Why a picture has no answer while its detector is down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a person narrowed the queue to; a value that isn't known counts as none."""

    state: str = "waiting"
    desk: str = ""
    tier: str = ""
    signal: str = ""
    age: str = ""
    claimed: str = ""
    down: str = ""
    q: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Filters:
        """Read from an address; what isn't known there is left out."""
        known: dict[str, Any] = {
            "state": STATES,
            "tier": set(SourceTier),
            "signal": set(Signal),
            "age": AGES,
            "claimed": CLAIMS,
            "down": {"1"},
        }
        found = {name: asked[name] for name, values in known.items() if asked.get(name) in values}
        free = {name: str(asked[name]).strip()[:100] for name in ("desk", "q") if asked.get(name)}
        return cls(**found, **free)

    @property
    def query(self) -> str:
        """As an address writes it; "" where nothing was narrowed."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        if chosen.get("state") == "waiting":
            del chosen["state"]
        return urlencode(chosen)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything besides the tab leaves rows out."""
        return bool(Filters.of({**asdict(self), "state": "waiting"}).query)

    def apply(self, rows: PlaceQuerySet, *, user: Any, now: datetime) -> PlaceQuerySet:
        """The rows of this tab that pass every filter."""
        found = rows.filter(in_state(self.state, now))
        for name in ("desk", "tier", "signal"):
            if value := getattr(self, name):
                # An empty tier is stored for a source that nobody stated.
                values = [value, ""] if value == SourceTier.UNKNOWN else [value]
                found = found.filter(**{f"{name}__in": values})
        if self.age:
            found = found.filter(since__lte=now - timedelta(hours=int(self.age)))
        if self.down:
            found = found.filter(why__in=DOWN)
        if self.q:
            found = found.filter(Q(subject_label__icontains=self.q) | Q(asset__label__icontains=self.q))
        return found.filter(_claimed(self.claimed, user, now)) if self.claimed else found


def _claimed(by: str, user: Any, now: datetime) -> Q:
    runs = Q(asset__claim__until__gt=now)
    if by == "nobody":
        return ~runs | Q(asset__claim=None)
    return runs & (Q(asset__claim__author_id=user.pk) if by == "me" else ~Q(asset__claim__author_id=user.pk))


def in_state(state: str, now: datetime) -> Q:
    """The filter for one tab."""
    checking = Q(signal=Signal.NOT_CHECKED, why__in=BEING_CHECKED)
    if state == "live":
        return Q(is_live=True)
    if state == "checking":
        return checking & Q(is_live=False)
    asking = Q(is_live=False) & (~checking | Q(due__lte=now + timedelta(hours=1)))
    return asking & {
        "soon": Q(due__gt=now, due__lte=now + timedelta(hours=1)),
        "overdue": Q(due__lte=now),
        "unchecked": Q(signal=Signal.COULD_NOT_CHECK),
    }.get(state, Q())


@dataclass(frozen=True, slots=True)
class Tab:
    """One state with how many are in it."""

    name: str
    label: str
    count: int
    query: str
    is_shown: bool


def waiting_for(user: Any, now: datetime | None = None) -> PlaceQuerySet:
    """Everything that asks for a person and that this one may act on, in no order."""
    return Place.objects.order_by().waiting(now or timezone.now()).filter(reach.places_for(user))


def counts(rows: PlaceQuerySet, now: datetime) -> dict[str, int]:
    """How many there are in each state: one look."""
    found: dict[str, int] = rows.aggregate(**{name: Count("pk", filter=in_state(name, now)) for name in STATES})
    return found


def desks(rows: PlaceQuerySet) -> list[str]:
    """The desks that any of them belongs to."""
    return sorted(desk for desk in rows.values_list("desk", flat=True).distinct() if desk)


def choices(filters: Filters, known_desks: list[str]) -> list[dict[str, Any]]:
    """The filters as a form offers them: name, label, and options with the chosen one marked."""
    offered: list[tuple[str, Any, list[tuple[str, Any]]]] = [
        ("desk", _("Desk"), [(desk, desk) for desk in known_desks]),
        ("tier", _("Source"), [(tier.value, wording.tier_word(tier)) for tier in SourceTier]),
        ("signal", _("Signal"), [(signal.value, wording.signal_word(signal)) for signal in Signal]),
        ("age", _("Waiting"), list(AGES.items())),
        ("claimed", _("Claimed by"), list(CLAIMS.items())),
        ("down", _("Detector"), [("1", _("Down"))]),
    ]
    return [
        {
            "name": name,
            "label": label,
            "options": [(value, word, getattr(filters, name) == value) for value, word in options],
        }
        for name, label, options in offered
        if options
    ]
