"""The good files that are spoilt: our own pictures in every format, and the corpus where it is there."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from detection.testing import images
from detection.testing.credentials import Authority

SMALL = (300, 260)
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
}


@cache
def own() -> dict[str, bytes]:
    """Pictures of each format, plain, with every kind of declaration, and signed."""
    authority = Authority.new()
    found = {}
    for kind, media_type in MEDIA_TYPES.items():
        plain = images.photo_like(size=SMALL, format=kind)
        declaring = images.with_exif(images.with_xmp_source_type(plain), {0x010F: "Make", 0x0112: 6}, user_comment="c")
        found[f"plain {kind}"] = plain
        found[f"declaring {kind}"] = declaring
        found[f"signed {kind}"] = authority.sign(plain, media_type, source_type="trainedAlgorithmicMedia")
    texts = {
        "parameters": "Steps: 20, Sampler: Euler",
        "prompt": '{"1":{"class_type":"KSampler"}}',
        "Dream": '"a" -s 50 -S 1',
    }
    found["texts PNG"] = images.with_png_text(images.photo_like(size=SMALL, format="PNG"), texts)
    found["moving PNG"] = images.animated(3, size=SMALL)
    found["moving WEBP"] = images.animated(3, size=SMALL, format="WEBP")
    return found


def of(folders: list[Path], *, most_bytes: int = 2_000_000) -> dict[str, bytes]:
    """The files of these folders that are small enough to be spoilt often."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: path.read_bytes() for path in paths if 0 < path.stat().st_size <= most_bytes}
