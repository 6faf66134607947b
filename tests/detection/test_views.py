"""The renditions and the JSON of one picture: who gets them, with which headers, and what they hold."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse
from PIL import Image

from detection import reviewing
from detection.models import Analysis, Asset, StoredOverlay
from detection.testing import images
from detection.vocabulary import Conclusion
from tests.detection.admin import cast

pytestmark = pytest.mark.django_db
RENDITIONS = ("original", "preview", "overlay", "map")


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def erin() -> Any:
    return cast.person("erin", *cast.EDITOR)


def media(asset: Asset, rendition: str) -> str:
    return reverse("detection:media", args=[asset.public_id, rendition])


def body(response: Any) -> bytes:
    # Read to its end a response closes itself; closing it here would also close PostgreSQL's connection.
    return b"".join(response.streaming_content) if response.streaming else response.content


def with_overlay(asset: Asset) -> StoredOverlay:
    overlay = StoredOverlay(
        analysis=Analysis.objects.get(asset=asset, provider="first"), kind="heatmap", status="ready"
    )
    overlay.file.save("o.png", ContentFile(images.photo_like(9, format="PNG")), save=False)
    overlay.save()
    return overlay


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_nobody_unknown_sees_a_picture(client: Any, rendition: str) -> None:
    answer = client.get(media(cast.plate(), rendition))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_for_a_foreign_desk_the_picture_does_not_exist(client: Any, rendition: str) -> None:
    asset = cast.plate()
    with_overlay(asset)
    client.force_login(cast.person("sam"))
    assert client.get(media(asset, rendition)).status_code == 404


@pytest.mark.parametrize(
    ("rendition", "media_type", "kept"),
    [
        ("original", "image/jpeg", "private, no-store"),
        ("preview", "image/jpeg", "private, max-age=300"),
        ("overlay", "image/png", "private, max-age=300"),
        ("map", "image/webp", "private, max-age=300"),
    ],
)
def test_each_rendition_comes_with_its_type_and_the_strict_headers(
    client: Any, erin: Any, rendition: str, media_type: str, kept: str
) -> None:
    asset = cast.plate()
    with_overlay(asset)
    client.force_login(erin)
    answer = client.get(media(asset, rendition))
    body(answer)
    assert answer["Content-Type"] == media_type
    assert answer["Cache-Control"] == kept
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == "no-referrer"


def test_the_original_leaves_only_as_a_download_under_our_name(client: Any, erin: Any) -> None:
    asset = cast.plate('Cat "home"; after\nnine days')
    client.force_login(erin)
    answer = client.get(media(asset, "original"))
    assert body(answer) == images.photo_like(1)
    assert answer["Content-Disposition"] == 'attachment; filename="cat-home-after-nine-days.jpg"'


def test_the_preview_is_a_copy_of_our_making_and_made_once(client: Any, erin: Any) -> None:
    asset = cast.plate(content=images.with_exif(images.photo_like(1, size=(2400, 1600)), {0x010E: "secret place"}))
    client.force_login(erin)
    first = body(client.get(media(asset, "preview")))
    assert max(Image.open(io.BytesIO(first)).size) == 1600
    assert b"secret place" not in first
    name = f"detection/previews/{asset.public_id}-{asset.generation}.jpg"
    default_storage.delete(name)
    default_storage.save(name, ContentFile(b"kept copy"))
    assert body(client.get(media(asset, "preview"))) == b"kept copy"


def test_lists_get_a_small_preview(client: Any, erin: Any) -> None:
    asset = cast.plate(content=images.photo_like(1, size=(1200, 800)))
    client.force_login(erin)
    assert max(Image.open(io.BytesIO(body(client.get(media(asset, "preview") + "?small=1")))).size) == 320


def test_a_file_that_cannot_be_read_is_not_replaced_by_a_drawing(client: Any, erin: Any) -> None:
    asset = cast.plate(content=b"not a picture at all")
    client.force_login(erin)
    answer = client.get(media(asset, "preview"))
    assert answer.status_code == 404
    assert "This file cannot be read. Replace it." in answer.content.decode()


def test_a_file_that_vanished_says_what_to_do(client: Any, erin: Any) -> None:
    asset = cast.plate()
    default_storage.delete(asset.picture().picture.name)
    client.force_login(erin)
    answer = client.get(media(asset, "preview"))
    assert answer.status_code == 404
    assert "Upload it again" in answer.content.decode()


@pytest.mark.parametrize("tail", ["raw", "thumbnail"])
def test_an_unknown_rendition_is_not_found(client: Any, erin: Any, tail: str) -> None:
    client.force_login(erin)
    assert client.get(media(cast.plate(), tail)).status_code == 404


@pytest.mark.parametrize("analysis", ["nonsense", "1189c772-7e07-46e0-aacf-334efd7065e5"])
def test_an_overlay_of_nobody_is_not_found(client: Any, erin: Any, analysis: str) -> None:
    asset = cast.plate()
    with_overlay(asset)
    client.force_login(erin)
    assert client.get(f"{media(asset, 'overlay')}?analysis={analysis}").status_code == 404


def test_nothing_is_posted_to_a_picture(client: Any, erin: Any) -> None:
    client.force_login(erin)
    assert client.post(media(cast.plate(), "preview")).status_code == 405


def test_the_json_is_for_people_who_are_signed_in_and_may_look(client: Any) -> None:
    url = reverse("detection:asset_json", args=[cast.plate().public_id])
    assert client.get(url).status_code == 401
    client.force_login(cast.person("sam"))
    assert client.get(url).status_code == 404
    assert client.get(url)["Content-Type"] == "application/json"


def test_the_json_holds_what_is_promised(client: Any, erin: Any) -> None:
    asset = cast.strong()
    with_overlay(asset)
    client.force_login(erin)
    answer = client.get(reverse("detection:asset_json", args=[asset.public_id]))
    state = answer.json()
    assert set(state) == {
        *("assetId", "analysisStatus", "reviewState", "signal", "why", "level", "detector", "detectors"),
        *("declared", "evidence", "conclusion"),
    }
    assert (state["signal"], state["level"], state["reviewState"]) == ("strong", "acknowledge", "flagged")
    assert (state["detector"]["verdict"], state["detector"]["confidence"]) == ("likely_ai", 0.94)
    assert state["detector"]["overlayUrl"].startswith("/detection/media/")
    assert state["evidence"] == asset.evidence
    assert answer["Cache-Control"] == "private, no-store"


def test_a_declaration_has_no_confidence(client: Any, erin: Any) -> None:
    asset = cast.declared()
    client.force_login(erin)
    state = client.get(reverse("detection:asset_json", args=[asset.public_id])).json()
    by_declaration = [one for one in state["detectors"] if one["basis"] == "declaration"]
    assert [one["confidence"] for one in by_declaration] == [None]
    assert (state["signal"], state["reviewState"]) == ("declared_ai", "quarantined")


def test_a_conclusion_shows_in_the_json(client: Any, erin: Any) -> None:
    asset = cast.strong()
    client.force_login(erin)
    client.post(
        reverse("admin:detection_asset_review", args=[asset.public_id]),
        {"action": "decide", "conclusion": "cannot_determine", "evidence": asset.evidence},
    )
    state = client.get(reverse("detection:asset_json", args=[asset.public_id])).json()
    assert state["conclusion"] == "cannot_determine"


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [("", "flagged"), ("waiting_for_source", "flagged"), ("accepted", "cleared"), ("cannot_determine", "cleared"),
     ("confirmed_ai_generated", "quarantined"), ("confirmed_ai_altered", "quarantined")],
)  # fmt: skip
def test_the_review_state_counts_what_a_person_concluded(conclusion: str, state: str, client: Any, erin: Any) -> None:
    asset = cast.strong()
    if conclusion:
        reviewing.decide(asset, Conclusion(conclusion), by=erin, evidence=asset.evidence)
    client.force_login(erin)
    answer = client.get(reverse("detection:asset_json", args=[asset.public_id])).json()
    assert (answer["reviewState"], answer["level"]) == (state, "acknowledge")
