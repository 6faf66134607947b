"""C10: what leaves for a detector says nothing of places, devices and people, and the history names what was judged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from detection import checking, errors, scanning
from detection.conf import settings as conf
from detection.errors import Rejected
from detection.models import Analysis, Asset, AuditEvent
from detection.providers import providers
from detection.providers.scripted import ScriptedProvider
from detection.results import Accepted, ScanRequest, ScanResult
from detection.scanning import handing
from detection.testing import images, traces
from detection.testing.draining import drain, pass_time
from tests.conftest import asset_of
from tests.detection import fetching

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
Upload = Callable[..., Any]
Scripted = Callable[..., Any]
Configure = Callable[..., None]


class LosingProvider(ScriptedProvider):
    """Plays a detector whose answers get lost on their way."""

    def submit(self, request: ScanRequest) -> ScanResult | Accepted:
        super().submit(request)
        raise errors.AmbiguousTimeout


@pytest.fixture(autouse=True)
def _one_detector(detectors: Callable[..., None], pixels_only: None) -> None:
    detectors(first={})


def row_of(picture: Any) -> Analysis:
    return Analysis.objects.select_related("asset").filter(asset=asset_of(picture), provider="first").latest("pk")


def judged(picture: Any) -> list[str]:
    """The files that the history says were judged."""
    events = AuditEvent.objects.filter(asset=asset_of(picture).pk, action="analysis.complete").order_by("pk")
    return [event.facts["sent_sha256"] for event in events]


def checked(plate: Upload, content: bytes) -> tuple[Any, Analysis]:
    picture = plate(content=content, is_read=False)
    drain()
    return picture, row_of(picture)


@pytest.mark.parametrize("format", images.FORMATS)
def test_c10_a_detector_is_told_no_place_no_serial_number_and_no_name(
    format: str, plate: Upload, scripted: Scripted
) -> None:
    content = traces.telling(format, turned=6)
    picture, row = checked(plate, content)

    [request] = scripted().calls
    assert row.status == "complete"
    assert traces.told(request.content) == []
    assert request.sha256 == row.sent_sha256 == hashlib.sha256(request.content).hexdigest()
    assert judged(picture) == [row.sent_sha256]
    assert row.sent_sha256 != row.asset.sha256 == hashlib.sha256(content).hexdigest()
    assert (request.width, request.height) == (64, 96), "as it is shown"
    if format in ("HEIF", "AVIF"):
        assert row.as_sent == "a rendition: JPG, 64 × 96 pixels"
        assert request.media_type == "image/jpeg"
    else:
        assert row.as_sent == "stripped"
        assert traces.pixels(request.content) == traces.pixels(content)


def test_c10_by_the_operators_setting_the_original_is_sent(
    plate: Upload, scripted: Scripted, configure: Configure
) -> None:
    configure(SEND_METADATA="original")
    content = traces.telling()
    picture, row = checked(plate, content)
    assert scripted().calls[0].content == content
    assert (row.as_sent, row.sent_sha256) == ("original", row.asset.sha256)
    assert judged(picture) == [row.asset.sha256]


def test_c10_our_own_file_stays_as_it_was_handed_in(plate: Upload) -> None:
    content = traces.telling()
    picture, _ = checked(plate, content)
    assert scanning.reading.load(asset_of(picture)) == content


def test_a_picture_that_says_nothing_is_sent_as_it_is(plate: Upload, scripted: Scripted) -> None:
    content = images.photo_like(3, size=(96, 64))
    picture, row = checked(plate, content)
    assert scripted().calls[0].content == content
    assert (row.as_sent, row.sent_sha256) == ("original", row.asset.sha256)
    assert judged(picture) == [row.asset.sha256]


def test_the_embedded_detector_reads_the_file_as_it_is(plate: Upload, detectors: Callable[..., None]) -> None:
    detectors(first={"embedded": True, "pixels": False})
    content = traces.telling()
    _, row = checked(plate, content)
    provider = providers["first"]
    assert isinstance(provider, ScriptedProvider)
    assert provider.calls[0].content == content
    assert row.as_sent == "original"


def test_a_foreign_reader_of_declarations_is_told_no_more_than_others(
    plate: Upload, detectors: Callable[..., None], scripted: Scripted
) -> None:
    detectors(first={"pixels": False})
    checked(plate, traces.telling())
    assert traces.told(scripted().calls[0].content) == []


def test_nor_is_it_sent_a_file_that_nobody_can_open(
    plate: Upload, detectors: Callable[..., None], scripted: Scripted
) -> None:
    detectors(first={"pixels": False})
    _, row = checked(plate, images.truncated(traces.telling()))
    assert scripted().calls == []
    assert (row.status, row.error_class) == ("rejected", "truncated")


def test_a_picture_is_measured_by_what_is_sent(
    plate: Upload, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that only its metadata makes too large goes as it is, without them; too small is meant the same way."""
    content = traces.telling()
    monkeypatch.setattr(scripted(), "max_bytes", len(content) - 1, raising=False)
    _, row = checked(plate, content)
    assert row.as_sent == "stripped"
    monkeypatch.setattr(scripted(), "min_bytes", len(content), raising=False)
    _, row = checked(plate, traces.telling(seed=2))
    assert row.status == "skipped"


def test_a_picture_whose_structure_is_odd_goes_as_a_rendition(plate: Upload, scripted: Scripted) -> None:
    content = images.animated(2, format="WEBP", size=(96, 64))
    at = content.index(b"ANMF")
    size = int.from_bytes(content[at + 4 : at + 8], "little")
    name = traces.OWNER.encode() + b"\0"
    frame = content[at + 8 : at + 8 + size] + b"hide" + len(name).to_bytes(4, "little") + name
    odd = content[:at] + b"ANMF" + len(frame).to_bytes(4, "little") + frame + content[at + 8 + size :]
    odd = b"RIFF" + (len(odd) - 8).to_bytes(4, "little") + odd[8:]
    assert traces.OWNER in traces.told(odd)

    _, row = checked(plate, odd)

    assert row.as_sent.startswith("a rendition: JPG")
    assert traces.told(scripted().calls[0].content) == []


def test_a_profile_that_names_a_screen_is_cleaned_in_the_sandbox(plate: Upload, scripted: Scripted) -> None:
    content = images.photo_like(5, size=(96, 64), format="PNG", icc_profile=traces.screen_profile())
    _, row = checked(plate, content)
    [request] = scripted().calls
    assert row.as_sent == "stripped"
    assert traces.SERIAL.encode() not in images.decode(request.content).info["icc_profile"]


def test_a_link_leads_to_the_very_bytes_that_were_stripped(plate: Upload, settings: Any, configure: Configure) -> None:
    """C11."""
    settings.DETECTION_PROVIDERS = fetching.configured()
    configure(PUBLIC_BASE_URL=f"{fetching.BASE}/")
    picture = plate(content=traces.telling())
    found = handing.opened(fetching.token_of(fetching.handed_out(picture)), timezone.now())
    assert found is not None
    assert traces.told(found.content) == []
    assert hashlib.sha256(found.content).hexdigest() == row_of(picture).sent_sha256


def test_an_answer_about_one_of_the_two_is_used_for_the_other(
    plate: Upload, scripted: Scripted, configure: Configure
) -> None:
    """The pixels are the same; the record tells of which file it was given."""
    content = traces.telling()
    _, first = checked(plate, content)
    configure(SEND_METADATA="original")
    picture, second = checked(plate, content)
    assert scripted().calls == []
    assert second.reused_from == first
    assert judged(picture) == [first.sent_sha256]


def test_what_is_looked_up_is_recorded_as_it_was_sent(plate: Upload, settings: Any) -> None:
    """The answer got lost, so the next try asks for it and sends nothing."""
    settings.DETECTION_PROVIDERS = {"first": {"BACKEND": f"{__name__}.LosingProvider", "OPTIONS": {}}}
    picture, row = checked(plate, traces.telling())
    assert (row.status, judged(picture)) == ("retry_pending", [])
    pass_time(3_600)
    drain()
    provider = providers["first"]
    assert isinstance(provider, LosingProvider)
    [request] = provider.calls
    row.refresh_from_db()
    assert (row.status, row.as_sent) == ("complete", "stripped")
    assert judged(picture) == [row.sent_sha256] == [request.sha256]


def test_a_picture_that_is_tried_from_a_file_is_stripped_too(scripted: Scripted) -> None:
    found = checking.try_picture("first", checking.picture_of(traces.telling(), filename="one.jpg"))
    assert "Sent as the original without its metadata." in found.sentence
    [request] = scripted().calls
    assert traces.told(request.content) == []
    event = AuditEvent.objects.get(action="provider.tested")
    assert event.facts["picture"] == request.sha256


def test_c10_the_history_names_no_place_and_no_person(plate: Upload) -> None:
    checked(plate, traces.telling())
    kept = [str(value) for model in (Asset, Analysis, AuditEvent) for value in model.objects.values_list()]
    assert [value for value in traces.PLANTED for one in kept if value in one] == []


def test_a_word_that_is_not_known_is_refused(configure: Configure) -> None:
    configure(SEND_METADATA="some")
    with pytest.raises(ImproperlyConfigured, match="SEND_METADATA"):
        assert conf.SEND_METADATA


def test_a_file_that_cannot_be_opened_is_no_rendition_either() -> None:
    with pytest.raises(Rejected):
        checking.picture_of(images.truncated(traces.telling()), filename="one.jpg")
