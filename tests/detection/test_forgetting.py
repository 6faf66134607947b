"""What detectors sent goes after its time; what was decided stays, and so does what an order preserves."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from detection import errors, forgetting, stored, sweeping
from detection.history import preserving
from detection.models import Analysis, Asset, AuditEvent, StoredOverlay, moments
from detection.testing import images
from tests.conftest import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


@pytest.fixture
def answered(looked_at: Callable[..., Asset]) -> StoredOverlay:
    """A finished check with a raw answer and an overlay."""
    asset = looked_at(verdict="likely_ai", ai_score=0.97)
    row = Analysis.objects.get(asset=asset)
    Analysis.objects.filter(pk=row.pk).update(raw={"said": "so"})
    name = stored.save_for(StoredOverlay(analysis=row).file, "overlay.png", _png())
    return StoredOverlay.objects.create(analysis=row, kind="heatmap", status="ready", file=name, sha256="f" * 64)


def _png() -> ContentFile[bytes]:
    return ContentFile(images.photo_like(1, size=(32, 32)))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_retention", *arguments, stdout=out)
    return out.getvalue()


def test_answers_go_after_a_month_and_overlays_after_half_a_year(answered: StoredOverlay, clock: Clock) -> None:
    storage, name = answered.file.storage, answered.file.name
    clock.move(days=29)
    assert forgetting.forget(clock.now()) == {"answers": 0, "overlays": 0}
    clock.move(days=2)
    assert "raw answers: 1 are older than 30 days" in run("--dry-run")
    assert Analysis.objects.get().raw == {"said": "so"}, "a dry run changes nothing"
    sweeping.sweep(moments.now())
    row = Analysis.objects.get()
    assert (row.raw, row.verdict, row.ai_score) == (None, "likely_ai", 0.97)
    assert storage.exists(name)
    clock.move(days=150)
    told = json.loads(run("--json"))
    assert told["forgotten"] == {"answers": 0, "overlays": 1}
    assert not storage.exists(name)
    answered.refresh_from_db()
    assert (answered.status, answered.file.name, answered.sha256) == ("refused", "", "f" * 64)
    assert "kept for 180 days" in answered.reason
    kinds = [event.facts["kind"] for event in AuditEvent.objects.filter(action="retention.applied").order_by("pk")]
    assert kinds == ["raw answers", "overlays"]
    assert run().endswith("Forgotten: 0. Verdicts, decisions and the history stay.\n")


@pytest.mark.parametrize("everything", [False, True])
def test_an_order_preserves_them(answered: StoredOverlay, clock: Clock, everything: bool) -> None:
    """G10."""
    preserving.order(None if everything else answered.analysis.asset, reason="The court asked for it.")
    clock.move(days=200)
    assert forgetting.forget(clock.now()) == {"answers": 0, "overlays": 0}
    told = run("--dry-run")
    assert told.count("1 more are preserved by an order") == 2
    assert Analysis.objects.get().raw is not None


def test_a_house_may_keep_them_for_ever(answered: StoredOverlay, clock: Clock, configure: Callable[..., None]) -> None:
    configure(KEEP_ANSWERS=0, KEEP_OVERLAYS=0)
    clock.move(days=4000)
    assert forgetting.forget(clock.now()) == {"answers": 0, "overlays": 0}
    assert run("--dry-run") == "raw answers: kept for ever\noverlays: kept for ever\n"


def test_a_storage_that_is_away_is_asked_again(
    answered: StoredOverlay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(storage: Any, name: str) -> None:
        raise errors.StorageUnavailable("away")

    clock.move(days=200)
    with monkeypatch.context() as patch:
        patch.setattr(stored, "delete", away)
        assert forgetting.forget(clock.now())["overlays"] == 0
    assert StoredOverlay.objects.get().status == "ready"
    assert forgetting.forget(clock.now())["overlays"] == 1
