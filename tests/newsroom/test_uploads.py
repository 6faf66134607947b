"""Pictures come in by one door; nothing that a file is, or declares, makes an upload fail."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection.models import Analysis, Asset
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain
from detection.testing.images import bomb, photo_like, truncated, zero_bytes
from newsroom import uploads
from newsroom.models import Desk, Photo, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db


def ingest(folder: Path, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("ingest", str(folder), "--story", "night-launch", "--json", *options, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def test_ingest_takes_in_broken_files_and_their_checks_say_why(tmp_path: Path, story: Story) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files = {
        "a.jpg": photo_like(size=(320, 240)),
        "b.jpg": truncated(photo_like(seed=2, size=(320, 240))),
        "c.jpg": zero_bytes(),
        "d.png": bomb(),
        "e.jpg": b"no picture at all",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)

    answer = ingest(folder, "--source", "agency")
    drain()

    assert answer["story"] == "night-launch"
    assert [row["file"] for row in answer["photos"]] == sorted(files)
    assert all(row["error"] is None for row in answer["photos"])
    assert [placement.photo.source_tier for placement in story.placements.all()] == ["agency"] * 5
    sentences = {row["file"]: Asset.objects.get(public_id=row["asset"]).rejected_sentence for row in answer["photos"]}
    assert sentences["a.jpg"] == ""
    assert all(sentences[name] for name in ("b.jpg", "c.jpg", "d.png", "e.jpg"))
    assert sentences["b.jpg"] != sentences["d.png"]


def test_ingest_names_a_file_it_cannot_read_from_the_disk(tmp_path: Path, story: Story) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "good.jpg").write_bytes(photo_like(size=(64, 64)))
    assert [row["file"] for row in ingest(tmp_path)["photos"]] == ["good.jpg"]


@pytest.mark.parametrize(
    ("folder", "slug", "named"), [("nowhere", "night-launch", "nowhere"), (".", "no-story", "no-story")]
)
def test_ingest_says_what_is_missing(folder: str, slug: str, named: str, tmp_path: Path, story: Story) -> None:
    with pytest.raises(CommandError, match=named):
        call_command("ingest", str(tmp_path / folder), "--story", slug)


@pytest.mark.parametrize(
    ("is_confidential", "chosen", "expected"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, True)],
)
def test_a_confidential_desk_keeps_pictures_inside_unless_somebody_chooses(
    is_confidential: bool, chosen: bool | None, expected: bool, news: Desk, upload: Upload, scripted: ScriptedProvider
) -> None:
    news.is_confidential = is_confidential
    news.save()
    photo = upload(keep_inside=chosen, into=Story.objects.get())
    assert photo.keep_inside is expected
    assert asset_of(photo).kept_inside is expected
    assert len(scripted.calls) == (0 if expected else 1)


def test_the_stored_name_is_ours_and_the_given_one_is_kept(story: Story, erin: User) -> None:
    file = SimpleUploadedFile("../../etc/passwd.svg", photo_like(size=(64, 64)))
    photo = uploads.receive(file, by=erin, story=story)
    assert photo.image.name is not None
    assert photo.image.name.startswith("photos/")
    assert photo.image.name.endswith(".bin")
    assert photo.original_name == "passwd.svg"


def test_several_files_come_in_with_one_click(story: Story, erin: User, client: Client) -> None:
    client.force_login(erin)
    files = [SimpleUploadedFile(f"{name}.jpg", photo_like(seed=name, size=(64, 64))) for name in (1, 2)]
    empty = SimpleUploadedFile("empty.jpg", b"")
    answer = client.post(
        reverse("admin:newsroom_story_change", args=[story.pk]),
        {
            "headline": "Night launch",
            "slug": story.slug,
            "desk": story.desk_id,
            "body": "",
            "new_pictures": [*files, empty],
            "their_tier": "freelance",
            "their_credit": "N. N.",
            "their_inside": "on",
            "placements-TOTAL_FORMS": 0,
            "placements-INITIAL_FORMS": 0,
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    photos = list(Photo.objects.order_by("pk"))
    assert [photo.original_name for photo in photos] == ["1.jpg", "2.jpg", "empty.jpg"]
    assert {(photo.source_tier, photo.credit, photo.keep_inside) for photo in photos} == {("freelance", "N. N.", True)}
    assert story.placements.count() == 3
    assert Analysis.objects.exists()


def test_a_file_over_the_cap_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, erin: User, client: Client
) -> None:
    monkeypatch.setattr("newsroom.forms.UPLOAD_CAP", 1000)
    client.force_login(erin)
    answer = client.post(reverse("newsroom:check"), {"file": SimpleUploadedFile("big.jpg", b"x" * 1001)})
    assert answer.status_code == 400
    assert "Save a smaller copy" in answer.content.decode()
    assert not Photo.objects.exists()


class TestCheckingAPicture:
    """Whoever works on a desk drops a file and gets the evidence; it is gone a day later unless a story has it."""

    @pytest.fixture
    def checked(self, sam: User, client: Client) -> Photo:
        client.force_login(sam)
        answer = client.post(
            reverse("newsroom:check"), {"file": SimpleUploadedFile("x.jpg", photo_like(size=(64, 64)))}
        )
        photo = Photo.objects.get()
        assert answer["Location"] == reverse("admin:detection_asset_review", args=[asset_of(photo).public_id])
        assert client.get(answer["Location"]).status_code == 200
        return photo

    def test_it_is_deleted_after_a_day_and_its_history_stays(self, checked: Photo) -> None:
        asset, name = asset_of(checked), str(checked.image.name)
        now = timezone.now()
        assert uploads.delete_expired(now + timedelta(hours=23)) == 0
        assert uploads.delete_expired(now + timedelta(hours=25)) == 1
        assert not Photo.objects.exists()
        assert Asset.objects.get(pk=asset.pk).detached_at is not None
        assert not checked.image.storage.exists(name)

    def test_placed_in_a_story_it_stays(self, checked: Photo, story: Story) -> None:
        uploads.place(checked, story)
        assert uploads.delete_expired(timezone.now() + timedelta(days=9)) == 0

    def test_nobody_else_sees_it(self, checked: Photo, erin: User, client: Client) -> None:
        client.force_login(erin)
        assert (
            client.get(reverse("admin:detection_asset_review", args=[asset_of(checked).public_id])).status_code == 404
        )

    def test_a_visitor_is_asked_to_sign_in(self, db: None) -> None:
        answer = Client().get(reverse("newsroom:check"))
        assert answer.status_code == 302
        assert "login" in answer["Location"]


def test_a_picture_whose_file_could_not_be_deleted_is_deleted_at_the_next_run(
    erin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = uploads.receive_for_check(SimpleUploadedFile("x.jpg", photo_like(size=(64, 64))), by=erin)
    later = timezone.now() + timedelta(hours=25)

    def stuck(*args: Any, **kwargs: Any) -> Any:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", stuck)
        assert uploads.delete_expired(later) == 0
    assert Photo.objects.filter(pk=photo.pk).exists()
    assert uploads.delete_expired(later) == 1
    assert not photo.image.storage.exists(str(photo.image.name))
