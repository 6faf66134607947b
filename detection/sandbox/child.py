"""The sandbox's inside: a process that lowers its own limits, opens one picture and answers with one line and a blob.

Only `sandbox` starts it (`python -m detection.sandbox`). It knows no Django settings and no database. Its answer is a
line of JSON, `{"data": …, "length": n}`, `{"rejected": [code, sentence]}` or `{"failed": sentence}`, and n bytes.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from detection.errors import Rejected, SandboxFailed

EXIT_MEMORY = 70
TOO_MUCH_MEMORY = "Opening this picture takes more memory than is allowed. Save a smaller copy and upload that."
CRASHED = "This file stopped the program that opens pictures. Export it again or replace it."

JOBS = {
    "read": "detection.intake:read",
    "render": "detection.intake:render",
    "strip": "detection.intake.stripping:unpacking",
    "overlay": "detection.intake.overlay:reencode",
    "examine": "detection.providers.provenance.inspection:examine",
    "declare": "detection.providers.provenance.inspection:declare",
    "carry": "detection.providers.provenance.carrying:read",
    "compression_map": "detection.providers.provenance.traces:compression_map",
}
"""The whole of what a child will do, by name: the jobs stand on a higher floor, so they are not imported here."""


def main(arguments: Sequence[str]) -> None:
    """1 lower the limits, 2 import the job, 3 give up writing files, 4 read the picture, 5 answer, 6 leave at once."""
    seconds, memory = (int(argument) for argument in arguments)
    _limit("CPU", seconds, hard=seconds + 1)  # at the soft limit it dies of SIGXCPU, which says what for
    _limit("AS", memory)
    _limit("NOFILE", 64)
    _limit("CORE", 0)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("error", message="Image size .* could be decompression bomb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a native library prints must not end up in the answer
    try:
        _answer(answers, *_perform(sys.stdin.buffer))
    except MemoryError:
        os._exit(EXIT_MEMORY)
    os._exit(0)


def _limit(name: str, value: int, *, hard: int | None = None) -> None:
    """Lower one limit, soft and hard. Where a platform lacks or refuses it, the others and the deadline remain."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        resource = importlib.import_module("resource")
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value if hard is None else hard))


def _perform(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    try:
        header = json.loads(stream.readline())
        module, _, function = JOBS[header["job"]].partition(":")
        job = getattr(importlib.import_module(module), function)
    except Exception as error:
        return {"failed": f"The picture sandbox could not load its job: {error}"}, b""
    _limit("FSIZE", 0)
    try:
        return _pack(job(stream.read(), **header["arguments"]))
    except Rejected as refusal:
        return {"rejected": [refusal.code, refusal.sentence]}, b""
    except MemoryError:
        return {"rejected": ["too_much_memory", TOO_MUCH_MEMORY]}, b""
    except SandboxFailed as failure:
        return {"failed": str(failure)}, b""
    except Exception:
        traceback.print_exc()
        return {"rejected": ["unreadable", CRASHED]}, b""


def _pack(result: Any) -> tuple[dict[str, Any], bytes]:
    """A job gives a dataclass, bytes, bytes with width and height, or bytes with values."""
    if isinstance(result, bytes):
        return {"data": {}}, result
    if isinstance(result, tuple) and len(result) == 2:
        blob, values = result
        return {"data": values}, blob
    if isinstance(result, tuple):
        blob, width, height = result
        return {"data": {"width": width, "height": height}}, blob
    return {"data": asdict(result)}, b""


def _answer(stream: BinaryIO, answer: dict[str, Any], blob: bytes) -> None:
    stream.write(json.dumps({**answer, "length": len(blob)}).encode() + b"\n")
    stream.write(blob)
    stream.flush()
