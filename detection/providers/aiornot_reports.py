"""How the reports in an answer of AI or Not's are read: their states, their numbers, generators and altered faces.

Decides what a report that is missing means: never that a person made the picture. Pure functions; asked by `aiornot`.
https://docs.aiornot.com/api-reference/reports-by-modality/image
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from detection.errors import SchemaMismatch
from detection.providers.answers import flag, items, part, score, text
from detection.results import Evidence, Generator
from detection.vocabulary import Says, Verdict

GENERATED, DEEPFAKE = "ai_generated", "deepfake"
GENERATOR_FLOOR = 0.1
"""From which confidence on a generator is named; each that the vendor knows has one, most of them near 0."""
MAX_REGIONS = 20
WITHOUT_REPORT: Mapping[str, tuple[Verdict, str]] = {
    "rejected": (Verdict.NOT_APPLICABLE, "not_applicable"),
    "errored": (Verdict.UNKNOWN, "vendor_failed"),
}
"""What a report that is null means, by its `processing_status`: never that a person made the picture."""
PROCESSED = "processed"


def meta_of(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the answer says of the picture as it arrived; nothing where it says nothing. Raises SchemaMismatch."""
    found = part(payload, "report").get("meta")
    return found if isinstance(found, Mapping) else {}


def status_of(payload: Mapping[str, Any], report: str) -> str:
    """The state of a report, in the vendor's word; "" where none is told."""
    found = meta_of(payload).get("processing_status")
    return text(found, report) if isinstance(found, Mapping) else ""


def confidence(value: Any, name: str) -> float | None:
    """0–1; None for -1, the one number below 0 that the vendor's client documents: it has none."""
    return None if value == -1 else score(value, name)


def generators_of(generated: Mapping[str, Any]) -> tuple[Generator, ...]:
    """The programs above the floor, the likeliest first. Raises SchemaMismatch for what is no number."""
    given = generated.get("generator")
    found = []
    for name, value in (part(generated, "generator") if given is not None else {}).items():
        number = value.get("confidence") if isinstance(value, Mapping) else value
        sure = None if number is None else confidence(number, "generator confidence")
        if sure is not None and sure >= GENERATOR_FLOOR:
            found.append(Generator(name=name, score=sure))
    return tuple(sorted(found, key=lambda one: (-(one.score or 0.0), one.name)))


def altered_faces(given: Any, status: str, *, is_asked: bool) -> tuple[Evidence, ...]:
    """The deepfake report as evidence: that it found something and where, or, as a note, that it did not come.

    Raises SchemaMismatch for one of another shape, and where it is missing under a state that nobody documents.
    """
    if given is None:
        return (_not_looked_for(status),) if is_asked else ()
    if not isinstance(given, Mapping) or (is_detected := flag(given, "is_detected")) is None:
        raise SchemaMismatch("The detector's deepfake report is not as it is documented. A person has to look.")
    if not is_detected:
        return ()
    sure = confidence(given.get("confidence"), "deepfake confidence")
    said = "detected" if sure is None else f"detected, confidence {sure:g}"
    boxes = [one for one in items(given.get("rois")) if one.get("is_detected") is not False][:MAX_REGIONS]
    return (
        Evidence(kind="classifier", key=DEEPFAKE, value=said, says=Says.AI_EDITED),
        *(Evidence(kind="region", key="face", value=_place(part(one, "bbox")), says=Says.AI_EDITED) for one in boxes),
    )


def _not_looked_for(status: str) -> Evidence:
    if status not in (*WITHOUT_REPORT, PROCESSED, ""):
        raise SchemaMismatch("The detector gave no deepfake report and no documented reason. A person has to look.")
    why = status if status in WITHOUT_REPORT else "no report came"
    return Evidence(kind="note", key=DEEPFAKE, value=f"altered faces were not looked for: {why}")


def _place(box: Mapping[str, Any]) -> str:
    """A box in words. That its numbers are pixels of the picture as it was sent is inferred: they are whole."""
    sides: list[Any] = [box.get(name) for name in ("x1", "x2", "y1", "y2")]
    are_numbers = all(type(side) in (int, float) for side in sides)
    if not are_numbers or not (0 <= sides[0] < sides[1] and 0 <= sides[2] < sides[3]):
        raise SchemaMismatch("The detector's region is no box. A person has to look.")
    return "x {:g}–{:g}, y {:g}–{:g}".format(*sides)
