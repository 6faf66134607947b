"""When a picture is wanted: by the first story that holds it, asked of the host once a minute, kept on the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection import queue, registry, scanning, sweeping
from detection.models import Analysis, Asset
from detection.scanning import urgency
from detection.vocabulary import Priority
from tests.conftest import asset_of
from tests.otherhost.models import Article, Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture(autouse=True)
def _says_when(host: Callable[..., None]) -> None:
    host(article={"publish_at": "goes_out_at", "is_draft": lambda article: not article.is_out})


@pytest.fixture
def photo(plate: Callable[..., Plate]) -> Callable[[int], Asset]:
    """A picture, uploaded; nobody rings for it any more."""

    def make(seed: int = 1) -> Asset:
        made = asset_of(plate(f"Photo {seed}", seed=seed))
        queue.take_all()
        return made

    return make


@pytest.fixture
def story(article: Callable[..., Article]) -> Callable[..., Article]:
    """A draft that goes out at `at`, with these pictures."""

    def make(at: datetime | None, *photos: Asset) -> Article:
        made = article(*photos)
        Article.objects.filter(pk=made.pk).update(goes_out_at=at)
        return made

    return make


def row_of(photo: Asset) -> Analysis:
    return photo.analyses.get()


def test_the_first_story_that_goes_out_says_when(photo: Callable[..., Asset], story: Callable[..., Article]) -> None:
    now = timezone.now()
    both, other = photo(1), photo(2)
    story(now + timedelta(hours=2), both, other)
    story(now + timedelta(minutes=10), both)
    assert sweeping.sweep(now)["wanted"] == 2
    assert row_of(both).wanted_by == now + timedelta(minutes=10)
    assert row_of(other).wanted_by == now + timedelta(hours=2)
    assert sweeping.sweep(now)["wanted"] == 0


@pytest.mark.parametrize("at", [None, timedelta(minutes=-1), timedelta(days=2)])
def test_a_story_of_no_time_or_another_day_wants_nothing_yet(
    photo: Callable[..., Asset], story: Callable[..., Article], at: timedelta | None
) -> None:
    now = timezone.now()
    one = photo()
    story(at and now + at, one)
    urgency.note_times(now)
    assert row_of(one).wanted_by is None


def test_what_a_check_that_has_ended_was_wanted_for_is_forgotten(
    photo: Callable[..., Asset], story: Callable[..., Article]
) -> None:
    now = timezone.now()
    one, other = photo(1), photo(2)
    story(now + timedelta(minutes=10), one)
    urgency.note_times(now)
    Analysis.objects.filter(asset=one).update(status="complete")
    assert row_of(other).status == "pending_scan"
    urgency.note_times(now + timedelta(minutes=11))
    assert row_of(one).wanted_by is None


def test_a_story_that_is_out_wants_nothing(photo: Callable[..., Asset], story: Callable[..., Article]) -> None:
    now = timezone.now()
    one = photo()
    planned = story(now + timedelta(minutes=10), one)
    Article.objects.filter(pk=planned.pk).update(is_out=True)
    assert urgency.note_times(now) == 0


def test_a_story_that_is_taken_off_the_schedule_wants_nothing_any_more(
    photo: Callable[..., Asset], story: Callable[..., Article]
) -> None:
    now = timezone.now()
    one = photo()
    planned = story(now + timedelta(minutes=10), one)
    urgency.note_times(now)
    Article.objects.filter(pk=planned.pk).update(goes_out_at=None)
    urgency.note_times(now)
    assert row_of(one).wanted_by is None


def test_the_bell_rings_for_the_most_urgent_first(photo: Callable[..., Asset], story: Callable[..., Article]) -> None:
    now = timezone.now()
    calm, later, soon = photo(1), photo(2), photo(3)
    story(now + timedelta(hours=3), later)
    story(now + timedelta(minutes=10), soon)
    urgency.note_times(now)
    Analysis.objects.update(rung_at=None)
    queue.ring_due(timezone.now())
    assert [pk for _task, (pk,) in queue.take_all()] == [row_of(one).pk for one in (soon, later, calm)]


def test_a_picture_of_an_archive_that_is_placed_in_a_story_comes_out_of_the_archive_s_line(
    photo: Callable[..., Asset], story: Callable[..., Article]
) -> None:
    now = timezone.now()
    old, placed = photo(1), photo(2)
    Analysis.objects.update(priority=Priority.LATER)
    story(now + timedelta(minutes=10), placed)
    urgency.note_times(now)
    assert (row_of(old).priority, row_of(placed).priority) == (Priority.LATER, Priority.NEWS)
    queue.ring_due(now)
    assert [pk for _task, (pk,) in queue.take_all()] == [row_of(placed).pk]


def test_a_check_that_gave_up_says_when_its_picture_is_wanted(
    photo: Callable[..., Asset], story: Callable[..., Article]
) -> None:
    now = timezone.now()
    one = photo()
    Analysis.objects.update(status="dead", next_attempt_at=None)
    story(now + timedelta(minutes=10), one)
    urgency.note_times(now)
    assert row_of(one).wanted_by == now + timedelta(minutes=10)
    assert scanning.redrive(row_of(one), by=None)
    assert row_of(one).priority == Priority.NEWS


def test_a_house_with_nothing_open_asks_nothing_of_its_host(
    photo: Callable[..., Asset], statements: Callable[..., Any]
) -> None:
    photo()
    Analysis.objects.update(status="complete")
    with statements() as asked:
        assert urgency.note_times(timezone.now()) == 0
    assert len(asked) == 1


def test_a_host_that_names_no_column_is_asked_nothing(host: Callable[..., None], plate: Callable[..., Plate]) -> None:
    host(article={"publish_at": lambda article: timezone.now()})
    plate()
    assert urgency.note_times(timezone.now()) == 0
    host(article={"publish_at": "title"})
    assert urgency.note_times(timezone.now()) == 0
    host(article={"publish_at": "is_gone"})
    assert urgency.note_times(timezone.now()) == 0
    assert registry.publishable_type("otherhost.Article").publish_at == "is_gone"
