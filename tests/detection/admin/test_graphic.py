"""A picture that somebody called graphic: blurred until its reader asks, on every screen of ours, without a script."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from detection import noting, registry, scanning
from detection.models import Asset, AuditEvent
from detection.templatetags.detection_tags import review_url
from tests.detection.admin import cast

SUMMARY = re.compile(r'<details class="([^"]*d-graphic[^"]*)"><summary>(.*?)</summary>(.*?)</details>', re.DOTALL)


def shown(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def graphic(erin: Any) -> Asset:
    asset = cast.strong("After the crash")
    noting.mark_graphic(asset, by=erin, is_graphic=True)
    return Asset.objects.get(pk=asset.pk)


def test_lists_and_panes_hide_it_behind_something_that_opens_by_a_key(client: Any, erin: Any, graphic: Asset) -> None:
    other = cast.strong("Stand", seed=7)
    story = cast.article(graphic, other)
    client.force_login(erin)
    together = f"{reverse('admin:detection_gate_together')}?subject={cast.name_of(story)}"
    pages = {
        reverse("admin:detection_queue_changelist"): "q-thumb",
        reverse("admin:detection_asset_changelist"): "d-thumb",
        together: "d-notice-thumb",
        review_url(graphic, story): "d-graphic-panes",
    }
    for address, kind in pages.items():
        page = shown(client.get(address))
        [(classes, summary, inside)] = SUMMARY.findall(page)
        assert kind in classes, address
        words = re.sub(r"<[^>]*>", "", summary)
        assert re.match(r"Graphic picture, hidden", " ".join(words.split())), (address, words)
        assert 'class="d-blurred"' in summary
        assert "d-blurred" not in inside, "the blurred one gives way to the clear one"
        assert "style=" not in summary + inside
    beside = shown(client.get(review_url(other, story)))
    assert not SUMMARY.search(beside), "inside a link nothing opens"
    assert re.search(r'<img class="d-blurred"[^>]*alt="Graphic picture, hidden"', beside)


def test_whoever_wants_to_sees_such_pictures_at_once_and_may_change_their_mind(
    client: Any, erin: Any, dana: Any, graphic: Asset
) -> None:
    client.force_login(erin)
    page = shown(client.get(review_url(graphic)))
    assert "Always show me such pictures" in page
    client.post(reverse("admin:detection_queue_preferences"), {"graphic": "on", "stay": review_url(graphic)})
    page = shown(client.get(review_url(graphic)))
    assert "d-graphic-panes" not in page
    assert "Hide them until I ask" in page
    assert not SUMMARY.search(shown(client.get(reverse("admin:detection_queue_changelist"))))
    client.post(reverse("admin:detection_queue_preferences"), {"graphic": "off", "stay": review_url(graphic)})
    assert "d-graphic-panes" in shown(client.get(review_url(graphic)))
    client.force_login(dana)
    assert "d-graphic-panes" in shown(client.get(review_url(graphic))), "each for themselves"


def test_marking_takes_the_right_to_judge_and_stands_in_the_history(
    client: Any, erin: Any, sam: Any, graphic: Asset
) -> None:
    marked = AuditEvent.objects.filter(action="asset.graphic_marked")
    assert [event.facts["is_graphic"] for event in marked] == [True]
    client.force_login(erin)
    words = {"action": "graphic", "graphic": "off"}
    assert client.post(review_url(graphic), words).status_code == 302
    assert client.post(review_url(graphic), words).status_code == 302
    graphic.refresh_from_db()
    assert not graphic.is_graphic
    assert marked.all().count() == 2, "saying it twice is one event"
    client.force_login(sam)
    assert client.post(review_url(graphic), {"action": "graphic", "graphic": "on"}).status_code == 404
    graphic.refresh_from_db()
    assert not graphic.is_graphic


def test_the_host_s_word_counts_until_a_person_says_otherwise_and_again_when_it_changes(
    erin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"graphic": True}
    kind = registry.asset_type("otherhost.Plate")
    changed = dataclasses.replace(kind, graphic=lambda _plate: said["graphic"])
    monkeypatch.setitem(registry._assets, "otherhost.plate", changed)
    asset = cast.strong("At the scene")
    assert asset.is_graphic
    noting.mark_graphic(asset, by=erin, is_graphic=False)
    scanning.request_scan(asset.picture())
    asset.refresh_from_db()
    assert not asset.is_graphic, "nothing new from the host"
    for word in (False, True):
        said["graphic"] = word
        scanning.request_scan(asset.picture())
        asset.refresh_from_db()
        assert asset.is_graphic is word
    assert asset.said_graphic is None


def test_a_list_asks_for_the_preference_once_and_only_where_it_matters(client: Any, erin: Any, graphic: Asset) -> None:
    cast.strong("Stand", seed=7)
    client.force_login(erin)

    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(reverse("admin:detection_queue_changelist"))
        return sum("detection_preference" in one["sql"] and "'graphic'" in one["sql"] for one in found)

    assert asked() == 1
    noting.mark_graphic(graphic, by=erin, is_graphic=False)
    assert asked() == 0
