"""Each kind of a vendor's "no", over real HTTP on loopback: how often it is called, and what becomes of the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from detection import backoff, ratelimit, scanning, sweeping, switches
from detection.models import Analysis
from detection.providers.generic import GenericProvider
from detection.testing.detector import SandboxDetector
from detection.testing.draining import drain
from tests.conftest import Clock, asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
GOOD = {"verdict": "likely_human", "confidence": 0.9}


@pytest.fixture
def detector(settings: Any) -> Iterator[SandboxDetector]:
    """The one detector that is configured, as `first`."""
    with SandboxDetector() as running:
        options = {"base_url": running.url, "api_key": "first", "total_timeout": 2, "read_timeout": 1}
        backend = "detection.providers.generic.GenericProvider"
        settings.DETECTION_PROVIDERS = {"first": {"BACKEND": backend, "OPTIONS": options}}
        yield running


def row_of(picture: Any) -> Analysis:
    return Analysis.objects.get(asset=asset_of(picture), provider="first")


def sent(detector: SandboxDetector) -> int:
    return sum(call.method == "POST" for call in detector.calls)


def work(clock: Clock, **later: float) -> None:
    """So much later, the bell rings and workers come."""
    clock.move(**later)
    sweeping.tick(clock.now())
    drain()


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_fault_is_tried_again_with_growing_gaps_until_it_is_over(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock, status: int
) -> None:
    """E01."""
    detector.will(*[{"http": status}] * 5, GOOD)
    picture, gaps = plate(), []
    drain()
    for _try in range(5):
        row = row_of(picture)
        gaps.append((row.next_attempt_at - clock.now()).total_seconds())
        assert (row.status, row.attempts) == ("retry_pending", 0)
        work(clock, seconds=gaps[-1] + 0.1)
    assert (row_of(picture).status, row_of(picture).attempts) == ("complete", 1)
    assert sent(detector) == 6
    assert gaps[0] < 3
    assert gaps[2] < gaps[3] < gaps[4] <= 900


@pytest.mark.parametrize("fault", [{"reset": True}, {"silence": True}], ids=str)
def test_a_connection_that_is_lost_costs_no_attempt_and_is_over_when_it_is_over(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock, fault: dict[str, Any]
) -> None:
    """E01. Whether the picture had arrived is asked before it is sent again."""
    detector.will(fault, fault, GOOD)
    picture = plate()
    for _later in range(8):
        work(clock, minutes=15)
    assert (row_of(picture).status, row_of(picture).attempts) == ("complete", 1)
    assert sent(detector) == 3
    assert sum(call.method == "GET" for call in detector.calls) == 2


def test_two_runs_wait_differently(detector: SandboxDetector, plate: Callable[..., Any], clock: Clock) -> None:
    """E01: the jitter is not seeded, so workers don't return together."""
    detector.will({"http": 500}, {"http": 500}, GOOD)
    one, other = plate(seed=1), plate(seed=2)
    drain()
    gaps = [(row_of(picture).next_attempt_at - clock.now()).total_seconds() for picture in (one, other)]
    assert abs(gaps[0] - gaps[1]) > 1e-6


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422])
def test_a_refusal_of_the_picture_is_one_call_and_has_a_reason(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock, status: int
) -> None:
    """E02."""
    detector.will({"http": status, "message": "Not this picture."}, GOOD)
    picture = plate()
    for _later in range(4):
        work(clock, hours=1)
    row = row_of(picture)
    assert (row.status, sent(detector)) == ("rejected", 1)
    assert "Not this picture." in row.error_sentence
    assert not switches.is_paused("first")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_one_call_of_all_workers_and_all_finish_once_it_is_mended(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock, status: int
) -> None:
    """E03."""
    detector.will({"http": status}, GOOD)
    pictures = [plate(seed=seed) for seed in range(4)]
    drain()
    for _later in range(5):
        work(clock, hours=3)
    assert sent(detector) == 1
    assert switches.waits_for_a_person("first")
    switches.resume("first")
    work(clock)
    assert {row_of(picture).status for picture in pictures} == {"complete"}
    assert sent(detector) == 5


def ahead(clock: Clock, seconds: float) -> str:
    return format_datetime((clock.now() + timedelta(seconds=seconds)).astimezone(UTC), usegmt=True)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("20", 20, 20),
        ("date", 18, 21),
        ("past", 1, 1),
        ("-5", 1, 1),
        ("1.5", 1, 1),
        ("", 1, 1),
        ("soon", 1, 1),
        ("99999999999", backoff.RETRY_AFTER_CAP, backoff.RETRY_AFTER_CAP),
    ],
)
def test_a_429_keeps_every_worker_away_as_long_as_it_says_and_garbage_as_long_as_we_think(
    detector: SandboxDetector,
    plate: Callable[..., Any],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    least: float,
    most: float,
) -> None:
    """E04."""
    monkeypatch.setattr(scanning.pacing.time, "sleep", lambda seconds: clock.move(seconds=seconds))
    said = {"date": ahead(clock, 20), "past": ahead(clock, -60)}.get(header, header)
    detector.will({"http": 429, "headers": {"Retry-After": said}}, GOOD)
    pictures = [plate(seed=seed) for seed in range(3)]
    times: list[float] = []
    submit = GenericProvider.submit

    def noted(self: Any, request: Any) -> Any:
        times.append(clock.now().timestamp())
        return submit(self, request)

    monkeypatch.setattr(GenericProvider, "submit", noted)
    for _later in range(40):
        work(clock, seconds=max(1.0, most / 15))
    assert {row_of(picture).status for picture in pictures} == {"complete"}
    assert {row_of(picture).attempts for picture in pictures} == {1}
    assert len(times) == 4
    assert least <= times[1] - times[0] <= most + max(3.0, most / 5)


def test_of_two_headers_neither_is_believed_and_nothing_is_raised(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock
) -> None:
    """E04."""
    detector.will({"http": 429, "headers": {"Retry-After": "20, 40"}}, GOOD)
    picture = plate()
    drain()
    assert 0 < ratelimit.blocked_for("first", now=clock.now().timestamp()) <= 1
    work(clock, seconds=10)
    assert row_of(picture).status == "complete"


@pytest.mark.parametrize(
    "answer", [{"html": True}, {"http": 200, "body": {}}, {"verdict": "likely_human", "ai_score": 1.7}], ids=str
)
def test_an_answer_that_is_not_the_documented_one_is_one_call_and_goes_to_a_person(
    detector: SandboxDetector, plate: Callable[..., Any], clock: Clock, answer: dict[str, Any]
) -> None:
    """E08. Only a web page, which no picture's oddity explains, holds the others up, and for a quarter of a minute."""
    detector.will(answer, GOOD)
    picture, other = plate(seed=1), plate(seed=2)
    drain()
    row = row_of(picture)
    assert (row.status, row.error_class, row.calls) == ("dead", "schema", 1)
    assert asset_of(picture).signal == "could_not_check"
    assert (row_of(other).status == "pending_scan") == ("html" in answer)
    work(clock, seconds=30)
    assert row_of(other).status == "complete"
    assert not switches.is_paused("first")
