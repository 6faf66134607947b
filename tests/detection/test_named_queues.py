"""A detector with a queue of its own: its rings wait there alone, and hold up nothing in everybody's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ

from detection import checking, queue
from detection.doctor import work
from detection.errors import ProviderMisconfigured
from detection.models import Analysis, StoredOverlay, Worker
from detection.providers import providers
from tests.conftest import asset_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def slow(detectors: Callable[..., None]) -> None:
    detectors(sluggish={"queue": "slow"})


def rows(picture: Any) -> dict[str, Analysis]:
    return {row.provider: row for row in asset_of(picture).analyses.all()}


def rung() -> list[tuple[str, str, int]]:
    """(queue, task, primary key) of every ring that waits."""
    found = [(row.key, row.task["func"].rpartition(".")[2], row.task["args"][0]) for row in OrmQ.objects.order_by("pk")]
    OrmQ.objects.all().delete()
    return found


def test_an_upload_rings_in_each_detectors_queue(plate: Callable[..., Any]) -> None:
    made = rows(plate())
    assert (queue.waiting(), queue.waiting("slow")) == (1, 1)
    assert sorted(rung()) == sorted(
        [(Conf.PREFIX, "scan", made["provenance"].pk), ("slow", "scan", made["sluggish"].pk)]
    )


def test_everything_that_asks_the_detector_waits_there_and_what_does_not_waits_with_all(
    plate: Callable[..., Any],
) -> None:
    made, now = rows(plate()), timezone.now()
    rung()
    Analysis.objects.filter(pk=made["sluggish"].pk).update(
        status="awaiting_callback", next_attempt_at=now, rung_at=None
    )
    overlay = StoredOverlay.objects.create(analysis=made["sluggish"], kind="heatmap", next_try_at=now)
    test = checking.request("sluggish", by=None)
    assert queue.ring_due(now) == 2
    queue.wake("deliver", 7)
    assert sorted(rung()) == sorted(
        [
            ("slow", "check", test.pk),
            ("slow", "poll", made["sluggish"].pk),
            ("slow", "overlay", overlay.pk),
            (Conf.PREFIX, "deliver", 7),
        ]
    )


def test_a_queue_that_is_full_keeps_no_other_from_being_rung_again(
    plate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that is longer than what is rung at a time."""
    monkeypatch.setattr(queue, "MANY_RINGS", 2)
    slow = [rows(plate(seed=seed))["sluggish"].pk for seed in (1, 2, 3)]
    quick = Analysis.objects.filter(provider="provenance").latest("pk").pk
    long_ago = timezone.now() - timedelta(hours=1)
    Analysis.objects.update(rung_at=long_ago, next_attempt_at=long_ago)
    Analysis.objects.filter(provider="provenance").exclude(pk=quick).update(status="skipped")
    OrmQ.objects.filter(key=Conf.PREFIX).delete()
    assert queue.waiting("slow") == 3
    assert queue.ring_due(timezone.now(), limit=1) == 1
    assert rung()[3:] == [(Conf.PREFIX, "scan", quick)]
    assert queue.ring_due(timezone.now(), limit=9) == len(slow)


def test_work_waits_for_the_worker_of_its_queue_alone(plate: Callable[..., Any]) -> None:
    made, now = rows(plate()), timezone.now()
    rung()
    assert queue.work_waits(now)
    assert queue.work_waits(now, "slow")
    Analysis.objects.filter(pk=made["provenance"].pk).update(status="complete")
    assert not queue.work_waits(now)
    assert queue.work_waits(now, "slow")


def test_a_name_that_is_none_is_refused(detectors: Callable[..., None]) -> None:
    detectors(first={"queue": "Slow one"})
    with pytest.raises(ProviderMisconfigured, match=r"\['queue'\] is 'Slow one'; use small letters"):
        _ = providers["first"]


def test_a_worker_for_a_queue_that_no_detector_has_does_not_start() -> None:
    with pytest.raises(CommandError, match="No detector has a queue called slwo. There is: slow."):
        call_command("detection_worker", queue="slwo")


def test_django_q2_has_to_know_that_there_are_other_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Conf.conf, "ALT_CLUSTERS", {})
    assert queue.option_problems() == []
    monkeypatch.delitem(Conf.conf, "ALT_CLUSTERS")
    assert ["ALT_CLUSTERS" in problem for problem in queue.option_problems()] == [True]


def findings() -> list[tuple[str, str]]:
    return [(one.state.value, one.what) for one in work.each_queue_has_a_worker()]


def worker(name: str, of: str) -> None:
    now = timezone.now()
    Worker.objects.create(name=name, host="desk", pid=7, queue=of, started_at=now, seen_at=now)


def test_the_doctor_names_a_queue_that_nobody_works(plate: Callable[..., Any]) -> None:
    worker("one", "")
    assert [state for state, _sentence in findings()] == ["warn"]
    plate()
    [(state, sentence)] = findings()
    assert (state, sentence) == ("broken", "Nobody works the queue slow, in which pictures wait for sluggish.")
    worker("two", "slow")
    assert findings() == []
    Worker.objects.filter(name="one").delete()
    assert "Only named queues are worked" in findings()[0][1]


def test_the_status_names_each_workers_queue_and_counts_all_rings(plate: Callable[..., Any]) -> None:
    worker("two", "slow")
    plate()
    out = StringIO()
    call_command("detection_status", stdout=out)
    assert "worker two (queue slow): seen" in out.getvalue()
    assert "rings waiting: 2" in out.getvalue()
