"""A harbour at night: a quay with cranes, lit windows, and all of it again in the water."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE, Colour

_W, _H = SIZE
_WATER = 610
"""The row at which the water starts."""
_LAMPS: tuple[Colour, ...] = ((255, 196, 110), (255, 226, 170), (255, 168, 84), (170, 224, 255), (255, 120, 90))


def draw() -> Image.Image:
    above = _shore()
    image = above.copy()
    image.paste(_water(above), (0, _WATER))
    _boat(image)
    return canvas.finish(image, 52, grain=7)


def _shore() -> Image.Image:
    image = canvas.ramp(
        [(0, (7, 12, 30)), (0.3, (14, 30, 62)), (0.48, (38, 62, 98)), (0.57, (112, 106, 116)), (1, (150, 112, 96))]
    )
    clouds = canvas.to_mask(canvas.noise(51, cell=420, octaves=7, stretch=2.8), low=-0.1, high=1.2)
    canvas.lay(
        image, (30, 40, 64), ImageChops.multiply(clouds, canvas.levels([(0, 150), (0.5, 225), (0.57, 40), (1, 0)]))
    )
    stars = canvas.dice(5)
    for _ in range(150):
        x, y = stars.randrange(_W), int(stars.random() ** 1.5 * 380)
        canvas.glow(image, (x, y), stars.uniform(1.2, 2.6), (170, 190, 220))
    canvas.glow(image, (1210, 170), 330, (70, 84, 110))
    moon = canvas.shape(lambda d, k: d.ellipse((1178 * k, 138 * k, 1242 * k, 202 * k), fill=255), blur=0.8)
    face = canvas.flat((244, 236, 214))
    canvas.shade(face, canvas.to_mask(canvas.noise(8, cell=26, octaves=3), low=-3, high=2))
    canvas.lay(image, face, moon)
    _town(image, seed=61, base=_WATER - 6, tall=92, colour=(34, 44, 66), lights=260, size=1)
    canvas.glow(image, (520, _WATER), 760, (150, 92, 60), squash=0.28)
    _town(image, seed=62, base=_WATER, tall=64, colour=(15, 20, 34), lights=190, size=2)
    for x, scale in ((140, 1.15), (300, 1.0), (1375, 1.3)):
        _crane(image, x, scale)
    canvas.lay(
        image, (10, 12, 20), canvas.polygon([(0, _WATER - 12), (_W, _WATER - 9), (_W, _WATER + 2), (0, _WATER + 2)])
    )
    lamps = canvas.dice(19)
    for x in range(24, _W, 58):
        colour = lamps.choice(_LAMPS[:3])
        y = _WATER - 26 - lamps.randrange(10)
        canvas.glow(image, (x, y), 44, colour, power=3)
        canvas.glow(image, (x, y), 7, (255, 246, 224))
    return image


def _town(image: Image.Image, *, seed: int, base: int, tall: int, colour: Colour, lights: int, size: int) -> None:
    rng = canvas.dice(seed)
    boxes: list[tuple[int, int, int]] = []
    x = -20
    while x < _W:
        wide = rng.randrange(28, 92)
        boxes.append((x, wide, int(tall * (0.35 + rng.random() ** 2 * (1.5 if 360 < x < 1150 else 0.5)))))
        x += wide + rng.choice((0, 0, 0, 6))

    def houses(d: ImageDraw.ImageDraw, k: int) -> None:
        for left, wide, high in boxes:
            d.rectangle((left * k, (base - high) * k, (left + wide) * k, base * k), fill=255)
            if wide > 60:
                d.polygon(
                    [
                        (left * k, (base - high) * k),
                        ((left + wide / 2) * k, (base - high - 14) * k),
                        ((left + wide) * k, (base - high) * k),
                    ],
                    fill=255,
                )

    canvas.lay(image, colour, canvas.shape(houses))
    pen = ImageDraw.Draw(image)
    for _ in range(lights):
        left, wide, high = rng.choice(boxes)
        if high < 24:
            continue
        wx, wy = (
            left + 4 + rng.randrange(max(1, (wide - 8) // 7)) * 7,
            base - high + 6 + rng.randrange((high - 12) // 9) * 9,
        )
        tone = rng.choice(_LAMPS[:4])
        dim = rng.uniform(0.35, 1)
        pen.rectangle((wx, wy, wx + 1 + size, wy + 2 + size), fill=tuple(int(band * dim) for band in tone))


def _crane(image: Image.Image, x: int, scale: float) -> None:
    def pen(d: ImageDraw.ImageDraw, k: int) -> None:
        def line(*points: tuple[float, float], width: float = 3) -> None:
            d.line(
                [((x + a * scale) * k, (_WATER - b * scale) * k) for a, b in points],
                fill=255,
                width=round(width * scale * k),
            )

        for leg in (0, 46):
            line((leg, 0), (leg, 196), width=5)
        line((0, 60), (46, 60), width=4)
        line((0, 120), (46, 120), width=3)
        line((0, 60), (46, 120), width=2)
        line((0, 120), (46, 190), width=2)
        line((-92, 196), (214, 196), width=6)
        line((-92, 206), (214, 202), width=2)
        for step in range(-88, 210, 14):
            line((step, 196), (step + 7, 205), (step + 14, 196), width=1.2)
        line((12, 196), (24, 262), (36, 196), width=4)
        line((24, 262), (204, 204), width=1.6)
        line((24, 262), (-84, 204), width=1.6)
        line((150, 196), (150, 92), width=1.2)
        d.rectangle(
            ((x + 136 * scale) * k, (_WATER - 92 * scale) * k, (x + 166 * scale) * k, (_WATER - 78 * scale) * k),
            fill=255,
        )
        d.rectangle(
            ((x + 52 * scale) * k, (_WATER - 190 * scale) * k, (x + 76 * scale) * k, (_WATER - 170 * scale) * k),
            fill=255,
        )

    canvas.lay(image, (13, 17, 28), canvas.shape(pen))
    for a, b, colour, radius in (
        (24, 264, (255, 70, 60), 26),
        (212, 202, (255, 70, 60), 18),
        (64, 180, (255, 214, 150), 30),
    ):
        at = (x + a * scale, _WATER - b * scale)
        canvas.glow(image, at, radius, colour, power=2.6)
        canvas.glow(image, at, 5, (255, 240, 220))


def _water(above: Image.Image) -> Image.Image:
    high = _H - _WATER
    size = (_W, high)
    mirror = above.crop((0, _WATER - high, _W, _WATER)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    # Light on water is drawn out towards the one who looks.
    streaks = mirror
    for reach in (6, 14, 30, 60):
        streaks = ImageChops.lighter(
            streaks, ImageChops.offset(streaks, 0, reach).point([round(v * 0.8) for v in range(256)] * 3)
        )
    streaks = streaks.filter(ImageFilter.GaussianBlur(1.6))
    rng = canvas.dice(71)
    waves = canvas.noise(72, cell=60, octaves=4, size=(64, high * 2)).resize((1, high * 2)).convert("F")
    broken = Image.new("RGB", size)
    for y in range(high):
        near = y / high
        sway = (float(waves.getpixel((0, y * 2))) * 30 + rng.gauss(0, 2.4)) * (0.15 + near * 1.3)  # type: ignore[arg-type]
        broken.paste(streaks.crop((0, y, _W, y + 1)), (round(sway), y))
    broken = Image.composite(broken, streaks, canvas.levels([(0, 90), (0.1, 255), (1, 255)], size))
    swell = canvas.noise(73, cell=120, octaves=7, stretch=4.5, size=(3600, 2000))
    ripple = canvas.plane(canvas.relief(swell, dx=1, dy=5, gain=520), size=size, depth=9, near=0.28)
    canvas.shade(broken, ripple)
    troughs = ripple.point([min(255, max(0, (138 - v) * 5)) for v in range(256)])
    canvas.lay(broken, (6, 11, 24), ImageChops.multiply(troughs, canvas.levels([(0, 40), (0.3, 150), (1, 200)], size)))
    canvas.lay(broken, (6, 10, 22), canvas.levels([(0, 20), (0.4, 60), (1, 170)], size))
    return broken.filter(ImageFilter.GaussianBlur(0.6))


def _boat(image: Image.Image) -> None:
    def hull(d: ImageDraw.ImageDraw, k: int) -> None:
        for points in (
            [(770, 742), (1130, 726), (1104, 800), (812, 804)],
            [(850, 742), (862, 684), (972, 680), (980, 736)],
            [(874, 684), (880, 652), (944, 650), (950, 680)],
        ):
            d.polygon([(x * k, y * k) for x, y in points], fill=255)
        for points in (
            [(912, 652), (912, 520)],
            [(912, 540), (1120, 728)],
            [(912, 540), (780, 742)],
            [(1040, 734), (1040, 620)],
            [(1040, 626), (1100, 700)],
        ):
            d.line([(x * k, y * k) for x, y in points], fill=255, width=3 * k)

    body = canvas.shape(hull)
    mirrored = body.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    shadow = ImageChops.offset(mirrored, 0, 2 * 802 - _H).filter(ImageFilter.GaussianBlur(5))
    fade = canvas.levels([(0, 0), (0.745, 0), (0.75, 235), (0.9, 120), (1, 0)])
    canvas.lay(image, (5, 8, 17), ImageChops.multiply(shadow, fade))
    canvas.lay(image, (9, 12, 21), body)
    edge = ImageChops.subtract(body, ImageChops.offset(body, 1, 3))
    canvas.lay(image, (150, 112, 92), edge.point([v // 2 for v in range(256)]))
    pen = ImageDraw.Draw(image)
    for x in (872, 900, 928):
        pen.rectangle((x, 700, x + 16, 714), fill=(255, 206, 128))
        canvas.glow(image, (x + 8, 707), 46, (255, 170, 84), power=2.6)
    for at, colour, radius in (((912, 520), (255, 244, 220), 70), ((1124, 724), (90, 220, 150), 44)):
        canvas.glow(image, at, radius, colour, power=3)
        canvas.glow(image, at, 7, (255, 255, 244))
    for x, y in ((880, 860), (908, 880), (936, 868), (912, 960)):
        canvas.glow(image, (x, y), 60, (150, 96, 48), squash=0.5)
