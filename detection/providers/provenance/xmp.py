"""XMP: the fields of a packet that speak of origin, wherever they stand. Pure; asked by `metadata`.

A property may be an attribute, an element, a resource or the items of a list; all forms occur. A packet that cannot
be parsed, or that declares entities, is searched as bytes for the one code that matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from detection.providers.provenance import source_types
from detection.results import Evidence
from detection.vocabulary import Says

MAX_PACKET = 4 * 1024 * 1024
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_CONTAINERS = (f"{_RDF}Alt", f"{_RDF}Bag", f"{_RDF}Seq")
_SOURCE_TYPE = "digitalsourcetype"
_AI_FIELDS = {
    "aisystemused": "Iptc4xmpExt:AISystemUsed",
    "aisystemversionused": "Iptc4xmpExt:AISystemVersionUsed",
    "aipromptinformation": "Iptc4xmpExt:AIPromptInformation",
    "aipromptwritername": "Iptc4xmpExt:AIPromptWriterName",
}
"""IPTC Photo Metadata 2025.1: set by programs that generated the picture."""
CREDITS = {"Made with Google AI": Says.AI, "Edited with Google AI": Says.AI_EDITED}
"""Whole credit lines that a vendor writes; the same line stands in IIM 2:110."""
_SEARCHED = re.compile(rb"digitalsourcetype/([A-Za-z]{3,60})", re.IGNORECASE)


def evidence(packet: bytes, *, where: str = "XMP") -> list[Evidence]:
    """What one packet says."""
    fields = properties(packet)
    if fields is None:
        found = [match.decode("ascii") for match in _SEARCHED.findall(packet[:MAX_PACKET])]
        return [_source_type(code, f"{where}, damaged") for code in dict.fromkeys(found)]
    types = [_source_type(value, where) for name, value in fields if name == _SOURCE_TYPE]
    # A picture that was only edited with AI carries the same fields; then the source type tells which.
    is_edit = any(item.says is Says.AI_EDITED for item in types) and not any(item.says is Says.AI for item in types)
    ai_says = Says.AI_EDITED if is_edit else Says.AI
    others = [item for name, value in fields if (item := _other(name, value, where, ai_says))]
    return [*types, *others]


def search(content: bytes) -> bytes:
    """The first whole packet anywhere in the bytes; for files whose structure cannot be read."""
    # From the end back to its beginning: a search for both at once takes hours over beginnings without an end.
    end = content.find(b"</x:xmpmeta>", content.find(b"<x:xmpmeta") + 1)
    start = content.rfind(b"<x:xmpmeta", max(0, end - MAX_PACKET), max(0, end))
    return content[start : end + len(b"</x:xmpmeta>")] if 0 <= start < end else b""


def is_tc260_ai(value: str) -> bool:
    """China's TC260 label: JSON whose Label is "1" declares generated or synthesised content."""
    return re.search(r'"Label"\s*:\s*"?1"?\s*[,}]', value) is not None


def properties(packet: bytes) -> list[tuple[str, str]] | None:
    """(folded local name, value) of every property; None where the packet is no safe XML."""
    try:
        root = fromstring(packet[:MAX_PACKET].strip(b"\0 \r\n\t"), forbid_dtd=False)
    except (ParseError, ValueError, LookupError, RecursionError):  # a refused entity is a ValueError
        return None
    return list(_walk(root))


def _walk(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        for name, value in element.attrib.items():
            if not name.startswith(_RDF):
                yield _local(name), value.strip()
        for value in _values(element):
            yield _local(element.tag), value


def _values(element: Element) -> Iterator[str]:
    if resource := element.get(f"{_RDF}resource"):
        yield resource.strip()
    if element.text and element.text.strip():
        yield element.text.strip()
    for container in element:
        for item in container if container.tag in _CONTAINERS else ():
            if text := (item.text or item.get(f"{_RDF}resource") or "").strip():
                yield text


def _local(name: str) -> str:
    return str(name).rpartition("}")[2].casefold()


def _source_type(value: str, where: str) -> Evidence:
    says = source_types.says(value)
    note = source_types.note_on(value)
    return Evidence(
        kind="iptc",
        key="Iptc4xmpExt:DigitalSourceType",
        value=value,
        where=f"{where}; {note}" if note else where,
        says=says,
        # Anybody can write "camera" into an unsigned field; only the admission of AI carries weight.
        strength="E" if says is Says.CAPTURE else "B",
    )


def _other(name: str, value: str, where: str, ai_says: Says) -> Evidence | None:
    if name in _AI_FIELDS and value:
        return Evidence(kind="iptc", key=_AI_FIELDS[name], value=value, where=where, says=ai_says, strength="B")
    if name == "credit" and value in CREDITS:
        return Evidence(kind="xmp", key="photoshop:Credit", value=value, where=where, says=CREDITS[value], strength="B")
    if name == "aigc" and value:
        says = Says.AI if is_tc260_ai(value) else Says.OTHER
        return Evidence(kind="xmp", key="TC260:AIGC", value=value, where=where, says=says, strength="B")
    if name == "creatortool" and value:
        return Evidence(kind="xmp", key="xmp:CreatorTool", value=value, where=where, strength="D")
    return None
