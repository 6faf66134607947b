"""A street in falling snow, after dark."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE, Colour

_W, _H = SIZE
_VANISH = (840.0, 560.0)
_WALLS: tuple[Colour, ...] = ((104, 62, 58), (96, 84, 78), (60, 76, 92), (118, 92, 62), (82, 58, 74), (70, 84, 76))


def draw() -> Image.Image:
    image = canvas.ramp(
        [(0, (24, 32, 58)), (0.3, (52, 58, 88)), (0.52, (140, 116, 120)), (0.56, (176, 140, 124)), (1, (120, 110, 130))]
    )
    canvas.glow(image, _VANISH, 620, (190, 130, 96), squash=0.8)
    _tower(image)
    _road(image)
    for side in (-1, 1):
        _houses(image, side)
    haze = canvas.shape(lambda d, k: d.ellipse((600 * k, 330 * k, 1080 * k, 690 * k), fill=150), blur=90)
    canvas.lay(image, (206, 164, 140), haze)
    _posts(image)
    _snow(image)
    return canvas.finish(image, 149, grain=5, vignette=0.42)


def _seen(x: float, y: float, z: float) -> tuple[float, float]:
    """Where a point `x` beside and `y` above the middle of the road, `z` away, stands in the drawing."""
    return _VANISH[0] + x / z, _VANISH[1] + (150 - y) / z


def _tower(image: Image.Image) -> None:
    def pen(d: ImageDraw.ImageDraw, k: int) -> None:
        d.rectangle((802 * k, 330 * k, 862 * k, 580 * k), fill=255)
        d.polygon([(796 * k, 334 * k), (832 * k, 196 * k), (868 * k, 334 * k)], fill=255)

    canvas.lay(image, (92, 84, 104), canvas.shape(pen, blur=1.6))
    canvas.glow(image, (832, 384), 40, (255, 206, 140))
    canvas.lay(
        image,
        (250, 220, 170),
        canvas.shape(lambda d, k: d.ellipse((820 * k, 372 * k, 844 * k, 396 * k), fill=230), blur=1.4),
    )


def _road(image: Image.Image) -> None:
    top = round(_VANISH[1])
    size = (_W, _H - top)
    snow = canvas.ramp([(0, (190, 156, 146)), (0.25, (150, 142, 164)), (1, (112, 124, 160))], size)
    drift = canvas.noise(141, cell=160, octaves=6, stretch=2, size=(3600, 1800))
    canvas.shade(snow, canvas.plane(canvas.relief(drift, dx=3, dy=4, gain=190), size=size, depth=8, near=0.28))
    tracks = Image.new("L", SIZE)
    for lane in (-150, -62, 66, 154):
        near, far = _seen(lane, 0, 0.27), _seen(lane, 0, 6)
        part = canvas.polygon([far, (near[0] - 34, _H + 40), (near[0] + 34, _H + 40)], blur=3)
        tracks = ImageChops.lighter(tracks, part)
    rough = canvas.to_mask(canvas.noise(142, cell=60, octaves=5, stretch=1.5), low=-1.2, high=0.5)
    tracks = ImageChops.multiply(tracks, rough).crop((0, top, _W, _H))
    canvas.lay(snow, (62, 64, 88), tracks.point([v * 170 // 255 for v in range(256)]))
    image.paste(snow, (0, top))
    for z in (0.42, 0.62, 0.95, 1.5, 2.4):
        for side in (-1, 1):
            centre = _seen(side * 255, 0, z)
            canvas.glow(image, centre, 290 / z, (190, 122, 58), squash=0.28)
    canvas.glow(image, (_VANISH[0], top + 60), 300, (220, 160, 110), squash=0.5)


def _houses(image: Image.Image, side: int) -> None:
    rng = canvas.dice(150 + side)
    z, houses = 6.0, []
    while z > 0.3:
        near = z * rng.uniform(0.72, 0.8)
        houses.append((z, near, rng.uniform(430, 640), rng.choice(_WALLS)))
        z = near
    for far, near, tall, colour in houses:
        _house(image, rng, side=side, far=far, near=near, tall=tall, colour=colour)
    bank = [
        _seen(side * 400, 0, 6),
        _seen(side * 300, 0, 6),
        _seen(side * 300, 0, 0.3),
        _seen(side * 420, 40, 0.3),
        _seen(side * 400, 26, 6),
    ]
    canvas.lay(
        image,
        canvas.ramp([(0, (200, 170, 160)), (0.6, (176, 160, 172)), (1, (120, 128, 164))]),
        canvas.polygon(bank, blur=3),
    )


def _house(
    image: Image.Image, rng: canvas.Dice, *, side: int, far: float, near: float, tall: float, colour: Colour
) -> None:
    x = side * 400
    light = min(1.0, 0.3 + 0.3 / far)
    haze = min(0.75, far / 6)
    wall = canvas.mix(canvas.mix((14, 16, 30), colour, light), (176, 140, 124), haze)
    canvas.lay(
        image,
        wall,
        canvas.polygon([_seen(x, 0, far), _seen(x, tall, far), _seen(x, tall, near), _seen(x, 0, near)]),
    )
    roof = [
        _seen(x, tall, far),
        _seen(x + side * 130, tall + 190, far),
        _seen(x + side * 130, tall + 190, near),
        _seen(x, tall, near),
    ]
    canvas.lay(image, canvas.mix((150, 160, 190), (190, 156, 140), haze), canvas.polygon(roof))
    gable = [
        _seen(x, tall, near),
        _seen(x + side * 130, tall + 190, near),
        _seen(x + side * 900, tall, near),
        _seen(x + side * 900, 0, near),
        _seen(x, 0, near),
    ]
    canvas.lay(image, canvas.mix(wall, (10, 12, 24), 0.35), canvas.polygon(gable))
    ledge = [
        _seen(x, tall + 6, far),
        _seen(x - side * 16, tall + 2, far),
        _seen(x - side * 16, tall + 2, near),
        _seen(x, tall + 6, near),
    ]
    canvas.lay(
        image,
        (214, 216, 232),
        canvas.polygon([*ledge, _seen(x - side * 16, tall - 14, near), _seen(x - side * 16, tall - 14, far)]),
    )
    _windows(image, rng, x=x, far=far, near=near, tall=tall, haze=haze)


def _windows(
    image: Image.Image, rng: canvas.Dice, *, x: float, far: float, near: float, tall: float, haze: float
) -> None:
    # Equal widths on the wall are equal steps of 1/z only in the drawing, so the columns are cut in depth.
    columns = max(2, round((far - near) / near * 9))
    for floor in range(int(tall // 150)):
        low = 52 + floor * 146
        for column in range(columns):
            a = far + (near - far) * (column + 0.24) / columns
            b = far + (near - far) * (column + 0.78) / columns
            box = [_seen(x, low, a), _seen(x, low + 86, a), _seen(x, low + 86, b), _seen(x, low, b)]
            if not any(-40 < px < _W + 40 for px, _ in box):
                continue
            lit = rng.random() < (0.75 if floor == 0 else 0.42)
            warm = rng.choice(((255, 198, 110), (255, 176, 86), (255, 220, 156)))
            pane = (
                canvas.mix(warm, (206, 164, 140), haze * 0.6)
                if lit
                else canvas.mix((26, 30, 50), (150, 124, 122), haze)
            )
            d = ImageDraw.Draw(image)
            d.polygon(box, fill=pane)
            middle = (
                ((box[0][0] + box[3][0]) / 2, (box[0][1] + box[3][1]) / 2),
                ((box[1][0] + box[2][0]) / 2, (box[1][1] + box[2][1]) / 2),
            )
            d.line(middle, fill=canvas.mix(pane, (20, 16, 24), 0.6), width=max(1, round(2.4 / b)))
            sill = [_seen(x, low, a), _seen(x, low, b)]
            d.line(sill, fill=(220, 222, 236), width=max(1, round(4 / b)))
            if lit:
                centre = (box[0][0] + box[2][0]) / 2, (box[0][1] + box[2][1]) / 2
                canvas.glow(image, centre, 74 / b, (96, 58, 24))


def _posts(image: Image.Image) -> None:
    for z in (2.4, 1.5, 0.95, 0.62, 0.42):
        for side in (-1, 1):
            foot, head = _seen(side * 292, 0, z), _seen(side * 292, 330, z)
            arm = _seen(side * 246, 330, z)
            haze = min(0.7, z / 3)
            colour = canvas.mix((16, 16, 26), (180, 140, 122), haze)

            def pen(
                d: ImageDraw.ImageDraw,
                k: int,
                foot: canvas.Point = foot,
                head: canvas.Point = head,
                arm: canvas.Point = arm,
                z: float = z,
            ) -> None:
                d.line(
                    [(foot[0] * k, foot[1] * k), (head[0] * k, head[1] * k), (arm[0] * k, arm[1] * k)],
                    fill=255,
                    width=max(2, round(9 / z)),
                    joint="curve",
                )

            canvas.lay(image, colour, canvas.shape(pen))
            canvas.glow(image, (arm[0], arm[1] + 10 / z), 150 / z, (214, 140, 66))
            canvas.glow(image, (arm[0], arm[1] + 10 / z), 26 / z, (255, 244, 214))


def _snow(image: Image.Image) -> None:
    rng = canvas.dice(147)
    for count, least, most, blur, light in (
        (1500, 0.7, 1.5, 0.4, 150),
        (420, 1.5, 3.0, 1.0, 190),
        (90, 3.5, 7.0, 2.6, 170),
        (18, 11, 19, 7, 110),
    ):
        flakes = [(rng.uniform(0, _W), rng.uniform(0, _H), rng.uniform(least, most)) for _ in range(count)]

        def pen(d: ImageDraw.ImageDraw, k: int, flakes: list[tuple[float, float, float]] = flakes) -> None:
            for x, y, r in flakes:
                d.ellipse(((x - r) * k, (y - r * 1.15) * k, (x + r) * k, (y + r * 1.15) * k), fill=255)

        mask = canvas.shape(pen, blur=blur).point([v * light // 255 for v in range(256)])
        canvas.screen(image, (226, 230, 246), mask)
    image.paste(image.filter(ImageFilter.GaussianBlur(0.5)))
