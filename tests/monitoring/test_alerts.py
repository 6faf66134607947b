"""I01, I02, I03: each alert rule is fired by a fault of its own, done to this app and scraped; and not without it.

What is made up is the house before it, in which all is well, and the time that passes. The fault itself is done: a
detector fails, a file takes its worker down, a post is not signed, a chief overrides.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from detection import audit, counting, errors, gate, queue, sweeping, switches, tallies
from detection.models import Analysis, Asset, AuditEvent, ProviderDay, Sweep, Worker, moments
from detection.providers.http import DURATION
from detection.testing.detector import SandboxDetector
from detection.testing.draining import drain
from tests.conftest import asset_of
from tests.detection import calling
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

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.request = request

    def __getattr__(self, name: str) -> Any:
        """`plate`, `clock`, … are the fixtures of these names."""
        return self.request.getfixturevalue(name)

    def uploaded(self) -> Analysis:
        found: Analysis = Analysis.objects.get(asset=asset_of(self.plate()), provider="first")
        return found

    def accepted(self) -> Analysis:
        """A detector took a picture, and is to call back."""
        self.scripted().will_accept("an_1")
        row = self.uploaded()
        drain()
        row.refresh_from_db()
        assert row.status == "awaiting_callback"
        return row

    def calls(self, **options: Any) -> None:
        """A detector behind real HTTP is asked about a picture."""
        self.settings.DETECTION_PROVIDERS = calling.generic("first", callbacks="off", webhook_secrets=[], **options)
        self.plate()
        drain()
        count()

    def posts(self, secret: str, **options: Any) -> int:
        """An event comes to the callback door."""
        self.settings.DETECTION_PROVIDERS = calling.generic("first", **options)
        self.configure(PUBLIC_BASE_URL=calling.BASE)
        body = calling.body_of(calling.completed(self.uploaded()))
        status = calling.post(self.client, body, calling.signed(body, secret=secret), path=calling.path_to("first"))
        count()
        return status.status_code

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
        self.accepted()
        self.clock.move(hours=1)

    def checks_stranded(self) -> None:
        self.uploaded()
        self.clock.move(hours=25)

    def gave_up(self) -> None:
        self.fails(errors.SchemaMismatch("HTML."))

    def poison(self) -> None:
        """A worker dies with a picture in its hands, and so does the next one."""

        def dies(*args: Any, **kwargs: Any) -> None:
            raise SystemExit

        self.configure(MAX_ATTEMPTS=2)
        row = self.uploaded()
        self.monkeypatch.setattr(type(self.scripted()), "submit", dies)
        for _worker in range(2):
            with suppress(SystemExit):
                drain()
            for _look in ("the claim has ended", "the next try is due"):
                self.clock.move(hours=1)
                sweeping.tick(moments.now())
        row.refresh_from_db()
        assert row.status == "dead"
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
        self.calls(base_url="https://10.0.0.7")

    def detector_slow(self) -> None:
        """A real call, by a clock that goes twenty-five seconds between two looks at it."""
        ticks = itertools.count(step=25)
        self.configure(ALLOW_LOOPBACK=True)
        with SandboxDetector() as detector, self.monkeypatch.context() as patch:
            patch.setattr(counting, "monotonic", lambda: float(next(ticks)))
            self.calls(base_url=detector.url, allowed_hosts=["127.0.0.1"])
            assert detector.calls

    def verdicts_late(self) -> None:
        self.scripted().will_return(verdict="likely_human", ai_score=0.1)
        self.uploaded()
        self.clock.move(minutes=10)
        drain()
        count()

    def budget_low(self) -> None:
        self.scripted().will_return(verdict="likely_human", ai_score=0.1).will_return(verdict="likely_human")
        for seed in (1, 2):
            self.plate(seed=seed)
        drain()

    def forged_callbacks(self) -> None:
        """I01, A04."""
        assert self.posts(calling.OTHER) == 401

    def callback_door_shut(self) -> None:
        """I01, A06."""
        assert self.request.getfixturevalue("logged") == []
        assert self.posts(calling.SECRET, webhook_secrets=[]) == 503

    def no_callbacks(self) -> None:
        self.accepted()

    def callbacks_not_applied(self) -> None:
        """An event that names no check of ours."""
        assert self.posts(calling.SECRET) == 202
        self.clock.move(hours=1)

    def review_waits(self) -> None:
        self.scripted().will_return(verdict="likely_ai", ai_score=0.97)
        self.plate()
        drain()
        assert Asset.objects.get().signal == "strong"
        self.clock.move(hours=5)

    def overrides_jump(self) -> None:
        self.scripted().will_return(verdict="likely_ai", ai_score=0.97)
        asset = asset_of(self.plate())
        drain()
        asset.refresh_from_db()
        dana = self.request.getfixturevalue("dana")
        why = {"reason_code": "original_seen", "note": "I have seen the original on the card."}
        gate.override(self.article(asset), asset, by=dana, evidence=asset.evidence, **why)
        count()

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
def fault(request: pytest.FixtureRequest, detectors: Callable[..., None]) -> Fault:
    """A house in which all is well: somebody works and sweeps, the history is anchored, callbacks come."""
    detectors(first={"daily_budget": 3})
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
    return Fault(request)


@pytest.mark.parametrize("alert", sorted(promtool.rules().keys() - SCRAPED_BY_ITSELF - {"NewsroomDetectorDrifts"}))
def test_an_alert_is_fired_by_its_own_fault_and_not_without_it(alert: str, fault: Fault, tmp_path: Path) -> None:
    """I01, I02."""
    before = promtool.scrape()
    getattr(fault, _method(alert))()
    after = promtool.scrape()
    minutes, now = PLAYED.get(alert, 40), fault.clock.now().timestamp()
    assert promtool.plays(alert, before, after, tmp_path, minutes=minutes, now=now) == ""


def test_a_detector_that_becomes_unsure_is_noticed(
    fault: Fault, detectors: Callable[..., None], tmp_path: Path
) -> None:
    """I03: a week of sure answers, then four unsure ones each quarter of an hour, a hundred in all."""
    detectors(first={})
    before = promtool.scrape()
    for seed in range(4):
        fault.scripted().will_return(verdict="uncertain", ai_score=0.52)
        fault.plate(seed=seed)
    drain()
    count()
    after = promtool.scrape()
    assert promtool.plays("NewsroomDetectorDrifts", before, after, tmp_path, minutes=375, calm=8 * 1440, step=15) == ""


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
