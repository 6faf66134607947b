"""A gallery with pictures of landscapes and one empty frame: the illustration of a story about owning pictures."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE, Colour

_W, _H = SIZE
_FLOOR = 806
_FRAMES: tuple[tuple[int, int, int, int], ...] = (
    (150, 262, 300, 380),
    (560, 214, 480, 360),
    (1150, 262, 300, 380),
)
"""Left, top, width and height of what hangs on the wall."""
_PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((32, 58, 92), (240, 150, 96), (250, 214, 160), (146, 76, 92), (52, 34, 66)),
    ((150, 196, 206), (236, 236, 214), (120, 160, 120), (60, 110, 98), (28, 62, 70)),
)


def draw() -> Image.Image:
    image = _wall()
    for index, box in enumerate(_FRAMES):
        _hang(image, box, None if index == 1 else _landscape(index, (box[2], box[3])))
    _lamps(image)
    _floor(image)
    _bench(image)
    return canvas.finish(image, 129, grain=4, vignette=0.4)


def _wall() -> Image.Image:
    image = canvas.ramp([(0, (24, 40, 46)), (0.35, (44, 70, 76)), (0.75, (50, 76, 80)), (1, (36, 56, 60))])
    plaster = canvas.relief(canvas.noise(121, cell=40, octaves=5), dx=1, dy=2, gain=26)
    canvas.shade(image, plaster)
    return image


def _landscape(index: int, size: tuple[int, int]) -> Image.Image:
    """A small painting: a sky, a sun and hills one behind the other."""
    sky, sun, haze, hill, near = _PALETTES[index // 2]
    width, height = size
    painting = canvas.ramp([(0, sky), (0.5, haze), (1, haze)], size)
    canvas.glow(painting, (width * 0.62, height * 0.42), width * 0.5, sun)
    disc = canvas.shape(
        lambda d, k: d.ellipse(
            [v * k for v in (width * 0.52, height * 0.32, width * 0.72, height * 0.32 + width * 0.2)], fill=255
        ),
        size=size,
    )
    canvas.lay(painting, sun, disc)
    for step in range(4):
        part = step / 3
        colour = canvas.mix(canvas.mix(haze, hill, min(1, part * 1.6 + 0.25)), near, max(0.0, part * 1.4 - 0.4))
        line = canvas.ridge(
            140 + index * 10 + step, width=width, base=height * (0.52 + part * 0.34), rise=height * 0.1, rough=0.48
        )
        tone = canvas.flat(colour, size)
        canvas.lay(tone, canvas.mix(colour, haze, 0.5), canvas.levels([(0, 0), (0.5 + part * 0.3, 0), (1, 150)], size))
        canvas.lay(painting, tone, canvas.below(line, size=size))
    brush = canvas.relief(canvas.noise(160 + index, cell=9, octaves=3, stretch=3, size=size), dx=1, dy=1, gain=44)
    canvas.shade(painting, brush)
    return painting


def _hang(image: Image.Image, box: tuple[int, int, int, int], painting: Image.Image | None) -> None:
    left, top, width, height = box
    rim = 26
    outer = (left - rim, top - rim, left + width + rim, top + height + rim)
    shadow = canvas.shape(
        lambda d, k: d.rectangle(
            [v * k for v in (outer[0] + 4, outer[1] + 26, outer[2] + 16, outer[3] + 40)], fill=190
        ),
        blur=16,
    )
    canvas.lay(image, (8, 14, 18), shadow)
    pen = ImageDraw.Draw(image)
    gilt: tuple[tuple[int, Colour], ...] = (
        (0, (96, 66, 30)),
        (4, (196, 150, 78)),
        (9, (236, 200, 124)),
        (13, (150, 104, 50)),
        (20, (88, 58, 28)),
        (24, (214, 172, 100)),
    )
    for inset, colour in gilt:
        pen.rectangle((outer[0] + inset, outer[1] + inset, outer[2] - inset, outer[3] - inset), fill=colour)
    corners = (
        (outer[0], outer[1], left, top),
        (outer[2], outer[1], left + width, top),
        (outer[0], outer[3], left, top + height),
        (outer[2], outer[3], left + width, top + height),
    )
    for line in corners:
        pen.line(line, fill=(104, 72, 34), width=2)
    if painting is None:
        _leave_empty(image, box)
    else:
        image.paste(painting, (left, top))


def _leave_empty(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    left, top, width, height = box
    # The empty frame shows the wall, with the pale patch that a picture leaves after years.
    wall = canvas.ramp([(0, (74, 102, 106)), (1, (92, 122, 124))], (width, height))
    canvas.shade(wall, canvas.relief(canvas.noise(125, cell=40, octaves=5, size=(width, height)), dx=1, dy=2, gain=26))
    inner = canvas.shape(lambda d, k: d.rectangle((0, 0, width * k, 16 * k), fill=200), size=(width, height), blur=9)
    side = canvas.shape(lambda d, k: d.rectangle((0, 0, 14 * k, height * k), fill=190), size=(width, height), blur=9)
    canvas.lay(wall, (18, 30, 34), ImageChops.lighter(inner, side))
    image.paste(wall, (left, top))
    dots = canvas.shape(lambda d, k: _sight(d, k, left, top, width, height))
    canvas.lay(image, (214, 232, 226), dots)


def _sight(d: ImageDraw.ImageDraw, k: int, left: int, top: int, width: int, height: int) -> None:
    """Four corner marks, as a camera's finder shows them."""
    for x, dx in ((left + 70, 1), (left + width - 70, -1)):
        for y, dy in ((top + 60, 1), (top + height - 60, -1)):
            d.line(
                [(x * k, (y + dy * 44) * k), (x * k, y * k), ((x + dx * 44) * k, y * k)],
                fill=150,
                width=3 * k,
                joint="curve",
            )


def _lamps(image: Image.Image) -> None:
    for left, top, width, height in _FRAMES:
        centre, high = left + width / 2, top - 92
        cone = canvas.polygon(
            [
                (centre - 26, high + 14),
                (centre + 26, high + 14),
                (centre + width * 0.78, top + height + 150),
                (centre - width * 0.78, top + height + 150),
            ],
            blur=34,
        )
        fade = canvas.levels(
            [
                (0, 0),
                ((high + 10) / _H, 0),
                ((high + 24) / _H, 150),
                ((top + height * 0.6) / _H, 74),
                (_FLOOR / _H, 26),
                (1, 0),
            ]
        )
        canvas.screen(image, (255, 226, 176), ImageChops.multiply(cone, fade))
        canvas.glow(image, (centre, high + 20), 150, (255, 220, 160), squash=0.5)
        pen = ImageDraw.Draw(image)
        pen.rounded_rectangle((centre - 46, high - 2, centre + 46, high + 14), 7, fill=(30, 26, 22))
        pen.rectangle((centre - 40, high + 12, centre + 40, high + 15), fill=(255, 246, 222))
        pen.line((centre, high - 2, centre, high - 40), fill=(30, 26, 22), width=5)
    canvas.lay(image, (16, 24, 28), canvas.levels([(0, 150), (0.1, 0), (1, 0)]))


def _floor(image: Image.Image) -> None:
    size = (_W, _H - _FLOOR)
    boards = Image.new("RGB", (3600, 1200))
    pen, rng = ImageDraw.Draw(boards), canvas.dice(127)
    for x in range(0, 3600, 90):
        y = -rng.randrange(400)
        while y < 1200:
            tone = rng.uniform(0.82, 1.12)
            long = rng.randrange(380, 700)
            pen.rectangle((x, y, x + 86, y + long), fill=(round(112 * tone), round(74 * tone), round(48 * tone)))
            y += long + 4
    canvas.shade(
        boards, canvas.to_mask(canvas.noise(128, cell=20, octaves=4, stretch=0.12, size=boards.size), low=-3, high=3)
    )
    ground = canvas.plane(boards, size=size, depth=3.2, near=0.6)
    mirror = image.crop((0, _FLOOR - size[1], _W, _FLOOR)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirror = mirror.filter(ImageFilter.GaussianBlur(7))
    ground = ImageChops.screen(
        ground.point([round(v * 0.72) for v in range(256)] * 3), mirror.point([round(v * 0.36) for v in range(256)] * 3)
    )
    canvas.lay(ground, (8, 10, 12), canvas.levels([(0, 110), (0.12, 0), (0.5, 20), (1, 120)], size))
    image.paste(ground, (0, _FLOOR))
    canvas.lay(image, (26, 38, 42), canvas.polygon([(0, _FLOOR - 30), (_W, _FLOOR - 30), (_W, _FLOOR), (0, _FLOOR)]))
    ImageDraw.Draw(image).line((0, _FLOOR - 31, _W, _FLOOR - 31), fill=(96, 120, 120), width=2)


def _bench(image: Image.Image) -> None:
    shadow = canvas.shape(lambda d, k: d.ellipse((520 * k, 956 * k, 1090 * k, 1010 * k), fill=220), blur=16)
    canvas.lay(image, (8, 6, 6), shadow)
    legs = canvas.shape(
        lambda d, k: canvas.boxes(
            d, k, places=[(574, 900, 594, 984), (1010, 900, 1030, 984), (610, 900, 622, 964), (980, 900, 992, 964)]
        )
    )
    canvas.lay(image, (18, 16, 16), legs)
    seat = canvas.polygon([(560, 866), (1044, 866), (1070, 900), (534, 900)])
    canvas.lay(
        image, canvas.ramp([(0, (150, 62, 48)), (0.81, (196, 92, 66)), (0.85, (120, 48, 40)), (1, (120, 48, 40))]), seat
    )
    front = canvas.polygon([(534, 900), (1070, 900), (1068, 926), (536, 926)])
    canvas.lay(image, (92, 36, 32), front)
    pen = ImageDraw.Draw(image)
    pen.line((534, 900, 1070, 900), fill=(232, 140, 104), width=2)
    for x in (712, 892):
        pen.line((x + (4 if x < 800 else -4), 867, x, 925), fill=(84, 32, 30), width=2)
