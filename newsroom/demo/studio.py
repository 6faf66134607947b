"""Makes the files of the demo's pictures: from a photograph or a drawing, declared, signed, edited or broken."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from detection.testing.credentials import Authority, tampered
from detection.testing.images import (
    bomb,
    decode,
    encode,
    truncated,
    with_png_text,
    with_xmp_source_type,
)
from newsroom.demo.cast import Role
from newsroom.demo.drawings import canvas

QUALITY = 88
_PARAMETERS = (
    "a bed of flowers in late afternoon light, shallow depth of field, garden photograph\n"
    "Negative prompt: people, text, frame\n"
    "Steps: 28, Sampler: Euler a, CFG scale: 6.5, Seed: 1806402713, Size: 1600x1067, Model: meadow-v2"
)


class Studio:
    """One session of making pictures. A drawing or photograph that several pictures need is made once.

    `draw` gives the drawing of a name. `photographs` is the folder of real ones, or None.
    """

    def __init__(self, *, photographs: Path | None, authority: Authority, draw: Callable[[str], Image.Image]) -> None:
        self._photographs = photographs
        self._authority = authority
        self._draw = draw
        self._made: dict[str, bytes] = {}

    def make(self, role: Role) -> bytes:
        """The file of one role. The same each time except for signatures, which are new with each authority."""
        if role.key not in self._made:
            self._made[role.key] = _RECIPES.get(role.key, Studio.plain)(self, role)
        return self._made[role.key]

    def plain(self, role: Role) -> bytes:
        """The photograph or drawing as a JPEG that declares nothing; a photograph that is a JPEG stays as it came."""
        content = self._photograph(role)
        if content is not None and role.photograph.endswith(".jpg"):
            return content
        return encode(self._image(role), quality=QUALITY)

    def _photograph(self, role: Role) -> bytes | None:
        if not has_photograph(role, self._photographs) or self._photographs is None:
            return None
        return (self._photographs / role.photograph).read_bytes()

    def _image(self, role: Role) -> Image.Image:
        content = self._photograph(role)
        return (self._drawn(role.scene) if content is None else decode(content)).convert("RGB")

    def _drawn(self, scene: str) -> Image.Image:
        name = f"drawing {scene}"
        if name not in self._made:
            self._made[name] = encode(self._draw(scene), format="PNG", compress_level=1)
        return decode(self._made[name])

    def _signed_landing(self, role: Role) -> bytes:
        return self._authority.sign(
            self.plain(role), "image/jpeg", source_type="trainedAlgorithmicMedia", software="Meadow Image 2"
        )

    def _heic(self, role: Role) -> bytes:
        return encode(self._image(role), format="HEIF", quality=85)

    def _captured(self, role: Role) -> bytes:
        return self._authority.sign(self.plain(role), "image/jpeg", source_type="digitalCapture", software="Camera 7")

    def _generated(self, role: Role) -> bytes:
        return with_png_text(encode(self._image(role), format="PNG"), {"parameters": _PARAMETERS})

    def _cut_off(self, role: Role) -> bytes:
        return truncated(self.plain(role), keep=0.55)

    def _too_large(self, role: Role) -> bytes:
        # Above what is read here, and below the size at which Pillow itself warns whoever stores it.
        return bomb(9_600, 7_200)

    def _with_moon(self, role: Role) -> bytes:
        edited = encode(with_moon(self._image(role)), quality=QUALITY)
        return self._authority.sign(
            edited,
            "image/jpeg",
            source_type="compositeWithTrainedAlgorithmicMedia",
            software="Meadow Retouch 5",
            parent=self.plain(role),
        )

    def _warmer_copy(self, role: Role) -> bytes:
        return tampered(self._with_moon(role), edit=_warmer)

    def _declared(self, role: Role) -> bytes:
        return with_xmp_source_type(self.plain(role))


_RECIPES: dict[str, Callable[[Studio, Role], bytes]] = {
    "landing": Studio._signed_landing,
    "cup": Studio._heic,
    "cat": Studio._captured,
    "flower_bed": Studio._generated,
    "cut_off": Studio._cut_off,
    "too_large": Studio._too_large,
    "moonrise": Studio._with_moon,
    "moonrise_copy": Studio._warmer_copy,
    "gallery": Studio._declared,
}


def has_photograph(role: Role, photographs: Path | None) -> bool:
    """Whether this role's real photograph is at hand."""
    return bool(role.photograph) and photographs is not None and (photographs / role.photograph).is_file()


def with_moon(image: Image.Image) -> Image.Image:
    """The picture with a patch of its sky filled in: a full moon, its light, and the sky painted anew around it."""
    image = image.copy()
    width, height = image.size
    centre, radius = (width * 0.605, height * 0.24), height * 0.085
    patch = canvas.shape(partial(_disc, centre=centre, radius=radius * 2.1), size=image.size, blur=radius * 0.35)
    image.paste(image.filter(ImageFilter.GaussianBlur(radius * 0.5)), (0, 0), patch)
    canvas.glow(image, centre, radius * 4.4, (92, 104, 132), power=2.4)
    face = canvas.flat((236, 230, 212), image.size)
    seas = canvas.noise(301, cell=radius * 1.1, octaves=4, size=image.size)
    canvas.lay(face, (168, 164, 156), canvas.to_mask(seas, low=0.05, high=0.9))
    disc = canvas.shape(partial(_disc, centre=centre, radius=radius), size=image.size, blur=0.6)
    image.paste(face, (0, 0), disc)
    return image


def _disc(d: ImageDraw.ImageDraw, k: int, *, centre: canvas.Point, radius: float) -> None:
    x, y = centre
    d.ellipse(((x - radius) * k, (y - radius) * k, (x + radius) * k, (y + radius) * k), fill=255)


def _warmer(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    warm = Image.merge(
        "RGB",
        (
            red.point([min(255, round(v * 1.16) + 8) for v in range(256)]),
            green,
            blue.point([v * 74 // 100 for v in range(256)]),
        ),
    )
    return ImageEnhance.Contrast(warm).enhance(1.08)
