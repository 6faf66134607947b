"""Pictures in a bucket, on a full disk and with a full database: whole, or refused in a sentence and nothing kept."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from detection import gate, screens
from detection.models import Analysis, AuditEvent
from detection.providers.scripted import ScriptedProvider
from detection.testing.draining import drain, pass_time
from detection.testing.images import photo_like
from detection.vocabulary import Level
from newsroom import publishing, storage, uploads
from newsroom.models import Photo, Placement, Story
from newsroom.urls import urlpatterns
from tests.disks import files, fill, tiny_disk
from tests.otherhost.models import Plate

from .conftest import Upload, asset_of

# These tests are their own URLconf too: the newsroom's addresses, and its page for what nobody foresaw.
handler500 = "newsroom.problems.went_wrong"
__all__ = ["urlpatterns"]
FOLDER = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
NO_ROOM = "was not taken in: there is no room left here."
NO_ANSWER = "was not taken in: the storage did not answer."
OVERLAY = photo_like(3, size=(400, 300), format="PNG")


class TestReadingTheAddress:
    def test_without_one_pictures_lie_in_a_folder(self) -> None:
        assert storage.from_url("") == storage.from_url("  ") == FOLDER

    def test_a_bucket_with_everything(self) -> None:
        url = (
            "s3://pictures/house/a?endpoint_url=http://127.0.0.1:9000&region_name=eu-1&addressing_style=path&timeout=7"
        )
        assert storage.from_url(url) == {
            "BACKEND": "newsroom.bucket.BucketStorage",
            "OPTIONS": {
                "bucket_name": "pictures",
                "location": "house/a",
                "endpoint_url": "http://127.0.0.1:9000",
                "region_name": "eu-1",
                "addressing_style": "path",
                "timeout": 7,
            },
        }

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("ftp://bucket", "begins with ftp://"),
            ("https://bucket.s3.amazonaws.com/x", "begins with https://"),
            ("/var/media", "has no scheme"),
            ("file:///var/media", "set MEDIA_ROOT"),
            ("s3://", "names no bucket"),
            ("s3:bucket", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://[bucket", "cannot be read"),
            ("s3://bucket:x9000", "cannot be read"),
            ("s3://bucket:9000", "endpoint_url"),
            ("s3://My_Bucket", "can't be one"),
            ("s3://AKIAKEY:hush@bucket", "holds a key"),
            ("s3://bucket/a/../b", "prefix"),
            ("s3://bucket/a//b", "prefix"),
            ("s3://bucket#x", "after #"),
            ("s3://bucket?endpoint=https://x", "unknown option endpoint"),
            ("s3://bucket?secret_key=hush", "unknown option secret_key"),
            ("s3://bucket?timeout=1&timeout=2", "twice"),
            ("s3://bucket?region_name=", "without a value"),
            ("s3://bucket?region_name=Eu%20West", "region_name"),
            ("s3://bucket?endpoint_url=minio:9000", "without http://"),
            ("s3://bucket?endpoint_url=http://", "without http://"),
            ("s3://bucket?endpoint_url=http://[x", "without http://"),
            ("s3://bucket?endpoint_url=http://k:hush@minio", "holds a key"),
            ("s3://bucket?endpoint_url=http://minio/bucket", "more than a host"),
            ("s3://bucket?addressing_style=dns", "addressing_style"),
            ("s3://bucket?timeout=0", "timeout"),
            ("s3://bucket?timeout=soon", "timeout"),
            ("s3://bucket?timeout=21", "timeout"),
        ],
    )
    def test_nonsense_is_refused_in_a_sentence_that_repeats_no_secret(self, url: str, said: str) -> None:
        with pytest.raises(ImproperlyConfigured) as refused:
            storage.from_url(url)
        sentence = str(refused.value)
        assert sentence.startswith("STORAGE_URL ")
        assert sentence.endswith(".")
        assert said in sentence
        assert "hush" not in sentence

    def test_a_bucket_without_its_packages_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ImproperlyConfigured, match=r"newsroom-detection\[s3\]"):
            storage.from_url("s3://bucket")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server that speaks S3, on loopback."""
    moto = pytest.importorskip("moto.server", reason="a stand-in for S3 is not here: moto is not installed")
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def in_bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Let pictures lie in a bucket at this endpoint."""
    pytest.importorskip("storages", reason="the client for S3 is not here: install the extra s3")
    for name, value in {"ACCESS_KEY_ID": "house", "SECRET_ACCESS_KEY": "hush", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    def change(endpoint: str, *, make: bool = False) -> Any:
        url = f"s3://pictures-{os.getpid()}/house?endpoint_url={endpoint}&region_name=us-east-1&timeout=1"
        settings.STORAGES = {**settings.STORAGES, "default": storage.from_url(url)}
        if make:
            default_storage.connection.create_bucket(Bucket=default_storage.bucket_name)  # type: ignore[attr-defined]
        return default_storage

    return change


@pytest.fixture
def bucket(in_bucket: Callable[..., Any], server: str) -> Iterator[Any]:
    found = in_bucket(server, make=True).bucket
    yield found
    found.objects.all().delete()
    found.delete()


def keys(bucket: Any) -> list[str]:
    return [one.key for one in bucket.objects.all()]


def get(client: Client, address: str) -> Any:
    answer: Any = client.get(address)
    answer.whole = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


def media(photo: Photo, rendition: str) -> str:
    return reverse("detection:media", args=[asset_of(photo).public_id, rendition])


def row_of(photo: Photo) -> Analysis:
    return Analysis.objects.get(asset=asset_of(photo), provider="scripted")


def check(client: Client, content: bytes, name: str = "dawn.jpg") -> Any:
    return client.post(reverse("newsroom:check"), {"file": SimpleUploadedFile(name, content)})


@pytest.mark.django_db
class TestInABucket:
    def test_the_whole_way_and_no_address_of_the_bucket_is_given_to_a_browser(
        self, bucket: Any, server: str, scripted: ScriptedProvider, erin: User, client: Client
    ) -> None:
        client.force_login(erin)
        scripted.will_return("likely_ai", ai_score=0.97, overlay=OVERLAY)
        content = photo_like(size=(400, 300))
        answers = [check(client, content)]
        photo = Photo.objects.get()
        assert keys(bucket) == [f"house/{photo.image.name}"]
        drain()
        assert (row_of(photo).status, asset_of(photo).signal) == ("complete", "strong")
        answers += [get(client, media(photo, one)) for one in ("preview", "overlay", "original", "map", "preview")]
        answers += [get(client, answers[0]["Location"]), get(client, reverse("newsroom:check"))]
        assert [answer.status_code for answer in answers] == [302, *[200] * 7]
        assert answers[3].whole == content
        assert answers[1].whole == answers[5].whole
        told = b"".join(answer.content if not answer.streaming else b"" for answer in answers)
        told += b"".join(f"{name}: {value}".encode() for answer in answers for name, value in answer.items())
        for word in (server.partition("://")[2], bucket.name, "X-Amz", "AWSAccessKeyId"):
            assert word.encode() not in told
        grants = bucket.Object(f"house/{photo.image.name}").Acl().grants
        assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]
        with pytest.raises(NotImplementedError):
            _ = photo.image.url

        assert uploads.delete_expired(timezone.now() + timedelta(hours=25)) == 1
        assert f"house/{photo.image.name}" not in keys(bucket)

    def test_a_file_that_is_replaced_is_looked_at_anew(self, bucket: Any, scripted: ScriptedProvider) -> None:
        plate = Plate.objects.create(title="Harbour", picture=ContentFile(photo_like(1, size=(64, 48)), name="a.jpg"))
        drain()
        before = asset_of(plate)  # type: ignore[arg-type]
        plate.picture.save("a.jpg", ContentFile(photo_like(2, size=(64, 48))))
        drain()
        after = asset_of(plate)  # type: ignore[arg-type]
        assert after.generation == before.generation + 1
        assert after.sha256 != before.sha256
        assert len([key for key in keys(bucket) if key.startswith("house/plates/")]) == 2

    def test_a_story_goes_out_with_a_copy_from_the_bucket(
        self, bucket: Any, scripted: ScriptedProvider, upload: Upload, story: Story, erin: User, client: Client
    ) -> None:
        scripted.will_return("likely_human", ai_score=0.02)
        upload(tier="staff")
        assert publishing.publish(story, by=erin).published
        name = Placement.objects.get().rendition.removeprefix("renditions/")
        shown = get(client, reverse("newsroom:rendition", args=[name]))
        assert shown.whole.startswith(b"\xff\xd8\xff")
        assert int(shown["Content-Length"]) == len(shown.whole)
        bucket.Object(f"house/renditions/{name}").delete()
        assert client.get(reverse("newsroom:rendition", args=[name])).status_code == 404

    def test_a_missing_object_is_a_vanished_file(
        self, bucket: Any, scripted: ScriptedProvider, upload: Upload, story: Story, erin: User, client: Client
    ) -> None:
        photo = upload(checked=False)
        before = Level(gate.report(story).level)
        bucket.Object(f"house/{photo.image.name}").delete()
        drain()
        row = row_of(photo)
        assert (row.status, row.error_class) == ("rejected", "vanished")
        assert row.error_sentence == "The file is gone from the storage. Upload the picture again."
        assert Level(gate.report(story).level).rank >= before.rank
        client.force_login(erin)
        shown = get(client, media(photo, "preview"))
        assert (shown.status_code, b"Upload it again." in shown.whole) == (404, True)

    def test_a_bucket_that_is_gone_says_nothing_about_its_files(self, bucket: Any, upload: Upload) -> None:
        photo = upload(checked=False)
        bucket.objects.all().delete()
        bucket.delete()
        try:
            drain()
            assert (row_of(photo).status, row_of(photo).error_class) == ("retry_pending", "storage")
        finally:
            bucket.create()

    def test_no_file_replaces_another_of_the_same_name(self, bucket: Any) -> None:
        names = {default_storage.save("photos/same.jpg", ContentFile(text)) for text in (b"one", b"two")}
        assert len(names) == 2
        assert {default_storage.open(name).read() for name in names} == {b"one", b"two"}


class _Faulty(BaseHTTPRequestHandler):
    """Answers every request with `status`; 0: takes it and never answers, -1: breaks off in the middle."""

    status: ClassVar[int] = 503

    def answer(self) -> None:
        if self.status == 0:
            time.sleep(3)
            return
        body = b"" if self.command == "HEAD" else b"<Error><Code>Oops</Code><Message>hush</Message></Error>"
        is_broken = self.status < 0
        self.send_response(200 if is_broken else self.status)
        self.send_header("Content-Length", "100000" if is_broken else str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


for _verb in ("GET", "HEAD", "PUT", "POST", "DELETE"):
    setattr(_Faulty, f"do_{_verb}", _Faulty.answer)


@pytest.fixture
def faulty() -> Iterator[Callable[[int], str]]:
    """The address of a server that answers with this status; "refused" where `None` is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Faulty)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    def change(status: int | None) -> str:
        if status is None:
            with socket.socket() as closed:
                closed.bind(("127.0.0.1", 0))
                return f"http://127.0.0.1:{closed.getsockname()[1]}"
        _Faulty.status = status
        return f"http://127.0.0.1:{server.server_port}"

    yield change
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [403, 500, 503, 0, -1, None], ids=lambda fault: f"{fault}")
def test_a_bucket_that_does_not_answer_is_tried_again_and_never_clears_a_picture(
    fault: int | None,
    faulty: Callable[[int | None], str],
    in_bucket: Callable[..., Any],
    upload: Upload,
    story: Story,
    scripted: ScriptedProvider,
    erin: User,
    client: Client,
    settings: Any,
) -> None:
    scripted.will_return("likely_human", ai_score=0.02)
    photo = upload(tier="ugc", checked=False)
    before, folder = Level(gate.report(story).level), settings.STORAGES
    in_bucket(faulty(fault))
    settings.DETECTION = {**settings.DETECTION, "PROVENANCE": False}
    began = time.monotonic()
    drain()
    assert time.monotonic() - began < 12
    row = row_of(photo)
    assert (row.status, row.attempts, row.error_class) == ("retry_pending", 0, "storage")
    assert "hush" not in row.error_sentence
    assert Level(gate.report(story).level).rank >= before.rank
    assert "Trying again at" in next(card.sentence for card in screens.cards(asset_of(photo)) if card.is_primary)
    if fault == 403:
        client.force_login(erin)
        shown = get(client, media(photo, "preview"))
        assert (shown.status_code, b"The storage did not answer just now." in shown.whole) == (503, True)
        refused = check(client, photo_like(size=(64, 64)))
        assert (refused.status_code, NO_ANSWER in refused.content.decode()) == (503, True)
        assert Photo.objects.count() == 1
    settings.STORAGES = {**folder, "default": FOLDER}
    pass_time()
    drain()
    assert row_of(photo).status == "complete"


@pytest.mark.django_db
class TestWithoutRoom:
    """D14: a real disk that is really full."""

    @pytest.fixture
    def disk(self, settings: Any, tmp_path: Path) -> Iterator[Path]:
        with tiny_disk(tmp_path / "tiny") as folder:
            settings.MEDIA_ROOT = folder
            yield folder

    @pytest.fixture
    def safe(self, client: Client, erin: User, settings: Any) -> Client:
        """Erin's browser, which gets pages where other tests get exceptions."""
        settings.ROOT_URLCONF = __name__
        client.force_login(erin)
        client.raise_request_exception = False
        return client

    def test_an_upload_is_refused_in_a_sentence_nothing_is_kept_and_pages_go_on(
        self, disk: Path, safe: Client, upload: Upload, story: Story
    ) -> None:
        photo = upload()
        assert get(safe, media(photo, "preview")).status_code == 200
        kept = files(disk)
        filler = fill(disk, leave=20_000)
        refused = check(safe, os.urandom(200_000))
        assert refused.status_code == 507
        assert NO_ROOM in refused.content.decode()
        assert "“dawn.jpg”" in refused.content.decode()
        assert files(disk) == kept
        assert Photo.objects.count() == 1
        assert AuditEvent.objects.filter(action="picture.uploaded").count() == 1
        for address in (
            reverse("newsroom:start"),
            reverse("newsroom:check"),
            reverse("admin:newsroom_story_change", args=[story.pk]),
            reverse("admin:detection_asset_review", args=[asset_of(photo).public_id]),
            media(photo, "preview"),
        ):
            assert get(safe, address).status_code == 200
        filler.unlink()
        assert check(safe, photo_like(size=(64, 64))).status_code == 302

    def test_the_story_page_keeps_the_words_and_names_the_pictures_that_found_no_room(
        self, disk: Path, safe: Client, story: Story
    ) -> None:
        files_sent = [
            SimpleUploadedFile("a.jpg", photo_like(size=(64, 64))),
            SimpleUploadedFile("b.jpg", os.urandom(600_000)),
        ]
        answer: Any = safe.post(
            reverse("admin:newsroom_story_change", args=[story.pk]),
            {
                "headline": "Night launch, corrected",
                "slug": story.slug,
                "desk": story.desk_id,
                "body": "Typed for an hour.",
                "new_pictures": files_sent,
                "their_tier": "",
                "their_credit": "",
                "their_inside": "",
                "placements-TOTAL_FORMS": 0,
                "placements-INITIAL_FORMS": 0,
            },
            follow=True,
        )
        page = answer.content.decode()
        assert answer.status_code == 200
        assert f"“b.jpg” {NO_ROOM}" in page
        assert "1 picture added." in page
        story.refresh_from_db()
        assert (story.headline, story.body) == ("Night launch, corrected", "Typed for an hour.")
        assert [placement.photo.original_name for placement in story.placements.all()] == ["a.jpg"]
        assert len(files(disk)) == 1

    def test_the_folder_import_names_what_it_could_not_take_in(self, disk: Path, story: Story, tmp_path: Path) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "a.jpg").write_bytes(photo_like(size=(64, 64)))
        (folder / "b.jpg").write_bytes(os.urandom(600_000))
        (folder / "c.jpg").write_bytes(photo_like(2, size=(64, 64)))
        out = io.StringIO()
        call_command("ingest", str(folder), "--story", story.slug, "--json", stdout=out, stderr=io.StringIO())
        rows = json.loads(out.getvalue())["photos"]
        assert [row["error"] is None for row in rows] == [True, False, True]
        assert NO_ROOM in rows[1]["error"]
        assert len(files(disk)) == Photo.objects.count() == 2

    def test_a_file_too_large_for_the_folder_of_half_received_ones_gets_a_page_with_a_sentence(
        self, tmp_path: Path, safe: Client, settings: Any
    ) -> None:
        with tiny_disk(tmp_path / "tmp") as folder:
            settings.FILE_UPLOAD_TEMP_DIR = str(folder)
            answer = check(safe, os.urandom(3_000_000))
            as_json = safe.post(
                reverse("newsroom:check"),
                {"file": SimpleUploadedFile("a.jpg", os.urandom(3_000_000))},
                headers={"accept": "application/json"},
            )
            assert files(folder) == []
        assert answer.status_code == as_json.status_code == 507
        assert "There is no room left here, so this was not saved." in answer.content.decode()
        assert as_json.json()["sentence"] in answer.content.decode()
        assert not Photo.objects.exists()

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite can be given a last page")
    def test_a_full_database_refuses_an_upload_in_the_same_sentence(
        self, safe: Client, settings: Any, logged: list[Any]
    ) -> None:
        """Where only the check found no room the picture stands, and the page says that there is no check."""
        with connection.cursor() as cursor:
            pages = cursor.execute("PRAGMA page_count").fetchone()[0]
            most = cursor.execute("PRAGMA max_page_count").fetchone()[0]
            cursor.execute(f"PRAGMA max_page_count = {pages}")
            try:
                for number in range(60):
                    refused = check(safe, photo_like(number, size=(16, 16)), f"{number:0180d}.jpg")
                    if refused.status_code == 507:
                        break
                    assert refused.status_code in (302, 503)
            finally:
                cursor.execute(f"PRAGMA max_page_count = {most}")
        assert refused.status_code == 507
        assert "Traceback" not in refused.content.decode()
        assert NO_ROOM in refused.content.decode()
        assert len(files(Path(settings.MEDIA_ROOT))) == Photo.objects.count() == number

    def test_anything_else_that_nobody_foresaw_gets_a_sentence_too(
        self, safe: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploads, "receive_for_check", lambda *args, **kwargs: 1 / 0)
        answer = check(safe, b"x")
        assert answer.status_code == 500
        assert "Something went wrong here" in answer.content.decode()


@pytest.mark.django_db
def test_a_bucket_without_room_is_told_from_one_that_does_not_answer(
    faulty: Callable[[int], str], in_bucket: Callable[..., Any], erin: User, client: Client
) -> None:
    class Full(Exception):
        response: ClassVar[dict[str, Any]] = {"ResponseMetadata": {"HTTPStatusCode": 507}}

    assert storage.is_full(Full())
    assert not storage.is_full(ValueError())
    client.force_login(erin)
    in_bucket(faulty(507))
    assert check(client, b"x").status_code == 507
