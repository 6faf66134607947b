"""What a detector delivered to our door: the verified bytes, once each, and what became of them.

A row is only ever made of what was signed, or came to an address that we gave out. `callbacks` is its only writer.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime
from typing import ClassVar

from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from detection import correlation
from detection.models.analyses import Analysis
from detection.vocabulary import DeliveryState

OPEN = (DeliveryState.WAITING, DeliveryState.UNMATCHED)
"""States in which something is still to come of it."""


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    """Each kind of row that the bell and the sweep look for is one method here."""

    def insert(self, row: WebhookDelivery) -> bool:
        """Write a new row, by one statement that commits by itself; False where the detector's event is known.

        Inside a transaction of the caller's it takes a savepoint, so that the transaction goes on after a False.
        """
        # Not by save(): the door is to be as fast as the statement, and Django's way there takes half as long again.
        quote, compiler = connection.ops.quote_name, self.query.get_compiler(connection=connection)
        columns, places, values = [], [], []
        for field in self.model._meta.concrete_fields:
            value = getattr(row, field.attname)
            if field.primary_key:
                continue
            columns.append(quote(str(field.column)))
            if hasattr(value, "as_sql"):  # the database's own clock
                places.append(compiler.compile(value)[0])
            else:
                places.append("%s")
                values.append(field.get_db_prep_save(value, connection))
        into = f"{quote(self.model._meta.db_table)} ({', '.join(columns)})"
        statement = f"INSERT INTO {into} VALUES ({', '.join(places)})"  # noqa: S608, names of ours alone
        bounds = transaction.atomic() if connection.in_atomic_block else nullcontext()
        try:
            with bounds, connection.cursor() as cursor:
                cursor.execute(statement, values)
        except IntegrityError:
            return False
        return True

    def open(self) -> WebhookDeliveryQuerySet:
        """Neither applied nor given up."""
        return self.filter(state__in=OPEN)

    def due(self, now: datetime) -> WebhookDeliveryQuerySet:
        """Open, and their time has come."""
        return self.open().filter(next_try_at__lte=now)

    def unrung_since(self, moment: datetime) -> WebhookDeliveryQuerySet:
        """Not rung since `moment`; first those never rung."""
        rows = self.filter(Q(rung_at=None) | Q(rung_at__lt=moment))
        return rows.order_by(F("rung_at").asc(nulls_first=True), "pk")

    def with_body_since_before(self, moment: datetime) -> WebhookDeliveryQuerySet:
        """Done with, came before `moment`, and still kept word for word."""
        return self.exclude(state__in=OPEN).filter(received_at__lt=moment, body__isnull=False)


class WebhookDelivery(models.Model):
    """One event, as it came. The same event once more makes no row: it is counted here."""

    provider = models.CharField(max_length=40)
    event_id = models.CharField(max_length=256)
    """The sender's own id, else the sha256 of what came; unique for each detector, for ever."""
    body_sha256 = models.CharField(max_length=64)
    body = models.BinaryField(null=True)
    """The bytes that were verified; None once the time to keep them is over."""
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    """Which of the secrets it was signed with, 0 the newest; None where events are not signed."""
    reference = models.CharField(max_length=32, blank=True)
    """The analysis whose own address it came to (hex), for detectors that sign nothing."""
    drive = models.PositiveIntegerField(null=True, blank=True)
    """Which drive of that analysis the address was made for."""
    received_at = models.DateTimeField(default=timezone.now)
    correlation = models.CharField(max_length=correlation.LONGEST, default=correlation.inherited, blank=True)
    """The request with which it came; what comes of it carries that of its check."""
    repeats = models.PositiveIntegerField(default=0)
    """How often it came again, word for word."""
    conflicts = models.PositiveIntegerField(default=0)
    """How often other words came under its id; they were refused."""

    state = models.CharField(max_length=10, default=DeliveryState.WAITING.value)
    reason = models.TextField(blank=True)
    """In a sentence, why nothing came of it, or not yet."""
    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries")
    tries = models.PositiveIntegerField(default=0)
    """Begun, and not ended in order; counted before any work."""
    next_try_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        default_permissions = ()
        verbose_name = "event from a detector"
        verbose_name_plural = "events from detectors"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="detection_event_once"),
            models.CheckConstraint(
                condition=Q(state__in=[str(state) for state in DeliveryState]), name="detection_event_known_state"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_try_at"],
                name="detection_event_due",
                condition=Q(state__in=[str(state) for state in OPEN]),
            ),
            models.Index(fields=["received_at"], name="detection_event_body", condition=Q(body__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id[:20]}"

    def keep_without(self, secrets: Iterable[str]) -> None:
        """Mask in the kept body what must stand in none, should the vendor have repeated it. Asked by a worker, for the
        door's process does not know the detector's key; `body_sha256` stays that of what came."""
        clean = bytes(self.body or b"")
        for secret in secrets:
            clean = clean.replace(secret.encode(), b"[redacted]")
        if self.body is not None and clean != bytes(self.body):
            self.body = clean
            self.save(update_fields=["body"])
