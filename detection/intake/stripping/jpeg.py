"""A JPEG without its metadata. Tables and compressed pixels stay byte for byte. Pure; asked by `stripping`.

Kept of the application segments: JFIF without its thumbnail, the colour profile, Adobe's note on how colours are coded,
and an EXIF of our own with the orientation, where there is one. All others may say where, with what and by whom.
"""

from __future__ import annotations

import re

from detection.intake.stripping import kept
from detection.intake.stripping.faults import MOST_PIECES, Intricate

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_IN_PIXELS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends compressed pixels: a marker that neither stands for a byte 0xFF nor lets a decoder start anew."""
_EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_EMPTY = {0x01, *range(0xD0, 0xD8)}
"""Markers without a segment, which mean nothing between segments."""
_PIXELS = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF} - {0xC8}
"""Frame headers and tables, without which there is no picture."""
_SAID = {*range(0xE0, 0xF0), 0xFE}
_ICC = b"ICC_PROFILE\0"
_MOST_ICC = 65_533 - len(_ICC) - 2


def strip(content: bytes) -> bytes:
    """The picture's own segments up to its end. Raises Intricate where they do not follow each other as they should."""
    return _Walk(content).through()


class _Walk:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.view = memoryview(content)
        self.has_jfif = False
        self.exif: list[bytes] = []
        self.xmp: bytes | None = None
        self.icc: dict[int, bytes] = {}
        """The parts of the colour profile, by their place among `parts`."""
        self.parts: list[bytes | memoryview] = []

    def through(self) -> bytes:
        at = 2
        for _ in range(MOST_PIECES):
            found = _MARKER.search(self.content, at)
            if found is None:
                break
            marker, at = found[0][1], found.end()
            if marker == _EOI:
                return self._whole()
            if marker in _EMPTY:
                continue
            end = at + int.from_bytes(self.content[at : at + 2], "big")
            if marker not in _PIXELS | _SAID or not at + 2 <= end <= len(self.content):
                break
            if marker in _SAID:
                self._hear(marker, self.content[at + 2 : end])
            else:
                end = self._end_of_pixels(end) if marker == _SOS else end
                self.parts.append(self.view[at - 2 : end])
            at = end
        raise Intricate("The segments of this JPEG do not follow each other as they should.")

    def _end_of_pixels(self, begin: int) -> int:
        found = _IN_PIXELS.search(self.content, begin)
        return len(self.content) if found is None else found.start()

    def _hear(self, marker: int, body: bytes) -> None:
        """Keep what the picture needs of a segment that says something; of what is told twice, what Pillow takes."""
        if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14 and not self.has_jfif:
            self.has_jfif = True
            self.parts.append(_segment(_APP0, body[:12] + b"\0\0"))
        elif marker == _APP1 and body.startswith(b"Exif\0\0"):
            self.exif.append(body[6:])
        elif marker == _APP1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            self.xmp = body
        elif marker == _APP2 and body.startswith(_ICC):
            self.icc[len(self.parts)] = body
            self.parts.append(_segment(_APP2, body))
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            self.parts.append(_segment(_APP14, body[:12]))

    def _whole(self) -> bytes:
        self._clean_profile()
        turned = kept.orientation(b"".join(self.exif) if self.exif else None, self.xmp)
        exif = [_segment(_APP1, b"Exif\0\0" + kept.exif_of(turned))] if turned > 1 else []
        # JFIF asks for its own segment to come first.
        first = 1 if self.parts and self.parts[0][:2] == b"\xff\xe0" else 0
        return b"".join((b"\xff\xd8", *self.parts[:first], *exif, *self.parts[first:], b"\xff\xd9"))

    def _clean_profile(self) -> None:
        """Put a clean profile in the place of one that says more; nothing where a part is missing: none can read it."""
        ordered = sorted(self.icc.values())
        is_whole = all(part[len(_ICC) + 1 : len(_ICC) + 2] == bytes((len(ordered) % 256,)) for part in ordered)
        icc = b"".join(part[len(_ICC) + 2 :] for part in ordered)
        clean = kept.profile(icc) if is_whole else b""
        if not self.icc or clean == icc:
            return
        pieces = [clean[at : at + _MOST_ICC] for at in range(0, len(clean), _MOST_ICC)]
        anew = (_ICC + bytes((number, len(pieces))) + piece for number, piece in enumerate(pieces, start=1))
        for place in self.icc:
            self.parts[place] = b""
        self.parts[min(self.icc)] = b"".join(_segment(_APP2, body) for body in anew)


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
