"""Plain drawings for when the demo's photographs could not be fetched. Each says on its face what it is."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import Colour

SIZE = (1200, 800)
WORDS = "Drawn stand-in"
_W, _H = SIZE


def rocket() -> Image.Image:
    """A rocket on its pad at dusk."""
    image = canvas.ramp([(0, (16, 26, 62)), (0.6, (58, 84, 138)), (0.86, (196, 150, 128)), (1, (60, 50, 60))], SIZE)

    def towers(d: ImageDraw.ImageDraw, k: int) -> None:
        for x, top, wide in ((150, 60, 46), (1040, 90, 42), (400, 300, 20), (800, 310, 20)):
            for y in range(top, _H - 70, wide):
                d.line([(x * k, y * k), ((x + wide) * k, (y + wide) * k)], fill=255, width=2 * k)
                d.line([((x + wide) * k, y * k), (x * k, (y + wide) * k)], fill=255, width=2 * k)
            for side in (x, x + wide):
                d.line([(side * k, top * k), (side * k, _H * k)], fill=255, width=4 * k)

    canvas.lay(image, (24, 28, 40), canvas.shape(towers, size=SIZE))
    body = canvas.polygon([(586, 300), (600, 250), (614, 300), (616, 740), (584, 740)], size=SIZE)
    canvas.lay(image, (232, 232, 236), body)
    canvas.lay(image, (150, 156, 172), ImageChops.multiply(body, _right_of(602)))
    canvas.lay(image, (20, 20, 28), canvas.polygon([(0, 730), (_W, 736), (_W, _H), (0, _H)], size=SIZE))
    for x, y in ((250, 716), (340, 700), (500, 722), (690, 718), (830, 708), (960, 724)):
        canvas.glow(image, (x, y), 120, (255, 190, 96), power=3)
        canvas.glow(image, (x, y), 16, (255, 248, 224))
    return _labelled(image, 201)


def cup() -> Image.Image:
    """A cup of coffee on a wooden table."""
    image = canvas.ramp([(0, (92, 48, 26)), (1, (160, 92, 48))], SIZE)
    canvas.shade(
        image, canvas.relief(canvas.noise(202, cell=60, octaves=6, stretch=9, size=SIZE), dx=1, dy=3, gain=120)
    )
    canvas.lay(image, (30, 14, 8), _ellipse(620, 470, 420, 270, blur=26))
    for radius, colour in ((400, (150, 44, 30)), (380, (186, 62, 40)), (250, (150, 44, 30)), (238, (176, 56, 38))):
        canvas.lay(image, colour, _ellipse(600, 440, radius, radius * 0.63))
    canvas.lay(
        image, (166, 50, 34), canvas.polygon([(410, 300), (790, 300), (716, 520), (484, 520)], size=SIZE, blur=1)
    )
    canvas.lay(
        image, (120, 34, 24), canvas.polygon([(660, 300), (790, 300), (716, 520), (640, 520)], size=SIZE, blur=22)
    )
    for radius, colour in ((194, (250, 244, 232)), (172, (224, 206, 186)), (158, (120, 66, 30)), (138, (196, 130, 66))):
        canvas.lay(image, colour, _ellipse(600, 296, radius, radius * 0.5))
    canvas.glow(image, (560, 280), 120, (120, 84, 40), squash=0.5)
    canvas.glow(image, (300, 60), 700, (90, 60, 30))
    return _labelled(image, 203)


def cat() -> Image.Image:
    """A cat on a window sill, seen from behind."""
    image = canvas.ramp(
        [(0, (84, 116, 160)), (0.5, (236, 176, 140)), (0.72, (250, 214, 164)), (1, (120, 84, 70))], SIZE
    )
    for seed, base, colour in ((204, 500, (160, 130, 140)), (205, 550, (106, 90, 104))):
        line = canvas.ridge(seed, width=_W, base=base, rise=70, rough=0.48)
        canvas.lay(image, colour, canvas.below(line, size=SIZE))
    canvas.glow(image, (330, 430), 420, (255, 214, 150))

    def sitting(d: ImageDraw.ImageDraw, k: int) -> None:
        d.ellipse((640 * k, 400 * k, 900 * k, 700 * k), fill=255)
        d.ellipse((682 * k, 300 * k, 858 * k, 470 * k), fill=255)
        for ear in ([(690, 356), (700, 246), (764, 312)], [(776, 312), (842, 246), (850, 356)]):
            d.polygon([(x * k, y * k) for x, y in ear], fill=255)
        d.arc((820 * k, 560 * k, 1040 * k, 720 * k), 20, 185, fill=255, width=32 * k)

    body = canvas.shape(sitting, size=SIZE, blur=1.4)
    fur = canvas.flat((70, 48, 40), SIZE)
    canvas.shade(
        fur, canvas.relief(canvas.noise(206, cell=18, octaves=4, stretch=0.4, size=SIZE), dx=1, dy=1, gain=100)
    )
    canvas.lay(image, (74, 56, 52), canvas.polygon([(0, 690), (_W, 690), (_W, _H), (0, _H)], size=SIZE))
    canvas.lay(image, fur, body)
    rim = ImageChops.subtract(body, ImageChops.offset(body, 5, 3)).filter(ImageFilter.GaussianBlur(1.5))
    canvas.lay(image, (255, 206, 150), rim)
    for x in (0, 590, 1180):
        canvas.lay(image, (60, 44, 42), canvas.polygon([(x, 0), (x + 20, 0), (x + 20, 690), (x, 690)], size=SIZE))
    canvas.lay(image, fur, body)
    canvas.lay(image, (255, 206, 150), rim)
    return _labelled(image, 207)


def deep_field() -> Image.Image:
    """Galaxies on black."""
    image = canvas.flat((6, 6, 10), SIZE)
    rng = canvas.dice(208)
    tones: tuple[Colour, ...] = ((255, 224, 180), (190, 210, 255), (255, 180, 130), (236, 236, 255), (255, 140, 110))
    for _ in range(900):
        at, size = (rng.uniform(0, _W), rng.uniform(0, _H)), 1.4 + rng.paretovariate(1.7) * 1.5
        canvas.glow(image, at, min(size, 34), rng.choice(tones), squash=rng.uniform(0.35, 1), power=2.6)
    return _labelled(image, 209)


def lawn() -> Image.Image:
    """Grass from above."""
    image = canvas.ramp([(0, (40, 72, 32)), (1, (30, 58, 26))], SIZE)
    rng = canvas.dice(210)

    def blade(d: ImageDraw.ImageDraw, k: int) -> None:
        for _ in range(900):
            x, y, angle, long = rng.uniform(0, _W), rng.uniform(0, _H), rng.uniform(0, 360), rng.uniform(24, 80)
            end = x + canvas.cosine(angle) * long, y + canvas.sine(angle) * long
            d.line([(x * k, y * k), (end[0] * k, end[1] * k)], fill=255, width=rng.randrange(4, 13))

    for colour in ((44, 84, 34), (66, 112, 44), (92, 140, 56), (128, 168, 74), (160, 190, 100)):
        mask = canvas.shape(blade, size=SIZE)
        canvas.lay(image, (14, 28, 12), ImageChops.offset(mask, 3, 4).point([v // 2 for v in range(256)]))
        canvas.lay(image, colour, mask)
    return _labelled(image, 211)


def terrace() -> Image.Image:
    """Paving bricks, seen along the ground."""
    bricks = canvas.flat((176, 168, 156), (2600, 1800))
    pen, rng = ImageDraw.Draw(bricks), canvas.dice(212)
    for row, y in enumerate(range(0, 1800, 60)):
        for x in range(-120 + (row % 2) * 80, 2600, 160):
            tone = rng.uniform(0.8, 1.15)
            pen.rectangle((x, y, x + 150, y + 50), fill=(round(142 * tone), round(84 * tone), round(66 * tone)))
    canvas.shade(bricks, canvas.relief(canvas.noise(213, cell=24, octaves=4, size=bricks.size), dx=1, dy=2, gain=110))
    image = canvas.plane(bricks, size=SIZE, depth=3, near=0.7)
    canvas.lay(image, (236, 214, 180), canvas.levels([(0, 190), (0.35, 30), (1, 0)], SIZE))
    return _labelled(image, 214)


def _right_of(x: int) -> Image.Image:
    return canvas.polygon([(x, 0), (_W, 0), (_W, _H), (x, _H)], size=SIZE, blur=3)


def _ellipse(x: float, y: float, rx: float, ry: float, *, blur: float = 1) -> Image.Image:
    box = (x - rx, y - ry, x + rx, y + ry)
    return canvas.shape(lambda d, k: d.ellipse([v * k for v in box], fill=255), size=SIZE, blur=blur)


def _labelled(image: Image.Image, seed: int) -> Image.Image:
    image = canvas.finish(image, seed, grain=4)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=34)
    left, top, right, bottom = pen.textbbox((0, 0), WORDS, font=font)
    pen.rectangle((0, _H - 76, right - left + 56, _H), fill=(16, 18, 24))
    pen.text((28, _H - 38 - (top + bottom) / 2), WORDS, font=font, fill=(244, 244, 240))
    return image
