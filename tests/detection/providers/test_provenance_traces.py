from __future__ import annotations

import colorsys

import pytest
from PIL import Image, ImageFilter

from detection.errors import Rejected
from detection.providers.provenance import traces
from detection.testing import images

PATCH = (256, 256, 512, 512)


def patched() -> Image.Image:
    """A sharp patch from elsewhere, in a picture that was compressed before."""
    before = images.decode(images.photo_like(3, size=(768, 768), quality=60))
    fresh = images.decode(images.photo_like(9, size=(768, 768), format="PNG")).filter(ImageFilter.SHARPEN)
    before.paste(fresh.crop(PATCH), PATCH)
    return before


def test_the_map_is_a_webp_of_the_pictures_shape_and_at_most_1600_pixels() -> None:
    shown = images.decode(traces.compression_map(images.photo_like(size=(2_400, 1_200))))
    assert (shown.format, shown.size) == ("WEBP", (1_600, 800))


def test_the_map_is_turned_as_the_picture_is_shown() -> None:
    content = images.with_exif(images.photo_like(size=(640, 320)), {0x0112: 6})
    assert images.decode(traces.compression_map(content)).size == (320, 640)


def test_the_map_has_one_hue_and_it_is_not_red() -> None:
    shown = (
        images.decode(traces.compression_map(images.encode(patched(), format="PNG"))).convert("RGB").resize((80, 60))
    )
    pixels = [shown.getpixel((x, y)) for x in range(80) for y in range(60)]
    strong = [colorsys.rgb_to_hsv(*(band / 255 for band in pixel)) for pixel in pixels if max(pixel) - min(pixel) > 45]
    assert strong
    assert all(0.6 < hue < 0.85 for hue, _, _ in strong)


def test_a_patch_with_another_history_stands_out() -> None:
    values = traces._deviations(patched(), (96, 96))
    inside = [values[y * 96 + x] for x in range(34, 62) for y in range(34, 62)]
    outside = [values[y * 96 + x] for x in range(96) for y in range(96) if not (30 < x < 66 and 30 < y < 66)]
    assert sum(inside) / len(inside) > sum(outside) / len(outside) + 1


@pytest.mark.parametrize(
    "content",
    [
        images.photo_like(size=(300, 200)),
        images.animated(3, size=(300, 300)),
        images.animated(3, size=(300, 300), format="WEBP"),
    ],
    ids=["small", "moving PNG", "moving WebP"],
)
def test_there_is_no_map_of_what_it_would_mislead_about(content: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        traces.compression_map(content)
    assert refused.value.code == "no_map"
    assert refused.value.sentence.startswith("There is no compression map")


def test_an_even_picture_gives_an_even_map() -> None:
    flat = images.encode(Image.new("RGB", (300, 300), (90, 120, 90)), format="PNG")
    shown = images.decode(traces.compression_map(flat)).convert("RGB")
    assert all(high - low < 30 for low, high in shown.getextrema())
