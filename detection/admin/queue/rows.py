"""One row of the queue as a person reads it: word first, why, which story, when it goes out, and who looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from detection import gate, screens, wording
from detection.forms import KEYS
from detection.models import Claim, Place, Review
from detection.standing import standing_review
from detection.templatetags.detection_tags import review_url
from detection.vocabulary import Conclusion, Level, SourceTier

_LEVELS = list(Level)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One picture in one story that waits; every text is ready to be read, and escaped by the template."""

    place: Place
    face: screens.Face
    url: str
    thumbnail: str
    level: Level
    level_word: str
    tone: str
    icon: str
    tier: str
    due: str
    """When the story goes out, and in how long; "" where nobody has said."""
    is_overdue: bool
    since: str
    claim: Claim | None
    """Who says that they are looking; None where nobody does now."""
    claimed_by: str
    is_mine: bool
    said: str
    """What a person has concluded without ending it; "" where nobody has."""

    sent: str
    """Who handed it to the desk chief, and when, on the present evidence; "" where nobody did."""
    quick: tuple[tuple[str, str, str], ...]
    """Key, address and word of what opens the picture with a conclusion chosen; nothing is decided unseen."""

    @property
    def title(self) -> str:
        return self.place.asset.label or _("Picture")

    @property
    def story(self) -> str:
        return _("In no story") if self.place.is_bare else self.place.subject_label

    @property
    def anchor(self) -> str:
        return f"place-{self.place.pk}"


def rows_of(places: Sequence[Place], *, user: Any, now: datetime, back: str) -> list[Row]:
    """The rows of one page; `back`: where the review page leads when it is left. Four queries, however many they are.

    The places come with their assets and claims.
    """
    said = said_of([place for place in places if place.needs_holder or place.asset.conclusion], now)
    sent = sent_of(places, now)
    words = {place.pk: (said.get(place.pk, ""), sent.get(place.pk, "")) for place in places}
    return [_row(place, *words[place.pk], user=user, now=now, back=back) for place in places]


def _row(place: Place, said: str, sent: str, *, user: Any, now: datetime, back: str) -> Row:
    asset, level = place.asset, _LEVELS[place.urge]
    claim = getattr(asset, "claim", None)
    claim = claim if claim is not None and claim.until > now else None
    return Row(
        place=place,
        face=screens.face(asset),
        url=review_address(place, back=back),
        thumbnail=screens.thumbnail_url(asset),
        level=level,
        level_word=wording.level_word(level),
        tone=wording.tone(level),
        icon=wording.icon(level),
        tier=wording.tier_word(SourceTier(place.tier) if place.tier in set(SourceTier) else SourceTier.UNKNOWN),
        due=due_words(place.due, now) if place.is_due else "",
        is_overdue=place.due <= now,
        since=wording.moment(place.since, now=now),
        claim=claim,
        claimed_by=claim_words(place, user=user, now=now),
        is_mine=claim is not None and claim.author_id == user.pk,
        said=said,
        sent=sent,
        quick=tuple(_quick(place, back)),
    )


def _quick(place: Place, back: str) -> Iterator[tuple[str, str, str]]:
    words = {
        Conclusion.ACCEPTED: _("No objection"),
        Conclusion.CONFIRMED_AI_GENERATED: _("AI confirmed"),
        Conclusion.CANNOT_DETERMINE: _("Cannot tell"),
    }
    for conclusion, word in words.items():
        yield KEYS[conclusion], review_address(place, back=back, choose=conclusion) + "#decision", word
    if not place.is_bare:
        yield "v", review_address(place, back=back) + "#gate", _("Let the story go")


def review_address(place: Place, *, back: str = "", **more: str) -> str:
    """The review page of a row's picture, in the context of its story."""
    named = {"for": place.subject_name, "next": back, **more}
    query = urlencode({name: value for name, value in named.items() if value}, safe=":/")
    url = review_url(place.asset)
    return f"{url}?{query}" if url and query else url


def due_words(due: datetime, now: datetime) -> str:
    """When it goes out and how long that is: “14:05, in 25 minutes”; in the past, that it should have."""
    minutes = int((due - now).total_seconds() // 60)
    at = wording.moment(due, now=now)
    if minutes < 0:
        return _("%(at)s, time has passed") % {"at": at}
    if minutes < 120:
        within = ngettext("in %(count)d minute", "in %(count)d minutes", minutes) % {"count": minutes}
        return f"{at}, {within}"
    if minutes < 48 * 60:
        hours = minutes // 60
        return f"{at}, " + ngettext("in %(count)d hour", "in %(count)d hours", hours) % {"count": hours}
    return at


def claim_words(place: Place, *, user: Any, now: datetime) -> str:
    """Who says that they are looking at it, and until when; "" where nobody does now."""
    claim = getattr(place.asset, "claim", None)
    if claim is None or claim.until <= now:
        return ""
    words = {"name": claim.author_label, "until": wording.moment(claim.until, now=now)}
    if claim.author_id == user.pk:
        return _("You, until %(until)s") % words
    return _("%(name)s, until %(until)s") % words


def sent_of(places: Sequence[Place], now: datetime) -> dict[int, str]:
    """By place, that it was handed to the desk chief, where it was and still is held: two queries."""
    named = {
        place.pk: (place.subject_type, place.subject_key, place.asset_id)
        for place in places
        if place.urge == Level.HOLD.rank and not place.is_bare
    }
    sent = gate.sent_of(named.values())
    return {
        place.pk: wording.sent_by_sentence(found.by, when=found.at, now=now)
        for place in places
        if (found := sent.get(named.get(place.pk, ("", "", 0)))) and found.evidence == place.asset.evidence
    }


def said_of(asked: Sequence[Place], now: datetime) -> dict[int, str]:
    """By place, what a person concluded on its desk on the present evidence, where somebody did: one query."""
    reviews: dict[int, list[Review]] = {}
    for review in Review.objects.filter(asset__in={place.asset_id for place in asked}) if asked else ():
        reviews.setdefault(review.asset_id, []).append(review)
    found = {}
    for place in asked:
        here = [
            one
            for one in reviews.get(place.asset_id, [])
            if one.evidence == place.asset.evidence and (one.desk == place.desk or (place.is_bare and not one.desk))
        ]
        if (stands := standing_review(here)) is not None:
            found[place.pk] = wording.conclusion_sentence(
                Conclusion(stands.conclusion), name=stands.author_label, when=stands.created_at, now=now
            )
    return found
