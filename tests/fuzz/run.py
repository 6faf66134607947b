"""`python -m tests.fuzz.run`: thousands of spoilt pictures through the real sandbox, a child for each job.

    python -m tests.fuzz.run --files 10000 --workers 2 --seed 1 --keep /tmp/faults --corpus ../shared/corpus/photos
    python -m tests.fuzz.run --seed 1 --only 4711 --keep /tmp/faults      the same file once more

File n of a seed is the same each time, whatever the number of workers, while the good files are the same. Signing
draws new keys at each run, so a file made of a signed picture of our own comes back only in its kind; the one that
failed is kept. Ends with a summary in JSON; exit status 1 where anything happened that should not.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from tests.fuzz import mutations, seeds, trial

ROOT = Path(__file__).resolve().parents[2]


def file_number(number: int, seed: int, good: dict[str, bytes]) -> tuple[str, bytes]:
    """Name and bytes of one spoilt file."""
    dice = Random(f"{seed}:{number}")
    origin = dice.choice(sorted(good))
    content, how = mutations.spoil(good[origin], dice)
    return f"{number}-{how}-{origin}", content


def work(options: argparse.Namespace) -> Iterator[trial.Tally]:
    """Try each file of this share; the tally so far after each."""
    good = seeds.of(options.corpus) if options.corpus else {}
    good |= seeds.own()
    until = time.monotonic() + options.seconds
    tally = trial.Tally()
    numbers = options.only or range(options.share, options.files, options.workers)
    for number in numbers:
        if time.monotonic() > until:
            return
        name, content = file_number(number, options.seed, good)
        done = trial.run(name, content)
        tally.add(done)
        if options.keep and (done.faults or options.only):
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / re.sub(r"[^\w.+-]+", "_", name)).write_bytes(content)
        yield tally


def _share(options: argparse.Namespace) -> None:
    """A worker: counts on standard output, a line a file, then its summary."""
    before, tally = 0, trial.Tally()
    for tally in work(options):
        before = before if tally.files > 1 else trial.resident()
        _say(".")
    grown = round((trial.resident() - before) / 2**20, 1)
    _say(json.dumps({**tally.as_json(), "parent_growth_mb": grown}))


def _say(line: str, stream: Any = None) -> None:
    stream = stream or sys.stdout
    stream.write(line + "\n")
    stream.flush()


def _all(options: argparse.Namespace) -> dict[str, Any]:
    """Start the workers, show how far they are, and add up what they say."""
    command = [sys.executable, "-m", "tests.fuzz.run", *sys.argv[1:], "--share"]
    workers = [
        subprocess.Popen([*command, str(share)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for share in range(options.workers)
    ]
    total: dict[str, Any] = {}
    total_files = len(options.only or range(options.files))
    is_terminal, done = sys.stderr.isatty(), 0
    with ExitStack() as ending, tqdm(total=total_files, unit="file", disable=not is_terminal) as bar:
        for worker in workers:
            ending.callback(worker.terminate)
        lines = [iter(worker.stdout or ()) for worker in workers]
        while lines:
            for line in tuple(lines):
                said = next(line, None)
                if said is None:
                    lines.remove(line)
                elif said.strip() == ".":
                    bar.update()
                    done += 1
                    if not is_terminal and done % 100 == 0:
                        _say(f"{done} of {total_files}", sys.stderr)
                else:
                    total = _sum(total, json.loads(said))
        broken = [worker.returncode for worker in workers if worker.wait()]
    for code in broken:
        total.setdefault("faults", []).append(("a worker", f"ended with {code}"))
    return total


def _sum(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    if not one:
        return other
    for job, counts in other["outcomes"].items():
        for outcome, number in counts.items():
            one["outcomes"][job][outcome] = one["outcomes"][job].get(outcome, 0) + number
    one["files"] += other["files"]
    one["faults"] += other["faults"]
    one["parent_growth_mb"] = max(one["parent_growth_mb"], other["parent_growth_mb"])
    for number, name in (("slowest_seconds", "slowest"), ("child_peak_mb", "dearest")):
        if other[number] > one[number]:
            one[number], one[name] = other[number], other[name]
    return one


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for files that did what they should not")
    parser.add_argument("--corpus", type=Path, action="append", help="folder of further good files; may be repeated")
    parser.add_argument("--only", type=int, action="append", help="this file alone; may be repeated")
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in ("keep", "corpus"):
        given = getattr(options, name)
        setattr(
            options, name, [one.resolve() for one in given] if isinstance(given, list) else given and given.resolve()
        )
    if options.only:
        options.workers = 1
    if options.share is not None:
        _share(options)
        return 0
    began = time.monotonic()
    total = _all(options)
    _say(json.dumps({**total, "seconds": round(time.monotonic() - began)}, indent=1))
    return 1 if total.get("faults") or not total.get("files") else 0


if __name__ == "__main__":
    sys.exit(main())
