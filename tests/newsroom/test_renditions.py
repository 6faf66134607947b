"""What readers get of a picture: its credit and how it was made, and nothing that its file says besides."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from detection import sandbox
from detection.models import AuditEvent
from detection.providers.provenance import xmp
from detection.providers.scripted import ScriptedProvider
from detection.testing import images
from detection.testing.credentials import Authority
from newsroom import carrying, publishing, renditions
from newsroom.models import Photo, Placement, Story

from .conftest import Upload

pytestmark = pytest.mark.django_db
PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" photoshop:Credit="Agency X" photoshop:City="Kyiv"
 Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">2026 Agency X</rdf:li></rdf:Alt></dc:rights>
<dc:creator><rdf:Seq><rdf:li>A. Source</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li>The bridge at dawn.</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
PICTURE = images.with_xmp(
    images.with_exif(images.photo_like(4, size=(320, 240)), {271: "Maker", 315: "A. Source"}), PACKET
)
DIGITAL = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def says(copy: bytes) -> dict[str, str]:
    """The XMP of a copy, by folded names."""
    return {name: value for name, value in xmp.properties(xmp.search(copy)) or () if name != "lang"}


def stored_copy(placement: Placement) -> bytes:
    with default_storage.open(placement.rendition) as file:
        content: bytes = file.read()
    return content


@pytest.fixture
def copy_of(story: Story, scripted: ScriptedProvider, upload: Upload) -> Callable[..., bytes]:
    """The readers' copy of a picture with these words."""
    scripted.will_return("likely_human", ai_score=0.02)

    def make(content: bytes = PICTURE, tier: str = "staff", **words: str) -> bytes:
        photo = upload(content=content, tier=tier)
        Photo.objects.filter(pk=photo.pk).update(**words)
        renditions.prepare(story)
        return stored_copy(Placement.objects.get(photo=photo))

    return make


def test_a_published_copy_says_whose_it_is_and_how_it_was_made(
    story: Story, copy_of: Callable[..., bytes], erin: User, client: Client
) -> None:
    copy_of()
    assert publishing.publish(story, by=erin).published
    name = Placement.objects.get().rendition.removeprefix("renditions/")
    copy = b"".join(client.get(reverse("newsroom:rendition", args=[name])).streaming_content)  # type: ignore[attr-defined]
    expected = {"credit": "Agency X", "digitalsourcetype": f"{DIGITAL}digitalCapture"}
    assert says(copy) == {
        **expected,
        "li": "The bridge at dawn.",
        "rights": "2026 Agency X",
        "description": "The bridge at dawn.",
    }
    assert images.decode(copy).size == (320, 240)
    assert len(name) == len("0" * 32 + ".jpg")


def test_c10_and_nothing_else_that_the_file_says(copy_of: Callable[..., bytes]) -> None:
    copy = copy_of()
    assert not any(word in copy for word in (b"A. Source", b"Kyiv", b"Maker", b"Exif"))
    assert [marker for marker, _body in images.jpeg_segments(copy) if marker in range(0xE0, 0xF0)] == [0xE0, 0xE1]


def test_a_readers_file_may_name_a_source_so_its_words_stay_here(copy_of: Callable[..., bytes]) -> None:
    assert says(copy_of(tier="ugc")) == {"digitalsourcetype": f"{DIGITAL}digitalCapture"}


def test_what_the_newsroom_says_comes_first_and_is_only_text(copy_of: Callable[..., bytes]) -> None:
    said = says(
        copy_of(credit='"><script>&\x0b', licence="CC BY 4.0 <b>", caption="Ünï 橋\x0bx" + "&" * 3000, tier="ugc")
    )
    assert (said["credit"], said["rights"]) == ('"><script>&', "CC BY 4.0 <b>")
    assert said["description"].startswith("Ünï 橋 x&&")


def test_what_ai_made_stays_so_without_its_credentials_and_the_record_says_so(
    story: Story, copy_of: Callable[..., bytes]
) -> None:
    signed = Authority.new().sign(
        images.photo_like(5, size=(320, 240)), "image/jpeg", source_type="trainedAlgorithmicMedia"
    )
    copy = copy_of(signed)
    assert says(copy) == {"digitalsourcetype": f"{DIGITAL}trainedAlgorithmicMedia"}
    assert b"c2pa" not in copy
    event = AuditEvent.objects.get(action__startswith="rendition.made")
    assert event.action == "rendition.made_without_credentials"
    assert (event.facts["says"], event.facts["source_type"]) == (["source_type"], "trainedAlgorithmicMedia")
    assert event.asset is not None


def test_a_copy_is_made_anew_when_its_words_change_and_not_otherwise(
    story: Story, copy_of: Callable[..., bytes]
) -> None:
    copy_of()
    first = Placement.objects.get().rendition
    renditions.prepare(story)
    assert Placement.objects.get().rendition == first
    Photo.objects.update(credit="N. N.")
    renditions.prepare(story)
    assert says(stored_copy(Placement.objects.get()))["credit"] == "N. N."
    assert not default_storage.exists(first)
    assert AuditEvent.objects.filter(action="rendition.made").count() == 2


@pytest.mark.parametrize("content", [b"", b"no picture", images.truncated(PICTURE), images.bomb(), b"<x:xmpmeta" * 9])
def test_a_file_without_words_says_nothing(content: bytes) -> None:
    assert sandbox.carried(content) in (sandbox.Carried(), sandbox.carried(PICTURE))


def test_a_jpeg_without_words_stays_as_it_is() -> None:
    jpeg = images.photo_like()
    assert carrying.written(jpeg, {}) == jpeg


def test_words_in_older_fields_are_found() -> None:
    """EXIF, where a file has nothing better."""
    found = sandbox.carried(images.with_exif(images.photo_like(), {33432: "2026 Agency Y", 270: "A harbour."}))
    assert (found.copyright, found.caption, found.credit) == ("2026 Agency Y", "A harbour.", "")
    text = PACKET.decode()
    assert (
        sandbox.carried(images.with_png_text(images.photo_like(format="PNG"), {"XML:com.adobe.xmp": text})).credit
        == "Agency X"
    )
