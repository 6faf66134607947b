"""Whose answer is used again: one about the very file, not one about a file that the same picture once had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile

from detection import scanning
from detection.models import Analysis, Asset, AuditEvent
from detection.testing import images
from detection.testing.draining import drain
from tests.conftest import asset_of, mark_read
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def replace(picture: Plate, seed: int) -> None:
    content = images.photo_like(seed, size=(64, 48))
    picture.picture = ContentFile(content, name="other.jpg")
    picture.save()
    mark_read(picture, content)


def answers(asset: Asset) -> list[tuple[int, str, str]]:
    return list(Analysis.objects.filter(asset=asset).order_by("pk").values_list("generation", "status", "verdict"))


def test_a_replaced_file_is_asked_about_and_does_not_get_the_old_files_answer(
    looked_at: Callable[..., Asset], scripted: Callable[..., Any]
) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.02)
    scripted().will_return(verdict="likely_ai", ai_score=0.96)
    replace(asset.picture(), 2)
    drain()
    assert answers(asset) == [(1, "complete", "likely_human"), (2, "complete", "likely_ai")]
    assert len(scripted().calls) == 2


def test_an_old_files_answer_is_used_for_its_bytes_elsewhere_and_not_for_the_new_files(
    looked_at: Callable[..., Asset], scripted: Callable[..., Any], plate: Callable[..., Plate]
) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.02)
    scripted().will_return(verdict="likely_ai", ai_score=0.96)
    replace(asset.picture(), 2)
    drain()
    old, new = asset_of(plate("old", seed=1)), asset_of(plate("new", seed=2))
    drain()
    assert answers(old) == [(1, "complete", "likely_human")]
    assert answers(new) == [(1, "complete", "likely_ai")]
    assert len(scripted().calls) == 2


def test_each_answer_keeps_the_fingerprint_of_the_file_that_it_is_about(
    looked_at: Callable[..., Asset], scripted: Callable[..., Any]
) -> None:
    asset = looked_at(verdict="likely_human", ai_score=0.02)
    scripted().will_return(verdict="likely_human", ai_score=0.03)
    first = Asset.objects.get(pk=asset.pk).sha256
    replace(asset.picture(), 2)
    drain()
    second = Asset.objects.get(pk=asset.pk).sha256
    rows = Analysis.objects.filter(asset=asset).order_by("pk")
    assert list(rows.values_list("file_sha256", flat=True)) == [first, second]
    assert first != second


class TestOtherBytesUnderTheSameName:
    def overwrite(self, asset: Asset, seed: int) -> bytes:
        content = images.photo_like(seed, size=(64, 48))
        file = asset.picture().picture
        with open(file.path, "wb") as opened:
            opened.write(content)
        return content

    def test_are_never_sent_under_the_fingerprint_of_those_that_were_read(
        self, plate: Callable[..., Plate], scripted: Callable[..., Any]
    ) -> None:
        scripted().will_return(verdict="likely_human", ai_score=0.02)
        asset = asset_of(plate(seed=1))
        content = self.overwrite(asset, 2)
        drain()
        assert [status for _generation, status, _verdict in answers(asset)] == ["superseded", "complete"]
        asset.refresh_from_db()
        [request] = scripted().calls
        assert request.content == content
        assert (asset.generation, asset.sha256) == (2, request.sha256)
        assert AuditEvent.objects.filter(asset=asset, action="asset.file_changed").count() == 1

    def test_begin_one_generation_however_many_workers_find_them(self, plate: Callable[..., Plate]) -> None:
        asset = asset_of(plate(seed=1))
        seen_by_both = [asset_of(asset.picture()), asset_of(asset.picture())]
        for one in seen_by_both:
            scanning.requesting.begin_anew(one)
        asset.refresh_from_db()
        assert asset.generation == 2

    def test_of_a_picture_that_is_gone_begin_nothing(self, plate: Callable[..., Plate]) -> None:
        asset = asset_of(plate())
        Plate.objects.all()._raw_delete("default")
        scanning.requesting.begin_anew(asset)
        asset.refresh_from_db()
        assert asset.generation == 1
