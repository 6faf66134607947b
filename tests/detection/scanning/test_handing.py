"""C11: a link to one picture works while its scan is under way, and is dead before, after, and for anything else."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection import audit, errors, registry, scanning, switches
from detection.models import Analysis, Asset, AuditEvent, AuditPersonal
from detection.providers import providers
from detection.providers.answers import redact
from detection.results import ScanRequest
from detection.scanning import handing, reading
from detection.testing import images
from detection.testing.draining import drain
from tests.conftest import Clock, asset_of, mark_read
from tests.detection.fetching import (
    BASE,
    FetchingProvider,
    claimed,
    configured,
    handed_out,
    path_of,
    row_of,
    token_of,
    what_is_sent,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
Upload = Callable[..., Any]
CONTENT = images.photo_like(1, size=(64, 48))
PLACE = "a secret place"
_DEAD = errors.HouseFault("It stopped.")


@pytest.fixture(autouse=True)
def _a_detector_that_fetches(settings: Any, configure: Callable[..., None], pixels_only: None) -> None:
    settings.DETECTION_PROVIDERS = configured()
    configure(PUBLIC_BASE_URL=f"{BASE}/")


def opened(address: str, *, after: float = 0) -> handing.Handed | None:
    return handing.opened(token_of(address), timezone.now() + timedelta(seconds=after))


class TestALinkThatLives:
    def test_leads_to_the_very_bytes_that_the_row_says_were_sent(self, plate: Upload) -> None:
        """C11."""
        picture = plate()
        found = opened(handed_out(picture))
        assert found is not None
        assert found.content == CONTENT
        assert (found.media_type, found.filename) == ("image/jpeg", f"{row_of(picture).public_id}.jpg")
        assert hashlib.sha256(found.content).hexdigest() == row_of(picture).sent_sha256

    def test_works_again_and_while_the_answer_is_awaited(self, plate: Upload) -> None:
        """C11."""
        picture = plate()
        address = handed_out(picture)
        assert row_of(picture).advance("awaiting_callback")  # type: ignore[arg-type]
        assert opened(address) is not None
        assert opened(address) is not None

    def test_works_in_the_middle_of_the_story_and_not_after_it(self, plate: Upload, client: Client) -> None:
        """C11."""
        fetched: list[tuple[str, bytes]] = []

        def fetch(request: ScanRequest) -> None:
            row = Analysis.objects.select_related("asset").get(public_id=request.reference)
            address = request.url or handing.link(row, reading.Sendable(request, row.as_sent))
            fetched.append((address, client.get(path_of(address)).content))

        detector = providers["first"]
        assert isinstance(detector, FetchingProvider)
        detector.when_asked = fetch
        picture = plate()
        drain()
        [(address, content)] = fetched
        row = row_of(picture)
        assert (row.status, row.sent_sha256) == ("complete", hashlib.sha256(content).hexdigest())
        assert client.get(path_of(address)).status_code == 404

    def test_outlives_a_try_whose_answer_was_lost(self, plate: Upload) -> None:
        """The detector may have taken the first link, and come for the picture after it is asked again."""
        picture = plate()
        address = handed_out(picture)
        assert scanning.postpone(row_of(picture), at=timezone.now(), error=errors.AmbiguousTimeout())
        assert opened(address) is None
        row = claimed(picture)
        row.note(sent_sha256="")
        assert opened(address) is not None

    def test_writes_nothing_to_the_database(self, plate: Upload) -> None:
        address = handed_out(plate())
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert opened(address) is not None
        assert 0 < len(asked) <= 5
        assert [one["sql"] for one in asked if not one["sql"].startswith("SELECT")] == []

    @pytest.mark.parametrize(
        ("content", "options"),
        [
            (images.photo_like(2, size=(640, 480), format="PNG"), {"media_types": frozenset({"image/jpeg"})}),
            (
                images.with_exif(images.photo_like(3, size=(640, 480)), {0x010E: PLACE}),
                {"media_types": frozenset({"image/webp"})},
            ),
            (images.photo_like(4, size=(900, 700)), {"max_bytes": 30_000}),
        ],
        ids=["another format", "a format with a coder of its own", "too many bytes"],
    )
    def test_leads_to_the_same_copy_made_again(
        self, settings: Any, plate: Upload, content: bytes, options: dict[str, Any]
    ) -> None:
        """C11, C10: a copy is made the same each time, so its fingerprint says which one was meant."""
        settings.DETECTION_PROVIDERS = configured(**options)
        picture = plate(content=content, is_read=False)
        asset = asset_of(picture)
        reading.read(asset, reading.load(asset))
        row = claimed(picture)
        made = what_is_sent(row)
        assert made.as_sent.startswith("a rendition")
        found = opened(handing.link(row, made))
        assert found is not None
        assert found.content == made.request.content
        assert found.media_type == made.request.media_type
        assert PLACE.encode() not in found.content
        assert hashlib.sha256(found.content).hexdigest() == row_of(picture).sent_sha256


class TestALinkDies:
    """C11."""

    def test_after_a_quarter_of_an_hour(self, plate: Upload) -> None:
        address = handed_out(plate())
        assert opened(address, after=15 * 60 - 2) is not None
        assert opened(address, after=15 * 60) is None
        assert opened(address, after=86_400) is None

    def test_by_the_clock_of_the_house(self, plate: Upload, clock: Clock) -> None:
        address = handed_out(plate())
        clock.move(minutes=16)
        assert handing.opened(token_of(address), timezone.now()) is None

    def test_where_it_was_made_by_a_clock_far_ahead(self, plate: Upload) -> None:
        """It would live longer than it may."""
        address = handed_out(plate())
        assert opened(address, after=-30) is not None
        assert opened(address, after=-90) is None

    @pytest.mark.parametrize("status", ["complete", "rejected", "dead", "superseded", "retry_pending", "skipped"])
    def test_when_the_detector_has_nothing_left_to_fetch(self, plate: Upload, status: str) -> None:
        picture = plate()
        address = handed_out(picture)
        assert row_of(picture).advance(status)  # type: ignore[arg-type]
        assert opened(address) is None

    def test_when_the_scan_is_started_once_more(self, plate: Upload) -> None:
        picture = plate()
        address = handed_out(picture)
        assert scanning.give_up(row_of(picture), error=_DEAD)
        assert scanning.redrive(row_of(picture), by=None)
        assert opened(address) is None
        newer = handed_out(picture)
        assert opened(newer) is not None
        assert opened(address) is None

    def test_when_a_new_look_begins(self, plate: Upload) -> None:
        picture = plate()
        address = handed_out(picture)
        scanning.request_scan(picture, force=True)
        assert opened(address) is None
        mark_read(picture, CONTENT)
        assert opened(handed_out(picture)) is not None

    def test_when_only_the_generation_moved_on(self, plate: Upload) -> None:
        """Between two statements of whoever moves it."""
        picture = plate()
        address = handed_out(picture)
        Asset.objects.update(generation=2)
        assert opened(address) is None

    def test_when_the_picture_is_deleted(self, plate: Upload) -> None:
        picture = plate()
        address = handed_out(picture)
        picture.delete()
        assert opened(address) is None

    def test_when_it_is_detached_and_nothing_else_is_changed_yet(self, plate: Upload) -> None:
        address = handed_out(plate())
        Asset.objects.update(detached_at=timezone.now())
        assert opened(address) is None

    def test_when_the_picture_is_kept_inside(self, plate: Upload) -> None:
        address = handed_out(plate())
        Asset.objects.update(kept_inside=True)
        assert opened(address) is None

    @pytest.mark.parametrize("alias", ["first", "*"])
    def test_while_the_detector_is_paused_by_a_person(self, plate: Upload, alias: str) -> None:
        address = handed_out(plate())
        switches.pause(alias, reason="Election night.")
        assert opened(address) is None
        switches.resume(alias)
        assert opened(address) is not None

    def test_while_the_setting_pauses_it(self, plate: Upload, configure: Callable[..., None]) -> None:
        address = handed_out(plate())
        configure(PAUSED="*")
        assert opened(address) is None

    def test_when_the_same_bytes_are_kept_inside_elsewhere(self, plate: Upload) -> None:
        address = handed_out(plate())
        other = plate()
        Asset.objects.filter(pk=asset_of(other).pk).update(kept_inside=True)
        assert opened(address) is None

    def test_when_the_row_says_that_other_bytes_were_sent(self, plate: Upload) -> None:
        picture = plate()
        address = handed_out(picture)
        row_of(picture).note(sent_sha256="0" * 64)
        assert opened(address) is None

    def test_when_other_bytes_lie_under_the_file_s_name(self, plate: Upload, caplog: Any) -> None:
        picture = plate()
        address = handed_out(picture)
        name = picture.picture.name
        default_storage.delete(name)
        default_storage.save(name, ContentFile(images.photo_like(8, size=(64, 48))))
        assert opened(address) is None
        assert str(row_of(picture).public_id) in caplog.text

    def test_when_the_file_is_gone(self, plate: Upload) -> None:
        picture = plate()
        address = handed_out(picture)
        default_storage.save("another", ContentFile(b"so that the folder is not empty"))
        default_storage.delete(picture.picture.name)
        assert opened(address) is None

    def test_when_the_copy_would_be_another_one(self, settings: Any, plate: Upload, caplog: Any) -> None:
        settings.DETECTION_PROVIDERS = configured(max_bytes=30_000)
        picture = plate(content=images.photo_like(4, size=(900, 700)), is_read=False)
        asset = asset_of(picture)
        reading.read(asset, reading.load(asset))
        address = handed_out(picture)
        assert opened(address) is not None
        settings.DETECTION_PROVIDERS = configured(max_bytes=20_000)
        assert opened(address) is None
        assert "not there any more" in caplog.text

    @pytest.mark.parametrize("left", [{}, configured(uploads=True)], ids=["removed", "given uploads"])
    def test_when_the_detector_is_configured_otherwise(self, settings: Any, plate: Upload, left: Any) -> None:
        address = handed_out(plate())
        settings.DETECTION_PROVIDERS = left
        assert opened(address) is None

    def test_when_the_host_s_model_is_not_registered_any_more(
        self, plate: Upload, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address = handed_out(plate())
        monkeypatch.setattr(registry, "_assets", {})
        assert opened(address) is None


class TestATokenThatWasNotMadeHere:
    """C11."""

    def test_of_another_picture_spliced_in(self, plate: Upload) -> None:
        one, other = (token_of(handed_out(plate(seed=seed))) for seed in (1, 1))
        for spliced in (
            f"{one.split('.')[0]}.{other.split('.')[1]}",
            f"{other.split('.')[0]}.{one.split('.')[1]}",
            f"{one}{other}",
            f"{one}/{other}",
        ):
            assert handing.opened(spliced, timezone.now()) is None
        assert handing.opened(one, timezone.now()) is not None

    def test_for_another_use_or_with_another_key(self, settings: Any, plate: Upload) -> None:
        picture = plate()
        token = token_of(handed_out(picture))
        claims = signing.Signer(salt="detection.scanning.handing", sep=".").unsign_object(token)
        assert claims[:3] == [row_of(picture).public_id.hex, 0, asset_of(picture).sha256]
        sign = signing.Signer(salt="another", sep=".").sign_object
        assert handing.opened(sign(claims), timezone.now()) is None
        settings.SECRET_KEY = "another-key-that-is-long-enough-0123456789abcdefghij"
        assert handing.opened(token, timezone.now()) is None

    @pytest.mark.parametrize("place", [0, 40, -50, -20, -1])
    def test_with_a_changed_character(self, plate: Upload, place: int) -> None:
        token = token_of(handed_out(plate()))
        # The last character of a signature has bits that nobody reads, so it is replaced by one that differs in others.
        changed = "A" if token[place] not in "ABCD" else "z"
        wrong = token[:place] + changed + token[place:][1:]
        assert handing.opened(wrong, timezone.now()) is None

    @pytest.mark.parametrize("token", ["", ".", "x", "a.b", "a" * 5000, "ä.ö", "\x00", ".eJw.x", "[].x", "../../etc"])
    def test_made_up(self, token: str) -> None:
        assert handing.opened(token, timezone.now()) is None

    def test_is_not_guessed_from_another(self, plate: Upload) -> None:
        row = claimed(plate())
        made = what_is_sent(row)
        links = {handing.link(row, made) for _try in range(20)}
        assert len(links) == 20
        assert all(opened(one) is not None for one in links)


class TestNoLinkIsMade:
    def test_while_the_detector_is_paused_and_that_is_no_attempt(self, plate: Upload) -> None:
        row = claimed(plate())
        made = what_is_sent(row)
        switches.pause("*", reason="Election night.")
        with pytest.raises(errors.PausedMeanwhile):
            handing.link(row, made)
        assert not AuditEvent.objects.filter(action="picture.handed_out").exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda: Asset.objects.update(kept_inside=True),
            lambda: Asset.objects.update(detached_at=timezone.now()),
            lambda: Asset.objects.update(generation=2),
            lambda: Analysis.objects.update(redrives=1),
            lambda: Analysis.objects.update(status="pending_scan"),
            lambda: Analysis.objects.update(status="complete"),
        ],
        ids=["kept inside", "deleted", "new file", "redriven", "not begun", "ended"],
    )
    def test_for_a_picture_that_may_not_leave_now(self, plate: Upload, change: Callable[[], int]) -> None:
        """C11: what changed since the worker read the row counts."""
        row = claimed(plate())
        made = what_is_sent(row)
        assert change() == 1
        with pytest.raises(errors.HouseFault, match="No link to this picture"):
            handing.link(row, made)
        assert not AuditEvent.objects.filter(action="picture.handed_out").exists()

    @pytest.mark.parametrize(
        ("base", "loopback", "said"),
        [
            ("", True, "PUBLIC_BASE_URL is not set"),
            ("http://news.example", True, "PUBLIC_BASE_URL is http://news.example"),
            ("http://10.0.0.7:8000", True, "must begin with https"),
            ("http://127.0.0.1:8000", False, "must begin with https"),
            ("http://localhost.evil.example", True, "must begin with https"),
        ],
    )
    def test_where_the_site_cannot_be_reached_safely(
        self, configure: Any, plate: Upload, base: str, loopback: bool, said: str
    ) -> None:
        row = claimed(plate())
        made = what_is_sent(row)
        configure(PUBLIC_BASE_URL=base, ALLOW_LOOPBACK=loopback)
        assert said in handing.in_the_way()
        with pytest.raises(errors.HouseFault, match=r"PUBLIC_BASE_URL"):
            handing.link(row, made)

    @pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"])
    def test_but_on_loopback_where_that_is_allowed(self, configure: Any, plate: Upload, base: str) -> None:
        configure(PUBLIC_BASE_URL=base, ALLOW_LOOPBACK=True)
        assert handing.in_the_way() == ""
        assert handed_out(plate()).startswith(f"{base}/detection/handed/")

    def test_where_the_host_has_no_such_address(self, settings: Any) -> None:
        settings.ROOT_URLCONF = "detection.urls"
        assert "detection.urls" in handing.in_the_way()

    def test_for_detectors_that_take_uploads(self, settings: Any) -> None:
        assert handing.fetches(providers["first"])
        settings.DETECTION_PROVIDERS = configured(uploads=True)
        assert not handing.fetches(providers["first"])


class TestTheTokenIsWrittenNowhere:
    def test_not_in_history_rows_or_logs(self, plate: Upload, caplog: Any) -> None:
        """C11: who was given which bytes until when is recorded, and how often they were fetched is logged."""
        caplog.set_level(logging.DEBUG)
        picture = plate()
        address = handed_out(picture)
        row = row_of(picture)
        assert opened(address) is not None
        assert opened(address, after=3600) is None
        [event] = AuditEvent.objects.filter(action="picture.handed_out")
        assert {name: event.facts[name] for name in ("analysis", "provider", "sha256")} == {
            "analysis": str(row.public_id),
            "provider": "first",
            "sha256": row.sent_sha256,
        }
        lives = datetime.fromisoformat(event.facts["until"]) - event.at
        assert timedelta(minutes=14, seconds=58) < lives <= timedelta(minutes=15)
        assert audit.entry_of(event).label == "A link to the picture was given to the detector"
        everything = json.dumps(
            [
                *Analysis.objects.values(),
                *Asset.objects.values(),
                *AuditEvent.objects.values(),
                *AuditPersonal.objects.values(),
            ],
            default=str,
        )
        token = token_of(address)
        for part in (token, *token.split(".")):
            assert part not in everything
            assert part not in caplog.text
        fetches = [one for one in caplog.records if one.name == "detection" and one.levelno == logging.INFO]
        assert [str(row.public_id) in one.getMessage() for one in fetches] == [True, True]
        assert row.sent_sha256 in fetches[0].getMessage()

    def test_not_in_an_answer_that_repeats_it(self, plate: Upload) -> None:
        """A vendor's answer often names the address that it fetched, or the file's name, which it takes from there."""
        address = handed_out(plate())
        token = token_of(address)
        echoed = {
            "media": {"uri": address, "filename": token, "name": f"{token}.jpg"},
            "message": f"Could not fetch {address}: 404",
            "escaped": f"x=https%3A%2F%2Fnews.example%2Fdetection%2Fhanded%2F{token}%2F&y=1",
            token: 1,
        }
        kept = json.dumps(redact(echoed))
        assert [part for part in (token, *token.split(".")) if part in kept] == []
        assert "Could not fetch https://news.example/detection/handed/[redacted]/: 404" in kept


def test_a_storage_that_does_not_answer_is_told_apart_from_a_dead_link(plate: Upload, settings: Any) -> None:
    address = handed_out(plate())
    shutil.rmtree(settings.MEDIA_ROOT)
    with pytest.raises(errors.StorageUnavailable):
        opened(address)


@pytest.mark.parametrize("options", [{"media_types": frozenset({"image/png"})}, {"max_bytes": 1_500}, {}])
def test_the_story_hands_out_a_link_to_the_very_bytes_that_this_detector_takes(
    plate: Upload, settings: Any, options: dict[str, Any]
) -> None:
    """A rendition too: its hash is in the row before the link is made."""
    settings.DETECTION_PROVIDERS = configured(**options)
    fetched: list[handing.Handed | None] = []
    provider = providers["first"]
    assert isinstance(provider, FetchingProvider)
    provider.when_asked = lambda request: fetched.append(opened(str(request.url)))
    picture = plate(content=CONTENT, is_read=False)

    drain()

    row = row_of(picture)
    assert (row.status, row.attempts, row.calls) == ("complete", 1, 1)
    assert fetched[0] is not None
    assert hashlib.sha256(fetched[0].content).hexdigest() == row.sent_sha256
    assert (row.as_sent == "original") is (not options)
