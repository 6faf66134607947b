"""What the app hears of the host: an upload never fails because of detection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import serializers
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction

from detection import queue, receivers, scanning
from detection.errors import DetectionError
from detection.models import Analysis, Asset, append_only
from detection.testing import images
from tests.conftest import asset_of
from tests.otherhost.models import Plate

pytestmark = pytest.mark.django_db


def upload() -> Plate:
    return Plate.objects.create(title="x", picture=ContentFile(images.photo_like(1, size=(64, 48)), name="x.jpg"))


def raising(error: Exception) -> Callable[..., Any]:
    def act(*args: Any, **kwargs: Any) -> Any:
        raise error

    return act


@pytest.mark.parametrize("error", [DatabaseError("locked"), DetectionError("x"), ValueError("x"), OSError("x")])
def test_an_upload_stands_whatever_goes_wrong_here(
    monkeypatch: pytest.MonkeyPatch, logged: list[Any], error: Exception
) -> None:
    monkeypatch.setattr(scanning, "request_scan", raising(error))
    picture = upload()
    assert Plate.objects.filter(pk=picture.pk).exists()
    assert "the upload stands" in logged[0].getMessage()


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": {"BACKEND": "nowhere.Provider"}},
        {"first": {"BACKEND": "detection.providers.scripted.ScriptedProvider", "OPTIONS": {"nope": 1}}},
        {"First": {"BACKEND": "detection.providers.scripted.ScriptedProvider"}},
    ],
)
def test_an_upload_stands_while_a_detector_is_misconfigured(settings: Any, logged: list[Any], wrong: Any) -> None:
    settings.DETECTION_PROVIDERS = wrong
    assert Plate.objects.filter(pk=upload().pk).exists()
    assert logged


@pytest.mark.parametrize("argument", ["label", "source_tier", "uploader", "keep_inside", "when"])
def test_an_upload_stands_although_the_hosts_own_callable_fails(
    host: Callable[..., None], logged: list[Any], argument: str
) -> None:
    host(plate={argument: raising(AttributeError("no such field"))})
    assert Plate.objects.filter(pk=upload().pk).exists()
    assert logged


def test_a_statement_that_fails_leaves_the_hosts_transaction_whole(
    monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(scanning, "request_scan", broken)
    with transaction.atomic():
        picture = upload()
        assert Plate.objects.filter(pk=picture.pk).exists()
    assert not Asset.objects.exists()


def test_a_broken_queue_leaves_the_upload_and_no_half_of_ours(
    monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr(queue, "async_task", raising(DatabaseError("locked")))
    upload()
    assert (Plate.objects.count(), Asset.objects.count(), Analysis.objects.count()) == (1, 0, 0)


def test_what_has_no_file_is_not_registered_by_its_registration_or_is_a_fixture_is_left_alone(
    host: Callable[..., None],
) -> None:
    Plate.objects.create(title="no file")
    [loaded] = serializers.deserialize(
        "json", serializers.serialize("json", [Plate(title="x", picture="plates/x.jpg")])
    )
    loaded.save()
    host(plate={"auto_scan": False})
    upload()
    assert not Asset.objects.exists()


def test_the_uploader_is_who_asked(host: Callable[..., None], erin: Any) -> None:
    host(plate={"uploader": lambda one: erin})
    asset = asset_of(upload())
    assert set(asset.events.values_list("actor_id", flat=True)) == {erin.pk}


def test_who_changes_a_picture_later_is_not_called_its_uploader(host: Callable[..., None], erin: Any) -> None:
    host(plate={"uploader": lambda one: erin})
    picture = upload()
    asset = asset_of(picture)
    picture.picture = ContentFile(images.photo_like(2, size=(64, 48)), name="other.jpg")
    picture.save()
    assert {event.actor_id for event in asset.events.filter(action="asset.file_changed")} == {None}
    assert {event.actor_id for event in asset.events.filter(action="asset.seen")} == {erin.pk}


def test_a_deleted_picture_is_detached() -> None:
    picture = upload()
    asset = asset_of(picture)
    picture.delete()
    asset.refresh_from_db()
    assert asset.detached_at is not None


def test_deleting_what_was_never_seen_is_nothing(host: Callable[..., None]) -> None:
    host(plate={"auto_scan": False})
    upload().delete()
    assert not Asset.objects.exists()


def test_history_is_locked_after_every_migration() -> None:
    append_only.drop(connection)
    receivers.lock_history(using="default")
    assert append_only.missing(connection) == []
