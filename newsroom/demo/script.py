"""What the demo's two detectors answer about each of its pictures, so that every kind of finding can be seen.

Made up and said so: no detector looked at these pictures. The `demo` command turns the neutral form into whatever its
scripted detectors read. The first detector is asked about everything; the second where the first is in doubt, or when
a person asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from newsroom.demo.pictures import DemoPicture

MODELS = {"first": "demo-a 3.1", "second": "demo-b 1.4"}
"""The model each detector says it used."""
WIRE_WORDS = {"likely_ai": "likely_ai_generated", "partial_ai": "partly_ai_generated", "likely_human": "likely_human"}
"""The house's verdicts in the words of the wire contract."""

RETRY_AFTER = 1800
"""Seconds after which a detector that fails asks to be tried again."""

Answer = dict[str, Any]


def _says(verdict: str, ai_score: float, *, overlay: bool = False) -> Answer:
    sure = round(1 - ai_score, 2) if verdict == "likely_human" else ai_score
    answer: Answer = {"verdict": verdict, "confidence": sure, "ai_score": ai_score}
    return {**answer, "overlay": True} if overlay else answer


def _fails(status: int) -> Answer:
    return {"fail": status}


_ANSWERS: dict[str, dict[str, dict[str, Any]]] = {
    "rocket": {"first": _says("likely_human", 0.06), "second": _says("likely_human", 0.09)},
    "landing": {"first": _says("likely_ai", 0.97, overlay=True), "second": _says("likely_ai", 0.94)},
    # A false alarm on a real photograph: the second detector, once asked, does not share it.
    "cup": {"first": _says("likely_ai", 0.93, overlay=True), "second": _says("likely_human", 0.21)},
    "cat": {"first": _says("likely_ai", 0.95), "second": _says("likely_human", 0.18)},
    "lawn": {"first": _says("likely_human", 0.10), "second": _says("likely_human", 0.14)},
    "flower_bed": {"first": _says("likely_ai", 0.90), "second": _says("likely_ai", 0.88)},
    "moonrise": {"first": _says("partial_ai", 0.58, overlay=True), "second": _says("partial_ai", 0.61)},
    "moonrise_copy": {"first": _says("likely_human", 0.30), "second": _says("likely_human", 0.33)},
    # Both a little, or the second opinion would turn "some" into "disagree".
    "deep_field": {"first": _says("likely_ai", 0.62), "second": _says("likely_ai", 0.55)},
    "gallery": {"first": _says("likely_ai", 0.98), "second": _says("likely_ai", 0.96)},
    "storm": {
        "first": _fails(503),
        "second": _says("likely_human", 0.12),
    },
    # Inside the band in which a second opinion is asked for without anybody's click.
    "snow_street": {"first": _says("likely_ai", 0.82), "second": _says("likely_human", 0.05)},
    "terrace": {"first": _says("likely_human", 0.04), "second": _says("likely_human", 0.07)},
}
"""By a picture's key. Those absent never reach a detector: two cannot be read, one is kept inside."""


def is_judged(picture: DemoPicture) -> bool:
    """Whether detectors have an answer about this picture."""
    return picture.key in _ANSWERS


def script(pictures: Iterable[DemoPicture]) -> dict[str, dict[str, Answer]]:
    """The answers by the sha256, in hex, of the file: `{sha256: {"first": answer, "second": answer}}`.

    An answer is `{"verdict", "confidence", "ai_score", "model"}`, with `"overlay": True` where one is drawn: the
    verdict in the house's words, `confidence` 0–1 in that verdict, `ai_score` 0–1 and higher for AI. Or it is
    `{"fail": HTTP status, "model"}`, each time until further notice.
    """
    return {
        picture.sha256: {
            detector: {**answer, "model": MODELS[detector]} for detector, answer in _ANSWERS[picture.key].items()
        }
        for picture in pictures
        if is_judged(picture)
    }


def sandbox_script(pictures: Iterable[DemoPicture], *, first: str, second: str) -> dict[str, dict[str, Answer]]:
    """The same for `detection.testing.detector.SandboxDetector`. `first`, `second`: each detector's bearer key."""
    keys = {"first": first, "second": second}
    told: dict[str, dict[str, Answer]] = {first: {}, second: {}}
    for sha256, answers in script(pictures).items():
        for detector, answer in answers.items():
            told[keys[detector]][sha256] = _wired(answer)
    return told


def _wired(answer: Answer) -> Answer:
    if "fail" in answer:
        # A long wait of its own, so that one fault doesn't become three in a row and pause the detector for all.
        said = {"code": "unavailable", "message": "The detector is down for maintenance."}
        return {"http": answer["fail"], "retry_after": RETRY_AFTER, **said}
    return {**answer, "verdict": WIRE_WORDS[answer["verdict"]]}
