"""A bed of flowers in late light, sharp in front and soft behind."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE, Colour

_W, _H = SIZE
_KINDS: tuple[tuple[Colour, Colour, int, float], ...] = (
    ((232, 74, 92), (120, 14, 44), 7, 0.66),
    ((250, 178, 196), (206, 84, 128), 8, 0.5),
    ((255, 240, 226), (232, 196, 170), 13, 0.3),
    ((250, 186, 74), (214, 96, 30), 11, 0.4),
    ((150, 116, 214), (74, 48, 140), 6, 0.6),
)
"""Outer and inner colour of a petal, how many there are, how wide each is to its length."""
_SIDE = 320


def draw() -> Image.Image:
    image = _background()
    rng = canvas.dice(101)
    # From the back to the front: each row larger, lower, sharper and lit less by the haze.
    for row in range(9):
        near = row / 8
        foot = 470 + near**1.25 * 560
        size = 26 + near**1.5 * 165
        blur = abs(near - 0.74) * 12 if near < 0.74 else (near - 0.74) * 22
        layer = Image.new("RGBA", SIZE)
        _stems(layer, rng, foot=foot, size=size, near=near)
        for _ in range(round(30 - near * 19)):
            x = rng.uniform(-60, _W + 60)
            y = foot + rng.gauss(0, size * 0.42)
            kind = _patch(x, row) if rng.random() < 0.72 else rng.randrange(len(_KINDS))
            height = size * rng.uniform(0.62, 1.12)
            _flower(layer, (x, y), height, kind=kind, turn=rng.random(), tilt=rng.uniform(0.55, 1))
        _lay_soft(image, layer, blur=blur, haze=1 - near)
    image = ImageEnhance.Brightness(ImageEnhance.Color(image).enhance(1.15)).enhance(1.16)
    canvas.glow(image, (1180, 60), 1100, (130, 92, 40), squash=0.8)
    return canvas.finish(image, 109, grain=3, vignette=0.38)


def _patch(x: float, row: int) -> int:
    return (int(x // 290) * 2 + row) % len(_KINDS)


def _background() -> Image.Image:
    image = canvas.ramp([(0, (126, 142, 92)), (0.3, (92, 116, 62)), (0.5, (56, 82, 40)), (1, (20, 36, 18))])
    hedge = canvas.to_mask(canvas.noise(102, cell=210, octaves=5), low=-1.1, high=1.1)
    canvas.shade(image, hedge)
    canvas.glow(image, (1180, 30), 900, (255, 214, 120), squash=0.6)
    image = image.filter(ImageFilter.GaussianBlur(16))
    rng = canvas.dice(103)
    for _ in range(90):
        # Points of light out of focus become discs with a slightly brighter rim.
        x, y, r = rng.uniform(0, _W), rng.gauss(190, 130), rng.uniform(10, 44)
        colour = rng.choice(((255, 226, 140), (220, 236, 150), (255, 190, 120), (255, 160, 170), (190, 220, 130)))
        disc = Image.new("L", (96, 96))
        pen = ImageDraw.Draw(disc)
        pen.ellipse((4, 4, 91, 91), fill=110, outline=170, width=5)
        side = max(4, round(r * 2))
        disc = disc.filter(ImageFilter.GaussianBlur(2)).resize((side, side), Image.Resampling.LANCZOS)
        strength = rng.uniform(0.12, 0.6)
        light = Image.new("L", SIZE)
        light.paste(disc.point([round(v * strength) for v in range(256)]), (round(x - r), round(y - r)))
        box = (max(0, round(x - r)), max(0, round(y - r)), min(_W, round(x + r)), min(_H, round(y + r)))
        if box[0] < box[2] and box[1] < box[3]:
            part = image.crop(box)
            canvas.screen(part, colour, light.crop(box))
            image.paste(part, box[:2])
    return image


def _lay_soft(image: Image.Image, layer: Image.Image, *, blur: float, haze: float) -> None:
    if blur > 0.6:
        # Premultiplied, or the black of the empty canvas would bleed into soft edges.
        layer = layer.convert("RGBa").filter(ImageFilter.GaussianBlur(blur)).convert("RGBA")
    mask = layer.getchannel("A")
    paint = layer.convert("RGB")
    veil = Image.blend(paint, canvas.flat((206, 196, 130)), 0.34 * haze)
    image.paste(veil, (0, 0), mask)


def _stems(layer: Image.Image, rng: canvas.Dice, *, foot: float, size: float, near: float) -> None:
    blades: list[tuple[list[tuple[float, float]], Colour]] = []
    for _ in range(round(150 - near * 50)):
        x, high, lean = rng.uniform(-40, _W + 40), size * rng.uniform(0.6, 2.1), rng.gauss(0, size * 0.35)
        wide = size * rng.uniform(0.03, 0.1)
        base = foot + size * 1.5
        tip = (x + lean, base - high * 1.5)
        middle = (x + lean * 0.25, base - high * 0.8)
        light = rng.uniform(0.5, 1.35) * (0.62 + 0.38 * (1 - near))
        colour = (round(74 * light), round(122 * light), round(46 * light))
        blades.append(
            (
                [(x - wide, base), (middle[0] - wide, middle[1]), tip, (middle[0] + wide, middle[1]), (x + wide, base)],
                colour,
            )
        )
    bed = canvas.levels(
        [(0, 0), (min(0.98, (foot + size * 0.45) / _H), 0), (min(0.99, (foot + size * 1.5) / _H), 235), (1, 255)]
    )
    layer.paste((round(30 + 16 * (1 - near)), round(52 + 22 * (1 - near)), 24, 255), (0, 0), bed)
    large = Image.new("RGBA", (_W * 2, _H * 2))
    pen = ImageDraw.Draw(large)
    for points, colour in blades:
        pen.polygon([(x * 2, y * 2) for x, y in points], fill=(*colour, 255))
    small = large.convert("RGBa").reduce(2).convert("RGBA")
    layer.alpha_composite(small)


def _flower(layer: Image.Image, at: tuple[float, float], size: float, *, kind: int, turn: float, tilt: float) -> None:
    wanted = (max(3, round(size * 1.5)), max(3, round(size * 1.5 * tilt)))
    flower = _blossom(kind, round(turn * 3)).convert("RGBa").resize(wanted, Image.Resampling.LANCZOS).convert("RGBA")
    left, top = round(at[0] - wanted[0] / 2), round(at[1] - wanted[1] / 2)
    layer.paste(flower, (left, top), flower)


@cache
def _blossom(kind: int, variant: int) -> Image.Image:
    """One flower of a kind, 320 × 320, seen from the front."""
    outer, inner, count, wide = _KINDS[kind]
    turn = variant / 4 + kind / 11
    flower = Image.new("RGBA", (_SIDE, _SIDE))
    rings = ((0, 1.0), (1, 0.74)) if count > 6 else ((0, 1.0),)
    for ring, reach in rings:
        for step in range(count):
            angle = (step + turn + ring * 0.5) * 360 / count
            petal = _petal(outer, inner, wide, reach, lit=round(canvas.cosine(angle - 60) * 4) / 4)
            flower.alpha_composite(petal.rotate(angle, Image.Resampling.BICUBIC))
    pen = ImageDraw.Draw(flower)
    rng = canvas.dice(kind * 10 + variant)
    pen.ellipse((136, 136, 184, 184), fill=(112, 70, 22, 255))
    for _ in range(120):
        angle, far = rng.uniform(0, 360), rng.random() ** 0.6 * 25
        x, y = 160 + canvas.cosine(angle) * far, 160 + canvas.sine(angle) * far
        light = rng.uniform(0.6, 1.15) * (1.1 if y < 160 else 0.85)
        colour = (min(255, round(246 * light)), min(255, round(190 * light)), round(60 * light), 255)
        pen.ellipse((x - 2.4, y - 2.4, x + 2.4, y + 2.4), fill=colour)
    return flower


@cache
def _petal(outer: Colour, inner: Colour, wide: float, reach: float, *, lit: float) -> Image.Image:
    """One petal standing straight up from the middle of 320 × 320; `lit` −1 to 1 is how far it faces the sun."""
    half, top = 148 * wide * 0.5 * reach, 160 - 152 * reach
    outline = []
    for step in range(33):
        part = step / 32
        # Narrow at the foot, widest at two thirds, a rounded tip.
        bulge = canvas.sine(part**0.72 * 180) ** 0.72 if 0 < part < 1 else 0.0
        outline.append((part, bulge * half))
    points = [(160 - w, 160 - (160 - top) * (1 - p)) for p, w in outline] + [
        (160 + w, 160 - (160 - top) * (1 - p)) for p, w in reversed(outline)
    ]
    mask = canvas.polygon(points, size=(_SIDE, _SIDE))
    tone = [min(255, round(band * (0.86 + 0.24 * lit))) for band in outer]
    deep = [round(band * (0.8 + 0.1 * lit)) for band in inner]
    start, end = top / _SIDE, 0.5
    paint = canvas.ramp(
        [
            (0, _rgb(tone)),
            (start, _rgb(tone)),
            (start + (end - start) * 0.45, _rgb(tone)),
            (end, _rgb(deep)),
            (1, _rgb(deep)),
        ],
        (_SIDE, _SIDE),
    )
    veins = ImageDraw.Draw(paint)
    for lean in (-0.5, -0.25, 0, 0.25, 0.5):
        vein = [round(t * 0.62 + d * 0.38) for t, d in zip(tone, deep, strict=True)]
        veins.line(
            [(160, 158), (160 + half * lean * 0.7, 160 - (160 - top) * 0.5), (160 + half * lean, top + 26)],
            fill=_rgb(vein),
            width=2,
        )
    paint = paint.filter(ImageFilter.GaussianBlur(1.6))
    # Each petal darkens the one under it along its edge.
    inside = mask.filter(ImageFilter.GaussianBlur(7))
    rim = ImageChops.subtract(mask, inside).point([min(150, v) for v in range(256)])
    paint.paste(_rgb([round(band * 0.62) for band in tone]), (0, 0), rim)
    paint.putalpha(mask)
    return paint


def _rgb(bands: list[int]) -> Colour:
    return bands[0], bands[1], bands[2]
