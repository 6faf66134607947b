"""C02, C08: what is too long, too much or from nobody never lands on the disk, and the page says what to do."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection.errors import StorageUnavailable
from detection.models import AuditEvent
from detection.testing.images import photo_like
from newsroom import forms, quotas, streaming, uploads
from newsroom.models import Photo, Story, UploadTally

pytestmark = pytest.mark.django_db
MB = 1024 * 1024
PICTURE = photo_like(size=(64, 64))


class Stream(io.RawIOBase):
    """A form's body that is made as it is read. `most`: the largest that the folder was meanwhile, in bytes."""

    def __init__(self, folder: Path, *lengths: int, field: str = "file") -> None:
        self.most, self._folder = 0, folder
        head = (
            '--x\r\nContent-Disposition: form-data; name="{}"; filename="f{}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )
        parts: list[bytes | int] = []
        for number, length in enumerate(lengths):
            parts += [head.format(field, number).encode(), length, b"\r\n"]
        self._parts = [*parts, b"--x--\r\n"]
        self.length = sum(part if isinstance(part, int) else len(part) for part in self._parts)

    def read(self, size: int = -1) -> bytes:
        self.most = max(self.most, sum(one.stat().st_size for one in self._folder.iterdir()))
        if not self._parts:
            return b""
        part = self._parts.pop(0)
        if isinstance(part, bytes):
            return part
        given = min(part, 65_536 if size < 0 else min(size, 65_536))
        if part > given:
            self._parts.insert(0, part - given)
        return b"x" * given


@pytest.fixture
def incoming(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of half uploads; the caps are small, so that the tests are quick."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    for module in (streaming, forms, uploads):
        monkeypatch.setattr(module, "UPLOAD_CAP", 4 * MB)
    for module in (streaming, forms):
        monkeypatch.setattr(module, "REQUEST_CAP", 6 * MB)
    return folder


def send(client: Client, address: str, stream: Stream, **more: Any) -> HttpResponse:
    answer: HttpResponse = client.request(
        PATH_INFO=address,
        REQUEST_METHOD="POST",
        CONTENT_TYPE="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(stream.length),
        **{"wsgi.input": stream},
        **more,
    )
    return answer


def test_c02_a_file_over_the_cap_is_thrown_away_as_it_comes(incoming: Path, erin: User, client: Client) -> None:
    client.force_login(erin)
    stream = Stream(incoming, 40 * MB)
    answer = send(client, reverse("newsroom:check"), stream)
    assert (answer.status_code, Photo.objects.count()) == (400, 0)
    assert "“f0.jpg” is over 4 MB. Save a smaller copy and upload that." in answer.content.decode()
    assert 3 * MB < stream.most < 5 * MB
    assert list(incoming.iterdir()) == []


def test_c02_files_that_are_too_much_together_are_told_so(
    incoming: Path, story: Story, erin: User, client: Client
) -> None:
    client.force_login(erin)
    stream = Stream(incoming, 3 * MB, 3 * MB, 3 * MB, field="new_pictures")
    answer = send(client, reverse("admin:newsroom_story_change", args=[story.pk]), stream)
    assert (answer.status_code, Photo.objects.count()) == (200, 0)
    assert "These files together are over 6 MB. Upload them in several goes." in answer.content.decode()
    assert stream.most < 7 * MB


def test_what_nobody_sends_is_not_even_written_down(incoming: Path) -> None:
    """Django reads a form before it knows whose it is, for its CSRF token lies in it."""
    stream = Stream(incoming, 5 * MB)
    answer = send(Client(enforce_csrf_checks=True), reverse("newsroom:check"), stream)
    assert (answer.status_code, stream.most) == (403, 0)
    assert send(Client(), reverse("newsroom:check"), Stream(incoming, 5 * MB)).status_code == 302


def test_a_file_within_the_cap_comes_in_whole(incoming: Path, erin: User, client: Client) -> None:
    client.force_login(erin)
    assert send(client, reverse("newsroom:check"), Stream(incoming, 4 * MB)).status_code == 302
    assert Photo.objects.get().image.size == 4 * MB


@pytest.mark.parametrize("kept", [streaming.NotKept(io.BytesIO(), "f.jpg", "image/jpeg", 5), None])
def test_no_door_takes_in_what_was_not_kept(incoming: Path, erin: User, kept: Any) -> None:
    file = kept or SimpleUploadedFile("f.jpg", b"x" * (4 * MB + 1))
    with pytest.raises(uploads.NotTaken) as caught:
        uploads.receive(file, by=erin)
    assert caught.value.status == 413
    assert (Photo.objects.count(), UploadTally.objects.count()) == (0, 0)


class TestAQuota:
    """C08."""

    @pytest.fixture
    def bring(self, settings: Any, erin: User) -> Callable[..., Photo]:
        settings.UPLOAD_FILES_A_DAY, settings.UPLOAD_MB_A_DAY = 2, 1

        def one(content: bytes = PICTURE, by: Any = erin) -> Photo:
            return uploads.receive(ContentFile(content, name="one.jpg"), by=by)

        return one

    def test_c08_one_file_too_many_is_refused_in_a_sentence_and_recorded(
        self, bring: Callable[..., Photo], erin: User, client: Client
    ) -> None:
        bring()
        bring()
        client.force_login(erin)
        answer = client.post(reverse("newsroom:check"), {"file": SimpleUploadedFile("third.jpg", PICTURE)})
        assert (answer.status_code, Photo.objects.count()) == (429, 2)
        assert "“third.jpg” was not taken in: you have brought in as much" in answer.content.decode()
        event = AuditEvent.objects.get(action="picture.refused")
        assert (event.actor_id, event.facts["why"]) == (erin.pk, "quota")

    def test_c08_nor_more_bytes_than_a_day_may_have(self, bring: Callable[..., Photo]) -> None:
        bring(b"x" * 700_000)
        with pytest.raises(uploads.NotTaken):
            bring(b"x" * 400_000)
        bring(b"x" * 300_000)

    def test_others_and_commands_are_not_held_up_by_it(self, bring: Callable[..., Photo], sam: User) -> None:
        for by in (None, None, None, sam, sam):
            bring(by=by)
        assert UploadTally.objects.get().person == sam

    def test_tomorrow_is_another_day(self, bring: Callable[..., Photo], erin: User) -> None:
        day = timezone.localdate()
        UploadTally.objects.create(person=erin, day=day.replace(year=day.year - 1), files=2)
        bring()

    def test_what_could_not_be_stored_does_not_count(
        self, bring: Callable[..., Photo], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: Any, **options: Any) -> str:
            raise StorageUnavailable("no")

        with monkeypatch.context() as patch:
            patch.setattr(uploads.stored, "save_for", full)
            for _time in range(3):
                with pytest.raises(uploads.NotStored):
                    bring()
        tally = UploadTally.objects.get()
        assert (tally.files, tally.bytes) == (0, 0)
        bring()

    def test_of_two_at_once_one_gets_the_last_place(self, bring: Callable[..., Photo], erin: User) -> None:
        bring()
        day = timezone.localdate()
        assert [quotas.take(erin, 1, day), quotas.take(erin, 1, day)] == [True, False]
