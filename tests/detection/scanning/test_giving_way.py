"""A picture that one detector can't take goes to the next; one that none can take says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detection import errors
from detection.models import Analysis
from detection.testing import images
from detection.testing.draining import drain
from detection.vocabulary import Why
from tests.conftest import asset_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]
HUMAN = {"verdict": "likely_human", "ai_score": 0.02}


@pytest.fixture
def send(plate: Callable[..., Any]) -> Callable[..., dict[str, Analysis]]:
    """Upload a picture of that size and let the workers work; its rows by alias."""

    def upload(size: tuple[int, int] = (64, 48)) -> dict[str, Analysis]:
        picture = plate(content=images.photo_like(1, size=size), is_read=False)
        drain()
        return {row.provider: row for row in Analysis.objects.filter(asset=asset_of(picture)).order_by("pk")}

    return upload


def limit(monkeypatch: pytest.MonkeyPatch, provider: Any, **flags: Any) -> None:
    for name, value in flags.items():
        monkeypatch.setattr(provider, name, value, raising=False)


def test_the_next_detector_is_asked_and_its_answer_stands(
    send: Callable[..., dict[str, Analysis]], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, scripted(), min_side=512)
    scripted("second").will_return(**HUMAN)

    rows = send()

    assert (rows["first"].status, rows["first"].why) == ("skipped", Why.UNSUPPORTED)
    assert (rows["second"].status, rows["second"].is_second_opinion) == ("complete", False)
    assert rows["second"].asset.signal == "none_found"
    assert scripted().calls == []


def test_where_none_can_take_it_all_are_skipped_and_the_picture_says_so(
    send: Callable[..., dict[str, Analysis]], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, scripted(), min_side=512)
    limit(monkeypatch, scripted("second"), min_bytes=10_000_000)

    rows = send()

    assert [row.status for row in rows.values()] == ["skipped", "skipped"]
    assert "at least 10000000 bytes" in rows["second"].error_sentence
    asset = rows["first"].asset
    assert (asset.signal, asset.why) == ("not_checked", Why.UNSUPPORTED)


def test_a_picture_that_the_vendor_refuses_goes_to_the_next_and_still_waits_for_a_person(
    send: Callable[..., dict[str, Analysis]], scripted: Callable[..., Any]
) -> None:
    scripted().will_fail(errors.ImageRefused("It takes no drawings."))
    scripted("second").will_return(**HUMAN)

    rows = send()

    assert (rows["first"].status, rows["second"].status) == ("rejected", "complete")
    assert rows["first"].asset.signal == "could_not_check"


def test_a_second_opinion_that_cannot_be_had_takes_nothing_from_the_first(
    send: Callable[..., dict[str, Analysis]], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted().will_return(verdict="uncertain", ai_score=0.6)
    limit(monkeypatch, scripted("second"), min_side=512)

    rows = send()

    assert (rows["second"].status, rows["second"].is_second_opinion) == ("skipped", True)
    assert rows["first"].asset.signal == "some"


@pytest.mark.parametrize(
    ("flags", "sent"),
    [
        ({"max_side": 200}, (200, 100)),
        ({"max_pixels": 200 * 100}, (200, 100)),
        ({"max_side": 400, "max_pixels": 40_000_000}, (400, 200)),
    ],
)
def test_a_picture_over_a_side_s_or_a_frame_s_limit_is_sent_smaller(
    send: Callable[..., dict[str, Analysis]],
    scripted: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, int],
    sent: tuple[int, int],
) -> None:
    limit(monkeypatch, scripted(), **flags)

    row = send((400, 200))["first"]

    [request] = scripted().calls
    assert (request.width, request.height) == sent
    assert (row.as_sent == "original") is (sent == (400, 200))


def test_a_long_and_narrow_picture_is_not_shrunk_below_what_the_detector_needs(
    send: Callable[..., dict[str, Analysis]], scripted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, scripted(), max_side=200, min_side=64)
    limit(monkeypatch, scripted("second"), min_side=512)

    row = send((800, 100))["first"]

    assert (row.status, row.why) == ("skipped", Why.UNSUPPORTED)
    assert "long and narrow" in row.error_sentence
    assert scripted().calls == []
