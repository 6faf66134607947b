"""Our handle on a picture: found by the host's object, whatever its key, and never deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import ProtectedError

from detection import registry
from detection.models import Asset, PolicyVersion, ProviderSwitch
from tests.conftest import asset_of
from tests.otherhost.models import Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def test_a_picture_under_a_uuid_is_found_by_its_hex_key(plate: Callable[..., Plate]) -> None:
    picture = plate()
    asset = asset_of(picture)
    assert asset.object_key == picture.pk.hex
    assert asset.picture() == picture
    assert asset.asset_type is registry.asset_type(Plate)


def test_many_pictures_are_found_in_one_query(
    plate: Callable[..., Plate], django_assert_num_queries: Callable[..., Any]
) -> None:
    pictures = [plate(seed=seed) for seed in range(4)]
    with django_assert_num_queries(1):
        found = Asset.objects.of_many(pictures)
    assert {key for _type, key in found} == {picture.pk.hex for picture in pictures}
    assert Asset.objects.of_many([]) == {}


def test_a_deleted_picture_leaves_its_labelled_handle(plate: Callable[..., Plate]) -> None:
    picture = plate("Harbour at dawn")
    asset = asset_of(picture)
    picture.delete()
    asset.refresh_from_db()
    assert asset.picture() is None
    assert str(asset) == "Harbour at dawn"
    assert asset.detached_at is not None


def test_an_asset_with_analyses_cannot_be_deleted(plate: Callable[..., Plate]) -> None:
    with pytest.raises(ProtectedError):
        asset_of(plate()).delete()


def test_locking_writes_the_rows(plate: Callable[..., Plate]) -> None:
    asset = asset_of(plate())
    Asset.objects.lock([asset.pk])
    assert asset_of(asset.picture()).touched == asset.touched + 1


def test_the_first_policy_is_made_when_it_is_asked_for_and_the_newest_activated_one_is_in_force() -> None:
    first = PolicyVersion.current()
    assert (first.number, PolicyVersion.current().pk) == (1, first.pk)
    PolicyVersion.objects.create(number=3, document=first.document)
    assert PolicyVersion.current().number == 1
    PolicyVersion.objects.filter(number=3).update(activated_at=first.activated_at)
    assert PolicyVersion.current().number == 3
    assert PolicyVersion.current().rules.min_note == 15


def test_rows_say_what_they_are() -> None:
    assert str(PolicyVersion.current()) == "Policy 1"
    assert str(ProviderSwitch(alias="first", is_paused=True)) == "first: paused"
