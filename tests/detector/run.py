"""`make detector PICTURES=FOLDER`: a folder of pictures through a newsroom whose primary detector is a real one.

    python -m tests.detector.run ../shared/corpus/photos --python .venv-detector/bin/python
    python -m tests.detector.run ../shared/corpus/photos --python … --times 3 --rate 20/s

Starts sahu65 on loopback, and a newsroom of real processes beside it; brings the pictures in; waits until every check
has ended; prints what the detector said against the label in the folder's `index.csv` (columns `file`, `label`: `real`
or `ai`), where there is one, and how fast it was asked. `--times`: each picture so many times, saved anew, so that none
is answered from memory. `--rate`: ours in place of the adapter's, to see the detector's own refusals met.

For trying the plumbing: what it says about two dozen pictures is no measure of a detector.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from tqdm import tqdm

from tests.stories.house import House
from tests.stories.servers import free_port

VERDICTS = ("likely_ai", "partial_ai", "uncertain", "likely_human", "unknown")
LIVE = "('pending_scan', 'scanning', 'awaiting_callback', 'retry_pending')"
LIMIT = 30
"""Pictures a minute that sahu65 takes."""


def say(line: str) -> None:
    """One line for whoever runs it, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def serving(python: Path) -> Iterator[str]:
    """sahu65 on a free port of loopback, once its model is loaded; its address. Ended by its own process id."""
    port = free_port()
    command = [str(python), "-m", "uvicorn", "sahu65.main:app", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, "--log-level", "warning"], **quiet) as server:  # type: ignore[call-overload]
        try:
            yield _ready(server, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def _ready(server: subprocess.Popen[bytes], address: str) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit("The detector ended as it started. Try: make detector")
        try:
            if requests.get(f"{address}/deep-guard/readyz", timeout=5).status_code == 200:
                return address
        except requests.ConnectionError:
            pass
        time.sleep(0.3)
    raise SystemExit("The detector was not ready within two minutes.")


def labels_of(folder: Path) -> dict[str, str]:
    """What each file is said to be, by name; nothing where the folder has no index."""
    index = folder / "index.csv"
    if not index.is_file():
        return {}
    with index.open(encoding="utf-8", newline="") as rows:
        return {row["file"]: row["label"] for row in csv.DictReader(rows)}


def gathered(folder: Path, into: Path, times: int) -> int:
    """Copy the pictures; from the second time on saved anew, so that their bytes differ. How many there are."""
    pictures = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".csv"]
    for path in pictures:
        (into / f"0-{path.name}").write_bytes(path.read_bytes())
        for turn in range(1, times):
            written = io.BytesIO()
            with Image.open(path) as image:
                image.convert("RGB").save(written, "JPEG", quality=96 - turn)
            (into / f"{turn}-{path.name}").write_bytes(written.getvalue())
    return len(pictures) * times


def watched(house: House, count: int) -> float:
    """Wait until no check is live any more, with a bar; the seconds it took."""
    began = time.monotonic()
    with tqdm(total=count, unit="picture", disable=not sys.stderr.isatty()) as bar:
        while True:
            query = f"SELECT count(*) AS n FROM detection_analysis WHERE provider = 'sahu65' AND status NOT IN {LIVE}"
            ended = int(house.sql(query)[0]["n"])
            bar.update(ended - bar.n)
            if ended >= count:
                return time.monotonic() - began
            if time.monotonic() - began > 120 + count * 10:
                return time.monotonic() - began
            time.sleep(0.5)


def told(house: House, labels: dict[str, str], files: dict[str, str], seconds: float) -> int:
    """Print what was said of what, and how it was asked; 1 where a check did not end. `files`: by the asset's id."""
    rows = house.sql(
        "SELECT a.*, s.public_id AS asset FROM detection_analysis a JOIN detection_asset s ON s.id = a.asset_id "
        "WHERE a.provider = 'sahu65' ORDER BY a.id"
    )
    by_stem = {Path(name).stem: label for name, label in labels.items()}
    count = len(files)
    table: Counter[tuple[str, str]] = Counter()
    wrong = []
    for row in rows:
        name = files[str(row["asset"]).replace("-", "")].partition("-")[2]
        label = by_stem.get(Path(name).stem, "not labelled")
        said = row["verdict"] or row["status"]
        table[label, said] += 1
        if (label, said) in (("real", "likely_ai"), ("ai", "likely_human")):
            wrong.append((label, said, row["ai_score"], name))
    _print_table(table)
    for label, said, score, name in wrong:
        say(f"  {label} called {said}, score {score}: {name}")
    live = sum(row["status"] in LIVE for row in rows)
    say(f"\n{len(rows)} of {count} pictures checked in {seconds:.0f} s; {live} not ended.")
    say(_asked(house, rows))
    return int(bool(live) or len(rows) != count)


def _print_table(table: Counter[tuple[str, str]]) -> None:
    words = [*VERDICTS, *sorted({said for _label, said in table} - set(VERDICTS))]
    say(f"\n{'label':<14}" + "".join(f"{word:>14}" for word in words))
    for label in sorted({label for label, _said in table}):
        say(f"{label:<14}" + "".join(f"{table[label, word] or '-':>14}" for word in words))
    real = sum(number for (label, _said), number in table.items() if label == "real")
    ai = sum(number for (label, _said), number in table.items() if label == "ai")
    say(f"\nFalse alarms: {table['real', 'likely_ai']} of {real} real pictures called likely AI.")
    say(f"Missed: {table['ai', 'likely_human']} of {ai} AI pictures called likely human.")


def _asked(house: House, rows: list[dict[str, Any]]) -> str:
    """How often the detector was sent a picture, at most in any minute, and how often it said that it was too often."""
    refused = house.sql("SELECT count(*) AS n FROM detection_auditevent WHERE facts LIKE '%rate_limited%'")[0]["n"]
    answered = sorted(_seconds(row["submitted_at"]) for row in rows if row["submitted_at"])
    most = max((sum(at <= other < at + 60 for other in answered) for at in answered), default=0)
    calls = sum(row["calls"] for row in rows)
    return (
        f"{calls} calls; at most {most} that were answered began in any one minute (it takes {LIMIT}); "
        f"it said {refused} times that it was too often."
    )


def _seconds(moment: Any) -> float:
    return (moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))).timestamp()


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, required=True, help="the interpreter that has sahu65")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--rate", default="")
    options = parser.parse_args()
    if not options.folder.is_dir():
        raise SystemExit(f"{options.folder} is not a folder.")
    say("Starting the detector; its model takes about ten seconds to load ...")
    with serving(options.python) as address, tempfile.TemporaryDirectory() as scratch:
        settings = {"DETECTION_PROVIDERS": "sahu65", "DETECTION_SAHU65_BASE_URL": address}
        if options.rate:
            settings["DETECTION_SAHU65_RATE"] = options.rate
        inbox, home = Path(scratch, "inbox"), Path(scratch, "house")
        inbox.mkdir()
        home.mkdir()
        count = gathered(options.folder, inbox, options.times)
        say(f"{count} pictures go through a newsroom that asks it ...")
        with House(home, web=False, detectors=settings) as house:
            told_of = house.manage_json("ingest", str(inbox), "--story", "launch", "--source", "agency", within=600)
            files = {one["asset"].replace("-", ""): one["file"] for one in told_of["photos"] if one["asset"]}
            return told(house, labels_of(options.folder), files, watched(house, count))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    raise SystemExit(main())
