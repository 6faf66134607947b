"""What a used-up budget does to a scan: it waits for the next day, says so, and costs neither a try nor any time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from detection import budgets, errors, scanning, screens, switches
from detection.errors import Refused
from detection.models import Analysis, ProviderDay, moments
from detection.scanning import rationing
from detection.testing.draining import drain, pass_time
from detection.vocabulary import RATIONED, Priority, Why
from tests.conftest import Clock, asset_of
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
SAID = "Today's budget of 2 pictures is used up. Going on at 00:00."


@pytest.fixture
def two_a_day(detectors: Callable[..., None], scripted: Callable[..., Any]) -> None:
    detectors(first={"daily_budget": 2}, second={"daily_budget": 2})
    for _picture in range(9):
        scripted().will_return(verdict="likely_human", ai_score=0.02)


@pytest.fixture
def used_up(two_a_day: None) -> None:
    for alias in ("first", "second"):
        for _picture in range(2):
            assert budgets.take(alias, most=2, now=moments.now())


def row_of(picture: Plate) -> Analysis:
    return asset_of(picture).analyses.order_by("pk").first()  # type: ignore[return-value]


@pytest.mark.usefixtures("two_a_day")
def test_what_is_over_the_budget_waits_for_the_next_day_and_says_so(
    plate: Callable[..., Plate], scripted: Callable[..., Any], clock: Clock
) -> None:
    pictures = [plate(seed=seed) for seed in range(3)]
    deadline = row_of(pictures[2]).deadline_at
    drain()
    assert [row_of(one).status for one in pictures] == ["complete", "complete", "pending_scan"]
    row, asset = row_of(pictures[2]), asset_of(pictures[2])
    until = budgets.next_day(moments.now())
    assert (row.next_attempt_at, row.why, row.error_class, row.error_sentence) == (until, Why.PAUSED, RATIONED, SAID)
    assert (row.attempts, row.calls) == (0, 0)
    assert row.deadline_at - deadline > timedelta(0)
    assert (asset.signal, asset.why) == ("not_checked", Why.PAUSED)
    assert screens.face(asset).sentence == f"Not checked yet. {SAID}"
    assert [card.sentence for card in screens.cards(asset, [row])] == [SAID]
    assert len(scripted().calls) == 2
    clock.ahead = until - moments.now() + timedelta(seconds=1)
    pass_time(0)
    drain()
    assert row_of(pictures[2]).status == "complete"
    assert row_of(pictures[2]).error_sentence == ""


@pytest.mark.usefixtures("two_a_day")
def test_an_answer_that_is_used_again_costs_nothing(plate: Callable[..., Plate]) -> None:
    for _copy in range(4):
        plate(seed=7)
        drain()
    assert ProviderDay.objects.get(alias="first").calls == 1
    assert set(Analysis.objects.values_list("status", flat=True)) == {"complete"}


@pytest.mark.usefixtures("two_a_day")
def test_a_picture_that_never_left_the_house_is_not_counted(
    plate: Callable[..., Plate], detectors: Callable[..., None], scripted: Callable[..., Any]
) -> None:
    detectors(first={"daily_budget": 2})
    scripted().will_fail(errors.ConnectFailed("Nobody listens."))
    scripted().will_fail(errors.AmbiguousTimeout("No answer."))
    plate(seed=1)
    drain()
    assert ProviderDay.objects.get().calls == 0
    plate(seed=2)
    drain()
    assert ProviderDay.objects.get().calls == 1


@pytest.mark.usefixtures("two_a_day")
def test_the_last_one_of_the_day_is_sent_by_one_of_two_workers(
    plate: Callable[..., Plate], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both saw room before they claimed; who comes second gives its claim back, and that was no attempt."""
    monkeypatch.setattr(rationing, "must_wait", lambda *args: False)
    monkeypatch.setattr("detection.scanning.pacing.must_wait", lambda *args: False)
    pictures = [plate(seed=seed) for seed in range(3)]
    drain()
    row = row_of(pictures[2])
    assert (row.status, row.why, row.error_sentence, row.attempts, row.calls) == (
        "retry_pending",
        Why.PAUSED,
        SAID,
        0,
        0,
    )
    assert row.lease_token is None
    assert len(scripted().calls) == 2
    asset = asset_of(pictures[2])
    assert (asset.signal, asset.why) == ("not_checked", Why.PAUSED)


@pytest.mark.usefixtures("used_up")
def test_a_person_who_asks_is_told_at_once(plate: Callable[..., Plate], erin: Any) -> None:
    picture = plate()
    Analysis.objects.update(status="complete", verdict="likely_human", ai_score=0.1)
    asset = asset_of(picture)
    with pytest.raises(Refused, match=SAID):
        scanning.ask_second_opinion(asset, by=erin)
    with pytest.raises(Refused, match=SAID):
        scanning.request_scan(picture, by=erin, force=True)
    assert (asset.generation, asset.analyses.count()) == (1, 1)


@pytest.mark.usefixtures("used_up")
def test_an_upload_is_never_refused_for_it(plate: Callable[..., Plate], host: Callable[..., None], erin: Any) -> None:
    host(plate={"uploader": lambda one: erin})
    assert row_of(plate()).status == "pending_scan"


@pytest.mark.usefixtures("used_up")
def test_an_answer_that_was_paid_for_is_still_asked_for(
    plate: Callable[..., Plate], scripted: Callable[..., Any], detectors: Callable[..., None]
) -> None:
    detectors(first={"daily_budget": 2, "finds": True})
    row = row_of(plate())
    now = moments.now()
    assert rationing.must_wait(row, scripted(), now)
    row.refresh_from_db()
    row.submitted_at = now
    assert not rationing.must_wait(row, scripted(), now)
    row.submitted_at, row.status = None, "awaiting_callback"
    assert not rationing.must_wait(row, scripted(), now)


@pytest.mark.usefixtures("two_a_day")
def test_a_picture_of_an_archive_says_that_its_share_is_used_up(plate: Callable[..., Plate]) -> None:
    budgets.take("first", most=2, now=moments.now())
    picture = plate()
    Analysis.objects.update(priority=Priority.ARCHIVE)
    drain()
    said = "The archive's share of today's budget (1 of 2 pictures) is used up. Going on at 00:00."
    assert row_of(picture).error_sentence == said


@pytest.mark.usefixtures("used_up")
def test_a_pause_by_a_person_on_the_next_day_does_not_speak_of_the_budget(
    plate: Callable[..., Plate], clock: Clock
) -> None:
    picture = plate()
    drain()
    assert row_of(picture).error_sentence == SAID
    clock.ahead = budgets.next_day(moments.now()) - moments.now() + timedelta(seconds=1)
    switches.pause("first", reason="The bill.")
    pass_time(0)
    drain()
    row, asset = row_of(picture), asset_of(picture)
    assert (row.why, row.error_class, row.error_sentence) == (Why.PAUSED, "", "")
    assert "paused" in screens.face(asset).sentence
