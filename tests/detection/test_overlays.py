"""A detector's overlay becomes our own picture, or a sentence; the vendor's address is shown to nobody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from detection import errors, overlays, sandbox, switches
from detection.models import AuditEvent, StoredOverlay
from detection.results import Overlay, ScanResult
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Verdict
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
URL = "https://vendor.example/heat.png"
TRAILER = b"<script>alert(1)</script>"
HEATMAP = images.photo_like(3, size=(64, 48), format="PNG") + TRAILER


def stored(row: StoredOverlay) -> bytes:
    with row.file.open("rb") as opened:
        content: bytes = opened.read()
    return content


def files() -> list[str]:
    return FileSystemStorage().listdir("detection/overlays")[1]


@pytest.fixture
def upload(plate: Callable[..., Any], scripted: Callable[..., Any]) -> Callable[..., StoredOverlay]:
    def make(overlay: Any, fetch: Callable[..., bytes] | None = None) -> StoredOverlay:
        detector = scripted()
        detector.will_return(verdict="likely_ai", ai_score=0.97, overlay=overlay)
        if fetch is not None:
            detector.download_overlay = fetch  # type: ignore[method-assign]
        asset = asset_of(plate())
        drain()
        return StoredOverlay.objects.get(analysis__asset=asset)

    return make


def fetched(content: bytes) -> Callable[[Overlay], bytes]:
    return lambda overlay: content


def test_a_fetched_overlay_is_stored_as_our_own_png(upload: Callable[..., StoredOverlay]) -> None:
    """B13."""
    row = upload(Overlay(url=URL), fetched(HEATMAP))
    content = stored(row)
    assert content.startswith(b"\x89PNG")
    assert TRAILER not in content
    assert (row.status, row.sha256) == ("ready", hashlib.sha256(content).hexdigest())
    assert (row.width, row.height, row.source_url) == (64, 48, "")
    assert AuditEvent.objects.get(action="overlay.stored").facts["sha256"] == row.sha256
    assert str(row) == f"heatmap of {row.analysis_id} (ready)"


@pytest.mark.parametrize(("orientation", "is_shown"), [(1, True), (6, True), (3, False)])
def test_an_overlay_is_shown_only_where_it_is_certain_which_way_up_it_is(
    plate: Callable[..., Any], scripted: Callable[..., Any], orientation: int, is_shown: bool
) -> None:
    """E6: a file that is stored upside down has the same shape either way, and its overlay may lie in either frame."""
    scripted().will_return(verdict="likely_ai", ai_score=0.97, overlay=HEATMAP)
    photo = images.photo_like(3, size=(64, 48))
    asset = asset_of(plate(content=images.with_exif(photo, {0x0112: orientation}), is_read=False))
    drain()
    row = StoredOverlay.objects.get(analysis__asset=asset)
    asset.refresh_from_db()
    assert (asset.orientation, row.status) == (orientation, "ready" if is_shown else "refused")
    assert is_shown or "which way up" in row.reason
    if orientation == 6:
        assert (row.width, row.height) == (48, 64), "it was turned as the picture is shown"


def test_an_overlay_that_came_with_the_answer_needs_no_fetching(upload: Callable[..., StoredOverlay]) -> None:
    row = upload(HEATMAP)
    assert row.status == "ready"
    assert TRAILER not in stored(row)
    assert files() == [row.file.name.rpartition("/")[2]]


HOSTILE = {
    "a page": b"<html><script>alert(1)</script></html>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "JSON": b"{}",
    "nothing": b"",
    "another shape": images.photo_like(3, size=(48, 200), format="PNG"),
    "a bomb": images.bomb(13_000, 13_000),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_overlay_of_this_picture_is_refused_with_a_sentence_and_the_verdict_stands(
    upload: Callable[..., StoredOverlay], content: bytes
) -> None:
    """B13, B14."""
    row = upload(Overlay(url=URL), fetched(content))
    assert (row.status, row.source_url, row.file.name) == ("refused", "", "")
    assert row.reason.endswith(".")
    assert row.analysis.verdict == "likely_ai"
    assert AuditEvent.objects.filter(action="overlay.refused").count() == 1


def test_what_came_with_the_answer_and_is_no_picture_leaves_no_file(upload: Callable[..., StoredOverlay]) -> None:
    """B13."""
    row = upload(b"<html></html>")
    assert (row.status, files()) == ("refused", [])


def failing(error: Exception) -> Callable[[Overlay], bytes]:
    def fetch(overlay: Overlay) -> bytes:
        raise error

    return fetch


@pytest.mark.parametrize(
    "error",
    [errors.ProviderDown("502."), errors.ConnectFailed("No route."), errors.SandboxFailed("Stopped.")],
    ids=lambda error: type(error).__name__,
)
def test_a_fault_is_tried_again_and_given_up_after_five(upload: Callable[..., StoredOverlay], error: Exception) -> None:
    """B18."""
    row = upload(Overlay(url=URL), failing(error))
    gaps = []
    for _try in range(overlays.MAX_TRIES - 1):
        assert row.status == "pending"
        gaps.append(row.next_try_at - timezone.now())
        overlays.store(row.pk)
        row.refresh_from_db()
    assert gaps == sorted(gaps)
    assert (row.status, row.tries) == ("refused", overlays.MAX_TRIES)
    assert str(error) in row.reason


@pytest.mark.parametrize(
    "error", [errors.OutboundBlocked("Loopback."), errors.ProviderMisconfigured("It gives no overlay.")]
)
def test_what_can_never_succeed_is_refused_at_once(upload: Callable[..., StoredOverlay], error: Exception) -> None:
    """B01, B09."""
    row = upload(Overlay(url=URL), failing(error))
    assert (row.status, row.tries) == ("refused", 1)
    assert str(error) in row.reason


def test_a_detector_that_is_gone_gives_no_overlay(
    upload: Callable[..., StoredOverlay], detectors: Callable[..., None]
) -> None:
    row = upload(Overlay(url=URL), failing(errors.ProviderDown("502.")))
    detectors(other={})
    overlays.store(row.pk)
    row.refresh_from_db()
    assert row.status == "refused"
    assert "not configured any more" in row.reason


def test_an_overlay_is_stored_once_however_often_it_is_rung(upload: Callable[..., StoredOverlay]) -> None:
    row = upload(Overlay(url=URL), fetched(HEATMAP))
    overlays.store(row.pk)
    overlays.store(row.pk + 1)
    assert AuditEvent.objects.filter(action="overlay.stored").count() == 1


def test_of_two_workers_with_one_overlay_one_keeps_its_file(
    upload: Callable[..., StoredOverlay], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = upload(Overlay(url=URL), failing(errors.ProviderDown("502.")))
    mine = StoredOverlay.objects.get(pk=row.pk)
    made = sandbox.reencode_overlay(HEATMAP, width=64, height=48)
    overlays._keep(row, made)
    overlays._keep(mine, made)
    overlays._refuse(mine, "Too late.")
    row.refresh_from_db()
    assert (row.status, files()) == ("ready", [row.file.name.rpartition("/")[2]])


def test_what_came_with_the_answer_and_cannot_be_found_again_is_tried_again(
    upload: Callable[..., StoredOverlay], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "reencode_overlay", lambda content, **size: failing(errors.SandboxFailed())(content))
        row = upload(HEATMAP)
    assert row.status == "pending"
    row.file.storage.delete(row.file.name)
    overlays.store(row.pk)
    row.refresh_from_db()
    assert (row.status, row.tries) == ("pending", 2)
    assert row.next_try_at > timezone.now() + timedelta(seconds=5)


class TestOneThatIsRenewed:
    """A vendor whose overlay comes later than its verdict, or whose links run out."""

    @pytest.fixture
    def asked(self, scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The addresses that were fetched. Asking again gives a link while any is left, then none yet."""
        detector, fetched_from = scripted(), []
        links = iter([Overlay(kind="heatmap"), Overlay(url=URL + "?fresh")])

        def fetch(reference: str) -> ScanResult:
            return ScanResult(verdict=Verdict.LIKELY_AI, overlay=next(links, Overlay(url=URL + "?fresh")))

        def download(overlay: Overlay) -> bytes:
            fetched_from.append(overlay.url)
            if "fresh" not in overlay.url:
                raise errors.ProviderError("No overlay came from its address (status 403).", http_status=403)
            return HEATMAP

        monkeypatch.setattr(detector, "renews_overlay", True, raising=False)
        monkeypatch.setattr(detector, "fetch", fetch)
        monkeypatch.setattr(detector, "download_overlay", download)
        return fetched_from

    def test_is_asked_for_until_it_is_made(self, upload: Callable[..., StoredOverlay], asked: list[str]) -> None:
        row = upload(Overlay(kind="heatmap"))
        assert (row.status, row.tries) == ("pending", 1)

        overlays.store(row.pk)

        row.refresh_from_db()
        assert (row.status, asked) == ("ready", [URL + "?fresh"])

    def test_gets_a_fresh_link_where_the_first_has_run_out(
        self, upload: Callable[..., StoredOverlay], asked: list[str]
    ) -> None:
        row = upload(Overlay(url=URL + "?old"))
        overlays.store(row.pk)
        overlays.store(row.pk)

        row.refresh_from_db()
        assert (row.status, asked) == ("ready", [URL + "?old", URL + "?fresh"])

    def test_is_not_tried_at_a_link_that_is_known_to_have_run_out(
        self, upload: Callable[..., StoredOverlay], asked: list[str]
    ) -> None:
        row = upload(Overlay(url=URL + "?old", expires_at=timezone.now() - timedelta(minutes=1)))
        overlays.store(row.pk)

        row.refresh_from_db()
        assert (row.status, asked) == ("ready", [URL + "?fresh"])

    def test_that_never_comes_is_refused_in_words(
        self,
        upload: Callable[..., StoredOverlay],
        asked: list[str],
        scripted: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(scripted(), "fetch", lambda reference: ScanResult(verdict=Verdict.LIKELY_AI))
        row = upload(Overlay(kind="heatmap"))
        for _time in range(5):
            overlays.store(row.pk)

        row.refresh_from_db()
        assert row.status == "refused"
        assert "no highlighted areas for this picture after all" in row.reason

    def test_is_not_asked_for_while_its_detector_is_paused_and_that_is_no_try(
        self, upload: Callable[..., StoredOverlay], asked: list[str]
    ) -> None:
        """E07, E11."""
        row = upload(Overlay(kind="heatmap"))
        switches.pause("first", reason="The bill is being disputed.")
        for _time in range(7):
            overlays.store(row.pk)
        row.refresh_from_db()
        assert (row.status, row.tries, asked) == ("pending", 1, [])

        switches.resume("first")
        overlays.store(row.pk)

        row.refresh_from_db()
        assert row.status == "ready"

    def test_a_key_that_is_refused_pauses_the_detector(
        self,
        upload: Callable[..., StoredOverlay],
        asked: list[str],
        scripted: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """E03."""
        row = upload(Overlay(kind="heatmap"))

        def refused(reference: str) -> ScanResult:
            raise errors.AuthFailed("The key is refused.")

        monkeypatch.setattr(scripted(), "fetch", refused)
        overlays.store(row.pk)

        assert switches.is_paused("first")


def test_one_that_takes_its_worker_down_is_given_up_in_words(
    upload: Callable[..., StoredOverlay], scripted: Callable[..., Any]
) -> None:
    row = upload(Overlay(url=URL), fetched(HEATMAP))
    StoredOverlay.objects.filter(pk=row.pk).update(status="pending", tries=0, file="")

    def dies(overlay: Overlay) -> bytes:
        raise SystemError("killed")

    scripted().download_overlay = dies
    for _time in range(8):
        with suppress(SystemError):
            overlays.store(row.pk)

    row.refresh_from_db()
    assert (row.status, row.tries) == ("refused", overlays.MAX_TRIES)
    assert "no try came to its end" in row.reason
