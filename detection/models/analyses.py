"""One detector's work on one picture: the row is the queue, and this module is its only writer of `status`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext

from detection import correlation, counting
from detection.models import moments
from detection.models.assets import Asset
from detection.vocabulary import LIVE, TRANSITIONS, AnalysisStatus, Priority, Why, may_follow

_S = AnalysisStatus
_WAITING = (_S.PENDING_SCAN, _S.RETRY_PENDING)
_LET_IN = (Priority.NEWS, Priority.ARCHIVE)
EDGES = ("claim", "take_over", "note", *AnalysisStatus)
"""What may be lost to somebody who was first: a claim, a dead worker's claim, facts beside a status, a status."""


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    """Each kind of row that the bell and the sweep look for is one method here."""

    def insert(self, rows: Sequence[Analysis]) -> None:
        """Add pending rows that are due at once and rung for: at the moment of the database's own clock."""
        written = [(row.next_attempt_at, row.rung_at) for row in rows]
        for row in rows:
            row.next_attempt_at = row.rung_at = moments.when_inserted()
        try:
            self.bulk_create(rows)
        finally:
            for row, (next_attempt_at, rung_at) in zip(rows, written, strict=True):
                row.next_attempt_at, row.rung_at = next_attempt_at, rung_at

    def live(self) -> AnalysisQuerySet:
        """Something is still to come."""
        return self.filter(status__in=LIVE)

    def present(self) -> AnalysisQuerySet:
        """Of the picture's present generation; older rows are history."""
        return self.filter(generation=F("asset__generation")).exclude(status=_S.SUPERSEDED)

    def due(self, now: datetime) -> AnalysisQuerySet:
        """Waiting rows whose time has come; not those of an archive that the bell has not let in yet."""
        return self.filter(status__in=_WAITING, priority__in=_LET_IN, next_attempt_at__lte=now)

    def in_archive(self, alias: str) -> AnalysisQuerySet:
        """One detector's rows of archives that wait to be let in, in the order in which they are."""
        rows = self.filter(status=_S.PENDING_SCAN, priority=Priority.LATER, provider=alias)
        return rows.order_by("next_attempt_at", "pk")

    def let_in(self, alias: str) -> AnalysisQuerySet:
        """One detector's rows of archives that were let in and wait for a worker, or for their next try."""
        return self.filter(status__in=_WAITING, priority=Priority.ARCHIVE, provider=alias)

    def most_urgent_first(self) -> AnalysisQuerySet:
        """First those never rung, so that no number of late ones hides them; then the news, by when they are wanted."""
        never, wanted = F("rung_at").asc(nulls_first=True), F("wanted_by").asc(nulls_last=True)
        return self.order_by(never, "priority", wanted, "next_attempt_at")

    def to_poll(self, now: datetime) -> AnalysisQuerySet:
        """Accepted by the vendor and due to be asked."""
        return self.filter(status=_S.AWAITING_CALLBACK, next_attempt_at__lte=now)

    def unrung_since(self, moment: datetime) -> AnalysisQuerySet:
        """Not rung since `moment`: a doorbell that was lost is pressed again."""
        return self.filter(Q(rung_at=None) | Q(rung_at__lt=moment))

    def paused(self, alias: str) -> AnalysisQuerySet:
        """Put off because this detector (`*`: any) was paused."""
        rows = self.live().filter(why=Why.PAUSED)
        return rows if alias == "*" else rows.filter(provider=alias)

    def lease_expired(self, now: datetime) -> AnalysisQuerySet:
        """Claimed by a worker that has not been heard of in time."""
        return self.filter(status=_S.SCANNING, lease_until__lt=now)


class Analysis(models.Model):
    """One detector's analysis of one generation of one picture."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="analyses")
    provider = models.CharField(max_length=40)
    adapter_version = models.CharField(max_length=20, blank=True)
    configured_model = models.CharField(max_length=100, blank=True)
    generation = models.PositiveIntegerField()
    status = models.CharField(max_length=20, default=_S.PENDING_SCAN)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deadline_at = models.DateTimeField()
    """When this scan stops trying; counted anew by a redrive."""
    is_second_opinion = models.BooleanField(default=False)
    may_reuse = models.BooleanField(default=True)
    """Whether an equal answer about the same bytes may be used; False where a person forced a new look."""

    priority = models.PositiveSmallIntegerField(default=Priority.NEWS.value)
    """Whose turn comes first: `Priority`."""
    wanted_by = models.DateTimeField(null=True, blank=True)
    """When the first story that holds the picture goes out, as the last sweep found it; None: no time is known."""

    attempts = models.PositiveIntegerField(default=0)
    """Tries begun; committed before any work, so that a crash cannot hide one."""
    faults = models.PositiveIntegerField(default=0)
    """Tries that ended by the vendor's fault; they cost no attempt."""
    calls = models.PositiveIntegerField(default=0)
    """Submissions sent to the vendor, so that double spending is visible."""
    redrives = models.PositiveIntegerField(default=0)
    correlation = models.CharField(max_length=correlation.LONGEST, default=correlation.inherited, blank=True)
    """The request that this check goes back to; logs, outbound calls and events carry it."""
    lease_token = models.UUIDField(null=True, blank=True)
    """The fencing token: a worker's later writes must still find it here."""
    lease_until = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    """When the picture was last about to be sent; with no answer since, the outcome is ambiguous."""
    provider_reference = models.CharField(max_length=200, blank=True)

    verdict = models.CharField(max_length=20, blank=True)
    basis = models.CharField(max_length=20, blank=True)
    raw_verdict = models.CharField(max_length=100, blank=True)
    ai_score = models.FloatField(null=True, blank=True)
    ai_score_kind = models.CharField(max_length=20, blank=True)
    ai_pixel_share = models.FloatField(null=True, blank=True)
    confidence_band = models.CharField(max_length=10, blank=True)
    model = models.CharField(max_length=100, blank=True)
    generators = models.JSONField(default=list, blank=True)
    evidence = models.JSONField(default=list, blank=True)
    declared = models.JSONField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    raw = models.JSONField(null=True, blank=True)
    is_test = models.BooleanField(default=False)
    file_sha256 = models.CharField(max_length=64, blank=True)
    """The file that this answer is about, as it was read; the picture's own fingerprint is of its present file."""
    sent_sha256 = models.CharField(max_length=64, blank=True)
    as_sent = models.CharField(max_length=200, blank=True)
    """"original", or in words what was sent in its place."""
    reused_from = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    completed_at = models.DateTimeField(null=True, blank=True)

    why = models.CharField(max_length=30, blank=True)
    error_class = models.CharField(max_length=30, blank=True)
    error_sentence = models.TextField(blank=True)

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        verbose_name = "check"
        verbose_name_plural = "checks"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["asset", "provider"],
                condition=Q(status__in=sorted(LIVE)),
                name="detection_one_live_analysis",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(TRANSITIONS)),
                name="detection_analysis_known_status",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["status", "priority", "next_attempt_at"], name="detection_analysis_turn"),
            # Not partial: SQLite takes a partial index only for constants, and Django sends parameters.
            models.Index(fields=["status", "priority", "provider", "next_attempt_at"], name="detection_analysis_later"),
            models.Index(fields=["wanted_by"], name="detection_analysis_wanted", condition=Q(wanted_by__isnull=False)),
            models.Index(fields=["asset", "generation"], name="detection_analysis_present"),
            models.Index(fields=["completed_at"], name="detection_analysis_raw", condition=Q(raw__isnull=False)),
            models.Index(fields=["file_sha256", "provider"], name="detection_analysis_reuse"),
            models.Index(
                fields=["provider_reference"], name="detection_analysis_request", condition=~Q(provider_reference="")
            ),
        ]

    def __str__(self) -> str:
        known = {"detector": self.provider, "picture": self.asset_id, "status": self.status}
        return gettext("%(detector)s on %(picture)s (%(status)s)") % known

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def idempotency_key(self) -> str:
        """The same for every try of one drive, so that a repeated submission is billed once."""
        return f"{self.public_id}:{self.redrives}"

    def advance(
        self,
        to: AnalysisStatus,
        *,
        lease: uuid.UUID | None = None,
        expected: AnalysisStatus | None = None,
        **changes: Any,
    ) -> bool:
        """Move by compare-and-set; False means that somebody was first, which is a normal answer.

        `lease`: the fencing token that must still stand in the row. Leaving `scanning` gives the lease back.
        `expected`: the one status that the row must still have, for a caller without a lease.
        """
        rows = Analysis.objects.filter(pk=self.pk, status__in=may_follow(to))
        if expected is not None:
            rows = rows.filter(status=expected)
        if lease is not None:
            rows = rows.filter(lease_token=lease)
        if to is not _S.SCANNING:
            changes |= {"lease_token": None, "lease_until": None}
        if to not in LIVE:
            changes |= {"next_attempt_at": None}
        if not rows.update(status=to, **changes):
            return _lost(to.value)
        for name, value in {"status": to, **changes}.items():
            setattr(self, name, value)
        return True

    def claim(self, *, until: datetime, now: datetime) -> uuid.UUID | None:
        """Take the row for one worker: its fencing token, or None where another was first or it is not due."""
        token = uuid.uuid4()
        rows = Analysis.objects.filter(pk=self.pk).filter(
            Q(status__in=[_S.PENDING_SCAN, _S.RETRY_PENDING], next_attempt_at__lte=now)
        )
        if not rows.update(status=_S.SCANNING, lease_token=token, lease_until=until):
            _lost("claim")
            return None
        self.refresh_from_db()
        return token

    def take_over(self, *, until: datetime, now: datetime) -> uuid.UUID | None:
        """Take the row from a worker whose claim has ended: the new token, or None where it was renewed meanwhile."""
        token = uuid.uuid4()
        expired = Analysis.objects.lease_expired(now).filter(pk=self.pk, lease_token=self.lease_token)
        if not expired.update(lease_token=token, lease_until=until):
            _lost("take_over")
            return None
        self.lease_token, self.lease_until = token, until
        return token

    def claim_poll(self, *, until: datetime, now: datetime) -> bool:
        """Take an accepted row for one poll; it stays `awaiting_callback`, for an event may still come first."""
        return bool(Analysis.objects.to_poll(now).filter(pk=self.pk).update(next_attempt_at=until))

    def note(self, *, lease: uuid.UUID | None = None, **changes: Any) -> bool:
        """Write facts without a change of status, under the lease where one is given; False: it is no longer ours."""
        rows = Analysis.objects.filter(pk=self.pk, status=self.status)
        if lease is not None:
            rows = rows.filter(lease_token=lease)
        if not rows.update(**changes):
            return _lost("note")
        for name, value in changes.items():
            setattr(self, name, value)
        return True


def _lost(edge: str) -> bool:
    """Count a compare-and-set that somebody else was first at: normal once, and a sign of trouble in numbers. False."""
    counting.add("newsroom_cas_lost_total", edge=edge)
    return False


class Sent(Analysis):
    """The same rows seen as a list of what left the house, to whom and as what."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "picture sent to a detector"
        verbose_name_plural = "what left the house"


class GaveUp(Analysis):
    """The same rows seen as a list of those that gave up: which ones, is decided where they are listed."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "check that gave up"
        verbose_name_plural = "gave up"
