"""The door of callbacks against the smallest Django view that verifies an HMAC and inserts one row.

    python -m benchmarks.door [--rounds 15] [--requests 200] [--senders 4]

Both are asked by turns on one gunicorn with the newsroom's own middleware and database (SQLite in a folder of its own,
or the PostgreSQL that DATABASE_URL names), with events that were signed before the clock starts. What counts is the
ratio within each round; exit status 1 where its median is under the bar. Nothing listens but on loopback.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from detection import signing
from detection.signing import Scheme

ROOT = Path(__file__).resolve().parent.parent
BAR = 0.8
SECRET = "whsec_" + base64.b64encode(b"benchmark-" * 3).decode()
DOOR, SMALLEST = "/detection/webhooks/first/", "/smallest/"
Event = tuple[bytes, dict[str, str]]


def environment(folder: Path) -> dict[str, str]:
    """What the server's processes are told."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "DATABASE_URL") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "DJANGO_SECRET_KEY": "only-for-benchmarks-and-nothing-else-0123456789abcdef",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "NEWSROOM_VAR": str(folder),
        "PUBLIC_BASE_URL": "http://127.0.0.1:1",
        "DETECTION_ALLOW_LOOPBACK": "on",
        "DETECTION_PROVIDERS": "first",
        "DETECTION_FIRST_BACKEND": "generic",
        "DETECTION_FIRST_BASE_URL": "http://127.0.0.1:1",
        "DETECTION_FIRST_CALLBACKS": "on",
        "DETECTION_FIRST_WEBHOOK_SECRETS": SECRET,
        "BENCH_SECRET": SECRET,
    }


@contextmanager
def serving(folder: Path, threads: int) -> Iterator[int]:
    """One gunicorn worker on a free port of loopback, with its database made; the port."""
    env = environment(folder)
    manage = [sys.executable, "manage.py", "migrate", "--run-syncdb", "-v0"]
    subprocess.run(manage, cwd=ROOT, env=env, check=True, stderr=subprocess.DEVNULL)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    options = ["--bind", f"127.0.0.1:{port}", "--threads", str(threads), "--keep-alive", "60", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", *options]
    server = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        until = time.monotonic() + 30
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit("The server did not start.")
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def events(count: int) -> list[Event]:
    """So many different events, signed now."""
    key, made = signing.key_of(Scheme.STANDARD, SECRET), []
    for _number in range(count):
        reference = str(uuid.uuid4())
        data = {"request_id": reference, "reference": reference, "status": "complete", "verdict": "uncertain"}
        body = json.dumps({"type": "image.analysis.completed", "data": data}).encode()
        headers = signing.sign(Scheme.STANDARD, key, body, event_id=f"ev_{reference}", now=time.time())
        made.append((body, {**headers, "Content-Type": "application/json"}))
    return made


def rate(port: int, path: str, sent: list[Event], senders: int) -> float:
    """Requests a second for these events, by so many senders that each keep one connection."""

    def send(mine: list[Event]) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            for body, headers in mine:
                connection.request("POST", path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 202:
                    raise SystemExit(f"{path} answered {answer.status}")

    with ThreadPoolExecutor(senders) as pool:
        began = time.perf_counter()
        list(pool.map(send, [sent[first::senders] for first in range(senders)]))
        return len(sent) / (time.perf_counter() - began)


def main(arguments: list[str] | None = None) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=200, help="of each kind in a round")
    parser.add_argument("--senders", type=int, default=4)
    options = parser.parse_args(arguments)
    ratios = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        serving(Path(folder), options.senders) as port,
    ):
        for path in (SMALLEST, DOOR):
            rate(port, path, events(50), options.senders)  # to warm up
        for number in range(options.rounds):
            both = {}
            for path in (SMALLEST, DOOR) if number % 2 else (DOOR, SMALLEST):
                both[path] = rate(port, path, events(options.requests), options.senders)
            ratios.append(both[DOOR] / both[SMALLEST])
            print(f"round {number + 1}: door {both[DOOR]:.0f}/s, smallest {both[SMALLEST]:.0f}/s, {ratios[-1]:.2f}")
    found = statistics.median(ratios)
    print(f"door of callbacks: {found:.2f} × the smallest view (bar {BAR}; {min(ratios):.2f} to {max(ratios):.2f})")
    return 0 if found >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
