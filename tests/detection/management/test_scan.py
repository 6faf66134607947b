"""`detection_scan`: pictures from before the installation, or from an archive."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.models import Analysis, Asset
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
    assert run("otherhost.Plate", "--dry-run") == "3 pictures would be checked.\n"
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
