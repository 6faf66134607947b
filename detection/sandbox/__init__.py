"""Hostile bytes are opened in a child process that can be killed: the calls that run it.

Whoever needs pixels, previews or declarations asks one of the functions below. Each starts
`python -m detection.sandbox`, whose inside is `child`; feeds it the picture, waits, and kills its process group.

    Rejected        the file is at fault: it is refused, too heavy, or took its child down; final for these bytes
    SandboxFailed   we are at fault: the child could not start, broke the protocol, or the machine was too busy; retry
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from detection.errors import Rejected, SandboxFailed
from detection.intake import Reading
from detection.results import Declared, Evidence
from detection.sandbox import child
from detection.vocabulary import Says

logger = logging.getLogger(__name__)

TIMEOUT = 20.0
"""Seconds of wall clock, and of processor time, one picture may take."""
MEMORY = 1536 * 1024 * 1024
"""Bytes of address space of the child; a picture of 50 million pixels takes about half."""
MAX_ANSWER = 256 * 1024 * 1024
"""Bytes that are read of an answer: more than a full-size PNG copy of the largest picture takes."""
_MAX_LINE = 1024 * 1024
_CHUNK = 256 * 1024

_MAX_COMPLAINT = 2_000
_TOO_SLOW = "Opening this picture took too long, so it was stopped. Export it again or replace it."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job gave back: its values, and bytes where it makes a picture."""

    data: dict[str, Any]
    blob: bytes


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
class Rendered:
    """A picture of our own making, without metadata; sizes in pixels."""

    content: bytes
    media_type: str
    width: int
    height: int


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


def reencode_overlay(content: bytes, *, width: int, height: int) -> Rendered:
    """`intake.reencode_overlay` in the sandbox: a detector's overlay as our own PNG, if its shape is the picture's."""
    return _rendered(run("overlay", content, width=width, height=height), "image/png")


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


def run(job: str, content: bytes, *, timeout: float = TIMEOUT, memory: int = MEMORY, **arguments: Any) -> Answer:
    """Run one job of the table on `content` in a child of its own.

    `timeout` in seconds, `memory` in bytes; `arguments` are the job's own. Raises Rejected where the file is refused
    or took the child down, SandboxFailed where the child could not start, starved or broke the protocol.
    """
    header = json.dumps({"job": job, "arguments": arguments}).encode() + b"\n"
    deadline = time.monotonic() + timeout
    process = _start(timeout, memory)
    try:
        output, errors, is_late = _converse(process, (header, content), deadline)
        answer = _parse(output)
    except BaseException:
        _end(process, patience=0.0)
        raise
    # A child that fell silent without a whole answer is dying: its exit status tells why.
    cpu_seconds, is_silent = _end(process, patience=1.0 if answer is None and not is_late else 0.0)
    if answer is not None:
        return answer
    status = 0 if is_silent and not is_late else process.returncode
    raise _explain(status, errors, is_late=is_late, was_busy=cpu_seconds > timeout / 2)


def _start(timeout: float, memory: int) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PYTHONPATH": root, "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "1"}
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    command = [sys.executable, "-P", "-m", "detection.sandbox", str(math.ceil(timeout)), str(memory)]
    try:
        return subprocess.Popen(  # noqa: S603 — the interpreter itself, with fixed arguments
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxFailed(f"The process that opens pictures could not start: {error.strerror}.") from error


def _converse(process: subprocess.Popen[bytes], parts: tuple[bytes, ...], deadline: float) -> tuple[bytes, bytes, bool]:
    """Feed the child; collect its answer and its last complaints, and whether the deadline passed first."""
    assert process.stdin  # noqa: S101 — for the type checker: all three are pipes
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    waiting = [memoryview(part) for part in parts if part]
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_WRITE if stream is process.stdin else selectors.EVENT_READ)
        while process.stdout in selector.get_map() and len(output) <= MAX_ANSWER:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                return bytes(output), bytes(errors), True
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    if not _feed(process.stdin, waiting):
                        selector.unregister(process.stdin)
                        with contextlib.suppress(BrokenPipeError):
                            process.stdin.close()
                elif chunk := os.read(key.fd, _CHUNK):
                    (output if key.fileobj is process.stdout else errors).extend(chunk)
                    del errors[:-_MAX_COMPLAINT]
                else:
                    selector.unregister(key.fileobj)
    return bytes(output), bytes(errors), False


def _feed(stream: IO[bytes], waiting: list[memoryview]) -> bool:
    """Write one piece of what waits; False when nothing is left to write or nobody reads."""
    try:
        written = os.write(stream.fileno(), waiting[0][:_CHUNK])
    except BrokenPipeError:
        return False
    waiting[0] = waiting[0][written:]
    if not waiting[0]:
        waiting.pop(0)
    return bool(waiting)


def _parse(output: bytes) -> Answer | None:
    """The child's answer; None where it is not a whole one. Raises what the child was told to raise."""
    line, newline, blob = output.partition(b"\n")
    if not newline or len(line) > _MAX_LINE:
        return None
    try:
        answer = json.loads(line)
        if "rejected" in answer:
            code, sentence = answer["rejected"]
            raise Rejected(str(code), str(sentence))
        if "failed" in answer:
            raise SandboxFailed(str(answer["failed"]))
        data, length = answer["data"], answer["length"]
    except (ValueError, TypeError, KeyError):
        return None
    return Answer(data, blob) if isinstance(data, dict) and len(blob) == length else None


def _end(process: subprocess.Popen[bytes], *, patience: float) -> tuple[float, bool]:
    """Reap the child, killing it with its whole process group unless it ends by itself within `patience` seconds.

    Returns the seconds of processor it used, and whether it had to be killed.
    """
    until = time.monotonic() + patience
    pid, status, usage = 0, 0, None
    try:
        while not pid and time.monotonic() < until:
            time.sleep(0.005)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        is_killed = not pid
        if is_killed:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        # A host that ignores SIGCHLD has its children reaped by the kernel; the status is lost, the child is not.
        process.returncode, is_killed = 0, False
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    return (usage.ru_utime + usage.ru_stime if usage else 0.0), is_killed


def _explain(returncode: int, errors: bytes, *, is_late: bool, was_busy: bool) -> Rejected | SandboxFailed:
    """Whose fault it was that there is no answer."""
    complaint = errors.decode("utf-8", "replace").strip()
    logger.warning("The picture sandbox gave no answer: exit %s, late %s: %s", returncode, is_late, complaint)
    if is_late and not was_busy:
        return SandboxFailed("The machine was too busy to open this picture in time. Trying again.")
    if is_late or returncode == -signal.SIGXCPU:
        return Rejected("unreadable", _TOO_SLOW)
    if returncode in (child.EXIT_MEMORY, -signal.SIGKILL):
        return Rejected("too_much_memory", child.TOO_MUCH_MEMORY)
    if returncode < 0:
        return Rejected("unreadable", child.CRASHED)
    return SandboxFailed("The process that opens pictures stopped before it answered. See the log for its last words.")
