"""A made-up year of history, written row by row as SQL: the rows that the benchmark of the history asks for.

Events and seals are made by the very code that the app seals with, so that the chain verifies; what goes round are the
ORM's objects alone, which would make a million of them a matter of half an hour. SQLite only.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction
from django.utils import timezone
from tqdm import tqdm

from detection import audit
from detection import models as ours
from detection.audit.chain import GENESIS, canonical, commitment, digest_of, link

EVENTS = 10
"""Events an analysis."""
DECIDED, SENT, OVERRIDDEN = 10, 3, 100
"""One picture in so many was decided about, went out, had a hold overridden."""
STRANGE = 60
"""One in so many is flagged and waits still; as many were never checked."""
SAMPLED = 100
_CHUNK = 5000
_PEOPLE = 20


class Sheet:
    """Rows of one model for one `executemany`: what no row names is as in an object that was just made."""

    def __init__(self, model: type[models.Model], *named: str) -> None:
        fields = [one for one in model._meta.concrete_fields if one.attname != "id" or "id" in named]
        usual = model()
        self.named = named
        self.at = {one.attname: number for number, one in enumerate(fields)}
        self.usual = [one.get_db_prep_save(getattr(usual, one.attname), connection) for one in fields]
        self.random = [number for number, one in enumerate(fields) if isinstance(one, models.UUIDField) and one.unique]
        columns = ", ".join(one.column for one in fields)
        marks = ", ".join(["%s"] * len(fields))
        self.sql = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})"
        self.rows: list[list[Any]] = []

    def add(self, *values: Any) -> None:
        """One row: the named columns in their order, as the database takes them."""
        row = list(self.usual)
        for name, value in zip(self.named, values, strict=True):
            row[self.at[name]] = value
        for number in self.random:
            row[number] = uuid.uuid4().hex
        self.rows.append(row)

    def write(self) -> None:
        """All of them, and begin anew."""
        if self.rows:
            with connection.cursor() as cursor:
                cursor.executemany(self.sql, self.rows)
        self.rows = []


class Year:
    """The sheets of one database."""

    def __init__(self, analyses: int) -> None:
        self.analyses, self.now = analyses, timezone.now()
        accounts = get_user_model().objects
        accounts.create_superuser("reader")
        self.staff = [accounts.create_user(f"person {number}") for number in range(_PEOPLE)]
        self.photo, self.story = (
            ContentType.objects.get(app_label="newsroom", model=name).pk for name in ("photo", "story")
        )
        self.asset = Sheet(
            ours.Asset,
            *("id", "content_type_id", "object_key", "label", "source_tier", "signal", "row", "evidence"),
            *("conclusion", "standing_at", "read_generation", "sha256", "created_at"),
        )
        self.analysis = Sheet(
            ours.Analysis,
            *("asset_id", "provider", "model", "generation", "status", "verdict", "basis", "ai_score", "deadline_at"),
            *("completed_at", "created_at"),
        )
        self.passage = Sheet(
            ours.Passage,
            *("at", "subject_type", "subject_key", "subject_label", "desk", "asset_id", "picture_label", "signal"),
            *("why", "level"),
        )
        self.sample = Sheet(ours.Sample, "asset_id", "evidence", "percent", "chosen_at")
        self.review = Sheet(ours.Review, "asset_id", "evidence", "conclusion", "created_at", "author_id")
        self.override = Sheet(
            ours.Override,
            *("subject_type_id", "subject_key", "asset_id", "evidence", "reason_code", "desk", "author_id"),
            *("author_label", "author_role", "created_at", "ends_at"),
        )
        self.event = Sheet(
            ours.AuditEvent,
            *("id", "at", "action", "asset_id", "subject_type", "subject_key", "subject_label", "actor_id", "facts"),
            *("commitments", "desk", "reason", "policy"),
        )
        self.personal = Sheet(ours.AuditPersonal, "event_id", "name", "salt", "value")
        self.seal = Sheet(ours.AuditSeal, "seq", "event_id", "prev", "digest", "hash")
        self.made = ours.AuditEvent()
        audit.seal_all()  # that there are people is history already
        last = ours.AuditSeal.objects.order_by("-seq").first()
        self.prev, self.seq, self.pk = (last.hash, last.seq, last.event_id) if last else (GENESIS, 0, 0)

    def fill(self) -> None:
        """Everything, a few thousand pictures a transaction."""
        with tqdm(total=self.analyses, unit=" analyses", mininterval=5) as bar:
            for first in range(0, self.analyses, _CHUNK):
                numbers = range(first, min(first + _CHUNK, self.analyses))
                for number in numbers:
                    self._picture(number)
                with transaction.atomic():
                    for sheet in (self.asset, self.analysis, self.passage, self.sample, self.review, self.override):
                        sheet.write()
                    for sheet in (self.event, self.personal, self.seal):
                        sheet.write()
                bar.update(len(numbers))

    def _picture(self, number: int) -> None:
        pk, at, desk = number + 1, self.now - timedelta(days=365) * (1 - number / self.analyses), f"desk-{number % 4}"
        stamp, evidence, label = _moment(at), f"{number:064x}", f"Picture {number:06}"
        is_decided, is_strange = number % DECIDED == 0, number % STRANGE == 7
        signal = "strong" if is_decided or is_strange else "not_checked" if number % STRANGE == 8 else "none_found"
        person = self.staff[number % _PEOPLE]
        story = ("newsroom.story", str(number), f"Story {number:06}")
        self.asset.add(
            *(pk, self.photo, str(number), label, ("staff", "agency", "ugc")[number % 3], signal, signal, evidence),
            *("accepted" if is_decided else "", stamp, 1, evidence, stamp),
        )
        self.analysis.add(
            *(pk, "first", f"wild-{number % 3}", 1, "complete", ("likely_ai", "likely_human")[number % 2], "pixels"),
            *(0.5, stamp, stamp, stamp),
        )
        if number % SENT == SENT - 1:
            self.passage.add(stamp, *story, desk, pk, label, signal, "queued", "clear")
        if signal == "none_found" and number % SAMPLED == 1:
            self.sample.add(pk, evidence, 1, stamp)
        if is_decided:
            self.review.add(pk, evidence, "accepted", stamp, person.pk)
        if number % OVERRIDDEN == 0:
            self.override.add(
                *(self.story, str(number), pk, evidence, "original_seen", desk, person.pk, person.username),
                *("Desk chiefs", stamp, _moment(at + timedelta(days=1))),
            )
        for action, facts, by in self._happened(number, desk, person if is_decided else None):
            self._event(at, stamp, action, pk, story if by or action.startswith("gate.") else ("", "", ""), by, facts)

    def _happened(self, number: int, desk: str, person: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
        """Ten events of one picture's life: what a picture with one detector leaves, or one that is looked at again."""
        yield "asset.seen", {"file": f"photos/{number}.jpg"}, None
        for look in range(2):
            yield "analysis.requested", {"provider": "first", "look": look}, None
            yield "analysis.scanning", {"provider": "first", "attempt": 1}, None
            yield "analysis.complete", {"provider": "first", "verdict": "likely_ai", "score": 0.5}, None
        yield "asset.standing_changed", {"before": {"signal": "not_checked"}, "after": {"signal": "strong"}}, None
        if person is None:
            yield "asset.read", {"width": 1600, "height": 900}, None
        else:
            facts = {"desk": desk, "reason": "original_seen", "policy": 1 + number % 3, "evidence": f"{number:064x}"}
            yield "review.concluded", facts, person
        sent = {"desk": desk, "level": "clear", "policy": 1 + number % 3}
        if number % SENT == SENT - 1:
            yield "gate.passed", sent, self.staff[number % _PEOPLE]
        else:
            yield "overlay.stored", {}, None

    def _event(
        self, at: Any, stamp: str, action: str, asset: int, story: tuple[str, str, str], by: Any, facts: Any
    ) -> None:
        self.seq, self.pk = self.seq + 1, self.pk + 1
        salt = f"{self.seq:032x}"
        said = {"actor": by.username, "address": f"192.0.2.{self.seq % 250}"} if by else {}
        made = self.made  # one for all: that an object is made anew costs more than all that is done with it
        made.pk, made.at, made.action, made.asset_id, made.facts = self.pk, at, action, asset, facts
        made.subject_type, made.subject_key, made.subject_label = story
        made.actor_id = by.pk if by else None
        made.commitments = {name: commitment(salt, value) for name, value in said.items()}
        desk, reason, policy = facts.get("desk", ""), facts.get("reason", ""), facts.get("policy")
        self.event.add(
            *(self.pk, stamp, action, asset, *story, made.actor_id, json.dumps(facts)),
            *(json.dumps(made.commitments), desk, reason, policy),
        )
        for name, value in said.items():
            self.personal.add(self.pk, name, salt, value)
        digest = digest_of(canonical(made))
        hashed = link(self.prev, digest)
        self.seal.add(self.seq, self.pk, self.prev, digest, hashed)
        self.prev = hashed


def _moment(at: Any) -> str:
    return str(connection.ops.adapt_datetimefield_value(at))


@contextmanager
def hasty() -> Iterator[None]:
    """A database that waits for no disk while it is filled, and is tidied as one that has run for a year."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA cache_size=-131072")
        yield
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def counts(kinds: Iterable[type[models.Model]]) -> dict[str, int]:
    """How many rows there are of each."""
    return {kind.__name__: kind._default_manager.count() for kind in kinds}
