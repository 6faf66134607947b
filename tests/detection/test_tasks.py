"""The doors that workers come in by: what goes wrong is logged, and the row behind it decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError

from detection import checking, overlays, scanning, signals, tasks
from detection.errors import SchemaMismatch
from detection.models import Analysis, Asset, AuditEvent, StoredOverlay, Sweep
from detection.testing.draining import drain
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def test_a_task_for_a_row_that_is_gone_does_nothing() -> None:
    """D09."""
    for task in (tasks.scan, tasks.poll, tasks.overlay, tasks.check, tasks.announce):
        task(4711)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("task", "module", "verb"),
    [
        ("scan", scanning, "run_scan"),
        ("poll", scanning, "run_poll"),
        ("overlay", overlays, "store"),
        ("check", checking, "run"),
    ],
)
def test_whatever_is_raised_is_logged_with_the_row_and_goes_no_further(
    monkeypatch: pytest.MonkeyPatch, logged: list[Any], task: str, module: Any, verb: str
) -> None:
    """D01: django-q2 would run a task that raised again and again."""

    def broken(pk: int) -> None:
        raise DatabaseError("gone away")

    monkeypatch.setattr(module, verb, broken)
    getattr(tasks, task)(7)
    [record] = logged
    assert f"The task {task} failed for row 7" in record.getMessage()
    assert record.exc_info is not None


def test_scan_runs_the_row(plate: Callable[..., Any], scripted: Callable[..., Any]) -> None:
    scripted().will_return(verdict="likely_human", ai_score=0.02)
    row = asset_of(plate()).analyses.get()
    tasks.scan(row.pk)
    row.refresh_from_db()
    assert row.status == "complete"
    tasks.scan(row.pk)
    tasks.poll(row.pk)
    assert len(scripted().calls) == 1


def test_sweep_takes_no_row() -> None:
    tasks.sweep()
    assert Sweep.objects.exists()


@pytest.fixture
def news(looked_at: Callable[..., Asset]) -> Asset:
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    Asset.objects.update(announced_version=0)
    asset.refresh_from_db()
    return asset


@pytest.fixture
def listener() -> Any:
    """Hears of standings; fails as long as it is told to."""

    class Listener:
        def __init__(self) -> None:
            self.heard: list[tuple[Asset, int]] = []
            self.is_broken = False

        def hear(self, sender: Any, asset: Asset, version: int, **told: Any) -> None:
            if self.is_broken:
                raise RuntimeError("The mail server is down.")
            self.heard.append((asset, version))

    made = Listener()
    signals.standing_changed.connect(made.hear)
    yield made
    signals.standing_changed.disconnect(made.hear)


def test_a_standing_is_announced_once(news: Asset, listener: Any) -> None:
    tasks.announce(news.pk)
    tasks.announce(news.pk)
    assert listener.heard == [(news, news.standing_version)]
    news.refresh_from_db()
    assert news.announced_version == news.standing_version


def test_a_listener_that_fails_is_told_again(news: Asset, listener: Any, logged: list[Any]) -> None:
    listener.is_broken = True
    tasks.announce(news.pk)
    news.refresh_from_db()
    assert news.announced_version == 0
    assert "listener" in logged[0].getMessage()
    listener.is_broken = False
    tasks.announce(news.pk)
    assert len(listener.heard) == 1


def test_an_upload_to_its_answer_is_announced_by_the_queue_alone(
    plate: Callable[..., Any], scripted: Callable[..., Any], listener: Any
) -> None:
    scripted().will_return(verdict="likely_ai", ai_score=0.97)
    asset = asset_of(plate())
    drain()
    assert [one.pk for one, _version in listener.heard] == [asset.pk]
    assert listener.heard[0][0].signal == "strong"


def test_completed_and_dead_are_told_after_the_commit(
    plate: Callable[..., Any], scripted: Callable[..., Any], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    heard = []

    def listen(sender: Any, analysis: Analysis, **told: Any) -> None:
        heard.append((analysis.status, analysis.verdict))

    for signal in (signals.analysis_completed, signals.analysis_dead):
        signal.connect(listen)
    scripted().will_return(verdict="likely_human", ai_score=0.02).will_fail(SchemaMismatch("HTML."))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            plate(seed=1)
            plate(seed=2)
            drain()
            assert heard == []
    finally:
        for signal in (signals.analysis_completed, signals.analysis_dead):
            signal.disconnect(listen)
    assert heard == [("complete", "likely_human"), ("dead", "")]
    assert not StoredOverlay.objects.exists()
