"""I01, I02, I03: each alert rule is fired by a fault of its own, done to this app and scraped; and not without it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from detection import audit, counting, errors, queue, switches, tallies
from detection.models import Analysis, Asset, AuditEvent, ProviderDay, Sweep, WebhookDelivery, Worker
from detection.providers.http import DURATION
from detection.testing.draining import drain
from tests.conftest import Clock, asset_of
from tests.monitoring import promtool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def told(action: str, n: int = 1, **facts: Any) -> None:
    """What the history would hold, counted."""
    AuditEvent.objects.bulk_create(AuditEvent(action=action, facts=facts) for _number in range(n))
    count()


def count() -> None:
    audit.seal_all()
    tallies.fold()
    tallies.flush()


class Fault:
    """Each method is a fault, named as its alert. What they do, they do to the app."""

    def __init__(self, plate: Callable[..., Any], scripted: Callable[..., Any], clock: Clock, settings: Any) -> None:
        self.plate, self.scripted, self.clock, self.settings = plate, scripted, clock, settings

    def uploaded(self, **changes: Any) -> Analysis:
        row = Analysis.objects.get(asset=asset_of(self.plate()), provider="first")
        Analysis.objects.filter(pk=row.pk).update(**changes)
        return row

    def fails(self, error: errors.ProviderError) -> None:
        self.scripted().will_fail(error)
        self.plate()
        drain()
        count()

    def no_worker(self) -> None:
        """I02."""
        self.clock.move(minutes=10)

    nobody_sweeps = no_worker

    def checks_wait(self) -> None:
        """I02."""
        self.uploaded()
        self.clock.move(minutes=10)

    def answers_overdue(self) -> None:
        self.uploaded(status="awaiting_callback")
        self.clock.move(hours=1)

    def checks_stranded(self) -> None:
        self.uploaded()
        self.clock.move(hours=25)

    def gave_up(self) -> None:
        self.fails(errors.SchemaMismatch("HTML."))

    def poison(self) -> None:
        self.settings.DETECTION = {**self.settings.DETECTION, "MAX_ATTEMPTS": 1}
        self.uploaded(attempts=1)
        drain()
        count()

    def queue_grows(self) -> None:
        for number in range(1001):
            queue.OrmQ.objects.create(key="newsroom", payload=str(number), lock=timezone.now())

    def detector_refuses_us(self) -> None:
        """I01, E03."""
        self.fails(errors.AuthFailed("No."))

    def detector_down(self) -> None:
        for number in range(switches.FAULTS_TO_OPEN):
            switches.note_fault("first", errors.ProviderDown("503"), now=timezone.now() + timedelta(seconds=number))

    def detector_paused(self) -> None:
        switches.pause("first", reason="The bill.")

    def detector_fails(self) -> None:
        """I01."""
        self.fails(errors.ProviderDown("503"))

    def outbound_blocked(self) -> None:
        """I01, B01."""
        counting.observe(DURATION, 0.1, provider="first", op="overlay", outcome="blocked")
        count()

    def detector_slow(self) -> None:
        counting.observe(DURATION, 25, provider="first", op="submit", outcome="2xx")
        count()

    def verdicts_late(self) -> None:
        self.scripted().will_return(verdict="likely_human", ai_score=0.1)
        row = self.uploaded()
        Analysis.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(minutes=10))
        drain()
        count()

    def budget_low(self) -> None:
        ProviderDay.objects.update_or_create(alias="first", day=timezone.localdate(), defaults={"calls": 8})

    def forged_callbacks(self) -> None:
        """I01, A04."""
        counting.add("newsroom_webhook_received_total", provider="first", result="bad_signature")
        count()

    def callback_door_shut(self) -> None:
        """I01, A06."""
        counting.add("newsroom_webhook_received_total", provider="first", result="unavailable")
        count()

    def no_callbacks(self) -> None:
        self.uploaded(status="awaiting_callback")

    def callbacks_not_applied(self) -> None:
        WebhookDelivery.objects.create(provider="first", event_id="ev_1", body_sha256="0" * 64, body=b"{}")
        self.clock.move(hours=1)

    def review_waits(self) -> None:
        self.scripted().will_return(verdict="likely_ai", ai_score=0.97)
        self.plate()
        drain()
        assert Asset.objects.get().signal == "strong"
        self.clock.move(hours=5)

    def overrides_jump(self) -> None:
        told("gate.override_granted")

    def history_unsealed(self) -> None:
        AuditEvent.objects.bulk_create(AuditEvent(action="asset.seen") for _number in range(1001))

    def anchor_old(self) -> None:
        self.clock.move(days=3)

    def counts_late(self) -> None:
        AuditEvent.objects.bulk_create(AuditEvent(action="asset.seen") for _number in range(5001))
        audit.seal_all()


SCRAPED_BY_ITSELF = {"NewsroomNotScraped"}
"""Fired by there being no numbers at all; tried apart."""
PLAYED = {"NewsroomOverridesJump": 90, "NewsroomNoCallbacks": 75}
"""Minutes that an alert is given, where the usual forty are too few."""


def _method(alert: str) -> str:
    words = alert.removeprefix("Newsroom")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in words).lstrip("_")


@pytest.fixture
def fault(plate: Any, scripted: Any, clock: Clock, settings: Any, detectors: Callable[..., None]) -> Fault:
    """A house in which all is well: somebody works and sweeps, the history is anchored, callbacks come."""
    detectors(first={"daily_budget": 10})
    now = timezone.now()
    Worker.objects.create(name="w", host="h", pid=1, started_at=now, seen_at=now)
    Sweep.objects.create(name="sweep", ran_at=now)
    told("audit.anchored")
    told("analysis.complete", 200, provider="first", verdict="likely_human", score=0.02)
    for _number in range(200):
        counting.add("newsroom_webhook_received_total", provider="first", result="accepted")
        counting.observe(DURATION, 0.3, provider="first", op="submit", outcome="2xx")
    ProviderDay.objects.create(alias="first", day=timezone.localdate(), calls=1)
    count()
    return Fault(plate, scripted, clock, settings)


@pytest.mark.parametrize("alert", sorted(promtool.rules().keys() - SCRAPED_BY_ITSELF - {"NewsroomDetectorDrifts"}))
def test_an_alert_is_fired_by_its_own_fault_and_not_without_it(alert: str, fault: Fault, tmp_path: Path) -> None:
    """I01, I02."""
    before = promtool.scrape()
    getattr(fault, _method(alert))()
    after = promtool.scrape()
    minutes, now = PLAYED.get(alert, 40), fault.clock.now().timestamp()
    assert promtool.plays(alert, before, after, tmp_path, minutes=minutes, now=now) == ""


def test_a_detector_that_becomes_unsure_is_noticed(fault: Fault, tmp_path: Path) -> None:
    """I03: a week of sure answers, then a hundred unsure ones."""
    before = promtool.scrape()
    told("analysis.complete", 100, provider="first", verdict="uncertain", score=0.52)
    after = promtool.scrape()
    assert promtool.plays("NewsroomDetectorDrifts", before, after, tmp_path, minutes=90, calm=8 * 1440, step=15) == ""


def test_numbers_that_do_not_come_are_noticed(tmp_path: Path) -> None:
    up: promtool.Scrape = {("up", (("job", "newsroom"),)): 1.0}
    down: promtool.Scrape = {("up", (("job", "newsroom"),)): 0.0}
    assert promtool.plays("NewsroomNotScraped", up, down, tmp_path) == ""
    assert promtool.plays("NewsroomNotScraped", {}, {}, tmp_path, expected=(1, 1)) == ""


def test_the_rules_are_rules() -> None:
    done = subprocess.run([promtool.tool(), "check", "rules", str(promtool.RULES)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, rule in promtool.rules().items():
        assert set(rule["annotations"]) == {"summary", "action"}, name
        assert rule["labels"]["severity"] in ("page", "ticket"), name
