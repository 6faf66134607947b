"""Masks of runs: what is believed, how it is painted, and in which frame it lies."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from detection.errors import SchemaMismatch
from detection.providers import masks
from detection.providers.masks import Mask, counts, paint, read_mask, turn_needed, without_runs
from detection.testing import images
from tests.contracts.samples import a_request

SHAPE = {"width": 4, "height": 3}
FLAGGED, CLEAR = (*masks.HUE, masks.OPACITY), 0


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def rows(content: bytes) -> list[str]:
    """The painted picture, # where it is flagged. Whatever is neither the hue nor wholly clear fails."""
    image = opened(content)
    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert {pixel for _, pixel in image.getcolors() or ()} <= {FLAGGED, (*masks.HUE, CLEAR)}
    alpha = image.getchannel("A").tobytes()
    drawn = "".join("#" if cell else "." for cell in alpha)
    return [drawn[at : at + image.width] for at in range(0, len(drawn), image.width)]


def test_runs_are_painted_row_by_row_from_zero_and_may_go_round_the_edge() -> None:
    content, width, height = paint(read_mask({"starts": [1, 6, 8], "lengths": [2, 2, 1]}, SHAPE))

    assert (width, height) == (4, 3)
    assert rows(content) == [".##.", "..##", "#..."]


@pytest.mark.parametrize(
    ("turned", "seen"),
    [
        (1, ["#...", "....", "..#."]),
        (3, [".#..", "....", "...#"]),
        (6, ["..#", "...", "#..", "..."]),
        (8, ["...", "..#", "...", "#.."]),
    ],
)
def test_a_mask_is_turned_as_its_picture_is(turned: int, seen: list[str]) -> None:
    content, width, height = paint(Mask(4, 3, [0, 10], [1, 1]), turned=turned)

    assert rows(content) == seen
    assert (width, height) == ((4, 3) if turned < 5 else (3, 4))


@pytest.mark.parametrize(("width", "height"), [(6000, 4500), (4500, 6000), (2049, 512), (20_000, 1350)])
def test_a_large_mask_is_painted_smaller_and_one_flagged_pixel_does_not_vanish(width: int, height: int) -> None:
    places = [0, width - 1, width * (height // 2) + width // 3, width * height - 1]
    content, *size = paint(Mask(width, height, places, [1] * 4))

    assert size == [width, height]
    image = opened(content)
    assert max(image.size) == masks.LONGEST
    assert abs(image.width / image.height / (width / height) - 1) < 0.02
    seen = image.getchannel("A")
    assert seen.histogram()[masks.OPACITY] == 4
    assert seen.getpixel((0, 0)) == seen.getpixel((image.width - 1, image.height - 1)) == masks.OPACITY


BOOLEAN: Any = True
HOSTILE: dict[str, tuple[Any, Any]] = {
    "of different length": ([1, 2], [1]),
    "absent": (None, None),
    "text": ("12", "11"),
    "a fraction": ([1.0], [1]),
    "a boolean": ([BOOLEAN], [1]),
    "a boolean length": ([0], [BOOLEAN]),
    "negative": ([-1], [2]),
    "empty run": ([1], [0]),
    "negative length": ([5], [-3]),
    "overlapping": ([1, 2], [2, 1]),
    "out of order": ([6, 1], [1, 1]),
    "the same twice": ([3, 3], [1, 1]),
    "past the end": ([11], [2]),
    "far past the end": ([0], [10**4000]),
    "beginning past the end": ([10**18], [1]),
    "nested": ([[1]], [[1]]),
}


@pytest.mark.parametrize(("starts", "lengths"), HOSTILE.values(), ids=HOSTILE)
def test_runs_that_are_not_whole_and_consistent_are_for_a_person(starts: Any, lengths: Any) -> None:
    with pytest.raises(SchemaMismatch):
        read_mask({"starts": starts, "lengths": lengths}, SHAPE)
    # What is kept of them can be written down, whatever they are.
    json.dumps(without_runs({"starts": starts, "lengths": lengths}))


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"width": 0, "height": 5},
        {"width": 5, "height": -5},
        {"width": "4", "height": "3"},
        {"width": 4.0, "height": 3.0},
        {"width": BOOLEAN, "height": BOOLEAN},
        {"width": 6001, "height": 4500},
        {"width": 27_000_000, "height": 1},
        {"width": 10**9, "height": 10**9},
    ],
)
def test_a_shape_that_no_picture_has_takes_no_memory(shape: dict[str, Any]) -> None:
    with pytest.raises(SchemaMismatch, match="shape"):
        read_mask({"starts": [0], "lengths": [1]}, shape)


def test_the_number_of_runs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "MAX_RUNS", 2)
    assert len(read_mask({"starts": [0, 2], "lengths": [1, 1]}, SHAPE).starts) == 2
    with pytest.raises(SchemaMismatch, match="runs"):
        read_mask({"starts": [0, 2, 4], "lengths": [1, 1, 1]}, SHAPE)


def test_what_is_kept_holds_counts_and_they_are_read_again() -> None:
    given = {"starts": [1, 6], "lengths": [2, 3], "note": "more"}
    kept = without_runs(given)

    assert kept == {"note": "more", "counted": {"runs": 2, "lengths": 2, "pixels": 5}}
    assert counts(kept, SHAPE) == counts(given, SHAPE) == (2, 5 / 12)
    assert without_runs(kept) == kept
    assert without_runs(None) is None


@pytest.mark.parametrize(
    "counted", [{}, {"runs": 3, "pixels": 2}, {"runs": 1, "pixels": 13}, {"runs": 1, "pixels": None}, {"runs": BOOLEAN}]
)
def test_counts_that_make_no_sense_are_for_a_person(counted: dict[str, Any]) -> None:
    with pytest.raises(SchemaMismatch):
        counts({"counted": counted}, SHAPE)


WIDE, TALL, SQUARE = (640, 512), (512, 640), (512, 512)


@pytest.mark.parametrize(
    ("shape", "shown", "orientation", "turn"),
    [
        (WIDE, WIDE, 1, 1),
        (SQUARE, SQUARE, 1, 1),
        (TALL, WIDE, 1, None),
        ((320, 256), WIDE, 1, None),
        (TALL, WIDE, 6, 6),
        (TALL, WIDE, 8, 8),
        (TALL, WIDE, 5, 5),
        (WIDE, WIDE, 6, 1),
        ((320, 256), WIDE, 6, None),
        (SQUARE, SQUARE, 6, None),
        (WIDE, WIDE, 3, None),
        (WIDE, WIDE, 2, None),
        (TALL, WIDE, 3, None),
    ],
)
def test_a_mask_is_turned_only_where_its_shape_tells_how(
    shape: tuple[int, int], shown: tuple[int, int], orientation: int, turn: int | None
) -> None:
    assert turn_needed(shape, shown, orientation) == turn


def test_a_picture_that_cannot_be_read_again_gets_no_overlay() -> None:
    mask = Mask(640, 480, [0], [9])
    assert masks.overlay_for(a_request(), mask) is None
    assert masks.overlay_for(a_request(content=images.photo_like(1, size=(640, 480))), mask) is not None


MEASURE = """
import resource
from detection.providers.masks import paint, read_mask
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for starts, lengths in (([0], [27_000_000]), (list(range(0, 27_000_000, 27)), [1] * 1_000_000)):
    paint(read_mask({"starts": starts, "lengths": lengths}, {"width": 6000, "height": 4500}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_largest_mask_takes_little_memory() -> None:
    """27 million pixels as one run, and as the million runs that are read at most: under 200 MB beyond the imports."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", MEASURE], cwd=root, capture_output=True, text=True, check=True)
    taken = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert taken < 200 * 2**20
