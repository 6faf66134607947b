"""D12. `make chaos SCANS=1000 SECONDS=300`: random harm to a newsroom of real processes, and a count at its end.

    python -m tests.chaos.run --scans 1000 --seconds 300 --seed 1
    DATABASE_URL=postgres://… python -m tests.chaos.run --scans 300 --seconds 120 --groups 3 --json

Starts a house (web, worker groups, a detector that fails in a tenth of its calls), brings so many distinct pictures in
over the time, and meanwhile kills, stops and cuts off, a harm every two seconds or so, all drawn from the seed. Then no
more harm is done; it waits until every scan is at its end, and prints one table. Exit status 1 where a picture was
lost, doubled or stuck, where the detector was called too fast or too often, or where the history has a break.
Whatever it starts it ends; nothing listens but on loopback.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from detection.testing.sender import SECRET
from tests.chaos import judging
from tests.chaos.bringing import Bringing
from tests.chaos.harm import Harm, Manager
from tests.chaos.telling import Progress, say, table
from tests.chaos.trouble import KEY, TroubledDetector, most_in_a_second
from tests.stories.house import House

SHORT = {"DETECTION_LEASE": "4", "DETECTION_WATCHDOG": "6", "DETECTION_RETRY_BASE": "1", "DETECTION_SWEEP": "10"}
LEASE = 30.0
CALLS_A_SCAN = 1.3
VERIFY = "from detection import audit; audit.seal_all(); print(audit.first_broken(), audit.unsealed().count())"
BY_EVENTS = "SELECT count(*) AS n FROM detection_webhookdelivery WHERE state = 'applied'"
LIVE = "('pending_scan', 'scanning', 'awaiting_callback', 'retry_pending')"


class Run:
    """One run: the harm, the recovery, the count. `judged` says what is wrong."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.detector = TroubledDetector(seed=options.seed, share=options.faults, calls_back=options.callbacks)
        home = folder / "house"
        home.mkdir()
        timers = SHORT if options.timers == "short" else {}
        # An event that is lost is asked for after so long.
        env = {**timers, **({"DETECTION_CALLBACK_DEADLINE": "10"} if options.callbacks else {})}
        self.house = House(home, groups=options.groups, env=env, detectors=self._detectors(), detector=self.detector)
        if options.callbacks:
            self.house.more["PUBLIC_BASE_URL"] = self.house.url
        lease = float(timers.get("DETECTION_LEASE", LEASE))
        dice = Random(f"harm:{options.seed}")
        longest = 5.0 if timers else 25.0  # past the busy time-out of 20 s, so that transactions fail
        self.harm = Harm(self.house, self.detector, dice, lease=lease, longest_lock=longest)
        self.manager = Manager(self.house)
        self.bringing = Bringing(
            self.house, folder, scans=options.scans, seconds=options.seconds * 0.85, seed=options.seed
        )
        self.last_harm = "none yet"
        self.recovered_in = 0.0

    def _detectors(self) -> dict[str, str]:
        of_alias = {"BACKEND": "generic", "BASE_URL": self.detector.url, "API_KEY": KEY, "RATE": self.options.rate}
        if self.options.callbacks:
            of_alias |= {"CALLBACKS": "on", "WEBHOOK_SECRETS": SECRET}
        named = {f"DETECTION_{KEY.upper()}_{name}": value for name, value in of_alias.items()}
        return {"DETECTION_PROVIDERS": KEY, **named}

    def go(self) -> dict[str, Any]:
        """From the first process to the last; what was counted."""
        with self.house:
            self.bringing.start()
            try:
                self._harm()
                self._recover()
                return self._count()
            finally:
                self.bringing.over.set()
                self.bringing.join(310)
                self.harm.end()

    def _harm(self) -> None:
        dice = Random(f"moments:{self.options.seed}")
        until = time.monotonic() + self.options.seconds
        next_harm = time.monotonic() + 5.0  # till the first processes are up
        with Progress(self.options.scans, self.seen) as progress:
            while (now := time.monotonic()) < until:
                self.manager.look()
                self.harm.look()
                if now >= next_harm:
                    self.last_harm = self.harm.do_one()
                    next_harm = now + self.options.every * dice.uniform(0.5, 1.5)
                progress.tell()
                time.sleep(0.1)

    def _recover(self) -> None:
        """Wait until all pictures are in and every scan is at its end, not for ever; the detector goes on failing."""
        self.detector.lose_no_more_polls()
        began = time.monotonic()
        patience = self.options.patience or 180 + 1.5 * self.options.scans
        next_look = began
        with Progress(self.options.scans, self.seen) as progress:
            while (now := time.monotonic()) - began < patience:
                self.manager.look()
                self.harm.look()  # who is stopped still waits to be woken too late
                progress.tell()
                if now >= next_look and not self.bringing.is_alive():
                    next_look = now + 1.0
                    if self.counts()["live"] == 0:
                        break
                time.sleep(0.1)
        self.recovered_in = time.monotonic() - began
        if self.harm.end():
            time.sleep(3)  # till whoever was woken has written what it is not to write

    def counts(self) -> dict[str, int]:
        """Pictures and scans so far; -1 where the database is away."""
        query = (
            "SELECT (SELECT count(*) FROM newsroom_photo) AS pictures, (SELECT count(*) FROM detection_analysis) AS n, "
            f"(SELECT count(*) FROM detection_analysis WHERE status IN {LIVE}) AS live"
        )
        with suppress(Exception):
            return {name: int(value) for name, value in self.house.sql(query)[0].items()}
        return {"pictures": -1, "n": -1, "live": -1}

    def seen(self) -> dict[str, Any]:
        """How far it is."""
        harms, calls = sum(self.harm.done.values()), len(self.detector.submissions)
        return {**self.counts(), "harms": harms, "last": self.last_harm, "calls": calls}

    def _count(self) -> dict[str, Any]:
        house, detector = self.house, self.detector
        sealing = house.manage("shell", "-v0", "-c", VERIFY, within=300).stdout.strip()
        sent: dict[str, int] = {}
        for call in detector.submissions:
            reference = call.fields.get("reference", "")
            sent[reference] = sent.get(reference, 0) + 1
        tally = judging.judge(
            house.sql(judging.PICTURES),
            house.sql(judging.ANALYSES),
            house.sql(judging.EVENTS),
            names=self.bringing.names,
            sent=sent,
            paid=detector.paid,
        )
        if sealing != "None 0":
            tally.breaks.append(f"the chain of seals: first broken and unsealed are {sealing}")
        rate, most = int(self.options.rate.partition("/")[0]), most_in_a_second(detector.calls)
        calls, scans = len(detector.submissions), self.options.scans
        web = self._web_comes_back()
        slowest = "SELECT created_at, completed_at FROM detection_analysis WHERE completed_at IS NOT NULL"
        found = {
            "database": house.database.vendor,
            **{name: getattr(self.options, name) for name in ("scans", "seconds", "seed", "groups", "rate", "timers")},
            "harms": sum(self.harm.done.values()),
            **tally.as_json(),
            "over_limit": max(0, most - rate - 1),
            "over_call": max(0, calls - math.floor(CALLS_A_SCAN * scans)),
            "web_answers": web,
            "calls": calls,
            "asked_for": len(detector.calls) - calls,
            "most_in_a_second": most,
            "web_pages": detector.web_pages,
            "events": dict(detector.planned.most_common()),
            "by_events": house.sql(BY_EVENTS)[0]["n"],
            "woken_too_late": self.harm.woken_late,
            "restarts": self.manager.restarts,
            "portions_again": self.bringing.again,
            "recovered_in": round(self.recovered_in, 1),
            "slowest": round(max((judging.seconds_between(**row) for row in house.sql(slowest)), default=0.0), 1),
            "done": dict(self.harm.done.most_common()),
        }
        is_kept = not (found["over_limit"] or found["over_call"]) and web
        return found | {"is_well": tally.is_well and is_kept}

    def _web_comes_back(self) -> bool:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            self.manager.look()
            if self.house.answers():
                return True
            time.sleep(0.5)
        return False


def read(arguments: list[str] | None = None) -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=1000, help="pictures that are brought in")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long harm is done")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--groups", type=int, default=2, help="worker groups")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two harms, about")
    parser.add_argument("--faults", type=float, default=0.1, help="share of the detector's answers that go wrong")
    parser.add_argument(
        "--callbacks", action="store_true", help="answers come by events: lost, doubled, early, reordered"
    )
    parser.add_argument("--rate", default="5/s", help="how often the detector may be called")
    parser.add_argument("--timers", choices=("real", "short"), default="real", help="lease, watchdog and back-off")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds of recovery at most; else by the scans")
    parser.add_argument("--keep", type=Path, help="folder for the house, which is kept with its logs")
    parser.add_argument("--json", action="store_true", help="print what was counted as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments, run, print; 0 where all is well."""
    options = read(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"{folder} is not empty. Name a new folder to keep the house in.")
        found = Run(options, folder).go()
    say(json.dumps(found, indent=2) if options.json else table(found))
    return int(not found["is_well"])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    raise SystemExit(main())
