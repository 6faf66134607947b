"""Which pictures are sent to no detector, by an operator's settings, and in which words that is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from detection import scanning
from detection.conf import settings as ours
from detection.errors import Refused
from detection.models import Asset
from detection.testing.draining import drain
from detection.vocabulary import Why
from tests.conftest import asset_of
from tests.otherhost.models import Plate

pytestmark = pytest.mark.django_db


def rows(asset: Asset) -> dict[str, tuple[str, str, str]]:
    return {row.provider: (row.status, row.why, row.error_sentence) for row in asset.analyses.order_by("pk")}


@pytest.fixture
def tiers(host: Callable[..., None]) -> None:
    """A host whose pictures say their source, and their desk, in the title: "ugc sport"."""
    host(
        plate={
            "source_tier": lambda one: one.title.split()[0],
            "desk": lambda one: one.title.partition(" ")[2],
        }
    )


@pytest.mark.usefixtures("tiers")
def test_a_source_that_is_not_on_the_list_is_not_sent_and_still_read(
    plate: Callable[..., Plate], configure: Callable[..., None], scripted: Callable[..., Any]
) -> None:
    configure(SEND_TIERS="ugc, freelance")
    staff, ugc = asset_of(plate("staff sport", is_read=False)), asset_of(plate("ugc sport", seed=2, is_read=False))
    drain()
    said = "By this newsroom's settings, pictures of the source “Staff” are not sent to detectors."
    assert rows(staff)["first"] == ("skipped", Why.EXEMPT, said)
    assert rows(staff)["provenance"][0] == "complete"
    assert rows(ugc)["first"][0] == "complete"
    assert {call.filename[:36] for call in scripted().calls} == {str(ugc.analyses.get(provider="first").public_id)}
    staff.refresh_from_db()
    assert (staff.signal, staff.why) == ("not_checked", Why.EXEMPT)


@pytest.mark.usefixtures("tiers", "pixels_only")
@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("staff sport", ""),
        ("staff politics", "pictures of the desk “politics” are not sent to detectors."),
        ("staff", "pictures of no desk are not sent to detectors."),
    ],
)
def test_a_desk_that_is_not_on_the_list_is_not_sent(
    plate: Callable[..., Plate], configure: Callable[..., None], title: str, said: str
) -> None:
    configure(SEND_DESKS="sport,culture")
    status, why, sentence = rows(asset_of(plate(title)))["first"]
    assert (status, why) == (("skipped", Why.EXEMPT) if said else ("pending_scan", ""))
    assert sentence.endswith(said)


@pytest.mark.usefixtures("tiers", "pixels_only")
def test_a_rule_that_is_lifted_lets_the_next_request_through(
    plate: Callable[..., Plate], configure: Callable[..., None]
) -> None:
    configure(SEND_TIERS="ugc")
    picture = plate("staff sport")
    configure(SEND_TIERS="")
    scanning.request_scan(picture)
    assert [row.status for row in asset_of(picture).analyses.order_by("pk")] == ["skipped", "pending_scan"]


@pytest.mark.usefixtures("tiers", "pixels_only")
def test_a_click_for_a_second_opinion_is_no_way_past_a_rule(
    plate: Callable[..., Plate], configure: Callable[..., None], erin: Any
) -> None:
    configure(SEND_TIERS="ugc")
    asset = asset_of(plate("staff sport"))
    with pytest.raises(Refused, match="the source “Staff” are not sent"):
        scanning.ask_second_opinion(asset, by=erin)


@pytest.mark.usefixtures("pixels_only")
def test_without_a_list_every_picture_is_sent(plate: Callable[..., Plate]) -> None:
    assert rows(asset_of(plate()))["first"][0] == "pending_scan"


def test_a_source_that_nobody_knows_is_refused(configure: Callable[..., None]) -> None:
    configure(SEND_TIERS="staff,gossip")
    with pytest.raises(ImproperlyConfigured, match="SEND_TIERS.*must be a comma list of staff, agency"):
        _ = ours.SEND_TIERS
