"""A storm over fields: a low ceiling of cloud, one band of light, rain on the way."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from newsroom.demo.drawings import canvas
from newsroom.demo.drawings.canvas import SIZE

_W, _H = SIZE
_HORIZON = 690


def draw() -> Image.Image:
    image = _sky()
    _rain(image)
    _hills(image)
    _fields(image)
    _farm(image)
    _tree(image)
    return canvas.finish(image, 83, grain=6, vignette=0.4)


def _sky() -> Image.Image:
    image = canvas.ramp(
        [
            (0, (52, 60, 72)),
            (0.4, (92, 102, 112)),
            (0.56, (188, 180, 158)),
            (0.65, (246, 222, 168)),
            (1, (246, 222, 168)),
        ]
    )
    size = (_W, _HORIZON - 10)
    field = canvas.noise(87, cell=620, octaves=7, stretch=1.5, size=(3600, 1900), billows=True)
    seen = canvas.plane(field, size=size, depth=6.5, near=0.3).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    body = canvas.ramp([(0, (40, 46, 58)), (0.4, (78, 88, 102)), (0.75, (142, 140, 136)), (1, (232, 206, 160))], size)
    lit = canvas.relief(seen, dx=4, dy=-12, gain=120).filter(ImageFilter.GaussianBlur(2))
    canvas.shade(body, lit)
    canvas.shade(body, canvas.to_mask(seen, low=1.5, high=-1.3).filter(ImageFilter.GaussianBlur(4)))
    cover = canvas.to_mask(seen, low=-0.7, high=0.1)
    cover = ImageChops.lighter(cover, canvas.levels([(0, 255), (0.5, 200), (0.85, 0), (1, 0)], size))
    fade = canvas.levels([(0, 255), (0.76, 255), (0.95, 110), (1, 0)], size)
    image.paste(body, (0, 0), ImageChops.multiply(cover, fade))
    canvas.glow(image, (1080, _HORIZON - 14), 640, (255, 214, 140), squash=0.3)
    canvas.glow(image, (1080, _HORIZON - 10), 260, (255, 240, 200), squash=0.35)
    return image


def _rain(image: Image.Image) -> None:
    rng = canvas.dice(84)
    for left, wide, strength in ((120, 330, 165), (470, 150, 95), (1320, 210, 120)):
        streaks = Image.frombytes("L", (wide, 8), rng.randbytes(wide * 8)).resize((wide, 460), Image.Resampling.BICUBIC)
        streaks = streaks.filter(ImageFilter.GaussianBlur(2)).point([round(v * strength / 255) for v in range(256)])
        soft = (
            Image.radial_gradient("L")
            .point([max(0, 255 - round(v * 255 / 180)) for v in range(256)])
            .resize((wide, 1000))
            .crop((0, 250, wide, 710))
        )
        curtain = Image.new("L", SIZE)
        curtain.paste(ImageChops.multiply(streaks, soft), (left, _HORIZON - 440))
        curtain = curtain.transform(
            SIZE, Image.Transform.AFFINE, (1, 0.28, -0.28 * _HORIZON, 0, 1, 0), Image.Resampling.BILINEAR
        )
        canvas.lay(image, (66, 74, 88), curtain.filter(ImageFilter.GaussianBlur(5)))


def _hills(image: Image.Image) -> None:
    for seed, base, rise, colour in (
        (91, _HORIZON - 8, 30, (120, 122, 118)),
        (92, _HORIZON, 24, (74, 82, 78)),
        (93, _HORIZON + 8, 16, (44, 54, 46)),
    ):
        line = canvas.ridge(seed, width=_W, base=base, rise=rise, rough=0.46)
        canvas.lay(image, colour, canvas.below(line))
    rng = canvas.dice(94)

    def wood(d: ImageDraw.ImageDraw, k: int) -> None:
        for _ in range(420):
            x = rng.choice((rng.gauss(300, 150), rng.gauss(820, 60), rng.gauss(1500, 120)))
            r = rng.uniform(3, 11)
            y = _HORIZON + 6 - r * 0.6
            d.ellipse(((x - r) * k, (y - r) * k, (x + r) * k, (y + r) * k), fill=255)

    canvas.lay(image, (30, 38, 32), canvas.shape(wood))
    canvas.glow(image, (1080, _HORIZON), 460, (210, 160, 90), squash=0.2)


def _fields(image: Image.Image) -> None:
    size = (_W, _H - _HORIZON - 6)
    wide, long = 4800, 2400
    rows = Image.new("RGB", (96, 1))
    for x in range(96):
        part = abs((x % 24) - 12) / 12
        rows.putpixel((x, 0), (round(138 + 66 * part), round(104 + 52 * part), round(44 + 30 * part)))
    wheat = Image.new("RGB", (wide, long))
    strip = Image.new("RGB", (wide, 1))
    for x in range(0, wide, 96):
        strip.paste(rows, (x, 0))
    wheat.paste(strip.resize((wide, long)))
    pen = ImageDraw.Draw(wheat)
    pen.polygon([(0, 0), (1700, 0), (2150, long), (0, long)], fill=(84, 104, 52))
    pen.polygon([(0, 320), (1760, 380), (1820, 700), (0, 560)], fill=(126, 128, 62))
    pen.polygon([(2900, 0), (wide, 0), (wide, 420), (2900, 380)], fill=(98, 110, 58))
    pen.polygon([(1700, 0), (1730, 0), (2240, long), (2150, long)], fill=(176, 150, 108))
    canvas.shade(
        wheat, canvas.to_mask(canvas.noise(95, cell=30, octaves=4, stretch=0.6, size=(wide, long)), low=-5, high=5)
    )
    canvas.shade(wheat, canvas.to_mask(canvas.noise(96, cell=500, octaves=4, size=(wide, long)), low=-3.6, high=3.6))
    ground = canvas.plane(wheat, size=size, depth=9, near=0.31)
    ears = canvas.relief(canvas.noise(97, cell=9, octaves=3, stretch=0.5, size=size), dx=2, dy=1, gain=70)
    canvas.shade(ground, ears, mask=canvas.levels([(0, 0), (0.35, 60), (1, 230)], size))
    # Cloud shadows: one bright band in the middle distance, dark before it.
    shadow = canvas.levels([(0, 70), (0.1, 0), (0.2, 20), (0.42, 130), (0.75, 165), (1, 215)], size)
    torn = canvas.to_mask(canvas.noise(98, cell=380, octaves=4, stretch=3, size=size), low=-1.6, high=0.5)
    canvas.lay(ground, (20, 24, 20), ImageChops.multiply(shadow, torn))
    haze = canvas.levels([(0, 120), (0.08, 40), (0.2, 0), (1, 0)], size)
    canvas.lay(ground, (190, 170, 120), haze)
    image.paste(ground, (0, _HORIZON + 6))


def _farm(image: Image.Image) -> None:
    def walls(d: ImageDraw.ImageDraw, k: int) -> None:
        for box in ((1226, 676, 1290, 706), (1296, 684, 1330, 706)):
            d.rectangle(tuple(v * k for v in box), fill=255)

    def roofs(d: ImageDraw.ImageDraw, k: int) -> None:
        for points in (
            [(1220, 678), (1234, 656), (1284, 656), (1296, 678)],
            [(1292, 686), (1302, 672), (1326, 672), (1335, 686)],
        ):
            d.polygon([(x * k, y * k) for x, y in points], fill=255)
        d.rectangle((1268 * k, 646 * k, 1275 * k, 662 * k), fill=255)

    canvas.lay(image, (196, 176, 148), canvas.shape(walls))
    canvas.lay(image, (72, 40, 34), canvas.shape(roofs))
    pen = ImageDraw.Draw(image)
    for x in (1236, 1254, 1272):
        pen.rectangle((x, 686, x + 6, 694), fill=(40, 40, 44))
    canvas.lay(
        image,
        (26, 30, 24),
        canvas.shape(
            lambda d, k: canvas.ovals(
                d, k, places=[(1196, 674, 1230, 711), (1330, 664, 1374, 712), (1352, 680, 1380, 711)]
            )
        ),
    )


def _tree(image: Image.Image) -> None:
    rng = canvas.dice(99)
    foot = (392, 872)

    def limbs(d: ImageDraw.ImageDraw, k: int) -> None:
        def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
            # Straight up is −90 degrees; the wind leans everything to the right.
            end = x + length * canvas.cosine(angle), y + length * canvas.sine(angle)
            d.line([(x * k, y * k), (end[0] * k, end[1] * k)], fill=255, width=max(1, round(width * k)))
            if width < 1.1:
                tips.append(end)
                return
            for turn in (-24, 20, rng.uniform(-8, 8)):
                if rng.random() < 0.9:
                    grow(*end, angle + turn + rng.uniform(-9, 13), length * rng.uniform(0.66, 0.84), width * 0.64)

        grow(*foot, -88, 62, 13)

    tips: list[tuple[float, float]] = []
    trunk = canvas.shape(limbs)

    def leaves(d: ImageDraw.ImageDraw, k: int) -> None:
        for x, y in tips:
            for _ in range(16):
                a, b, r = x + rng.gauss(3, 12), y + rng.gauss(0, 9), rng.uniform(0.7, 2.4)
                d.ellipse(((a - r) * k, (b - r) * k, (a + r) * k, (b + r) * k), fill=255)

    crown = canvas.shape(leaves)
    shadow = canvas.shape(lambda d, k: d.ellipse((300 * k, 856 * k, 560 * k, 892 * k), fill=210), blur=14)
    canvas.lay(image, (16, 20, 14), shadow)
    canvas.lay(image, (24, 22, 18), trunk)
    tone = canvas.flat((36, 48, 30))
    canvas.shade(tone, canvas.relief(canvas.noise(100, cell=26, octaves=4), dx=-3, dy=3, gain=200))
    canvas.lay(image, tone, crown)
    lit = ImageChops.subtract(crown, ImageChops.offset(crown, -2, 2))
    canvas.lay(image, (150, 140, 84), lit.point([v * 5 // 10 for v in range(256)]))
