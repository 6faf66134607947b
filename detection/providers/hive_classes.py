"""How the flat list of classes in an answer of Hive's is read: two heads, a score for altered faces, and C2PA.

The first head is `ai_generated` and `not_ai_generated`, which are documented to be 1 together; the second names the
source and keeps growing, so that whatever is of no other model is one. Pure functions; asked by `hive` and `hive_v3`.
https://docs.thehive.ai/reference/ai-generated-image-and-video-detection-1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from detection.errors import SchemaMismatch
from detection.providers.answers import identifier, items, redact, score
from detection.results import Evidence, Generator
from detection.vocabulary import Says

AI, HUMAN, DEEPFAKE = "ai_generated", "not_ai_generated", "deepfake"
INPAINTING = frozenset({"sdxlinpaint", "stablediffusioninpaint"})
SUM_WITHIN = 0.05
"""How far from 1 the two scores of the first head may add up."""
SOURCE_FROM = 0.5
"""From which score on a source that is a program speaks against a first head that shows nothing; this cut is ours."""
DEEPFAKE_FROM = 0.5
"""From which score on a face counts as altered; the vendor names no cut for it, so this one is ours."""
GENERATOR_FLOOR = 0.1
"""From which score on a source is named; each that the vendor knows has one, most of them near 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heads:
    """One frame's classes. `ai` is 0–1; `deepfake` 0–1, or None where no such class came; `sources` by score."""

    ai: float
    deepfake: float | None
    sources: tuple[tuple[float, str], ...]
    credentials: tuple[Evidence, ...] = ()

    @property
    def has_altered_face(self) -> bool:
        """Whether a face looks altered."""
        return self.deepfake is not None and self.deepfake >= DEEPFAKE_FROM

    @property
    def lead(self) -> tuple[float, str]:
        """The score and name of the source that the second head puts first."""
        return self.sources[0] if self.sources else (0.0, "")

    @property
    def names_inpainting(self) -> bool:
        """Whether that source fills in parts of pictures: a hint at an edited photograph, never at a place in it."""
        return self.lead[1] in INPAINTING

    @property
    def names_a_program(self) -> bool:
        """Whether the second head is sure of a source that is a program."""
        return any(value >= SOURCE_FROM and _is_program(name) for value, name in self.sources)

    @property
    def declares_ai(self) -> bool:
        """Whether the vendor read in the file that AI made it."""
        return any(one.says is Says.AI for one in self.credentials)

    @property
    def generators(self) -> tuple[Generator, ...]:
        """The sources that are programs and scored above the floor; unknown names stay as they are."""
        return tuple(
            Generator(name=name, score=value)
            for value, name in self.sources
            if value >= GENERATOR_FLOOR and _is_program(name)
        )

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the other classes add, in words, and what the vendor read in the file."""
        told, (value, source) = [], self.lead
        if self.has_altered_face:
            said = f"score {self.deepfake:g} for the face that looks most altered"
            told.append(Evidence(kind="classifier", key=DEEPFAKE, value=said, says=Says.AI_EDITED))
        if self.names_inpainting:
            said = f"{source}, score {value:g}: a part may have been filled in; no place is given"
            told.append(Evidence(kind="classifier", key="inpainting", value=said, says=Says.AI_EDITED))
        if source.startswith("inconclusive"):
            told.append(Evidence(kind="note", key="source", value=f"{source}, score {value:g}: no generator is named"))
        return (*told, *self.credentials)


def heads_of(holder: Mapping[str, Any], number: str) -> Heads:
    """The heads of the outputs in `holder`; `number` is what a class calls its score. Raises SchemaMismatch.

    A still has one output. Of several frames the one that says most counts.
    """
    frames = [_frame(output, holder, number) for output in items(holder.get("output"))]
    if not frames:
        raise SchemaMismatch("The detector's answer has no output. A person has to look.")
    return max(frames, key=lambda frame: max(frame.ai, frame.deepfake or 0.0))


def named(given: Any, name: str, version: str) -> str:
    """The model and its version in one text, of what is there of them."""
    found = [given.get(name), given.get(version)] if isinstance(given, Mapping) else []
    return " ".join(str(one) for one in found if isinstance(one, str | int) and not isinstance(one, bool))


def _is_program(source: str) -> bool:
    return source != "none" and not source.startswith("inconclusive")


def _frame(output: Mapping[str, Any], holder: Mapping[str, Any], number: str) -> Heads:
    found: dict[str, float] = {}
    for entry in items(output.get("classes")):
        name = identifier(entry.get("class"), "class")
        if name in found:
            raise SchemaMismatch("The detector's answer has a class twice. A person has to look.")
        found[name] = score(entry.get(number), "score of a class")
    # Were one of the two wrong, nobody could say which, so neither is taken.
    if AI not in found or HUMAN not in found or abs(found[AI] + found[HUMAN] - 1) > SUM_WITHIN:
        raise SchemaMismatch(f"The detector's {AI} and {HUMAN} do not add up to 1. A person has to look.")
    # Sound has classes of its own, `ai_generated_audio` and its opposite; they name no source.
    sources = [(value, name) for name, value in found.items() if name != DEEPFAKE and not name.startswith((AI, HUMAN))]
    return Heads(
        ai=found[AI],
        deepfake=found.get(DEEPFAKE),
        sources=tuple(sorted(sources, reverse=True)),
        credentials=_credentials({**holder, **output}),
    )


def _credentials(given: Mapping[str, Any]) -> tuple[Evidence, ...]:
    """The vendor's own reading of C2PA. That it comes is documented; where and in which shape is not (inferred: a key
    that begins so). It is shown as it stands; what counts is what the house itself reads in the file."""
    read = {key: value for key, value in given.items() if key.lower().startswith("c2pa") and value}
    told = json.dumps(redact(read), ensure_ascii=False)
    # The standard's own word for a picture made by AI; its word for an edited one has a capital T inside.
    says = Says.AI if "trainedAlgorithmicMedia" in told else Says.OTHER
    return (Evidence(kind="c2pa", key="read_by_vendor", value=told, says=says, strength="E"),) if read else ()
