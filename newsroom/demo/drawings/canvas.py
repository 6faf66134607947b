"""The brushes of the demo's drawings: gradients, clouds of noise, relief, light and grain, with Pillow alone.

Only `drawings` asks. Everything is seeded: a drawing comes out the same each time. Sizes and places are in pixels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageMath

SIZE = (1600, 1067)
SUPERSAMPLED = 3
"""How much larger shapes are drawn before they are reduced; their edges come out smooth."""

Dice = random.Random
Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
Pen = Callable[[ImageDraw.ImageDraw, int], None]
"""Draws one shape in white on a canvas so many times larger than the drawing."""


def dice(seed: int) -> random.Random:
    """A generator of one's own; drawings never touch the global one."""
    # For looks only; no secret hangs on it.
    return random.Random(seed)  # noqa: S311


def flat(colour: Colour, size: tuple[int, int] = SIZE) -> Image.Image:
    """One colour."""
    return Image.new("RGB", size, colour)


def ramp(stops: Sequence[tuple[float, Colour]], size: tuple[int, int] = SIZE) -> Image.Image:
    """A gradient from top to bottom through `stops` of (place 0–1, colour)."""
    width, height = size
    column = Image.new("RGB", (1, height))
    for y in range(height):
        column.putpixel((0, y), _at(stops, y / max(height - 1, 1)))
    return column.resize((width, height))


def levels(stops: Sequence[tuple[float, int]], size: tuple[int, int] = SIZE) -> Image.Image:
    """A mask from top to bottom through `stops` of (place 0–1, value 0–255)."""
    return ramp([(place, (value, value, value)) for place, value in stops], size).getchannel("R")


def _at(stops: Sequence[tuple[float, Colour]], place: float) -> Colour:
    before = max((stop for stop in stops if stop[0] <= place), default=stops[0])
    after = min((stop for stop in stops if stop[0] >= place), default=stops[-1])
    span = after[0] - before[0]
    part = (place - before[0]) / span if span else 0.0
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(before[1], after[1], strict=True))
    return red, green, blue


def noise(
    seed: int,
    *,
    cell: float = 300,
    octaves: int = 6,
    stretch: float = 1.0,
    size: tuple[int, int] = SIZE,
    billows: bool = False,
) -> Image.Image:
    """Clouds of noise as floating values around 0, roughly −1 to 1.

    `cell` is the size of the largest forms; each further octave is half as large and half as strong. `stretch` over 1
    draws them out sideways. `billows` folds the values over, which gives the round undersides of clouds.
    """
    rng = dice(seed)
    total = Image.new("F", size, 0.0)
    for octave in range(octaves):
        scale = cell / 2**octave
        grid = (max(2, round(size[0] / (scale * stretch)) + 1), max(2, round(size[1] / scale) + 1))
        layer = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1])).convert("F")
        layer = layer.resize(size, Image.Resampling.BICUBIC)
        weight = 0.5**octave
        total = ImageMath.lambda_eval(_billowed if billows else _added, total=total, layer=layer, gain=weight / 127.5)
    return total


def _added(a: dict[str, Any]) -> Any:
    return a["total"] + (a["layer"] - 127.5) * a["gain"]


def _billowed(a: dict[str, Any]) -> Any:
    return a["total"] + (63.75 - abs(a["layer"] - 127.5)) * a["gain"] * 2


def to_mask(field: Image.Image, *, low: float, high: float) -> Image.Image:
    """Floating values as a mask: `low` and below is 0, `high` and above 255."""
    gain = 255 / (high - low)
    return field.point(lambda value: value * gain + -low * gain).convert("L")


def relief(height: Image.Image, *, dx: int, dy: int, gain: float) -> Image.Image:
    """The heights lit from one side: what faces the light is above 128 and what turns away below."""
    moved = ImageChops.offset(height, dx, dy)
    lit: Image.Image = ImageMath.lambda_eval(
        lambda a: (a["here"] - a["there"]) * gain + 128, here=height, there=moved
    ).convert("L")
    # What wrapped around at the edges is cut away.
    edge = max(abs(dx), abs(dy))
    inside = (edge, edge, lit.width - edge, lit.height - edge)
    return lit.resize(lit.size, Image.Resampling.BILINEAR, box=inside)


def plane(texture: Image.Image, *, size: tuple[int, int], depth: float, near: float) -> Image.Image:
    """A texture laid on the ground and seen towards the horizon, which is the upper edge of the result.

    `depth` is how many times smaller things are at the horizon, `near` how many texels a pixel at the lower edge takes.
    """
    width, height = size
    e = height / (depth - 1)
    rows = texture.height / (height / depth)
    spread = near * depth
    return texture.transform(
        size,
        Image.Transform.PERSPECTIVE,
        (spread, texture.width / 2 / e, texture.width / 2 - width / 2 * spread, 0, rows, 0, 0, 1 / e),
        Image.Resampling.BICUBIC,
    )


def shape(pen: Pen, *, size: tuple[int, int] = SIZE, blur: float = 0) -> Image.Image:
    """A mask of what the pen draws, with smooth edges."""
    large = Image.new("L", (size[0] * SUPERSAMPLED, size[1] * SUPERSAMPLED))
    pen(ImageDraw.Draw(large), SUPERSAMPLED)
    mask = large.reduce(SUPERSAMPLED)
    return mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask


def polygon(points: Sequence[Point], *, size: tuple[int, int] = SIZE, blur: float = 0) -> Image.Image:
    """A mask of one polygon."""
    return shape(lambda d, k: d.polygon([(x * k, y * k) for x, y in points], fill=255), size=size, blur=blur)


def lay(base: Image.Image, paint: Image.Image | Colour, mask: Image.Image) -> None:
    """Put `paint` on `base` where `mask` is white."""
    if isinstance(paint, tuple):
        paint = flat(paint, base.size)
    base.paste(paint, (0, 0), mask)


def shade(base: Image.Image, light: Image.Image, *, mask: Image.Image | None = None) -> None:
    """Darken and lighten `base` by a relief around 128."""
    lit = ImageChops.overlay(base, Image.merge("RGB", (light, light, light)))
    base.paste(lit, (0, 0), mask)


def glow(
    base: Image.Image, centre: Point, radius: float, colour: Colour, *, squash: float = 1.0, power: float = 2.0
) -> None:
    """Add light of `colour` around `centre`, gone at `radius`; `squash` under 1 flattens it."""
    size = (max(2, round(radius * 2)), max(2, round(radius * 2 * squash)))
    # Pillow's radial gradient is 181 in the middle of an edge and 255 only in the corners.
    fall = [round(255 * max(0.0, 1 - value / 180) ** power) for value in range(256)]
    mask = Image.radial_gradient("L").point(fall).resize(size, Image.Resampling.BICUBIC)
    left, top = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
    light = Image.new("RGB", base.size)
    light.paste(colour, (left, top), mask)
    box = (max(left, 0), max(top, 0), min(left + size[0], base.width), min(top + size[1], base.height))
    if box[0] < box[2] and box[1] < box[3]:
        base.paste(ImageChops.screen(base.crop(box), light.crop(box)), box[:2])


def screen(base: Image.Image, colour: Colour, mask: Image.Image) -> None:
    """Add light of one colour where `mask` is white."""
    light = Image.composite(flat(colour, base.size), flat((0, 0, 0), base.size), mask)
    base.paste(ImageChops.screen(base, light))


def ridge(seed: int, *, width: int, base: float, rise: float, rough: float = 0.55) -> list[float]:
    """The heights of a skyline, one a pixel column, around `base` and up to `rise` away from it."""
    rng = dice(seed)
    heights = [rng.uniform(-0.5, 0.5) for _ in range(3)]
    step = 0.5
    while len(heights) < width:
        finer = []
        for a, b in pairwise(heights):
            finer += [a, (a + b) / 2 + rng.uniform(-step, step)]
        heights = [*finer, heights[-1]]
        step *= rough
    return [base - rise * height for height in heights[:width]]


def below(line: Sequence[float], *, size: tuple[int, int] = SIZE) -> Image.Image:
    """A mask of everything under a skyline."""
    points = [*enumerate(line), (size[0], size[1]), (0, size[1])]
    return polygon([(float(x), float(y)) for x, y in points], size=size)


def bloom(image: Image.Image, *, over: int = 190, radius: float = 18, strength: float = 0.6) -> Image.Image:
    """Let what is brighter than `over` shine into its surroundings, as a lens does."""
    bright = image.point([max(0, value - over) * 255 // (255 - over) for value in range(256)] * 3)
    spread = bright.reduce(4).filter(ImageFilter.GaussianBlur(radius / 4)).resize(image.size, Image.Resampling.BICUBIC)
    return ImageChops.screen(image, spread.point([round(value * strength) for value in range(256)] * 3))


def finish(image: Image.Image, seed: int, *, grain: int = 5, vignette: float = 0.3) -> Image.Image:
    """Bloom, darker corners and the grain of a sensor: what makes a drawing sit in a page of photographs."""
    image = bloom(image)
    corners = Image.radial_gradient("L").resize(image.size, Image.Resampling.BICUBIC)
    fall = [round(255 * (1 - vignette * (value / 255) ** 2.2)) for value in range(256)]
    shadow = corners.point(fall)
    image = ImageChops.multiply(image, Image.merge("RGB", (shadow, shadow, shadow)))
    sand = Image.frombytes("L", image.size, dice(seed).randbytes(image.width * image.height))
    sand = sand.filter(ImageFilter.GaussianBlur(0.6)).point([128 + (v - 128) * grain // 64 for v in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (sand, sand, sand)), scale=1, offset=-128)


def sine(degrees: float) -> float:
    """The sine of an angle in degrees; rows grow downwards."""
    return math.sin(math.radians(degrees))


def cosine(degrees: float) -> float:
    """The cosine of an angle in degrees."""
    return math.cos(math.radians(degrees))


def mix(a: Colour, b: Colour, part: float) -> Colour:
    """The colour so much of the way (0–1) from `a` to `b`."""
    red, green, blue = (round(x + (y - x) * part) for x, y in zip(a, b, strict=True))
    return red, green, blue


def boxes(d: ImageDraw.ImageDraw, k: int, *, places: Sequence[Box]) -> None:
    """A pen for filled boxes of (left, top, right, bottom)."""
    for place in places:
        d.rectangle([edge * k for edge in place], fill=255)


def ovals(d: ImageDraw.ImageDraw, k: int, *, places: Sequence[Box]) -> None:
    """A pen for the filled ellipses in such boxes."""
    for place in places:
        d.ellipse([edge * k for edge in place], fill=255)
