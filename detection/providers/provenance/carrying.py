"""What a copy of a picture should go on saying: whose it is, what it shows, and how it was made.

The sandbox's job `carry`; nobody else asks. A copy that is written anew loses its metadata and its Content Credentials;
these few lines, and the fact that there were credentials, are read out before. Each may be forged: it is only repeated.
"""

from __future__ import annotations

from contextlib import suppress

from PIL import IptcImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from detection.providers.provenance import inspection, metadata, png_text, source_types, xmp
from detection.sandbox import Carried
from detection.vocabulary import CredentialState, Says

_XMP = {"credit": "credit", "rights": "copyright", "description": "caption"}
_IIM = {(2, 110): "credit", (2, 116): "copyright", (2, 120): "caption"}
_EXIF = {33432: "copyright", 270: "caption"}
_CODES = {Says.AI: "trainedAlgorithmicMedia", Says.AI_EDITED: "compositeWithTrainedAlgorithmicMedia"}
MOST = {"credit": 200, "copyright": 200, "caption": 2000}
"""Characters that are kept of each."""


def read(content: bytes, *, max_pixels: int) -> Carried:
    """XMP first, then IPTC IIM, then EXIF. `max_pixels`: as for `inspection`."""
    declared, evidence = inspection.inspect(content, max_pixels=max_pixels)
    named = [item.value for item in evidence if item.key == "Iptc4xmpExt:DigitalSourceType"]
    # What AI made stays so in every copy; for the rest the file's own word is repeated, where it is one of IPTC's.
    code = _CODES.get(declared.says) if declared.says else None
    code = code or next((one for one in map(source_types.code_of, named) if one in source_types.KNOWN), "")
    had_credentials = declared.credentials not in (CredentialState.NONE, CredentialState.REMOTE_ONLY)
    return Carried(source_type=code, had_credentials=had_credentials, **_words(content))


def _words(content: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (*_in_xmp(content), *_in_fields(content)):
        shown = "".join(letter if letter.isprintable() else " " for letter in value).strip()
        if shown:
            found.setdefault(name, shown[: MOST[name]])
    return found


def _in_xmp(content: bytes) -> list[tuple[str, str]]:
    packets = [value.encode() for key, value in png_text.texts(content) if key == "XML:com.adobe.xmp"]
    packet = packets[0] if packets else xmp.search(content)
    return [(_XMP[name], value) for name, value in xmp.properties(packet) or () if name in _XMP]


def _in_fields(content: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    image = metadata.opened(content)
    if image is None:
        return found
    with image:
        if isinstance(image, JpegImageFile):
            with suppress(Exception):
                iim = IptcImagePlugin.getiptcinfo(image) or {}
                for tag, name in _IIM.items():
                    raw = iim.get(tag, b"")
                    found.append((name, metadata.text(raw[0] if isinstance(raw, list) and raw else raw)))
            with suppress(Exception):
                tags = image.getexif()
                found += [(name, metadata.text(tags[tag])) for tag, name in _EXIF.items() if tag in tags]
    return found
