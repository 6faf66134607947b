"""One child of the sandbox from its start to its end: started without secrets, fed, heard, killed with its group.

Knows nothing of pictures. Asked by `sandbox.run` alone.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from detection.errors import SandboxFailed

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes that are read of an answer: more than a full-size PNG copy of the largest picture takes."""
_CHUNK = 256 * 1024
_MAX_COMPLAINT = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What came out of a child: its answer, its last complaints, and whether the deadline passed first."""

    output: bytes
    complaint: str
    is_late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a child ended and what it had taken: seconds of processor, and bytes of resident memory at its peak.

    The peak is never under what the parent itself held at the start: a child begins as the parent's image. Both are 0
    where the host lets the kernel reap its children.
    """

    status: int
    was_killed: bool
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


def start(processor: float, memory: int) -> subprocess.Popen[bytes]:
    """A new child that may use so many seconds of processor and bytes of memory. Raises SandboxFailed."""
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PYTHONPATH": root, "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "1"}
    environment |= {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    command = [sys.executable, "-P", "-m", "detection.sandbox", str(math.ceil(processor)), str(memory)]
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


def converse(process: subprocess.Popen[bytes], parts: tuple[bytes, ...], deadline: float) -> Heard:
    """Feed the child these parts and collect what it says, until it falls silent or the deadline (monotonic) passes."""
    assert process.stdin  # noqa: S101 — for the type checker: all three are pipes
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    waiting = [memoryview(part) for part in parts if part]
    output, errors = bytearray(), bytearray()
    is_late = False
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_WRITE if stream is process.stdin else selectors.EVENT_READ)
        while process.stdout in selector.get_map() and len(output) <= MAX_ANSWER:
            # Asked each time: a child that never stops talking must not outlive its deadline by it.
            left = deadline - time.monotonic()
            if is_late := left <= 0:
                break
            for key, _ in selector.select(left):
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
    return Heard(output=bytes(output), complaint=errors.decode("utf-8", "replace").strip(), is_late=is_late)


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


def end(process: subprocess.Popen[bytes], *, patience: float) -> Ending:
    """Reap the child, killing it with its whole process group unless it ends by itself within `patience` seconds."""
    until = time.monotonic() + patience
    pid, status, usage = 0, 0, None
    try:
        while not pid and time.monotonic() < until:
            time.sleep(0.005)
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        was_killed = not pid
        if was_killed:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        # A host that ignores SIGCHLD has its children reaped by the kernel; the status is lost, the child is not.
        process.returncode, was_killed = 0, False
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    if usage is None:
        return Ending(status=process.returncode, was_killed=was_killed)
    unit = 1 if sys.platform == "darwin" else 1024
    return Ending(
        status=process.returncode,
        was_killed=was_killed,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_bytes=usage.ru_maxrss * unit,
    )
