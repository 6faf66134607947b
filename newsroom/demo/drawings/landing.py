"""A lander coming down in a desert at dusk."""

from __future__ import annotations

from functools import partial

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE, Colour

_W, _H = SIZE
_HORIZON = 700
_SUN = (430.0, 690.0)
_CRAFT = (1010, 190)
"""The left upper corner of the craft's own drawing."""


def draw() -> Image.Image:
    image = _sky()
    _mesas(image)
    _ground(image)
    _exhaust(image)
    _dust(image)
    craft, mask = _craft()
    image.paste(craft, _CRAFT, mask)
    canvas.glow(image, (_CRAFT[0] + 150, _CRAFT[1] + 372), 130, (255, 214, 150), squash=0.8)
    return canvas.finish(image, 11)


def _sky() -> Image.Image:
    image = canvas.ramp(
        [
            (0.0, (14, 18, 48)),
            (0.25, (44, 42, 92)),
            (0.42, (112, 66, 112)),
            (0.54, (196, 98, 104)),
            (0.62, (244, 150, 96)),
            (0.66, (255, 204, 140)),
            (1.0, (255, 204, 140)),
        ]
    )
    stars = canvas.dice(3)
    for _ in range(260):
        x, y = stars.randrange(_W), int(stars.random() ** 2 * 330)
        light = int(stars.uniform(70, 230) * (1 - y / 380))
        canvas.glow(image, (x, y), stars.uniform(1.1, 2.2), (light, light, light))
    ceiling = canvas.plane(
        canvas.noise(5, cell=420, octaves=7, stretch=2.2, size=(3200, 1400)), size=(_W, 640), depth=9, near=0.24
    ).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    veil = Image.new("L", SIZE)
    veil.paste(canvas.to_mask(ceiling, low=0.02, high=1.15), (0, 30))
    veil = ImageChops.multiply(veil, canvas.levels([(0, 0), (0.03, 0), (0.35, 190), (0.6, 235), (0.66, 0), (1, 0)]))
    tint = canvas.ramp([(0, (120, 92, 140)), (0.35, (236, 120, 120)), (0.6, (255, 196, 130)), (1, (255, 220, 160))])
    image.paste(tint, (0, 0), veil)
    canvas.glow(image, _SUN, 900, (255, 150, 70), squash=0.55)
    canvas.glow(image, _SUN, 330, (255, 226, 170), squash=0.8)
    return image


def _mesas(image: Image.Image) -> None:
    layers: list[tuple[int, float, float, float, Colour]] = [
        (44, 690, 84, 0.34, (214, 126, 108)),
        (29, 700, 120, 0.2, (168, 92, 98)),
        (36, 708, 84, 0.3, (116, 62, 78)),
    ]
    for seed, base, rise, cliff, colour in layers:
        line = canvas.ridge(seed, width=_W, base=base, rise=rise, rough=0.5)
        # Table mountains: a height is either above the cliff or below it, with a little scree between.
        rough = [(base - y) / rise for y in line]
        line = [base - rise * (min(1, max(0, (h - cliff) / 0.07)) * 0.8 + h * 0.16) for h in rough]
        mask = canvas.below(line)
        tone = canvas.flat(colour)
        strata = canvas.noise(seed + 50, cell=26, octaves=4, stretch=9)
        canvas.shade(tone, canvas.relief(strata, dx=1, dy=3, gain=95))
        haze = canvas.levels([(0, 0), (0.55, 0), (0.665, 120), (1, 120)])
        canvas.lay(tone, (244, 160, 112), haze)
        canvas.lay(image, tone, mask)
    canvas.glow(image, _SUN, 420, (255, 150, 80), squash=0.5)


def _ground(image: Image.Image) -> None:
    size = (_W, _H - _HORIZON)
    broad = canvas.noise(31, cell=230, octaves=7, stretch=2.6, size=(4200, 2300))
    light = canvas.plane(canvas.relief(broad, dx=-5, dy=2, gain=330), size=size, depth=8, near=0.3)
    sand = canvas.ramp([(0, (222, 132, 92)), (0.22, (160, 86, 74)), (0.6, (98, 52, 60)), (1, (46, 28, 44))], size)
    canvas.shade(sand, light)
    ripples = canvas.noise(33, cell=16, octaves=3, stretch=5, size=(4200, 2300))
    canvas.shade(sand, canvas.plane(canvas.relief(ripples, dx=1, dy=2, gain=60), size=size, depth=8, near=0.3))
    rocks = canvas.dice(9)
    pen = ImageDraw.Draw(sand)
    for _ in range(150):
        y = int(rocks.random() ** 1.6 * size[1])
        x, r = rocks.randrange(_W), 1 + y / size[1] * rocks.uniform(1, 11)
        pen.ellipse((x - r * 1.5, y - r * 0.7, x + r * 1.5 + r * 3, y + r * 0.7), fill=(34, 20, 36))
        pen.ellipse((x - r * 1.5, y - r * 1.2, x + r * 1.4, y + r * 0.5), fill=(92, 50, 54))
        pen.ellipse((x - r * 1.5, y - r * 1.2, x - r * 0.2, y - r * 0.1), fill=(204, 120, 90))
    image.paste(sand.filter(ImageFilter.GaussianBlur(0.7)), (0, _HORIZON))
    edge = canvas.levels([(0, 0), (0.645, 0), (0.657, 150), (0.69, 0), (1, 0)])
    canvas.screen(image, (230, 130, 80), edge)


def _exhaust(image: Image.Image) -> None:
    x, y = _CRAFT[0] + 150, _CRAFT[1] + 350
    for width, length, colour, blur in (
        (74, 390, (190, 92, 60), 26),
        (44, 370, (255, 170, 90), 14),
        (20, 330, (255, 244, 214), 6),
    ):
        points = [
            (x - width * 0.42, y),
            (x + width * 0.42, y),
            (x + width * 0.62, y + length * 0.45),
            (x + width * 0.2, y + length),
            (x - width * 0.2, y + length),
            (x - width * 0.62, y + length * 0.45),
        ]
        canvas.screen(image, colour, canvas.polygon(points, blur=blur))
    canvas.glow(image, (x, y + 300), 520, (255, 140, 64), squash=0.75)


def _dust(image: Image.Image) -> None:
    centre = _CRAFT[0] + 150
    puffs = canvas.noise(41, cell=130, octaves=6, stretch=1.4)
    lit = canvas.relief(puffs, dx=7, dy=9, gain=120).filter(ImageFilter.GaussianBlur(2))
    for spread, height, base, tone, strength in (
        (760, 150, 812, (150, 88, 78), 215),
        (560, 122, 836, (214, 134, 96), 235),
        (330, 92, 846, (255, 204, 150), 240),
    ):
        place = (centre - spread, base - height, centre + spread, base + height * 0.5)
        body = canvas.shape(partial(canvas.ovals, places=[place]), blur=48)
        torn = canvas.to_mask(puffs, low=-0.75, high=0.5)
        mask = ImageChops.multiply(body, torn).point([value * strength // 255 for value in range(256)])
        cloud = canvas.flat(tone)
        canvas.shade(cloud, lit)
        canvas.lay(image, cloud, mask.filter(ImageFilter.GaussianBlur(2)))


def _craft() -> tuple[Image.Image, Image.Image]:
    """The craft 300 wide and 480 high, and its mask."""
    size = (300, 480)
    shading = [
        (0.26, (255, 206, 150)),
        (0.33, (246, 186, 142)),
        (0.42, (164, 122, 122)),
        (0.56, (74, 62, 84)),
        (0.7, (30, 30, 54)),
        (0.74, (64, 56, 92)),
    ]
    metal = canvas.ramp(shading, (size[1], size[0])).transpose(Image.Transpose.ROTATE_90)
    mask = canvas.shape(_hull, size=size)
    pen = ImageDraw.Draw(metal)
    _plates(pen)
    legs = canvas.shape(_legs, size=size)
    strut = canvas.flat((38, 32, 50), size)
    strut.paste((92, 58, 62), (0, 0, 150, 480))
    strut.paste(metal, (0, 0), mask)
    warm = canvas.levels([(0, 0), (0.55, 0), (0.76, 150), (1, 220)], size)
    canvas.screen(strut, (150, 72, 34), warm)
    return strut.filter(ImageFilter.GaussianBlur(0.6)), ImageChops.lighter(mask, legs)


def _hull(d: ImageDraw.ImageDraw, k: int) -> None:
    def poly(*points: tuple[float, float]) -> None:
        d.polygon([(x * k, y * k) for x, y in points], fill=255)

    poly((138, 14), (162, 14), (166, 40), (134, 40))
    poly((134, 38), (166, 38), (196, 112), (208, 190), (92, 190), (104, 112))
    poly((84, 190), (216, 190), (224, 206), (76, 206))
    poly((82, 204), (218, 204), (212, 306), (88, 306))
    poly((96, 304), (204, 304), (190, 332), (110, 332))
    poly((132, 330), (168, 330), (184, 372), (116, 372))
    d.line([(150 * k, 2 * k), (150 * k, 18 * k)], fill=255, width=3 * k)


def _legs(d: ImageDraw.ImageDraw, k: int) -> None:
    for side in (-1, 1):
        x = 150 + side * 62
        for start, end, width in (
            ((x, 222), (150 + side * 132, 430), 7),
            ((x - side * 4, 306), (150 + side * 118, 386), 5),
            ((x, 286), (150 + side * 104, 346), 3),
        ):
            d.line([(start[0] * k, start[1] * k), (end[0] * k, end[1] * k)], fill=255, width=width * k)
        d.ellipse(
            ((150 + side * 132 - 20) * k, 424 * k, (150 + side * 132 + 20) * k, 440 * k),
            fill=255,
        )
        near = 150 + side * 34
        d.line([(near * k, 300 * k), ((150 + side * 54) * k, 412 * k)], fill=255, width=6 * k)
        d.ellipse(((150 + side * 54 - 17) * k, 406 * k, (150 + side * 54 + 17) * k, 421 * k), fill=255)


def _plates(pen: ImageDraw.ImageDraw) -> None:
    dark, light = (28, 26, 44), (255, 226, 186)
    for y in (40, 112, 190, 206, 238, 272, 304, 331):
        pen.line((60, y, 240, y), fill=dark, width=2)
        pen.line((60, y + 2, 150, y + 2), fill=light, width=1)
    for x in (104, 128, 172, 196):
        pen.line((x, 206, x, 304), fill=dark, width=1)
    pen.polygon([(112, 150), (122, 118), (142, 118), (142, 150)], fill=(30, 34, 58))
    pen.polygon([(114, 148), (122, 121), (128, 121), (121, 148)], fill=(255, 214, 160))
    pen.polygon([(158, 118), (178, 118), (188, 150), (158, 150)], fill=(20, 22, 42))
    pen.rectangle((138, 214, 162, 300), fill=(40, 36, 54))
    for rung in range(220, 300, 10):
        pen.line((140, rung, 160, rung), fill=(170, 120, 104), width=2)
