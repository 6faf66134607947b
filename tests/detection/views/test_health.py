"""H09: what a load balancer asks, with parts of the house down."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone

from detection import switches
from detection.models import Sweep
from detection.views import health


def ask(view: Any = health.ready) -> tuple[int, Any]:
    answer = view(RequestFactory().get("/health/"))
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> list[health._Part]:
    """All well, and nothing remembered of another test; a thread sees no test's open transaction."""
    made = [health._Part(part.name, lambda: True, is_needed=part.is_needed) for part in health.PARTS]
    monkeypatch.setattr(health, "PARTS", tuple(made))
    monkeypatch.setattr(health, "WITHIN", 5.0)
    return made


def told() -> tuple[int, dict[str, str]]:
    status, answer = ask()
    return status, json.loads(answer.content)


def test_alive_asks_nobody_and_needs_no_database() -> None:
    """H09."""
    assert ask(health.live)[0] == 200


def test_all_well() -> None:
    status, said = told()
    assert (status, said["status"]) == (200, "ready")
    assert set(said.values()) == {"ready", "ok"}


@pytest.mark.parametrize(("at", "status", "word"), [(0, 503, "not ready"), (3, 503, "not ready"), (5, 200, "degraded")])
def test_a_part_that_fails(parts: list[health._Part], at: int, status: int, word: str) -> None:
    """H09: a detector that is down takes nothing out of rotation."""

    def broken() -> bool:
        raise OperationalError("password=hunter2")

    parts[at].ask = broken
    found, said = told()
    assert (found, said["status"]) == (status, word)
    assert said[parts[at].name] == ("degraded" if word == "degraded" else "no answer")
    assert "hunter2" not in str(said)


def test_a_part_that_hangs_is_answered_for_in_time_and_asked_once(
    parts: list[health._Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WITHIN", 0.05)
    go_on, asked = threading.Event(), []

    def hangs() -> bool:
        asked.append(1)
        return go_on.wait(30)

    parts[2].ask = hangs
    assert told()[1]["storage"] == "no answer"
    assert told()[0] == 503
    assert len(asked) == 1
    go_on.set()
    assert parts[2].asking is not None
    parts[2].asking.join()


def test_a_good_answer_is_kept_for_a_while(parts: list[health._Part]) -> None:
    asked: list[int] = []
    parts[2].ask, parts[2].good_for = lambda: bool(asked.append(1) or True), 60
    told(), told()
    assert len(asked) == 1


@pytest.mark.django_db
def test_the_questions_themselves() -> None:
    assert health._database()
    assert health._migrations()
    assert health._storage()
    assert health._queue()
    assert not health._workers()
    Sweep.objects.create(name="sweep", ran_at=timezone.now())
    assert health._workers()
    assert health._detectors()
    switches.pause("first", reason="The bill.")
    assert not health._detectors()
