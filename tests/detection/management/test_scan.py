"""`detection_scan`: pictures from before the installation, or from an archive."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection import queue
from detection.models import Analysis, Asset
from detection.scanning import requesting
from detection.vocabulary import Priority
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_scan", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def archive(host: Callable[..., None], plate: Callable[..., Any]) -> list[Plate]:
    host(plate={"auto_scan": False})
    Plate.objects.create(title="no file")
    return [plate(seed=seed, is_read=False) for seed in range(3)]


def test_a_dry_run_counts_and_requests_nothing(archive: list[Plate]) -> None:
    assert run("otherhost.Plate", "--dry-run").startswith("3 pictures would be checked.\n")
    assert not Asset.objects.exists()


def test_every_picture_with_a_file_is_requested(archive: list[Plate]) -> None:
    assert run("otherhost.plate") == "3 checks requested.\n"
    assert Analysis.objects.count() == 3


def test_running_it_again_goes_on_where_it_ended(archive: list[Plate]) -> None:
    run("otherhost.Plate")
    Analysis.objects.filter(pk=Analysis.objects.first().pk).delete()
    assert run("otherhost.Plate", "--unscanned") == "1 checks requested.\n"
    assert run("otherhost.Plate", "--unscanned", "--dry-run") == "0 pictures would be checked.\n"
    assert Analysis.objects.count() == 3


@pytest.mark.parametrize("model", ["Plate", "otherhost.Plaet", "auth.User", "a.b.c"])
def test_a_model_that_is_not_registered_is_refused_with_those_that_are(model: str) -> None:
    with pytest.raises(CommandError, match=f"{model} is no registered picture model. Known: .*otherhost.Plate"):
        run(model)


def test_a_dry_run_estimates_what_it_takes(
    archive: list[Plate], detectors: Callable[..., None], configure: Callable[..., None]
) -> None:
    detectors(first={"rate": "2/m", "daily_budget": 2})
    configure(PROVENANCE=True)
    told = run("otherhost.Plate", "--unscanned", "--dry-run").splitlines()
    assert told[1:] == [
        "  Scripted detector: at most 3 calls, 90.0 s at 2/m, "
        "3 days at its budget of 2 a day, of which an archive gets 1.",
        "  Declared provenance: 3 pictures read here, about 1.5 s of one core.",
    ]


def test_a_detector_that_came_later_has_its_pictures_unscanned(
    archive: list[Plate], configure: Callable[..., None]
) -> None:
    run("otherhost.Plate")
    assert run("otherhost.Plate", "--unscanned", "--dry-run") == "0 pictures would be checked.\n"
    configure(PROVENANCE=True)
    assert run("otherhost.Plate", "--unscanned").startswith("3 checks requested.")
    assert Analysis.objects.filter(provider="provenance").count() == 3


def test_what_it_requests_waits_behind_the_news(archive: list[Plate]) -> None:
    run("otherhost.Plate", "--unscanned")
    assert set(Analysis.objects.values_list("priority", flat=True)) == {Priority.LATER}
    assert queue.take_all() == []


def test_interrupted_it_leaves_nothing_half_and_goes_on_where_it_stopped(
    archive: list[Plate], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = requesting.begin
    calls = []

    def interrupted(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        settle(*args)

    monkeypatch.setattr(requesting, "begin", interrupted)
    with pytest.raises(CommandError, match=r"Stopped. 1 checks requested. The same command with --unscanned goes on"):
        run("otherhost.Plate", "--unscanned")
    assert (Asset.objects.count(), Analysis.objects.count()) == (1, 1)
    assert run("otherhost.Plate", "--unscanned") == "2 checks requested.\n"
    assert Analysis.objects.count() == 3
