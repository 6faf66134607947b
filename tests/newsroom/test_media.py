"""C03, C09, C12: what comes in under any name, and whatever it says, is served as ours, and shown as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from detection.models import StoredOverlay
from detection.providers.scripted import ScriptedProvider
from detection.results import Generator
from detection.testing import images
from detection.testing.draining import drain
from newsroom import uploads
from newsroom.models import Photo, Story

from .conftest import Upload, asset_of

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = {
    "double extension": "a.php.jpg",
    "NUL": "a.jpg\0.php",
    "right to left": "a\u202egpj.exe",
    "very long": "x" * 300 + ".jpg",
    "a path": "../../../etc/cron.d/x",
    "another path": "..\\..\\x.jpg",
    "line breaks": 'a"\r\nSet-Cookie: x=y\r\n.jpg',
    "a page": "x.html",
    "nothing": ".jpg",
    "quotes": '";alert(1).jpg',
}


def media(photo: Photo, rendition: str) -> str:
    return reverse("detection:media", args=[asset_of(photo).public_id, rendition])


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_c03_whatever_a_file_is_called_it_lies_under_a_name_of_ours(
    name: str, erin: User, client: Client, settings: Any
) -> None:
    file = SimpleUploadedFile("x.jpg", images.photo_like(size=(64, 64)))
    file._name = name  # what a hostile client may say; Django would tidy it
    photo = uploads.receive_for_check(file, by=erin)
    drain()
    path = Path(photo.image.path)
    assert path.parent == settings.MEDIA_ROOT / "photos"
    assert len(path.stem) == 32
    assert path.suffix in (".jpg", ".bin")
    assert path.stat().st_mode & 0o777 == 0o640
    client.force_login(erin)
    answer = client.get(media(photo, "original"))
    said = answer["Content-Disposition"]
    assert said.startswith('attachment; filename="')
    assert said.isascii()
    assert not set(said) & set("\r\n\0\\<>")
    assert len(said) < 120
    assert b"".join(answer.streaming_content) == path.read_bytes()  # type: ignore[attr-defined]


def test_c09_every_rendition_has_the_strict_headers_and_its_disposition(
    scripted: ScriptedProvider, upload: Upload, erin: User, client: Client
) -> None:
    scripted.will_return("likely_ai", ai_score=0.97)
    held = upload(content=images.photo_like(size=(320, 320)))
    overlay = StoredOverlay(analysis=asset_of(held).analyses.get(provider="scripted"), kind="heatmap", status="ready")
    overlay.file.save("o.png", ContentFile(images.photo_like(9, format="PNG")), save=False)
    overlay.save()
    client.force_login(erin)
    shown = {"original": ("image/jpeg", "attachment"), "preview": ("image/jpeg", "inline")}
    shown |= {"overlay": ("image/png", "inline"), "map": ("image/webp", "inline")}
    for rendition, (media_type, disposition) in shown.items():
        answer = client.get(media(held, rendition))
        b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert (answer.status_code, answer["Content-Type"]) == (200, media_type), answer.content.decode()
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["Cache-Control"].startswith("private")
        assert answer["Content-Disposition"].partition(";")[0] == disposition, rendition
        assert answer.cookies == {}


@pytest.mark.parametrize("prefix", ["/media/", "/", "/static/", "/detection/media/"])
def test_c09_no_address_leads_to_a_stored_file(prefix: str, held: Photo, rosa: User, client: Client) -> None:
    client.force_login(rosa)
    assert client.get(f"{prefix}{held.image.name}").status_code == 404


def test_c07_what_is_hidden_behind_a_picture_is_in_the_original_alone(
    upload: Upload, scripted: ScriptedProvider, erin: User, client: Client
) -> None:
    photo = upload(content=images.polyglot(images.photo_like(size=(320, 320)), page="<script>alert(1)</script>"))
    client.force_login(erin)
    original = b"".join(client.get(media(photo, "original")).streaming_content)  # type: ignore[attr-defined]
    assert b"<script>" in original
    for rendition in ("preview", "map"):
        answer = client.get(media(photo, rendition))
        assert answer.status_code == 200
        assert b"script" not in answer.content
    assert b"script" not in scripted.calls[-1].content


EVIL = '<img src=x onerror="alert(1)">'


def test_c12_what_a_vendor_or_a_file_says_is_shown_as_text(
    scripted: ScriptedProvider, upload: Upload, story: Story, dana: User, rosa: User, client: Client
) -> None:
    scripted.will_return(
        "likely_ai",
        ai_score=0.97,
        raw_verdict=EVIL,
        model=EVIL,
        generators=(Generator(name=EVIL),),
        raw={"label": EVIL},
    )
    photo = upload(content=images.with_exif(images.photo_like(size=(320, 240)), {305: EVIL, 270: EVIL, 272: EVIL}))
    Photo.objects.update(headline=EVIL, credit=EVIL, caption=EVIL, alt_text=EVIL, original_name=EVIL)
    Story.objects.update(headline=EVIL, body=EVIL)
    asset = asset_of(photo)
    client.force_login(dana)
    pages = [
        reverse("admin:detection_asset_review", args=[asset.public_id]),
        reverse("admin:newsroom_story_change", args=[story.pk]),
        reverse("admin:newsroom_story_history", args=[story.pk]),
        reverse("admin:newsroom_photo_change", args=[photo.pk]),
        reverse("admin:newsroom_photo_changelist"),
        reverse("admin:newsroom_story_changelist"),
        reverse("newsroom:start"),
    ]
    told = [client.get(page).content.decode() for page in pages]
    told.append(client.post(reverse("admin:newsroom_story_move", args=[story.pk, "publish"])).content.decode())
    assert all("<img src=x" not in page for page in told)
    assert any("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in page for page in told[:1])


def test_c12_no_template_and_no_code_marks_anything_safe() -> None:
    places = [*ROOT.glob("detection/**/*"), *ROOT.glob("newsroom/**/*"), *ROOT.glob("templates/**/*")]
    written = {path: path.read_text(encoding="utf-8") for path in places if path.suffix in (".py", ".html")}
    marks = ("mark_safe(", "|safe", "autoescape off", "safeseq")
    found = {str(path.relative_to(ROOT)) for path, text in written.items() if any(mark in text for mark in marks)}
    # A QR code that we draw ourselves, of a key that we made.
    assert found <= {"templates/newsroom/second_factor/set_up.html"}
