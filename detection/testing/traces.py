"""Pictures that tell too much: place, serial numbers and names, everywhere a camera, a program or a person leaves them.

Any test may ask. `telling` makes one, `told` finds what is still told: by a search of the bytes for each value that was
planted, and by Pillow's own reading of what may have been written otherwise.
"""

from __future__ import annotations

import zlib

from PIL import ExifTags, Image, ImageCms

from detection.intake import opened
from detection.intake.formats import sniff
from detection.testing import images

OWNER, SERIAL, PLACE = "Robin Owner-of-this", "SN-8841-7702-XK", "Grenzweg 7, Musterort"
PLANTED = (OWNER, SERIAL, PLACE, "48,12.3456N")
TRAILER = b"PK\3\4 what follows the picture: " + OWNER.encode()
"""Bytes behind the end of the picture, as polyglots and some cameras have them."""
_SEGMENTS = {
    0xEB: b"JP\2\x11\0\0\0\1jumb credential by " + OWNER.encode(),
    0xEC: b"Ducky\0" + PLACE.encode(),
    0xED: b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\x1a\x1c\2\x50\0\x13" + OWNER.encode(),
    0xE0: b"JFXX\0\x10a thumbnail of " + OWNER.encode(),
    0xE2: b"FPXR\0a second picture, serial " + SERIAL.encode(),
    0xFE: b"taken at " + PLACE.encode(),
}
_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" aux:SerialNumber="%s" exif:GPSLatitude="48,12.3456N"'
    b' aux:OwnerName="%s"%s/></rdf:RDF></x:xmpmeta>'
)


def exif(*, turned: int = 1) -> bytes:
    """EXIF with a place, three serial numbers, an owner, a maker's note, and `turned`, the orientation."""
    made = Image.Exif()
    made.update({0x010F: "Maker", 0x0112: turned, 0x013B: OWNER, 0x8298: OWNER, 0x0132: "2024:05:06 07:08:09"})
    made.get_ifd(0x8769).update(
        {0xA430: OWNER, 0xA431: SERIAL, 0xA435: SERIAL, 0x927C: b"note " + SERIAL.encode(), 0x9286: PLACE.encode()}
    )
    made.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 20.7), 3: "E", 4: (11.0, 34.0, 5.1), 0x1C: PLACE.encode()})
    return made.tobytes()


def xmp(*, turned: int = 0) -> bytes:
    """An XMP packet with the same; `turned` stands in it too, unless it is 0."""
    said = b' tiff:Orientation="%d"' % turned if turned else b""
    return _XMP % (SERIAL.encode(), OWNER.encode(), said)


def telling(format: str = "JPEG", *, turned: int = 1, size: tuple[int, int] = (96, 64), seed: int = 1) -> bytes:
    """A picture in one of `images.FORMATS` with all of this in it, and with a `TRAILER` where its format bears one."""
    plain = images.photo_like(seed, size=size, format=format)
    if format == "JPEG":
        told_in = plain
        for marker, body in _SEGMENTS.items():
            told_in = images.spliced_into_jpeg(told_in, marker, body)
        return images.with_xmp(images.spliced_into_jpeg(told_in, 0xE1, exif(turned=turned)), xmp()) + TRAILER
    if format == "PNG":
        packed = b"Comment\0\0" + zlib.compress(f"{OWNER} {PLACE}".encode())
        chunks = (
            images.chunk(b"eXIf", exif(turned=turned).removeprefix(b"Exif\0\0")),
            images.chunk(b"tEXt", b"Author\0" + OWNER.encode()),
            images.chunk(b"zTXt", packed),
            images.chunk(b"tIME", b"\x07\xe8\5\6\7\x08\x09"),
            images.chunk(b"caBX", b"credential by " + OWNER.encode()),
        )
        return images.with_xmp(images.spliced_into_png(plain, b"".join(chunks)), xmp()) + TRAILER
    made = images.encode(images.decode(plain), format=format, exif=exif(turned=turned), xmp=xmp())
    return made + TRAILER if format == "WEBP" else made


def told(content: bytes) -> list[str]:
    """What some picture still tells: planted values among its bytes, and names of fields that Pillow reads."""
    found = [value for value in PLANTED if value.encode() in content or value.encode("utf-16-be") in content]
    with opened(content, sniff(content), max_pixels=50_000_000) as image:
        said = image.getexif()
        fields = [said, *(said.get_ifd(number) for number in (0x8769, 0x8825, 0xA005))]
        found += [ExifTags.TAGS.get(tag, hex(tag)) for one in fields for tag in one if tag != 0x0112]
        quiet = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "icc_profile", "adobe", "adobe_transform", "exif"}
        quiet |= {"dpi", "gamma", "srgb", "transparency", "progressive", "progression", "aspect", "background"}
        quiet |= {"chromaticity", "loop", "duration", "timestamp", "default_image", "bbox", "disposal", "blend"}
        found += [str(key) for key in image.info if key not in quiet]
    return found


def pixels(content: bytes) -> tuple[str, tuple[int, int], bytes]:
    """Mode, size and every pixel of the first picture, as it is stored, not turned."""
    with opened(content, sniff(content), max_pixels=50_000_000) as image:
        return image.mode, image.size, image.tobytes()


def screen_profile() -> bytes:
    """An sRGB profile with the serial number of a display in it, as screenshots of some systems carry."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = int.from_bytes(plain[128:132], "big")
    table = [plain[132 + 12 * number : 144 + 12 * number] for number in range(count)]
    moved = [one[:4] + (int.from_bytes(one[4:8], "big") + 12).to_bytes(4, "big") + one[8:] for one in table]
    data = plain[132 + 12 * count :]
    note = b"mmod\0\0\0\0" + SERIAL.encode()
    at = 132 + 12 * (count + 1) + len(data)
    tag = b"mmod" + at.to_bytes(4, "big") + len(note).to_bytes(4, "big")
    whole = (
        plain[4:84]
        + b"a fingerprint..."
        + plain[100:128]
        + (count + 1).to_bytes(4, "big")
        + b"".join(moved)
        + tag
        + data
        + note
    )
    return (len(whole) + 4).to_bytes(4, "big") + whole
