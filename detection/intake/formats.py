"""Which picture format some bytes are: read off the first bytes, never off the name. Pure; asked by `intake`."""

from __future__ import annotations

from pathlib import PurePath

from detection.errors import Rejected

SAVE_AS = "Save it as JPEG, PNG, WebP, HEIC or AVIF and upload it again."

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
}
EXTENSIONS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    "PNG": {".png", ".apng"},
    "WEBP": {".webp"},
    "HEIF": {".heic", ".heif", ".hif"},
    "AVIF": {".avif", ".avifs"},
}
NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC", "AVIF": "AVIF"}
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF or camera raw file"),
    (b"MM\0*", "a TIFF or camera raw file"),
    (b"II+\0", "a TIFF"),
    (b"MM\0+", "a TIFF"),
    (b"%!PS", "an EPS or PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop document"),
    (b"BM", "a BMP"),
    (b"PK\3\4", "a ZIP archive or office document"),
    (b"\0\0\1\0", "an icon"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)


def sniff(content: bytes) -> str:
    """The format by the first bytes, never by the name: a key of `MEDIA_TYPES`. Raises Rejected("unsupported")."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        brands = {content[start : start + 4] for start in (8, *range(16, min(_box_length(content), 256), 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
            return "HEIF"
        raise Rejected("unsupported", f"This is a video, not a picture. {SAVE_AS}")
    head = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _OTHERS:
        if content.startswith(magic) or (magic[:1] in b"<%" and head.lower().startswith(magic.lower())):
            raise Rejected("unsupported", f"This is {name}, which is not read here. {SAVE_AS}")
    raise Rejected("unsupported", f"This is not a picture in a format that is read here. {SAVE_AS}")


def _box_length(content: bytes) -> int:
    return int.from_bytes(content[:4], "big")


def is_cut_off(content: bytes, kind: str) -> bool:
    """Whether the mark that ends a file of this format is missing (always False where there is none)."""
    if kind == "JPEG":
        return b"\xff\xd9" not in content[-4096:]
    if kind == "PNG":
        return b"IEND" not in content[-4096:]
    if kind == "WEBP":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    return False


def wrong_extension(kind: str, filename: str) -> str:
    """A note where the name's extension is another format's; "" where they agree or there is no extension."""
    suffix = PurePath(filename).suffix.lower()
    if not suffix or suffix in EXTENSIONS[kind]:
        return ""
    return f"The file name ends in {suffix[:12]}, but this is a {NAMES[kind]} picture."
