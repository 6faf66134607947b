from __future__ import annotations

import hashlib
import io
import random
import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageFile
from PIL.PngImagePlugin import PngInfo

from detection import intake
from detection.errors import Rejected
from detection.testing import images

LIMITS = {"max_bytes": 60 * 2**20, "max_pixels": 50_000_000}
PHOTO = images.photo_like()
PNG = images.photo_like(format="PNG")


def saved(image: Image.Image, kind: str, **save: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **save)
    return target.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


REFUSED = {
    "nothing": (b"", "empty", "empty"),
    "too many bytes": (PHOTO + bytes(61 * 2**20), "too_big", "MB"),
    "noise": (noise(1, 4_000), "unsupported", "not a picture"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported", "an EPS"),
    "GIF": (images.animated(format="GIF"), "unsupported", "a GIF"),
    "TIFF": (saved(Image.new("RGB", (64, 64)), "TIFF"), "unsupported", "TIFF"),
    "BMP": (saved(Image.new("RGB", (64, 64)), "BMP"), "unsupported", "a BMP"),
    "PDF": (b"%PDF-1.7\n", "unsupported", "a PDF"),
    "SVG": (b'  <svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported", "an SVG"),
    "web page": (b"\xef\xbb\xbf<!doctype html><p>no</p>", "unsupported", "a web page"),
    "film": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "unsupported", "a video"),
    "half a JPEG": (images.truncated(PHOTO), "truncated", "cut off"),
    "half a PNG": (images.truncated(PNG), "truncated", "cut off"),
    "half a WebP": (images.truncated(images.photo_like(format="WEBP")), "truncated", "cut off"),
    "a JPEG of only a beginning": (PHOTO[:20], "truncated", "cut off"),
    "spoilt pixels": (PNG[:2_000] + noise(2, 20_000) + PNG[22_000:], "damaged", "damaged"),
    "bomb over Pillow's limit": (images.bomb(30_000, 30_000), "too_many_pixels", "smaller copy"),
    "bomb Pillow only warns about": (images.bomb(12_000, 12_000), "too_many_pixels", "smaller copy"),
    "bomb below Pillow's limit": (images.bomb(8_000, 8_000), "too_many_pixels", "8000 × 8000"),
    "very long": (images.bomb(30_000, 1_000), "too_long", "30000"),
    "a line": (images.bomb(20_000, 100), "too_narrow", "too narrow"),
    "a dot": (saved(Image.new("RGB", (1, 1)), "PNG"), "too_small", "too small"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_with_a_code_and_a_sentence_that_says_what_to_do(name: str) -> None:
    content, code, words = REFUSED[name]
    with pytest.raises(Rejected) as refused:
        intake.read(content, **LIMITS)
    assert refused.value.code == code
    assert words in refused.value.sentence
    assert refused.value.sentence.endswith(".")


def test_it_refuses_a_picture_with_a_text_bomb() -> None:
    info = PngInfo()
    info.add_text("Comment", "a" * 80_000_000, zip=True)
    with pytest.raises(Rejected) as refused:
        intake.read(saved(Image.new("RGB", (64, 64)), "PNG", pnginfo=info), **LIMITS)
    assert refused.value.code == "text_bomb"


def test_it_refuses_a_picture_with_very_many_texts() -> None:
    many = images.with_png_text(PNG, {f"k{number}": "v" for number in range(intake.MAX_TEXT_CHUNKS + 1)})
    with pytest.raises(Rejected) as refused:
        intake.read(many, **LIMITS)
    assert refused.value.code == "text_bomb"


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
        ("AVIF", "image/avif"),
    ],
)
def test_it_reads_each_format_by_its_bytes(kind: str, media_type: str) -> None:
    content = images.photo_like(size=(320, 200), format=kind)
    reading = intake.read(content, **LIMITS)
    assert (reading.media_type, reading.width, reading.height, reading.frames) == (media_type, 320, 200, 1)
    assert reading.sha256 == hashlib.sha256(content).hexdigest()
    assert len(reading.phash) == 16
    assert not reading.notes


def test_a_wrong_extension_is_noted_and_not_refused() -> None:
    reading = intake.read(PNG, **LIMITS, filename="holiday.jpg")
    assert reading.notes == ("The file name ends in .jpg, but this is a PNG picture.",)
    assert intake.read(PNG, **LIMITS, filename="holiday.PNG").notes == ()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_it_reads_the_first_frame_and_says_so(kind: str) -> None:
    reading = intake.read(images.animated(5, format=kind), **LIMITS)
    assert reading.is_partly_read
    assert reading.notes == ("This file holds 5 pictures; only the first was read.",)


def test_a_phones_multi_picture_jpeg_counts_as_jpeg() -> None:
    target = io.BytesIO()
    first, second = (opened(images.photo_like(seed)) for seed in (1, 2))
    first.save(target, "MPO", save_all=True, append_images=[second])
    reading = intake.read(target.getvalue(), **LIMITS)
    assert (reading.media_type, reading.frames) == ("image/jpeg", 2)


def test_a_polyglot_is_a_picture_and_its_copy_carries_nothing_else() -> None:
    content = images.polyglot(page="<script>alert(1)</script>")
    assert intake.read(content, **LIMITS).media_type == "image/jpeg"
    copy, _, _ = intake.render(content, longest_side=200)
    assert b"<script>" in content
    assert b"<script>" not in copy
    assert b"PK\3\4" not in copy


@pytest.mark.parametrize("turned", range(1, 9))
def test_size_and_fingerprint_are_those_of_the_picture_as_shown(turned: int) -> None:
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpose that undoes each orientation
    upright = opened(images.photo_like(size=(320, 160), format="PNG"))
    stored = upright.transpose(Image.Transpose(turns[turned])) if turned in turns else upright
    reading = intake.read(images.with_exif(saved(stored, "PNG"), {0x0112: turned}), **LIMITS)
    assert reading.orientation == turned
    straight = intake.read(saved(upright, "PNG"), **LIMITS)
    assert (reading.width, reading.height) == (320, 160)
    assert (int(reading.phash, 16) ^ int(straight.phash, 16)).bit_count() <= 2


def test_a_senseless_orientation_is_passed_over() -> None:
    assert intake.read(images.with_exif(PHOTO, {0x0112: 99}), **LIMITS).width == 640


def test_near_pictures_have_near_fingerprints_and_others_do_not() -> None:
    def distance(first: bytes, second: bytes) -> int:
        one, two = (int(intake.read(content, **LIMITS).phash, 16) for content in (first, second))
        return (one ^ two).bit_count()

    again = saved(opened(PHOTO).resize((320, 240)), "JPEG", quality=60)
    assert distance(PHOTO, again) <= 4
    assert distance(PHOTO, images.photo_like(7)) > 12


def test_a_picture_over_the_pixel_limit_costs_no_decoding() -> None:
    with pytest.raises(Rejected) as refused:
        intake.read(PHOTO, max_bytes=10**9, max_pixels=640 * 480 - 1)
    assert refused.value.code == "too_many_pixels"
    assert intake.read(PHOTO, max_bytes=10**9, max_pixels=640 * 480).width == 640


def test_no_decoder_may_be_told_to_put_up_with_cut_off_files() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_copy_is_upright_small_and_carries_no_metadata() -> None:
    content = images.with_exif(images.with_xmp_source_type(PHOTO), {0x010F: "Canon", 0x0112: 6})
    copy, width, height = intake.render(content, longest_side=200)
    image = opened(copy)
    assert (width, height) == image.size == (150, 200)
    assert not image.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)
    assert b"Canon" not in copy
    assert b"digitalsourcetype" not in copy.lower()


def test_a_copy_is_never_larger_than_the_picture() -> None:
    assert intake.render(PHOTO, longest_side=5_000)[1:] == (640, 480)


@pytest.mark.parametrize(("media_type", "kind"), [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/webp", "WEBP")])
def test_a_copy_comes_in_the_format_asked_for(media_type: str, kind: str) -> None:
    source = images.photo_like(format="HEIF")
    assert opened(intake.render(source, longest_side=100, media_type=media_type)[0]).format == kind


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_a_copy_drops_what_pillow_would_carry_over(media_type: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = saved(opened(PHOTO), "JPEG", comment=b"by A. Person", icc_profile=profile)
    copy, _, _ = intake.render(content, longest_side=640, media_type=media_type)
    assert b"A. Person" in content
    assert b"A. Person" not in copy
    assert not {"comment", "icc_profile"} & set(opened(copy).info)


def test_a_copy_in_another_format_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="image/gif"):
        intake.render(PHOTO, longest_side=100, media_type="image/gif")


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_a_copy_is_made_to_fit_a_byte_limit(media_type: str) -> None:
    copy, width, height = intake.render(PHOTO, longest_side=640, media_type=media_type, max_bytes=9_000)
    assert len(copy) <= 9_000
    assert width / height == pytest.approx(4 / 3, rel=0.05)


@pytest.mark.parametrize("most", [2_000, 9_000, 15_000])
def test_a_copy_that_is_made_to_fit_is_no_smaller_than_it_has_to_be(most: int) -> None:
    copy, _, _ = intake.render(PHOTO, longest_side=640, max_bytes=most)
    assert most / 3 < len(copy) <= most


def test_a_byte_limit_that_nothing_fits_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        intake.render(PHOTO, longest_side=640, max_bytes=100)
    assert refused.value.code == "too_big"


def test_sixteen_bit_grey_is_scaled_and_not_clipped_to_white() -> None:
    grey = saved(Image.new("I;16", (64, 64), 32_768), "PNG")
    pixel = opened(intake.render(grey, longest_side=64, media_type="image/png")[0]).convert("L").getpixel((9, 9))
    assert pixel == pytest.approx(128, abs=1)


def test_a_press_jpeg_in_cmyk_is_read_and_shown_in_rgb() -> None:
    press = saved(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG")
    assert intake.read(press, **LIMITS).width == 64
    red, green, blue = opened(intake.render(press, longest_side=64)[0]).getpixel((9, 9))
    assert red > 180 > 80 > max(green, blue)


def test_transparency_is_laid_on_white_where_the_copy_has_none() -> None:
    clear = saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG")
    assert opened(intake.render(clear, longest_side=64)[0]).getpixel((5, 5)) == (255, 255, 255)
    assert opened(intake.render(clear, longest_side=64, media_type="image/png")[0]).getpixel((5, 5))[3] == 0


def test_a_palette_picture_is_read() -> None:
    palette = saved(opened(PHOTO).quantize(16), "PNG")
    assert intake.read(palette, **LIMITS).width == 640
    assert intake.render(palette, longest_side=100)[1] == 100


@pytest.mark.corpus
def test_an_avif_that_says_it_is_turned_is_turned(corpus: Path) -> None:
    content = (corpus / "hostile" / "Pillow__Tests_images_avif_rot1mir0.avif").read_bytes()
    stored = opened(content).size
    reading = intake.read(content, **LIMITS)
    assert (reading.width, reading.height) == stored[::-1]


@pytest.mark.corpus
def test_hostile_files_are_read_or_refused_and_nothing_else_happens(corpus: Path) -> None:
    answers: dict[str, int] = {}
    sentences: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((corpus / "hostile").iterdir())[::8]:
            try:
                reading = intake.read(path.read_bytes(), **LIMITS, filename=path.name)
            except Rejected as refusal:
                answers[refusal.code] = answers.get(refusal.code, 0) + 1
                sentences.add(refusal.sentence)
            else:
                answers["read"] = answers.get("read", 0) + 1
                assert reading.width * reading.height <= 50_000_000, path.name
    assert all(sentence.endswith(".") for sentence in sentences)
    assert answers["read"] > 5
    assert answers["unsupported"] > 5
