"""The pictures made for tests are what they say they are."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from PIL import Image

from detection.intake.formats import sniff
from detection.testing import images


@pytest.mark.parametrize("format", images.FORMATS)
def test_a_picture_like_a_photograph_opens_in_its_format(format: str) -> None:
    content = images.photo_like(3, size=(96, 64), format=format)

    assert sniff(content) == format
    assert images.decode(content).size == (96, 64)


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    first, again, other = (images.photo_like(seed, size=(64, 48), format="PNG") for seed in (1, 1, 2))

    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
    assert first != other


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'BMP' is not one of"):
        images.photo_like(format="BMP")


def test_a_picture_like_a_photograph_is_not_one_flat_colour() -> None:
    picture = images.decode(images.photo_like(size=(160, 120), format="PNG"))

    assert all(high - low > 60 for low, high in picture.getextrema())  # type: ignore[misc]


def test_a_truncated_file_starts_as_a_picture_and_cannot_be_loaded() -> None:
    content = images.truncated(images.photo_like())

    with Image.open(io.BytesIO(content)) as picture, pytest.raises(OSError, match="truncated"):
        picture.load()


def test_zero_bytes_are_none() -> None:
    assert images.zero_bytes() == b""


def test_a_bomb_is_small_as_a_file_and_large_as_a_picture() -> None:
    content = images.bomb(4_000, 3_000)

    picture = images.decode(content)
    assert len(content) < 5_000
    assert picture.size == (4_000, 3_000)
    assert picture.getextrema() == (255, 255)


def test_the_usual_bomb_stays_a_few_kilobytes() -> None:
    assert len(images.bomb()) < 40_000


@pytest.mark.parametrize("format", images.FORMATS)
@pytest.mark.parametrize("form", ["attribute", "element", "resource"])
def test_a_source_type_is_in_the_xmp_of_every_format(format: str, form: str) -> None:
    content = images.with_xmp_source_type(images.photo_like(size=(64, 48), format=format), form=form)

    assert b"digitalsourcetype/trainedAlgorithmicMedia" in images.decode(content).info["xmp"]


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_declaring_something_leaves_the_pixels_alone(format: str) -> None:
    before = images.photo_like(size=(64, 48), format=format)

    after = images.with_exif(images.with_xmp_source_type(before), {0x010F: "Maker"})
    assert images.decode(after).tobytes() == images.decode(before).tobytes()


@pytest.mark.parametrize("after_pixels", [False, True])
def test_png_text_can_be_read_once_the_picture_is_loaded(after_pixels: bool) -> None:
    content = images.with_png_text(
        images.photo_like(size=(64, 48), format="PNG"),
        {"parameters": "flowers\nSteps: 20, Sampler: Euler", "Title": "été"},
        after_pixels=after_pixels,
    )

    picture = images.decode(content)
    assert picture.text == {"parameters": "flowers\nSteps: 20, Sampler: Euler", "Title": "été"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_and_a_user_comment_can_be_read_back(format: str) -> None:
    plain = images.photo_like(size=(64, 48), format=format)

    exif = images.decode(images.with_exif(plain, {0x0131: "Maker 5"}, user_comment="Steps: 20")).getexif()
    assert exif[0x0131] == "Maker 5"
    assert exif.get_ifd(0x8769)[0x9286] == b"UNICODE\0" + "Steps: 20".encode("utf-16-be")


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_a_moving_picture_has_its_frames(format: str) -> None:
    with Image.open(io.BytesIO(images.animated(4, format=format))) as picture:
        assert picture.n_frames == 4  # type: ignore[attr-defined]


def test_a_polyglot_is_a_picture_and_an_archive() -> None:
    content = images.polyglot(page="<p>hello</p>")

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("index.html") == b"<p>hello</p>"
    assert images.decode(content).size == (640, 480)


def test_a_segment_that_does_not_fit_into_a_jpeg_is_refused() -> None:
    with pytest.raises(ValueError, match="a JPEG segment holds"):
        images.with_xmp(images.photo_like(size=(32, 24)), b" " * 70_000)
