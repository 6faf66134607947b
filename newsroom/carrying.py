"""What a readers' copy says of itself: credit, copyright, caption and how it was made, as XMP in its JPEG.

The newsroom's own words come first. Where it has none, what the file says is kept of staff and agency pictures only:
in a reader's file these fields may name a source. How a picture was made is kept of all. Pure; asked by `renditions`.
"""

from __future__ import annotations

import hashlib
from xml.sax.saxutils import escape, quoteattr

from detection.sandbox import Carried
from newsroom.models import Photo, SourceTier

_TRUSTED = (SourceTier.STAFF, SourceTier.AGENCY)
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_MOST = 2000
"""Characters of one field: four of them, escaped, fit into one segment of a JPEG, which has 64 KiB."""
_PACKET = """<?xpacket begin="\N{ZERO WIDTH NO-BREAK SPACE}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"{attributes}>{elements}
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def words(photo: Photo, found: Carried, confirmed: str = "") -> dict[str, str]:
    """What the copy is to say, by name: `credit`, `copyright`, `caption`, `source_type`. Without what is empty.

    `confirmed`: the source type as a person of the desk has confirmed it, which goes before what the file says.
    """
    keeps = photo.source_tier in _TRUSTED
    said = {
        "credit": photo.credit or (found.credit if keeps else ""),
        "copyright": photo.licence or (found.copyright if keeps else ""),
        "caption": photo.caption or (found.caption if keeps else ""),
        "source_type": confirmed or found.source_type,
    }
    return {name: value.strip()[:_MOST] for name, value in said.items() if value.strip()}


def own_words(photo: Photo, confirmed: str = "") -> str:
    """A fingerprint of what the newsroom itself says of the picture: when it changes, a copy is made anew."""
    said = "\0".join(
        (photo.credit, photo.licence, photo.caption, photo.source_tier, *([confirmed] if confirmed else []))
    )
    return hashlib.sha256(said.encode()).hexdigest()


def written(jpeg: bytes, said: dict[str, str]) -> bytes:
    """The same JPEG with these words in it, and nothing changed in its pixels."""
    if not said:
        return jpeg
    packet = _MARK + _packet(said)
    segment = b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet
    at = 4 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == b"\xff\xe0" else 2  # behind JFIF's own segment
    return jpeg[:at] + segment + jpeg[at:]


def _packet(said: dict[str, str]) -> bytes:
    plain = {name: "".join(c if c.isprintable() else " " for c in value) for name, value in said.items()}
    attributes = ""
    if credit := plain.get("credit"):
        attributes += f" photoshop:Credit={quoteattr(credit)}"
    if code := plain.get("source_type"):
        attributes += f" Iptc4xmpExt:DigitalSourceType={quoteattr(_SOURCE_TYPES + code)}"
    elements = "".join(
        f'\n<dc:{name}><rdf:Alt><rdf:li xml:lang="x-default">{escape(plain[key])}</rdf:li></rdf:Alt></dc:{name}>'
        for name, key in (("rights", "copyright"), ("description", "caption"))
        if key in plain
    )
    return _PACKET.format(attributes=attributes, elements=elements).encode()
