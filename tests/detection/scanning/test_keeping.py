"""The overlay beside a verdict: a store that fails costs the overlay and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from detection import scanning
from detection.models import Analysis, Asset, AuditEvent, StoredOverlay
from detection.results import Overlay, ScanResult
from detection.testing.draining import drain
from detection.vocabulary import AnalysisStatus, Verdict
from tests.conftest import asset_of
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
PAINTED = ScanResult(verdict=Verdict.LIKELY_AI, ai_score=0.96, overlay=Overlay(content=b"a heat map"))


@pytest.fixture
def row(plate: Callable[..., Plate]) -> Analysis:
    found = asset_of(plate()).analyses.get()
    Analysis.objects.update(status=AnalysisStatus.AWAITING_CALLBACK)
    found.refresh_from_db()
    return found


def overlays(folder: Any) -> list[Path]:
    return [one for one in Path(folder).rglob("detection/overlays/*") if one.is_file()]


class OtherStorageError(Exception):
    """What a bucket's client raises; no OSError."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OtherStorageError("403")])
def test_a_store_that_fails_does_not_throw_the_verdict_away(
    row: Analysis, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    assert scanning.apply_result(row, PAINTED)
    assert Analysis.objects.get(pk=row.pk).verdict == "likely_ai"
    assert Asset.objects.get(pk=row.asset_id).signal == "strong"
    overlay = StoredOverlay.objects.get(analysis=row)
    assert (overlay.status, bool(overlay.file), overlay.next_try_at) == ("refused", False, None)
    assert overlay.reason == "The overlay could not be stored. The detector's verdict stands without it."
    assert AuditEvent.objects.get(action="overlay.refused").facts["sentence"] == overlay.reason
    drain()


def test_a_store_that_fails_leaves_an_overlay_with_an_address_to_be_fetched(
    row: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSystemStorage, "_save", full)
    both = Overlay(content=b"a heat map", url="https://detector.example/map.png")
    assert scanning.apply_result(row, ScanResult(verdict=Verdict.LIKELY_AI, overlay=both))
    overlay = StoredOverlay.objects.get(analysis=row)
    assert (overlay.status, overlay.source_url) == ("pending", both.url)
    assert overlay.next_try_at is not None


def test_the_bytes_of_an_answer_that_came_too_late_are_not_left_behind(row: Analysis, settings: Any) -> None:
    Analysis.objects.update(status=AnalysisStatus.COMPLETE)
    assert not scanning.apply_result(row, PAINTED)
    assert overlays(settings.MEDIA_ROOT) == []
    assert not StoredOverlay.objects.exists()


def test_the_bytes_of_an_answer_are_kept_with_it(row: Analysis, settings: Any) -> None:
    assert scanning.apply_result(row, PAINTED)
    [stored] = overlays(settings.MEDIA_ROOT)
    assert stored.read_bytes() == b"a heat map"


def test_bytes_that_cannot_be_removed_again_harm_nobody(row: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(*args: Any, **kwargs: Any) -> Any:
        raise OSError(30, "Read-only file system")

    Analysis.objects.update(status=AnalysisStatus.COMPLETE)
    monkeypatch.setattr(FileSystemStorage, "delete", stuck)
    assert not scanning.apply_result(row, PAINTED)
