"""A detector's budget for the day: counted exactly, warned of once, and begun anew at the site's own midnight."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from detection import audit, budgets
from detection.models import AuditEvent, ProviderDay
from detection.providers import providers
from tests.detection.test_races import at_once

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def take(most: int = 5, *, now: datetime = NOON, is_archive: bool = False) -> bool:
    return budgets.take("first", most=most, now=now, is_archive=is_archive)


def told(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def test_no_more_are_counted_than_the_budget_has() -> None:
    assert [take() for _picture in range(7)] == [True] * 5 + [False] * 2
    assert ProviderDay.objects.get().calls == 5
    assert budgets.left("first", most=5, now=NOON) == 0
    assert budgets.left("second", most=5, now=NOON) == 5


def test_four_fifths_are_told_once_and_the_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "detection")
    for picture in range(8):
        take()
        assert told("provider.budget_low") == (picture >= 3)
    assert told("provider.budget_used_up") == 1
    assert [record.getMessage() for record in caplog.records] == [
        "first has used 4 of today's budget of 5 pictures.",
        "first: Today's budget of 5 pictures is used up. Going on at 00:00.",
    ]
    assert {entry.label for entry in audit.history()} == {
        "Four fifths of a detector's budget for the day used",
        "A detector's budget for the day used up",
    }


def test_an_archive_stops_at_four_fifths() -> None:
    assert [take(is_archive=True) for _picture in range(5)] == [True] * 4 + [False]
    assert budgets.left("first", most=5, now=NOON, is_archive=True) == 0
    assert told("provider.budget_used_up") == 0
    assert take()
    assert not take()


def test_a_budget_of_one_is_one_for_an_archive_too() -> None:
    assert (budgets.for_archive(1), budgets.for_archive(2), budgets.for_archive(500)) == (1, 1, 400)
    assert take(1, is_archive=True)
    assert not take(1)
    assert budgets.used_up_sentence(1, NOON) == "Today's budget of 1 picture is used up. Going on at 12:00."


def test_the_next_day_begins_at_the_site_s_own_midnight(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert take(1)
    until = budgets.next_day(NOON)
    assert until == datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert "Going on at 00:00." in budgets.used_up_sentence(1, until)
    assert not take(1, now=until - timedelta(seconds=1))
    with timezone.override("Asia/Tokyo"):  # whoever asks sits elsewhere; the site's day is one
        assert not take(1, now=until - timedelta(seconds=1))
        assert "Going on at 00:00." in budgets.used_up_sentence(1, until)
    assert take(1, now=until)


def test_a_day_on_which_clocks_change_ends_at_midnight_too(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert budgets.next_day(datetime(2026, 10, 24, 23, tzinfo=UTC)) == datetime(2026, 10, 25, 23, tzinfo=UTC)


def test_what_was_not_sent_is_given_back() -> None:
    for _picture in range(5):
        take()
    budgets.give_back("first", now=NOON)
    assert take()
    assert not take()
    budgets.give_back("second", now=NOON)
    assert budgets.left("second", most=5, now=NOON) == 5


def test_how_a_budget_stands_is_a_sentence(detectors: Any) -> None:
    detectors(first={"daily_budget": 5, "label": "First"}, second={})

    def stands() -> budgets.Budget:
        [found] = budgets.all_of(NOON)
        return found

    assert (stands().sentence, stands().is_low) == ("Sent today: 0 of at most 5 pictures.", False)
    assert stands().title == "First"
    for _picture in range(4):
        take()
    assert (stands().is_low, stands().is_used_up) == (True, False)
    take()
    assert stands().is_used_up
    assert stands().sentence == "Today's budget of 5 pictures is used up. Going on at 00:00."


@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs a database that several connections share")
def test_workers_who_ask_at_once_get_no_more_than_there_is(committed_db: None) -> None:
    take(3)
    got = at_once(*[lambda: take(3)] * 6)
    assert sorted(got) == [False] * 4 + [True] * 2
    assert ProviderDay.objects.get().calls == 3


@pytest.mark.parametrize("given", [0, -1, "5", 2.5, True])
def test_a_budget_that_makes_no_sense_is_refused(detectors: Any, given: Any) -> None:
    detectors(first={"daily_budget": given})
    with pytest.raises(ImproperlyConfigured, match=r"\['daily_budget'\] is .*; it must be a whole number of pictures"):
        _ = providers["first"].daily_budget


def test_without_a_budget_nothing_is_counted(detectors: Any) -> None:
    detectors(first={})
    assert providers["first"].daily_budget is None
