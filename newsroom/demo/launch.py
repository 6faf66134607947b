"""One run of the demo: everything is prepared, started, filled, watched, and ended again. The `demo` command asks.

1. Nobody else runs it in this folder. 2. Pictures and what the detectors say of them are made, the database migrated.
3. Detector and worker start. 4. Stories are written, checked and acted on, once; at every start the clock is set anew.
5. The web server starts and its address is told; or, for one run, the table is read. 6. All that was started ends.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from newsroom.demo import photographs, seed, table
from newsroom.demo.environment import LABELS, WEB_PORT, asking, listening
from newsroom.demo.pictures import EDITION, DemoPicture, as_sent, make_all
from newsroom.demo.processes import Children
from newsroom.demo.progress import Progress
from newsroom.demo.script import is_judged, sandbox_script
from newsroom.demo.waiting import Watch, unfinished

LOCK, MARK, SCRIPT = "demo.lock", "demo.json", "detector.json"
CHECKS_TAKE = 120.0
"""Seconds that the checks of all pictures are given."""
WEB_TAKES = 30.0
"""Seconds within which the web server has answered its first request."""
_DATABASE = "newsroom.sqlite3"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
_MADE = (
    "media",
    "pictures",
    "trust",
    "log",
    "static",
    MARK,
    SCRIPT,
    *(_DATABASE + end for end in ("", "-wal", "-shm")),
)
"""What a fresh start removes; the photographs and the key stay."""


def once(*, is_fresh: bool, out: IO[str]) -> dict[str, list[table.Row]]:
    """Fill the house, wait until every picture was checked, and read the table; nothing is left running.

    Raises CommandError where the checks took longer than two minutes, or a process was lost.
    """
    with _running(is_fresh=is_fresh, out=out):
        late = unfinished(timezone.now()).count()
        found = table.read()
    if late:
        raise CommandError(f"{late} checks had not ended after {CHECKS_TAKE:.0f} seconds. Look into {_var() / 'log'}.")
    return found


def serve(*, is_fresh: bool, out: IO[str]) -> None:
    """Fill the house, open it to a browser on this machine, and stay until interrupted. Raises CommandError."""
    with _running(is_fresh=is_fresh, out=out) as (children, watch):
        address = _open_house(children, watch)
        (_var() / LOCK).write_text(address, encoding="ascii")
        _say(out, "", f"The newsroom is open at {address}", "Ctrl-C ends it, and all that belongs to it.")
        connection.close()
        while True:
            watch.check()
            time.sleep(1.0)


@contextmanager
def _running(*, is_fresh: bool, out: IO[str]) -> Iterator[tuple[Children, Watch]]:
    """The house, filled and with its detector and worker at work; they end with the block."""
    with _alone():
        if is_fresh:
            _clear()
        pictures = {} if _is_filled() else _make(out)
        call_command("migrate", verbosity=0)
        with Children(_var() / "log", cwd=settings.BASE_DIR) as children:
            watch = Watch(children, out, seconds=CHECKS_TAKE)
            detector = children.start(
                "detector", _manage("sandbox_detector", "--port", "0", "--script", str(_var() / SCRIPT))
            )
            watch.until(lambda: _ADDRESS.search(detector.said()) is not None)
            os.environ.update(asking(_ADDRESS.findall(detector.said())[0]))
            children.start("worker", _manage("detection_worker"))
            _fill(pictures, watch, out)
            yield children, watch


def _fill(pictures: Mapping[str, DemoPicture], watch: Watch, out: IO[str]) -> None:
    """Write the stories, the first time; and set the clock, every time."""
    if pictures:
        problems = seed.seed(pictures, _var() / "pictures", watch)
        _say(out, *problems)
        (_var() / MARK).write_text(json.dumps({"edition": EDITION}), encoding="ascii")
    else:
        seed.make_people()
        watch.until_checked("Pictures checked")
    seed.retime()


def _open_house(children: Children, watch: Watch) -> str:
    """Start the web server, and the clock for what is scheduled; the address, once it answers."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    threads = ("--workers", "2", "--threads", "4", "--graceful-timeout", "3", "--no-control-socket")
    children.start("clock", _manage("publish_due", "--every", "30"))
    with listening(settings.PORT or WEB_PORT) as listener:
        port, number = listener.getsockname()[1], listener.fileno()
        where = ("--bind", f"fd://{number}", "--chdir", str(settings.BASE_DIR))
        children.start("web", [sys.executable, "-m", "gunicorn", "newsroom.wsgi", *where, *threads], passes=[number])
    deadline = time.monotonic() + WEB_TAKES
    while not _answers(port):
        watch.check()
        if time.monotonic() > deadline:
            raise CommandError(f"The web server gave no page in {WEB_TAKES:.0f} seconds. Look into {_var() / 'log'}.")
        time.sleep(0.2)
    return f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=WEB_TAKES)
    try:
        asked.request("GET", "/")
        return asked.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        asked.close()


def _make(out: IO[str]) -> dict[str, DemoPicture]:
    """Photographs, pictures, and what the detectors will say of each."""
    _say(out, "Fetching a few free photographs ...")
    real = photographs.fetch(_var() / "photographs")
    if real is None:
        _say(out, "They can't be had now. Drawings that say so take their place.")
    with Progress("Pictures made", 0, out) as progress:
        made = make_all(_var() / "pictures", photographs=real, trust_folder=_var() / "trust", on_progress=progress.of)
        progress.of(len(made), len(made))
    pictures = {picture.key: picture for picture in made}
    # The smaller first version of one picture gets the answers of the picture itself.
    small = seed.proof(_var() / "pictures", pictures["lawn"])
    judged = [*made, replace(pictures["lawn"], sha256=small)]
    judged += as_sent(_var() / "pictures", [one for one in made if is_judged(one)])
    told = sandbox_script(judged, **{alias: alias for alias in LABELS})
    (_var() / SCRIPT).write_text(json.dumps(told, indent=1), encoding="utf-8")
    return pictures


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the folder. Raises CommandError where another demo does, or where it isn't a demo's at all."""
    var = _var()
    if (var / _DATABASE).exists() and not (var / LOCK).exists():
        raise CommandError(f"{var / _DATABASE} is not a demo's database. Set NEWSROOM_VAR to another folder.")
    var.mkdir(parents=True, exist_ok=True)
    with (var / LOCK).open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = (var / LOCK).read_text(encoding="ascii")
            raise CommandError(f"The demo runs already{f', at {where}' if where else ''}. End it first.") from None
        lock.truncate(0)
        yield


def _clear() -> None:
    for name in _MADE:
        path = _var() / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _is_filled() -> bool:
    return (_var() / MARK).exists() and (_var() / SCRIPT).exists() and (_var() / _DATABASE).exists()


def _manage(*words: str) -> list[str]:
    return [sys.executable, os.fspath(settings.BASE_DIR / "manage.py"), *words]


def _var() -> Path:
    found: Any = settings.VAR
    return Path(found)


def _say(out: IO[str], *lines: str) -> None:
    for line in lines:
        out.write(f"{line}\n")
    out.flush()
