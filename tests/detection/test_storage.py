"""Storages that lie, stall, fail in their own words, lose files or are full: said in sentences, never an all-clear."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client
from django.urls import reverse

from detection import gate, overlays, screens, stored
from detection.errors import StorageUnavailable
from detection.models import Analysis, Asset, AuditEvent, StoredOverlay
from detection.providers.scripted import ScriptedProvider
from detection.results import Overlay
from detection.testing import images
from detection.testing.draining import drain, pass_time
from detection.vocabulary import Level
from tests.conftest import asset_of, person
from tests.disks import files, fill, tiny_disk
from tests.otherhost.models import Article, Plate

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]

Upload = Callable[..., Plate]
Scripted = Callable[..., ScriptedProvider]
URL = "https://vendor.example/heat.png"
HEATMAP = images.photo_like(3, size=(64, 48), format="PNG")


class ClientsOwnError(Exception):
    """What a bucket's client raises: no OSError, and with words that are not for people."""


class OddFile(File):  # type: ignore[type-arg]
    def read(self, count: int = -1) -> bytes:
        OddStorage.asked += 1
        if OddStorage.fails_at == "read":
            raise ClientsOwnError("<Error>SlowDown key=AKIA</Error>")
        if self.name and Path(self.name).name in OddStorage.slow:
            time.sleep(0.05)
            return b"x"
        if OddStorage.is_endless:
            return b"x" * count
        if OddStorage.is_fickle and self.tell() == 0:
            OddStorage.asked += 1
            return super().read() + bytes([OddStorage.asked % 256, OddStorage.asked // 256])
        return bytes(super().read(count))


class OddStorage(FileSystemStorage):
    """A folder that behaves as it is told."""

    fails_at: ClassVar[str] = ""
    slow: ClassVar[set[str]] = set()
    is_endless: ClassVar[bool] = False
    is_fickle: ClassVar[bool] = False
    claims: ClassVar[int | None] = None
    asked: ClassVar[int] = 0

    def _open(self, name: str, mode: str = "rb") -> Any:
        if self.fails_at == "open":
            raise ClientsOwnError("403 Forbidden")
        return OddFile(open(self.path(name), mode), name=name)

    def size(self, name: str) -> int:
        if self.fails_at == "size":
            raise ClientsOwnError("Could not connect to the endpoint URL")
        if self.claims is not None and self.claims < 0:
            raise NotImplementedError
        return super().size(name) if self.claims is None else self.claims

    def _save(self, name: str, content: Any) -> str:
        if self.fails_at == "save":
            raise ClientsOwnError("503")
        return str(super()._save(name, content))  # type: ignore[misc]


@pytest.fixture
def odd(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pictures lie in an OddStorage: `odd(fails_at="open")`."""
    default = {"BACKEND": f"{__name__}.OddStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    monkeypatch.setattr(OddStorage, "asked", 0)

    def change(**how: Any) -> None:
        for name, value in how.items():
            monkeypatch.setattr(OddStorage, name, value)

    return change


def row_of(picture: Plate) -> Analysis:
    return Analysis.objects.get(asset=asset_of(picture), provider="first")


def level(article: Article) -> Level:
    return Level(gate.report(article).level)


def shown(client: Client, asset: Asset, rendition: str = "preview") -> tuple[int, str]:
    answer: Any = client.get(reverse("detection:media", args=[asset.public_id, rendition]))
    return answer.status_code, "" if answer.streaming else answer.content.decode(errors="replace")


class TestFailing:
    """Whatever a storage raises, the row waits, no attempt is counted, and nobody is told that all is clear."""

    @pytest.mark.parametrize("at", ["size", "open", "read"])
    def test_a_storage_that_fails_in_its_own_words_is_tried_again(
        self, at: str, odd: Callable[..., None], plate: Upload, article: Callable[..., Article], scripted: Scripted
    ) -> None:
        scripted().will_return(verdict="likely_human", ai_score=0.02)
        picture = plate(is_read=False)
        story = article(asset_of(picture))
        before = level(story)
        odd(fails_at=at)
        drain()
        row = row_of(picture)
        assert (row.status, row.attempts, row.error_class) == ("retry_pending", 0, "storage")
        assert row.error_sentence.startswith("The storage that holds this picture did not answer.")
        assert "AKIA" not in row.error_sentence
        [card] = screens.cards(asset_of(picture))
        assert "Trying again at" in card.sentence
        assert asset_of(picture).signal != "none_found"
        assert level(story).rank >= before.rank
        odd(fails_at="")
        pass_time()
        drain()
        assert row_of(picture).status == "complete"

    @pytest.mark.parametrize(("rendition", "at"), [("preview", "open"), ("original", "read"), ("map", "read")])
    def test_a_page_says_so_and_shows_no_traceback(
        self, rendition: str, at: str, odd: Callable[..., None], plate: Upload, erin: Any, client: Client
    ) -> None:
        asset = asset_of(plate())
        client.force_login(erin)
        odd(fails_at=at)
        status, words = shown(client, asset, rendition)
        assert status == 503
        assert "The storage did not answer just now." in words

    def test_without_room_for_a_copy_the_picture_is_still_shown(
        self, odd: Callable[..., None], plate: Upload, erin: Any, client: Client
    ) -> None:
        asset = asset_of(plate())
        client.force_login(erin)
        odd(fails_at="save")
        assert shown(client, asset)[0] == 200
        assert not default_storage.exists("detection/previews")

    @pytest.mark.parametrize("is_there", [True, False])
    def test_a_disk_that_is_not_mounted_says_nothing_about_its_files(
        self, is_there: bool, plate: Upload, scripted: Scripted, settings: Any, tmp_path: Path
    ) -> None:
        scripted().will_return(verdict="likely_human", ai_score=0.02)
        picture = plate(is_read=False)
        mounted, settings.MEDIA_ROOT = settings.MEDIA_ROOT, tmp_path / "mount"
        if is_there:
            settings.MEDIA_ROOT.mkdir()
        drain()
        assert (row_of(picture).status, row_of(picture).attempts) == ("retry_pending", 0)
        assert "its folder is missing or empty" in row_of(picture).error_sentence
        settings.MEDIA_ROOT = mounted
        pass_time()
        drain()
        assert row_of(picture).status == "complete"

    def test_the_first_copy_of_all_is_kept_in_a_folder_that_is_not_there_yet(
        self, plate: Upload, erin: Any, client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A host may keep its pictures elsewhere than in the default storage."""
        field: Any = Plate._meta.get_field("picture")
        monkeypatch.setattr(field, "storage", FileSystemStorage(tmp_path / "pictures"))
        asset = asset_of(plate())
        settings.MEDIA_ROOT = tmp_path / "new"
        client.force_login(erin)
        assert shown(client, asset)[0] == 200
        assert len(files(tmp_path / "new")) == 1


class TestBounds:
    def test_no_more_is_read_than_allowed_whatever_the_storage_claims(
        self, odd: Callable[..., None], plate: Upload, configure: Callable[..., None]
    ) -> None:
        for claims in (10, -1):
            odd(is_endless=True, claims=claims, asked=0)
            configure(MAX_BYTES=1_000_000)
            picture = plate(is_read=False)
            drain()
            row = row_of(picture)
            assert (row.status, row.error_class) == ("rejected", "too_big")
            assert "The file has over 0 MB" in row.error_sentence
            assert OddStorage.asked <= 1_000_000 // stored.PIECE + 2

    def test_a_slow_storage_keeps_a_worker_for_a_bounded_time_and_others_go_on(
        self, odd: Callable[..., None], plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """D14."""
        scripted().will_return(verdict="likely_human", ai_score=0.02)
        monkeypatch.setattr(stored, "SECONDS", 0.3)
        slow, fast = plate(is_read=False), plate(seed=2, is_read=False)
        odd(slow={Path(str(slow.picture.name)).name})
        began = time.monotonic()
        drain()
        assert time.monotonic() - began < 5
        row = row_of(slow)
        assert (row.status, row.attempts, row.error_class) == ("retry_pending", 0, "storage")
        assert "too slow" in row.error_sentence
        assert row_of(fast).status == "complete"

    def test_a_read_that_ends_within_its_time_is_whole(self, odd: Callable[..., None]) -> None:
        content = images.photo_like(5)
        name = stored.save(default_storage, "here.jpg", ContentFile(content))
        assert stored.read(default_storage, name, most=len(content)) == content
        assert stored.read(default_storage, name, most=100) == content[:101]
        with pytest.raises(StorageUnavailable, match="too slow"):
            stored.read(default_storage, name, most=len(content), until=time.monotonic() - 1)


class TestVanished:
    """A file that is gone, before each step that wants it: a sentence, and a level that is no lower."""

    def test_before_the_scan(self, plate: Upload, article: Callable[..., Article], erin: Any, client: Client) -> None:
        picture = plate(is_read=False)
        story = article(asset_of(picture))
        before = level(story)
        picture.picture.storage.delete(str(picture.picture.name))
        drain()
        row = row_of(picture)
        assert (row.status, row.error_class) == ("rejected", "vanished")
        assert level(story).rank >= before.rank
        client.force_login(erin)
        page = client.get(reverse("admin:detection_asset_review", args=[asset_of(picture).public_id])).content.decode()
        assert "The file is gone from the storage. Upload the picture again." in page
        assert "<img" not in page.partition("d-compare")[2].partition("</figure>")[0]

    def test_before_the_preview(
        self, looked_at: Callable[..., Asset], article: Callable[..., Article], erin: Any, client: Client
    ) -> None:
        asset = looked_at(verdict="likely_ai", ai_score=0.97)
        story = article(asset)
        before = level(story)
        file = asset.picture().picture  # type: ignore[union-attr]
        file.storage.delete(file.name)
        client.force_login(erin)
        for rendition in ("preview", "original", "map"):
            assert shown(client, asset, rendition)[0] == 404
            assert "The file is not in the store any more. Upload it again." in shown(client, asset, rendition)[1]
        assert level(story) is before

    def test_before_the_overlay_is_made(
        self, plate: Upload, scripted: Scripted, article: Callable[..., Article], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What came with the answer is lost: asked for anew where an address is known, else given up in a sentence."""
        scripted().will_return(verdict="likely_ai", ai_score=0.97, overlay=HEATMAP)
        real = overlays.store
        monkeypatch.setattr("detection.overlays.store", lambda pk: None)
        asset = asset_of(plate())
        drain()
        story = article(asset)
        before = level(story)
        overlay = StoredOverlay.objects.get()
        overlay.file.storage.delete(str(overlay.file.name))
        for _try in range(overlays.MAX_TRIES):
            real(overlay.pk)
        overlay.refresh_from_db()
        assert overlay.status == "refused"
        assert "What came with the answer is gone from the storage." in overlay.reason
        assert level(story) is before

    def test_before_the_overlay_is_shown(
        self, looked_at: Callable[..., Asset], article: Callable[..., Article], erin: Any, client: Client
    ) -> None:
        asset = looked_at(verdict="likely_ai", ai_score=0.97, overlay=HEATMAP)
        story = article(asset)
        before = level(story)
        overlay = StoredOverlay.objects.get(status="ready")
        overlay.file.storage.delete(str(overlay.file.name))
        client.force_login(erin)
        status, words = shown(client, asset, "overlay")
        assert status == 404
        assert "This overlay is not in the store any more. Check the picture again." in words
        assert shown(client, asset)[0] == 200
        assert level(story) is before


class TestFullDisk:
    """D14: with a real disk that is really full."""

    @pytest.fixture
    def disk(self, settings: Any, tmp_path: Path) -> Iterator[Path]:
        with tiny_disk(tmp_path / "tiny") as folder:
            settings.MEDIA_ROOT = folder
            yield folder

    def test_an_overlay_without_room_is_tried_again_and_costs_neither_verdict_nor_tries(
        self, disk: Path, plate: Upload, scripted: Scripted
    ) -> None:
        detector = scripted()
        detector.will_return(verdict="likely_ai", ai_score=0.97, overlay=Overlay(url=URL))
        detector.download_overlay = lambda overlay: HEATMAP  # type: ignore[method-assign]
        picture = plate()
        kept = files(disk)
        filler = fill(disk)
        drain()
        assert row_of(picture).verdict == "likely_ai"
        for _time in range(overlays.MAX_TRIES + 1):
            overlays.store(StoredOverlay.objects.get().pk)
        overlay = StoredOverlay.objects.get()
        assert (overlay.status, overlay.tries) == ("pending", 0)
        assert files(disk) == kept
        filler.unlink()
        pass_time()
        drain()
        overlay.refresh_from_db()
        assert overlay.status == "ready"
        assert len(files(disk)) == len(kept) + 1

    def test_after_a_day_without_room_it_is_given_up_in_a_sentence(
        self, disk: Path, plate: Upload, scripted: Scripted, clock: Any
    ) -> None:
        detector = scripted()
        detector.will_return(verdict="likely_ai", ai_score=0.97, overlay=Overlay(url=URL))
        detector.download_overlay = lambda overlay: HEATMAP  # type: ignore[method-assign]
        plate()
        fill(disk)
        drain()
        overlay = StoredOverlay.objects.get()
        assert overlay.next_try_at is not None
        assert overlay.next_try_at - clock.now() <= timedelta(seconds=31)
        clock.move(hours=25)
        overlays.store(overlay.pk)
        overlay.refresh_from_db()
        assert overlay.status == "refused"
        assert "could not be stored for a whole day" in overlay.reason
        assert AuditEvent.objects.filter(action="overlay.refused").count() == 1

    def test_a_picture_is_read_and_shown_and_no_half_copy_is_kept(
        self, disk: Path, plate: Upload, scripted: Scripted, client: Client
    ) -> None:
        scripted().will_return(verdict="likely_human", ai_score=0.02)
        picture = plate(content=images.photo_like(1, size=(640, 480)), is_read=False)
        kept = files(disk)
        fill(disk, leave=4096)
        drain()
        assert row_of(picture).status == "complete"
        client.force_login(person("erin", "review_analysis"))
        assert shown(client, asset_of(picture))[0] == 200
        assert files(disk) == kept

    def test_what_fits_only_in_part_is_not_kept_in_part(self, disk: Path) -> None:
        fill(disk, leave=8192)
        with pytest.raises(StorageUnavailable, match="No space left"):
            stored.save(default_storage, "half.bin", File(io.BytesIO(b"x" * 65_536)))
        assert files(disk) == []


def test_a_download_that_breaks_off_in_the_middle_does_not_look_whole(
    odd: Callable[..., None], plate: Upload, erin: Any, client: Client
) -> None:
    asset = asset_of(plate(content=images.photo_like(1, size=(640, 480))))
    client.force_login(erin)
    answer: Any = client.get(reverse("detection:media", args=[asset.public_id, "original"]))
    pieces = iter(answer)
    first = next(pieces)
    assert int(answer["Content-Length"]) > len(first)
    odd(fails_at="read")
    with pytest.raises(StorageUnavailable):
        list(pieces)


def test_a_storage_with_other_bytes_at_each_reading_does_not_begin_anew_without_end(
    odd: Callable[..., None], plate: Upload, configure: Callable[..., None], clock: Any
) -> None:
    configure(PROVENANCE=True)
    odd(is_fickle=True)
    picture = plate(content=images.photo_like(1, size=(64, 48)), is_read=False)
    for _hour in range(30):
        drain()
        pass_time()
        clock.move(hours=1)
    asset = asset_of(picture)
    assert asset.generation <= 4
    assert asset.signal != "none_found"
    rows = Analysis.objects.filter(asset=asset, generation=asset.generation)
    assert "dead" in {row.status for row in rows}
    assert any("other bytes at each reading" in row.error_sentence for row in rows)
