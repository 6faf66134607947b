"""One reading of a picture's bytes: what it is, whether it can be opened whole, its fingerprints.

Whoever asks gets a `Reading`, re-encoded pixels, or `errors.Rejected` with a code and a sentence an editor
can act on; nothing else leaves this module except `MemoryError`. Call it through `sandbox`: the bytes are hostile.
Limits follow Pillow's security handbook (allow-list of formats, size before `load()`, never truncated files).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from detection.errors import Rejected
from detection.intake.formats import MEDIA_TYPES, is_cut_off, sniff, wrong_extension
from detection.intake.pixels import eight_bit, fitted, in_srgb, orientation, turn

MAX_SIDE = 20_000
"""Pixels of the longest side that is read; stitched panoramas come near it."""
MIN_SIDE = 8
"""Pixels of the shortest side that is read; below it there is nothing to look at."""
MAX_ASPECT = 100
"""Long side over short side; beyond it is a line, made to upset layouts and decoders."""
MAX_TEXT_CHUNKS = 1_000

_AGAIN = "Export it again from the original and upload it again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one reading found. `width` and `height` in pixels as shown, after `orientation`, which is EXIF's, 1–8.

    `sha256` of the bytes; `phash` a 64-bit difference hash of what is shown, as 16 hex digits; `notes` whole sentences.
    """

    media_type: str
    width: int
    height: int
    frames: int
    sha256: str
    phash: str
    orientation: int = 1
    notes: tuple[str, ...] = ()

    @property
    def is_partly_read(self) -> bool:
        """Whether the file holds more pictures than the one that was read."""
        return self.frames > 1


def read(content: bytes, *, max_bytes: int, max_pixels: int, filename: str = "") -> Reading:
    """Open the first picture of `content` whole and describe it.

    `max_bytes` and `max_pixels` are the largest sizes that are read; `filename` serves only for a note when its
    extension says something else. Raises Rejected with one of the codes `empty`, `too_big`, `unsupported`,
    `too_many_pixels`, `too_long`, `too_small`, `too_narrow`, `text_bomb`, `truncated`, `damaged`.
    """
    _check_length(content, max_bytes)
    kind = sniff(content)
    with opened(content, kind, max_pixels=max_pixels) as image:
        with stage(content, kind):
            frames = int(getattr(image, "n_frames", 1))
            turned = orientation(image)
            phash = _difference_hash(image, turned)
        width, height = image.size if turned < 5 else image.size[::-1]
    return Reading(
        media_type=MEDIA_TYPES[kind],
        width=width,
        height=height,
        frames=frames,
        sha256=hashlib.sha256(content).hexdigest(),
        phash=phash,
        orientation=turned,
        notes=tuple(_notes(kind, frames, filename)),
    )


def _check_length(content: bytes, max_bytes: int) -> None:
    if not content:
        raise Rejected("empty", "This file is empty. Upload it again.")
    if len(content) > max_bytes:
        size, limit = len(content) / 1_048_576, max_bytes / 1_048_576
        raise Rejected(
            "too_big",
            f"This file is {size:.1f} MB; up to {limit:.0f} MB are read. Save a smaller copy and upload that.",
        )


@contextmanager
def opened(content: bytes, kind: str, *, max_pixels: int, draft: int = 0) -> Iterator[Image.Image]:
    """The first picture, loaded whole and within the limits. `draft`: a JPEG may come smaller, not below this side."""
    if kind == "HEIF":
        # Only for the pictures that need it: importing the decoder costs about as much as reading a small picture.
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if kind == "PNG" and sum(content.count(chunk) for chunk in (b"tEXt", b"zTXt", b"iTXt")) > MAX_TEXT_CHUNKS:
        raise _text_bomb()
    with stage(content, kind):
        image = Image.open(io.BytesIO(content), formats=(kind,))
    with image:
        _check_size(image.size, max_pixels)
        with stage(content, kind):
            if draft:
                image.draft(None, (draft, draft))
            image.load()
        yield image


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    # Pillow itself warns above its own limit; beyond that a configured limit cannot be honoured.
    limit = min(max_pixels, Image.MAX_IMAGE_PIXELS or max_pixels)
    if width * height > limit:
        raise _too_many_pixels(f"This picture has {width} × {height} pixels; up to {limit / 1e6:.0f} million are read.")
    if max(width, height) > MAX_SIDE:
        raise Rejected(
            "too_long",
            f"One side has {max(width, height)} pixels; up to {MAX_SIDE} are read. Crop it or save it smaller.",
        )
    if min(width, height) < MIN_SIDE:
        raise Rejected(
            "too_small", f"This picture is {width} × {height} pixels: too small to examine. Upload a larger one."
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise Rejected("too_narrow", f"This picture is {width} × {height} pixels: too narrow to examine. Crop it.")


def _too_many_pixels(what: str) -> Rejected:
    return Rejected("too_many_pixels", f"{what} Save a smaller copy and upload that.")


def _text_bomb() -> Rejected:
    return Rejected("text_bomb", f"This file carries far more text than a picture needs. {_AGAIN}")


@contextmanager
def stage(content: bytes, kind: str) -> Iterator[None]:
    """Whatever a decoder raises becomes one named refusal: over five hundred hostile files raised nine types."""
    try:
        yield
    except (MemoryError, Rejected):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels("This picture has more pixels than are read.") from error
    except Exception as error:
        if "MAX_TEXT_" in str(error) or "text chunk" in str(error).lower():
            raise _text_bomb() from error
        if is_cut_off(content, kind) or "truncated" in str(error).lower():
            raise Rejected("truncated", f"This file is cut off: its end is missing. {_AGAIN}") from error
        raise Rejected("damaged", f"This file is damaged and cannot be opened. {_AGAIN}") from error


def _difference_hash(image: Image.Image, turned: int) -> str:
    """Which of 64 neighbouring pairs gets brighter to the right; near pictures differ in few bits."""
    square = turn(eight_bit(image).convert("L").resize((72, 72), Image.Resampling.BOX), turned)
    pixels = square.resize((9, 8), Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(8):
        for column in range(8):
            bits = bits << 1 | (pixels[row * 9 + column] < pixels[row * 9 + column + 1])
    return f"{bits:016x}"


def _notes(kind: str, frames: int, filename: str) -> Iterator[str]:
    if frames > 1:
        yield f"This file holds {frames} pictures; only the first was read."
    if note := wrong_extension(kind, filename):
        yield note


def render(
    content: bytes,
    *,
    longest_side: int,
    media_type: str = "image/jpeg",
    max_bytes: int | None = None,
    max_pixels: int = 50_000_000,
) -> tuple[bytes, int, int]:
    """A copy of the first picture without metadata, turned upright, in sRGB, no side over `longest_side` pixels.

    Returns (bytes, width, height). With `max_bytes` the copy is made coarser, then smaller, until it fits.
    Raises Rejected, or ValueError for a media type other than JPEG, PNG and WebP.
    """
    if media_type not in ("image/jpeg", "image/png", "image/webp"):
        raise ValueError(f"{media_type} is not written here; ask for image/jpeg, image/png or image/webp.")
    kind = sniff(content)
    with opened(content, kind, max_pixels=max_pixels, draft=longest_side) as image, stage(content, kind):
        turned = orientation(image)
        small = eight_bit(image).copy()
        small.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        small = turn(in_srgb(small, keeps_alpha=media_type != "image/jpeg"), turned)
        return fitted(small, media_type, max_bytes)
