"""A year of history against a hundredth of it: the timeline, its searches and the reports stay as fast.

    python -m benchmarks.history [--analyses 100000] [--rounds 5] [--formats jsonl,csv]

Two databases (SQLite, in a folder of its own) are filled with made-up rows, one with a hundredth of the other's: a
hundred thousand analyses, ten thousand decisions, a million sealed events. Each page is asked by turns in both, in
processes of their own; then the whole history is exported in one more. What counts is the ratio of the medians, the
queries of a page, and the export's memory; exit status 1 says that something is over its bar.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

BAR, QUERIES, HUNDREDTH, MEGABYTES = 2.0, 20, 100, 300
BASE = "/admin/detection/"
_TIMELINE = "auditevent/"
PAGES = {
    "timeline": _TIMELINE,
    "by picture": f"{_TIMELINE}?picture=Picture 000077",
    "by story": f"{_TIMELINE}?story=Story 000070",
    "by person": f"{_TIMELINE}?person=person 3",
    "by nobody's name": f"{_TIMELINE}?person=nobody of this name",
    "by desk": f"{_TIMELINE}?desk=desk-1",
    "by day": f"{_TIMELINE}?since={{since}}&until={{until}}",
    "by reason": f"{_TIMELINE}?reason=original_seen",
    "by policy": f"{_TIMELINE}?policy=2",
    "everything at once": f"{_TIMELINE}?picture=Picture 00&person=person 0&desk=desk-0&reason=original_seen",
    "overrides": f"{_TIMELINE}overrides/",
    "detectors": f"{_TIMELINE}detectors/",
    "coverage": f"{_TIMELINE}coverage/",
    "operations": "pipeline/",
}
"""Each finds as much in both databases as it shows: at least a page of fifty, or the same few."""


def environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    key = "only-for-benchmarks-and-nothing-else-0123456789abcdef"
    return kept | {"DJANGO_SETTINGS_MODULE": "newsroom.settings", "DJANGO_SECRET_KEY": key, "NEWSROOM_VAR": str(folder)}


def child(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.history", *arguments],
        env=environment(folder),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def fill(analyses: int) -> dict[str, Any]:
    """A picture an analysis; a tenth decided, a hundredth overridden, a third gone out; ten sealed events each."""
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks import history_rows as rows
    from detection import models

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    with rows.hasty():
        rows.Year(analyses).fill()
    return rows.counts((models.Analysis, models.Review, models.AuditEvent)) | {"s": time.monotonic() - began}


def measure(rounds: int) -> dict[str, Any]:
    """Milliseconds (median) and queries of each page."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="reader"))
    days = {"since": timezone.localdate() - timedelta(days=100), "until": timezone.localdate() - timedelta(days=90)}
    found: dict[str, Any] = {}
    for name, page in PAGES.items():
        times = []
        for _ in range(rounds + 1):
            with CaptureQueriesContext(connection) as sent:
                began = time.perf_counter()
                answer = client.get(BASE + page.format(**days))
                times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{name}: {answer.status_code}")
        queries = len([one for one in sent.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))])
        found[name] = [statistics.median(times[1:]), queries]
    return found


def export(kind: str) -> dict[str, Any]:
    """Export the whole history; megabytes of this process's memory at most, and seconds."""
    import django

    django.setup()
    from detection.history import exporting

    before, began, size = _megabytes(), time.monotonic(), 0
    manifest = exporting.begin(kind, exporting.Wanted())
    for line in exporting.lines(manifest):
        size += len(line)
    seconds = time.monotonic() - began
    return {"count": manifest.count, "mb": _megabytes(), "before": before, "size": size / 1e6, "s": seconds}


def _megabytes() -> float:
    """The most memory that this process has had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def compare(analyses: int, rounds: int, formats: list[str]) -> int:
    failed = False
    with tempfile.TemporaryDirectory(prefix="history-") as name:
        big, small = Path(name) / "year", Path(name) / "hundredth"
        for folder, number in ((big, analyses), (small, max(analyses // HUNDREDTH, 100))):
            folder.mkdir()
            told = child(folder, "--fill", str(number))
            print(
                f"{folder.name}: {told['Analysis']} analyses, {told['Review']} decisions, {told['AuditEvent']} events,"
                f" made in {told['s']:.0f} s",
                flush=True,
            )
        runs = [(child(big, "--measure", str(rounds)), child(small, "--measure", str(rounds))) for _ in range(3)]
        print(f"{'page':20} {'year':>9} {'hundredth':>12} {'ratio':>6} {'queries':>8}")
        for page in PAGES:
            year, part = (statistics.median(run[which][page][0] for run in runs) for which in (0, 1))
            queries = runs[0][0][page][1]
            over = year / part > BAR or queries > QUERIES
            failed |= over
            said = f"{page:20} {year:6.1f} ms {part:9.1f} ms {year / part:6.2f} {queries:8}"
            print(said + (" OVER THE BAR" if over else ""), flush=True)
        for kind in formats:
            told = child(big, "--export-here", kind)
            over = told["mb"] > MEGABYTES
            failed |= over
            print(
                f"export, {kind}: {told['count']} events, {told['size']:.0f} MB in {told['s']:.0f} s, with"
                f" {told['mb']:.0f} MB of memory at most ({told['before']:.0f} before)" + (" OVER THE BAR" * over),
                flush=True,
            )
    return int(failed)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--analyses", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", default="jsonl", help="to export: jsonl, csv, or both with a comma")
    parser.add_argument("--export", type=int, default=1, help="0: export nothing")
    for own in ("--fill", "--measure"):
        parser.add_argument(own, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--export-here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill is not None:
        print(json.dumps(fill(given.fill)))
    elif given.measure is not None:
        print(json.dumps(measure(given.measure)))
    elif given.export_here is not None:
        print(json.dumps(export(given.export_here)))
    else:
        return compare(given.analyses, given.rounds, given.formats.split(",") if given.export else [])
    return 0


if __name__ == "__main__":
    sys.exit(main())
