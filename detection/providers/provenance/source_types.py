"""IPTC digital source types: what each code says about how a picture was made. Pure; asked by all readers here.

The codes stand in XMP, in C2PA actions and in metadata assertions, with http or https, bare or as a URI, sometimes
with a blank in front. https://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

from detection.vocabulary import Says

AI_CODES = {
    "trainedAlgorithmicMedia": Says.AI,
    "compositeWithTrainedAlgorithmicMedia": Says.AI_EDITED,
    "compositeSynthetic": Says.AI_EDITED,
}
CAPTURES = {"digitalCapture": Says.CAPTURE, "computationalCapture": Says.CAPTURE}
OTHERS = frozenset(
    {
        "algorithmicMedia",
        "algorithmicallyEnhanced",
        "composite",
        "compositeCapture",
        "dataDrivenMedia",
        "digitalCreation",
        "empty",
        "humanEdits",
        "negativeFilm",
        "positiveFilm",
        "print",
        "screenCapture",
        "trainedAlgorithmicData",
        "virtualRecording",
    }
)
RETIRED = {"minorHumanEdits": "humanEdits", "digitalArt": "digitalCreation", "softwareImage": ""}
"""Codes that IPTC retired, and what they are read as now ("": nothing definite)."""

KNOWN = frozenset({*AI_CODES, *CAPTURES, *OTHERS} - {"empty"})
"""Codes that say something definite today."""
_BY_FOLDED = {code.casefold(): code for code in (*AI_CODES, *CAPTURES, *OTHERS, *RETIRED)}


def code_of(value: str) -> str:
    """The bare code in IPTC's own spelling, from a URI or a code; what is unknown comes back as its last segment."""
    segment = value.strip().rstrip("/").rsplit("/", 1)[-1]
    return _BY_FOLDED.get(segment.casefold(), segment)


def says(value: str) -> Says:
    """What a source type says; OTHER for everything that is neither generative AI nor a camera's capture."""
    code = code_of(value)
    return AI_CODES.get(code) or CAPTURES.get(code) or Says.OTHER


def in_words(value: str) -> str:
    """The code in plain words, for a sentence: `trained algorithmic media`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in code_of(value)[:60]).strip()


def note_on(value: str) -> str:
    """A remark where a code is retired; "" otherwise."""
    code = code_of(value)
    if code not in RETIRED:
        return ""
    return f"retired code, read as {RETIRED[code]}" if RETIRED[code] else "retired code without a definite meaning"
