"""An archive stands behind the news and still makes progress; it is let in where there is room, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.conf import Conf

from detection import budgets, queue, registry, scanning, sweeping, switches
from detection.models import Analysis, Asset
from detection.scanning import archive
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Priority
from tests.conftest import asset_of, mark_read
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
HANDS = 2


@pytest.fixture(autouse=True)
def _two_hands(monkeypatch: pytest.MonkeyPatch, detectors: Callable[..., None]) -> None:
    """Two processes that scan, and one detector."""
    monkeypatch.setattr(Conf, "WORKERS", HANDS)
    detectors(first={})


def scans() -> list[int]:
    """The rows that were rung for."""
    return [pk for task, (pk,) in queue.take_all() if task.__name__ == "scan"]


@pytest.fixture
def old_pictures(host: Callable[..., None]) -> Callable[[int], list[Plate]]:
    """Pictures of an archive, requested as the command does it."""

    def make(count: int) -> list[Plate]:
        host(plate={"auto_scan": False})
        made = []
        for seed in range(count):
            data = images.photo_like(seed, size=(64, 48))
            picture = Plate.objects.create(title=f"Old {seed}", picture=ContentFile(data, name="plate.jpg"))
            scanning.request_of_archive(picture)
            mark_read(picture, data)
            made.append(picture)
        host()
        return made

    return make


def worked_in_order(rounds: int) -> list[str]:
    """What workers took up, in order: in each second the bell rings, and as many as there are hands are done."""
    done: list[str] = []
    waiting: list[Any] = []
    for _second in range(rounds):
        sweeping.tick(timezone.now())
        waiting += queue.take_all()
        for task, arguments in waiting[:HANDS]:
            if task.__name__ == "scan":
                done.append(Analysis.objects.get(pk=arguments[0]).asset.label)
            task(*arguments)
        waiting = waiting[HANDS:]
    return done


def waiting_in_archive() -> int:
    return Analysis.objects.filter(priority=Priority.LATER, status="pending_scan").count()


def test_an_archive_is_requested_and_nobody_is_rung_for(old_pictures: Callable[..., list[Plate]]) -> None:
    [picture] = old_pictures(1)
    [row] = asset_of(picture).analyses.all()
    assert (row.status, row.priority) == ("pending_scan", Priority.LATER)
    assert queue.take_all() == []
    assert queue.ring_due(timezone.now() + timedelta(days=2)) == 0
    assert not queue.work_waits(timezone.now())
    assert (asset_of(picture).signal, asset_of(picture).why) == ("not_checked", "queued")


def test_the_bell_lets_in_as_many_as_there_are_hands_and_more_when_those_are_done(
    old_pictures: Callable[..., list[Plate]],
) -> None:
    old_pictures(5)
    assert sweeping.tick(timezone.now())["let_in"] == HANDS
    assert sweeping.tick(timezone.now())["let_in"] == 0
    drain()
    assert sweeping.tick(timezone.now())["let_in"] == HANDS
    drain()
    assert sweeping.tick(timezone.now())["let_in"] == 1
    drain()
    assert set(Analysis.objects.values_list("status", flat=True)) == {"complete"}
    assert sweeping.tick(timezone.now())["let_in"] == 0


def test_an_upload_is_scanned_before_fifty_of_an_archive(
    old_pictures: Callable[..., list[Plate]], plate: Callable[..., Plate]
) -> None:
    old_pictures(50)
    plate("News", seed=99)
    order = worked_in_order(60)
    assert order[0] == "News"
    assert len(order) == 51


def test_an_upload_waits_for_no_more_of_an_archive_than_there_are_hands(
    old_pictures: Callable[..., list[Plate]], plate: Callable[..., Plate]
) -> None:
    old_pictures(50)
    sweeping.tick(timezone.now())
    sweeping.tick(timezone.now())
    plate("News", seed=99)
    assert worked_in_order(4).index("News") <= HANDS


def test_an_archive_makes_progress_in_a_house_that_is_never_quiet(
    old_pictures: Callable[..., list[Plate]], plate: Callable[..., Plate]
) -> None:
    old_pictures(10)
    news = 0
    waiting: list[Any] = []
    for second in range(40):
        # More comes in than the hands can do.
        for _more in range(HANDS):
            plate(f"News {news}", seed=1000 + news)
            news += 1
        sweeping.tick(timezone.now() + timedelta(milliseconds=second))
        waiting += queue.take_all()
        for task, arguments in waiting[:HANDS]:
            task(*arguments)
        waiting = waiting[HANDS:]
        assert Analysis.objects.let_in("first").count() <= HANDS
    done = Analysis.objects.filter(status="complete", asset__label__startswith="Old").count()
    assert 1 <= done < 10


def test_while_news_waits_one_is_let_in(old_pictures: Callable[..., list[Plate]], plate: Callable[..., Plate]) -> None:
    old_pictures(5)
    plate("News", seed=99)
    assert sweeping.tick(timezone.now())["let_in"] == 1
    assert sweeping.tick(timezone.now())["let_in"] == 0


def test_the_rings_of_others_count_as_work_too(old_pictures: Callable[..., list[Plate]]) -> None:
    old_pictures(5)
    for pk in range(HANDS + 1):
        queue.wake("announce", 10_000 + pk)
    assert sweeping.tick(timezone.now())["let_in"] == 1


def test_nothing_is_let_in_for_a_detector_that_is_paused(
    old_pictures: Callable[..., list[Plate]],
) -> None:
    old_pictures(3)
    switches.pause("first", reason="The bill.")
    assert sweeping.tick(timezone.now())["let_in"] == 0
    switches.resume("first")
    assert sweeping.tick(timezone.now())["let_in"] == HANDS


def test_an_archive_leaves_a_fifth_of_a_budget_to_the_news(
    old_pictures: Callable[..., list[Plate]], detectors: Callable[..., None]
) -> None:
    detectors(first={"daily_budget": 5})
    old_pictures(3)
    now = timezone.now()
    for _picture in range(3):
        assert budgets.take("first", most=5, now=now)
    assert sweeping.tick(now)["let_in"] == 1
    assert budgets.take("first", most=5, now=now)
    Analysis.objects.let_in("first").update(status="complete")
    assert sweeping.tick(now)["let_in"] == 0
    assert sweeping.tick(now + timedelta(days=1))["let_in"] == HANDS


def test_what_was_let_in_has_a_deadline_from_then_on(old_pictures: Callable[..., list[Plate]]) -> None:
    old_pictures(1)
    later = timezone.now() + timedelta(days=9)
    sweeping.tick(later)
    row = Analysis.objects.get()
    assert row.deadline_at == later + timedelta(days=1)
    assert (row.next_attempt_at, row.rung_at) == (later, later)


def test_a_row_of_a_detector_that_is_gone_is_let_in_and_skipped(
    old_pictures: Callable[..., list[Plate]], detectors: Callable[..., None]
) -> None:
    old_pictures(1)
    Analysis.objects.update(provider="gone")
    sweeping.tick(timezone.now())
    drain()
    assert Analysis.objects.get().status == "skipped"


def test_a_quiet_bell_asks_once_whether_there_is_an_archive(old_pictures: Callable[..., list[Plate]]) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert archive.let_in(timezone.now()) == 0
    assert len(asked) == 1


def test_a_person_who_asks_takes_a_picture_out_of_the_archive_s_line(
    old_pictures: Callable[..., list[Plate]], erin: Any
) -> None:
    pictures = old_pictures(2)
    scanning.request_scan(pictures[1], by=erin)
    row = asset_of(pictures[1]).analyses.get()
    assert (row.priority, scans()) == (Priority.NEWS, [row.pk])
    assert queue.ring_due(timezone.now()) == 0
    pictures[0].save()  # nobody asked: somebody corrected its caption
    assert scans() == []
    assert waiting_in_archive() == 1


def test_a_second_opinion_about_a_picture_of_an_archive_stands_in_its_line_too(
    old_pictures: Callable[..., list[Plate]], scripted: Callable[..., Any], detectors: Callable[..., None]
) -> None:
    detectors(first={}, second={})
    old_pictures(1)
    scripted().will_return(verdict="uncertain", ai_score=0.6)
    sweeping.tick(timezone.now())
    drain()
    second = Analysis.objects.get(provider="second")
    assert (second.status, second.priority, second.is_second_opinion) == ("pending_scan", Priority.LATER, True)
    sweeping.tick(timezone.now())
    drain()
    second.refresh_from_db()
    assert second.status == "complete"


# Walking through an archive.


def test_a_walk_holds_a_portion_at_a_time_and_says_what_each_picture_lacks(
    old_pictures: Callable[..., list[Plate]], monkeypatch: pytest.MonkeyPatch, plate: Callable[..., Plate]
) -> None:
    old_pictures(3)
    Plate.objects.create(title="No file")
    Analysis.objects.filter(asset__label="Old 1").delete()
    Asset.objects.filter(label="Old 2").update(file_name="another.jpg")
    monkeypatch.setattr(archive, "PORTION", 2)
    portions = list(archive.walk(registry.asset_type("otherhost.Plate")))
    assert [len(portion) <= 2 for portion in portions] == [True, True]
    lacks = {one.picture.title: one.aliases for portion in portions for one in portion}
    assert lacks == {"Old 0": (), "Old 1": ("first",), "Old 2": ("first",)}


def test_a_walk_asks_the_same_number_of_queries_for_any_number_of_pictures(
    old_pictures: Callable[..., list[Plate]],
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            list(archive.walk(registry.asset_type("otherhost.Plate")))
        return len(captured)

    old_pictures(2)
    few = asked()
    old_pictures(20)
    assert asked() == few


def test_an_estimate_goes_by_rate_and_budget(detectors: Callable[..., None]) -> None:
    detectors(first={"rate": "30/m", "daily_budget": 500}, second={"embedded": True})
    first, second = archive.estimates({"first": 1200, "second": 1200})
    assert (first.calls, first.seconds, first.days) == (1200, 2400.0, 3)
    assert (second.seconds, second.days, second.is_embedded) == (600.0, 0, True)
