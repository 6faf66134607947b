"""What becomes of a detector's overlay: our own PNG, upright on the picture, with its marks in words; or a refusal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from detection.errors import Rejected
from detection.intake import overlay
from detection.testing import images
from detection.wording import captions

RED = (200, 0, 0, 255)
CLEAR = (0, 0, 0, 0)


def saved(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def size(told: dict[str, Any]) -> tuple[int, int]:
    return told["width"], told["height"]


def marked(shape: tuple[int, int], *boxes: tuple[int, int, int, int, int]) -> Image.Image:
    """A clear overlay with boxes (left, top, right, bottom, alpha)."""
    image = Image.new("RGBA", shape, CLEAR)
    for left, top, right, bottom, alpha in boxes:
        image.paste((200, 0, 0, alpha), (left, top, right, bottom))
    return image


def test_an_overlay_becomes_our_own_png_and_keeps_its_alpha() -> None:
    sent = images.with_png_text(saved(Image.new("RGBA", (320, 240), (9, 9, 9, 77))), {"k": "secret"})
    content, told = overlay.reencode(sent, width=640, height=480)
    image = opened(content)
    assert (image.format, image.mode, *size(told)) == ("PNG", "RGBA", 320, 240)
    assert image.getpixel((1, 1)) == (9, 9, 9, 77)
    assert b"secret" not in content


def test_an_overlay_whose_shape_is_off_by_rounding_is_taken() -> None:
    assert size(overlay.reencode(saved(Image.new("L", (101, 75))), width=640, height=480)[1]) == (101, 75)


def test_a_huge_overlay_is_brought_down_to_the_pictures_size() -> None:
    assert size(overlay.reencode(saved(Image.new("L", (1_280, 960))), width=640, height=480)[1]) == (640, 480)


@pytest.mark.parametrize(
    ("shape", "shown", "turned", "becomes"),
    [
        ((320, 260), (640, 480), 1, "overlay_shape"),
        ((240, 320), (640, 480), 1, "overlay_shape"),
        ((240, 320), (640, 480), 3, "overlay_shape"),
        ((320, 240), (640, 480), 3, "overlay_turned"),
        ((320, 240), (640, 480), 2, "overlay_turned"),
        ((300, 300), (600, 600), 6, "overlay_turned"),
        ((300, 300), (600, 600), 1, (300, 300)),
        ((320, 240), (640, 480), 6, (320, 240)),
        ((240, 320), (640, 480), 6, (320, 240)),
        ((240, 320), (640, 480), 8, (320, 240)),
    ],
)
def test_an_overlay_lies_on_the_picture_or_is_refused(
    shape: tuple[int, int], shown: tuple[int, int], turned: int, becomes: Any
) -> None:
    """E6."""
    sent = saved(Image.new("L", shape))
    if isinstance(becomes, str):
        with pytest.raises(Rejected) as refused:
            overlay.reencode(sent, width=shown[0], height=shown[1], turned=turned)
        assert refused.value.code == becomes
        assert refused.value.sentence.endswith(".")
    else:
        assert size(overlay.reencode(sent, width=shown[0], height=shown[1], turned=turned)[1]) == becomes


def test_one_that_lies_as_the_file_is_stored_is_turned_with_it() -> None:
    """Orientation 6: what is stored at the left is shown at the top."""
    stored = marked((240, 320), (0, 0, 60, 320, 255))
    content, told = overlay.reencode(saved(stored), width=640, height=480, turned=6)
    assert opened(content).getpixel((160, 10)) == RED
    assert [(one["row"], one["column"]) for one in told["regions"]] == [("upper", "centre")]


def test_what_is_marked_is_told_in_words_the_largest_first() -> None:
    """E7."""
    image = marked((480, 320), (0, 0, 160, 100, 75), (320, 200, 480, 320, 255))
    words = [
        captions.region_words(region) for region in overlay.reencode(saved(image), width=480, height=320)[1]["regions"]
    ]
    assert words == [
        "Lower right: about 13 % of the picture, strongly marked.",
        "Upper left: about 10 % of the picture, faintly marked.",
    ]


def test_places_that_do_not_touch_are_told_apart_and_noise_is_cut() -> None:
    specks = [(left, 0, left + 20, 20, 255) for left in range(0, 480, 40)]
    assert len(overlay.regions(marked((480, 480), *specks)) or ()) == overlay.MOST


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (Image.new("RGB", (64, 48), "red"), None),
        (Image.new("RGBA", (64, 48), (255, 0, 0, 140)), None),
        (Image.new("RGBA", (64, 48), CLEAR), []),
    ],
    ids=["no transparency", "equally thick", "nothing marked"],
)
def test_places_are_told_only_where_transparency_tells_them(image: Image.Image, found: Any) -> None:
    assert overlay.regions(image) == found
