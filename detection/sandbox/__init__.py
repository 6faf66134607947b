"""Hostile bytes are opened in a child process that can be killed: the calls that run it.

Whoever needs pixels, previews or declarations asks one of the functions below. Each starts
`python -m detection.sandbox`, whose inside is `child`; `process` feeds it the picture, waits, and kills its group.

    Rejected        the file is at fault: it is refused, too heavy, or took its child down; final for these bytes
    SandboxFailed   we are at fault: the child could not start, broke the protocol, or the machine was too busy; retry
"""

from __future__ import annotations

import json
import logging
import signal
import time
from dataclasses import dataclass
from typing import Any

from detection import counting
from detection.errors import Rejected, SandboxFailed
from detection.intake import Reading
from detection.results import Declared, Evidence
from detection.sandbox import child, process
from detection.vocabulary import Says

logger = logging.getLogger(__name__)

PROCESSOR = 10.0
"""Seconds of processor one picture may take. What a file can cause is bounded by this; the dearest honest ones, fifty
million pixels, take about half."""
TIMEOUT = 20.0
"""Seconds by the clock one picture may take: where it uses them up, the machine was too busy and not the file slow."""
MEMORY = 1536 * 1024 * 1024
"""Bytes of address space of the child; a picture of 50 million pixels takes about half."""
_MAX_LINE = 1024 * 1024
_TOO_SLOW = "Opening this picture took too long, so it was stopped. Export it again or replace it."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job gave back: its values, and bytes where it makes a picture."""

    data: dict[str, Any]
    blob: bytes


@dataclass(frozen=True, slots=True)
class Cost:
    """What one child took: seconds by the clock and of processor, bytes of memory at its peak. Each call logs one."""

    job: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """Everything that was read of a file without asking anybody. `reading` is None where `rejected` says why.

    `rejected` is (code, sentence). Declarations are read even of a file whose pixels are refused.
    """

    reading: Reading | None
    rejected: tuple[str, str] | None
    declared: Declared
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What a copy should go on saying. `source_type`: IPTC's code; `had_credentials`: a copy can't keep them."""

    credit: str = ""
    copyright: str = ""
    caption: str = ""
    source_type: str = ""
    had_credentials: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A picture of our own making, without metadata; sizes in pixels."""

    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked(Rendered):
    """An overlay of our own making, and what it marks: a dictionary for each `intake.overlay.Region`, the largest
    first; None where nothing can tell."""

    regions: list[dict[str, Any]] | None


def read(content: bytes, *, max_bytes: int, max_pixels: int, filename: str = "") -> Reading:
    """`intake.read` in the sandbox. Raises Rejected or SandboxFailed, as every function here."""
    return _reading(run("read", content, max_bytes=max_bytes, max_pixels=max_pixels, filename=filename).data)


def examine(content: bytes, *, filename: str, max_bytes: int, max_pixels: int, trust_lists: str = "") -> Examination:
    """Read the picture and its declarations in one child; a refusal by intake is returned, not raised."""
    arguments: dict[str, Any] = {
        "filename": filename,
        "max_bytes": max_bytes,
        "max_pixels": max_pixels,
        "trust_lists": trust_lists,
    }
    data = run("examine", content, **arguments).data
    declared, evidence = _declarations(data)
    return Examination(
        reading=_reading(data["reading"]) if data["reading"] else None,
        rejected=tuple(data["rejected"]) if data["rejected"] else None,
        declared=declared,
        evidence=evidence,
    )


def declare(content: bytes, *, max_pixels: int, trust_lists: str = "") -> tuple[Declared, tuple[Evidence, ...]]:
    """Only what the file declares about itself, whether or not its pixels can be read."""
    return _declarations(run("declare", content, max_pixels=max_pixels, trust_lists=trust_lists).data)


def render(
    content: bytes,
    *,
    longest_side: int,
    media_type: str = "image/jpeg",
    max_bytes: int | None = None,
    max_pixels: int = 50_000_000,
) -> Rendered:
    """`intake.render` in the sandbox: a preview, or a rendition for a detector that refuses a format or a size."""
    arguments: dict[str, Any] = {"longest_side": longest_side, "media_type": media_type, "max_bytes": max_bytes}
    return _rendered(run("render", content, max_pixels=max_pixels, **arguments), media_type)


def carried(content: bytes, *, max_pixels: int = 50_000_000) -> Carried:
    """Whose the picture is, what it shows and how it was made, by what the file says; to be written into a copy."""
    return Carried(**run("carry", content, max_pixels=max_pixels).data)


def strip(content: bytes) -> bytes:
    """`intake.stripping.unpacking` in the sandbox: the file without its metadata. Rejected: only a rendition is."""
    return run("strip", content).blob


def reencode_overlay(content: bytes, *, width: int, height: int, turned: int = 1) -> Marked:
    """`intake.overlay.reencode` in the sandbox: a detector's overlay as our own PNG, if it lies on the picture.

    `turned`: the EXIF orientation of the file that the detector was given.
    """
    answer = run("overlay", content, width=width, height=height, turned=turned)
    return Marked(content=answer.blob, media_type="image/png", **answer.data)


def compression_map(content: bytes, *, max_pixels: int = 50_000_000) -> bytes:
    """The compression map of a picture as WebP bytes: a lead for the eye, no evidence of anything."""
    return run("compression_map", content, max_pixels=max_pixels).blob


def _reading(data: dict[str, Any]) -> Reading:
    return Reading(**{**data, "notes": tuple(data["notes"])})


def _declarations(data: dict[str, Any]) -> tuple[Declared, tuple[Evidence, ...]]:
    evidence = tuple(Evidence(**{**item, "says": Says(item["says"])}) for item in data["evidence"])
    return Declared.from_json(data["declared"]), evidence


def _rendered(answer: Answer, media_type: str) -> Rendered:
    return Rendered(content=answer.blob, media_type=media_type, **answer.data)


def run(
    job: str,
    content: bytes,
    *,
    timeout: float = TIMEOUT,
    processor: float = PROCESSOR,
    memory: int = MEMORY,
    **arguments: Any,
) -> Answer:
    """Run one job of the table on `content` in a child of its own.

    `timeout` and `processor` in seconds, `memory` in bytes; `arguments` are the job's own. Raises Rejected where the
    file is refused or took the child down, SandboxFailed where the child couldn't start, starved or broke the protocol.
    """
    header = json.dumps({"job": job, "arguments": arguments}).encode() + b"\n"
    began = time.monotonic()
    child_process = process.start(processor, memory)
    try:
        heard = process.converse(child_process, (header, content), began + timeout)
        answer = _parse(heard.output)
    except BaseException:
        process.end(child_process, patience=0.0)
        raise
    # A child that fell silent without a whole answer is dying: its exit status tells why.
    ending = process.end(child_process, patience=1.0 if answer is None and not heard.is_late else 0.0)
    if answer is None:
        # Killed by us for its silence, its status tells nothing.
        counting.add("newsroom_decode_killed_total")
        status = 0 if ending.was_killed else ending.status
        answer = _explain(status, is_late=heard.is_late, was_busy=ending.cpu_seconds >= processor)
    cost = Cost(job, time.monotonic() - began, ending.cpu_seconds, ending.peak_bytes)
    _log(answer, cost, heard.complaint)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _log(answer: Answer | Rejected | SandboxFailed, cost: Cost, complaint: str) -> None:
    """What each child took, for whoever sets the limits; a child that went wrong is a warning, with its last words."""
    went_wrong = isinstance(answer, SandboxFailed) or (
        isinstance(answer, Rejected) and answer.code in ("unreadable", "too_much_memory")
    )
    logger.log(
        logging.WARNING if went_wrong else logging.DEBUG,
        "The picture sandbox: %s took %.2f s, %.2f s of processor, %d MB; %s %s",
        cost.job,
        cost.seconds,
        cost.cpu_seconds,
        cost.peak_bytes // 2**20,
        "an answer" if isinstance(answer, Answer) else f"{type(answer).__name__}: {answer}",
        complaint if went_wrong else "",
        extra={"cost": cost},
    )


def _parse(output: bytes) -> Answer | Rejected | SandboxFailed | None:
    """The child's answer, or what it was told to raise; None where it is no whole answer."""
    line, newline, blob = output.partition(b"\n")
    if not newline or len(line) > _MAX_LINE:
        return None
    try:
        answer = json.loads(line)
        if "rejected" in answer:
            code, sentence = answer["rejected"]
            return Rejected(str(code), str(sentence))
        if "failed" in answer:
            return SandboxFailed(str(answer["failed"]))
        data, length = answer["data"], answer["length"]
    except (ValueError, TypeError, KeyError):
        return None
    return Answer(data, blob) if isinstance(data, dict) and len(blob) == length else None


def _explain(status: int, *, is_late: bool, was_busy: bool) -> Rejected | SandboxFailed:
    """Whose fault it was that there is no answer."""
    if status == -signal.SIGXCPU or (is_late and was_busy):
        return Rejected("unreadable", _TOO_SLOW)
    if is_late:
        return SandboxFailed("The machine was too busy to open this picture in time. Trying again.")
    if status in (child.EXIT_MEMORY, -signal.SIGKILL):
        return Rejected("too_much_memory", child.TOO_MUCH_MEMORY)
    if status < 0:
        return Rejected("unreadable", child.CRASHED)
    return SandboxFailed("The process that opens pictures stopped before it answered. See the log for its last words.")
