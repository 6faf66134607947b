"""The rows that keep several processes in step: switches, tests of them, rate slots, and the sweep's own clock."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext


class ProviderSwitch(models.Model):
    """Whether a detector may be asked; alias `*` is all of them. The breaker opens the same row."""

    alias = models.CharField(max_length=40, unique=True)
    is_paused = models.BooleanField(default=False)
    paused_until = models.DateTimeField(null=True, blank=True)
    """When the breaker lets one probe through; None: until a person resumes it."""
    reason = models.TextField(blank=True)
    paused_by_label = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    is_probing = models.BooleanField(default=False)
    """Whether the one probe of this half-open time is under way; only its failure opens the breaker for longer."""
    faults_in_a_row = models.PositiveIntegerField(default=0)
    unread_in_a_row = models.PositiveIntegerField(default=0)
    """Answers that were not the documented ones, since the last good one."""
    opened_times = models.PositiveIntegerField(default=0)
    window_began_at = models.DateTimeField(null=True, blank=True)
    window_calls = models.PositiveIntegerField(default=0)
    window_faults = models.PositiveIntegerField(default=0)
    quiet_until = models.DateTimeField(null=True, blank=True)
    """Opening again before this moment is the incident of before: nobody is told twice."""

    class Meta:
        ordering: ClassVar[list[str]] = ["alias"]
        verbose_name_plural = "provider switches"

    def __str__(self) -> str:
        return f"{self.alias}: {gettext('paused') if self.is_paused else gettext('asked')}"


class ProviderCheckQuerySet(models.QuerySet["ProviderCheck"]):
    """Each kind of row that a page, the bell or the sweep looks for is one method here."""

    def open(self) -> ProviderCheckQuerySet:
        """Asked for, and not done."""
        return self.filter(done_at=None)

    def unrung_since(self, moment: datetime) -> ProviderCheckQuerySet:
        """Open, and last rung for before `moment`: the ring was lost."""
        return self.open().filter(rung_at__lt=moment)

    def untaken_since(self, moment: datetime) -> ProviderCheckQuerySet:
        """Open, and asked for before `moment`: no worker came."""
        return self.open().filter(asked_at__lt=moment)

    def newest(self) -> ProviderCheckQuerySet:
        """Of each alias the last one: what is shown."""
        return self.filter(pk__in=ProviderCheck.objects.values("alias").annotate(last=Max("pk")).values("last"))


class ProviderCheck(models.Model):
    """One test of a detector's credentials, asked for by a person and done by a worker, which holds the key."""

    alias = models.CharField(max_length=40)
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by_label = models.CharField(max_length=150, blank=True)
    rung_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    ok = models.BooleanField(null=True)
    """Whether the detector answered well; None while nobody has asked it."""
    sentence = models.TextField(blank=True)
    error_class = models.CharField(max_length=30, blank=True)
    remaining = models.FloatField(null=True, blank=True)
    """What is left of the plan, in the vendor's `unit`; None where it doesn't say."""
    unit = models.CharField(max_length=50, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)

    objects = ProviderCheckQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.alias}: {'open' if self.ok is None else 'ok' if self.ok else 'failed'}"


class RateSlot(models.Model):
    """How fast one detector may be asked, over all workers. Moments are seconds since the epoch."""

    alias = models.CharField(max_length=40, unique=True)
    arrival = models.FloatField(default=0)
    """The theoretical arrival time of its next call (GCRA)."""
    blocked_until = models.FloatField(default=0)
    """It asked everybody to wait: no call before this moment, not even by who holds a slot."""
    spacing = models.FloatField(default=0)
    """Seconds between two calls, learned from its refusals; 0: only the configured rate counts."""
    refusals = models.PositiveIntegerField(default=0)
    """Refusals for asking too fast, since its last answer; those of calls under way at once count as one."""
    refused_at = models.FloatField(default=0)
    retries_left = models.FloatField(default=10)
    """The retry budget: how many repeated tries may still be sent, as of `retries_at`."""
    retries_at = models.FloatField(default=0)
    claims = models.PositiveBigIntegerField(default=0)
    """Moves with each claim under a cap of concurrency, so that of two who counted alike one counts again."""

    def __str__(self) -> str:
        return self.alias


class MetricTotal(models.Model):
    """A number that only grows, by name and labels; `tallies` is its only writer."""

    name = models.CharField(max_length=80)
    labels = models.CharField(max_length=200, blank=True)
    """Of closed sets: `outcome=complete,provider=first`."""
    value = models.FloatField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name", "labels"], name="detection_total_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name}{{{self.labels}}} {self.value:g}"


class Sweep(models.Model):
    """When a sweeper was last heard of, so that a person sees that nobody sweeps."""

    name = models.CharField(max_length=40, unique=True)
    ran_at = models.DateTimeField()
    found = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.ran_at:%H:%M:%S}"


class Pipeline(Sweep):
    """The same rows as the name of a page: how the pipeline stands."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "operations"
        verbose_name_plural = "operations"


class Worker(models.Model):
    """One `detection_worker` and its cluster, as it was last heard of; a person sees who works, and who is gone."""

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    queue = models.CharField(max_length=40, blank=True)
    """The named queue that its cluster works; "" is everybody's."""
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    busy_at = models.DateTimeField(null=True, blank=True)
    """When a task of its cluster last ran."""
    restarts = models.PositiveIntegerField(default=0)
    """How often its cluster was started anew because it ended or hung."""
    restarted_at = models.DateTimeField(null=True, blank=True)
    restart_reason = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When it was told to stop and did; None for one that works, or was killed."""

    class Meta:
        ordering: ClassVar[list[str]] = ["-seen_at"]

    def __str__(self) -> str:
        return self.name
