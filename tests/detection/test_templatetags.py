"""The tags a host puts on its pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import reverse

from detection.models import Asset
from detection.templatetags.detection_tags import attach_assets
from tests.detection.admin import cast
from tests.otherhost.models import Plate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def rendered(source: str, user: Any = None, **context: Any) -> str:
    request = RequestFactory().get("/somewhere/")
    request.user = user or cast.person("erin", *cast.EDITOR)
    request.session = SessionStore()
    template = Template("{% load detection_tags %}" + source)
    return " ".join(template.render(Context({"request": request, **context})).split())


def test_a_badge_has_word_icon_tone_and_link() -> None:
    asset = cast.strong()
    badge = rendered("{% detection_badge picture %}", picture=asset.picture())
    assert "Strong signs of AI generation" in badge
    assert "<svg" in badge
    assert "d-attention" in badge
    assert reverse("admin:detection_asset_review", args=[asset.public_id]) in badge


def test_a_picture_without_asset_is_not_checked_and_never_clear() -> None:
    Asset.objects.all().delete()
    assert "Not checked" in rendered("{% detection_badge picture %}", picture=Plate(title="New"))


@pytest.mark.parametrize(("score", "verdict"), [(0.02, "likely_human"), (0.97, "likely_ai")])
def test_no_tone_means_success_and_none_is_red(score: float, verdict: str) -> None:
    badge = rendered("{% detection_badge picture %}", picture=cast.plate(verdict=verdict, ai_score=score).picture())
    tones = [tone for tone in ("d-neutral", "d-attention", "d-stop", "success", "error") if tone in badge]
    assert tones in (["d-neutral"], ["d-attention"])


def test_badges_of_a_list_ask_once(django_assert_num_queries: Any) -> None:
    pictures = [cast.plate(f"Picture {seed}", seed=seed).picture() for seed in range(3)]
    pictures = list(Plate.objects.order_by("title"))
    rendered("{% detection_badge picture %}", picture=pictures[0])  # content types are cached now
    with django_assert_num_queries(1):
        attach_assets(pictures)
        for picture in pictures:
            Template("{% load detection_tags %}{% detection_badge picture %}").render(Context({"picture": picture}))


def test_the_notice_says_what_why_who_and_the_next_click() -> None:
    cast.person("dana", *cast.CHIEF)
    asset = cast.declared("Landing")
    story = cast.article(asset)
    notice = rendered("{% detection_notice story %}", story=story)
    assert "The picture needs a look before publishing." in notice
    assert "On hold" in notice
    assert "The file declares AI generation" in notice
    assert "Dana Example" in notice
    assert f"for={cast.name_of(story)}" in notice


@pytest.mark.parametrize(
    ("permissions", "words"), [(cast.EDITOR, "Look and acknowledge"), (("view_audit",), "Look at the evidence")]
)
def test_the_next_click_is_one_the_reader_may_take(permissions: tuple[str, ...], words: str) -> None:
    story = cast.article(cast.strong())
    assert words in rendered("{% detection_notice story %}", user=cast.person("olga", *permissions), story=story)


def test_a_story_whose_pictures_are_clear_shows_nothing() -> None:
    story = cast.article(cast.plate(verdict="likely_human", ai_score=0.05))
    assert rendered("{% detection_notice story %}", story=story) == ""


def test_held_is_a_filter() -> None:
    source = "{% if story|detection_held %}held{% else %}free{% endif %}"
    assert rendered(source, story=cast.article(cast.declared())) == "held"
    free = cast.article(cast.plate(seed=5, verdict="likely_human", ai_score=0.05))
    assert rendered(source, user=cast.person("olga"), story=free) == "free"


def test_compare_shows_the_original_left_and_keeps_the_map_closed() -> None:
    panes = rendered("{% detection_compare asset %}", asset=cast.plate())
    assert panes.index("Original") < panes.index("Where the detector looked")
    assert '<details class="d-map">' in panes
    assert panes.count("<li>") == 6


def test_a_file_that_cannot_be_read_says_so_in_its_pane() -> None:
    asset = cast.plate(content=b"not a picture at all")
    assert "This file cannot be read. Replace it." in rendered("{% detection_compare asset %}", asset=asset)


@pytest.mark.parametrize(("notice", "shown"), [("", False), ("Demo: this detector's answers are scripted.", True)])
def test_the_sites_notice_stands_on_every_page(settings: Any, notice: str, shown: bool) -> None:
    settings.DETECTION_NOTICE = notice
    assert ("answers are scripted" in rendered("{% detection_banners %}")) is shown


def test_operators_are_told_once_that_nobody_looks_at_pixels(settings: Any, client: Any) -> None:
    settings.DETECTION_PROVIDERS = {}
    olu = cast.person("olu", "operate_provider", "review_analysis")
    line = "No detector here looks at pixels"
    assert line in rendered("{% detection_banners %}", user=olu)
    assert line not in rendered("{% detection_banners %}", user=cast.person("erin", *cast.EDITOR))
    client.force_login(olu)
    page = reverse("admin:detection_asset_changelist")
    assert line in client.get(page).content.decode()
    assert client.post(reverse("admin:detection_dismiss"), {"next": page})["Location"] == page
    assert line not in client.get(page).content.decode()


def test_while_a_detector_looks_at_pixels_operators_are_told_nothing() -> None:
    assert "looks at pixels" not in rendered("{% detection_banners %}", user=cast.person("olu", "operate_provider"))
