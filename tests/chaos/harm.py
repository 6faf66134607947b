"""Random harm to a house of real processes, and the process manager that starts again what was killed.

One step at a time, from one thread: `Harm.do_one` does one harm and says what it was, `Harm.look` wakes who has been
stopped for long enough, `Manager.look` starts again who has ended. Which harm, whom, and for how long is drawn from the
seed; only processes that the house itself started are touched.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.chaos.processes import kill
from tests.chaos.trouble import TroubledDetector
from tests.stories.house import House
from tests.stories.servers import PostgresDatabase

ROLES = ("leader", "sentinel", "pusher", "monitor", "worker", "bell", "web", "sandbox")
KINDS = (*ROLES, *("pusher", "monitor", "worker", "worker"), *("stop", "stop", "stop"), "database")
"""What is drawn from. What is there at few moments stands here more than once, or it would hardly ever be met."""
START_AGAIN = 2.0
"""Seconds after which a process manager starts again what has ended, as `RestartSec` says."""
FIND_WITHIN = 1.5
"""Seconds in which a worker that waits for the detector must be found."""
SPARED_AT_MOST = 70.0
"""Seconds past its lease that a stopped worker is left alone, though nobody took its scan."""


@dataclass(frozen=True, slots=True)
class Victim:
    """One process of the house. `group`: the name of the `detection_worker` above it, or "web"."""

    role: str
    group: str
    process: psutil.Process


def victims(house: House) -> list[Victim]:
    """Every process of the house that runs at this moment and that has a role; those that are starting have none."""
    found = []
    for name, started in list(house.processes.items()):
        with suppress(psutil.Error, ProcessLookupError):
            top = psutil.Process(started.pid)
            if top.status() != psutil.STATUS_ZOMBIE:
                below = _of_web(top) if name == "web" else _of_worker(top)
                found += [Victim(role, name, process) for role, process in below]
    return found


def _of_web(top: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    yield from (("web", process) for process in (top, *top.children()))


def _of_worker(bell: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    yield "bell", bell
    for leader in bell.children():
        yield "leader", leader
        for sentinel in leader.children():
            yield "sentinel", sentinel
            for process in sentinel.children():
                title = " ".join(process.cmdline()).strip()
                if title.endswith((" monitor", " pusher")):
                    yield title.rpartition(" ")[2], process
                elif title.endswith(" idle") or " processing " in title:
                    yield "worker", process
                    yield from (("sandbox", child) for child in process.children())


@dataclass(slots=True)
class Stopped:
    """A worker that was stopped in the middle of a call. `wake_at`: monotonic; None: once another has its scan."""

    victim: Victim
    reference: str
    attempts: int
    since: float
    wake_at: float | None


class Harm:
    """All harm of one run. `lease`: seconds of a claim in this house. `longest_lock`: of SQLite, in seconds."""

    def __init__(self, house: House, detector: TroubledDetector, dice: Random, *, lease: float, longest_lock: float):
        self.house, self.detector, self.dice, self.lease = house, detector, dice, lease
        self.longest_lock = longest_lock
        self.done: Counter[str] = Counter()
        self.woken_late = 0
        """Workers that were woken when another had their scan already: what the fencing token is for."""
        self._stopped: list[Stopped] = []
        self._lock: threading.Thread | None = None

    def do_one(self) -> str:
        """Do one harm; its name, or "nothing" where nobody could be found to be harmed.

        Until one worker has been woken too late, the first thought is to stop one: without that a run says nothing of
        the fencing token.
        """
        drawn = self.dice.sample(KINDS, len(KINDS))
        for kind in drawn if self.woken_late else ["stop", *drawn]:
            if said := self._try(kind):
                self.done[said] += 1
                return said
        return "nothing"

    def _try(self, kind: str) -> str:
        if kind == "database":
            return self._harm_database()
        if kind == "stop":
            return "" if self._stopped else self._stop_one(time.monotonic() + FIND_WITHIN)
        spared = {one.victim.group for one in self._stopped}
        # A group with a stopped worker is left alone, or no such worker would ever live to be woken.
        found = [one for one in victims(self.house) if one.role == kind and one.group not in spared]
        if not found:
            return ""
        with suppress(ProcessLookupError):
            kill(self.dice.choice(found).process)
        return f"kill -9 {kind}"

    def _stop_one(self, until: float) -> str:
        """Stop a worker in the middle of a call; wait a little for one."""
        while not (said := self._stop_a_busy_one()) and time.monotonic() < until:
            time.sleep(0.05)
        return said

    def _stop_a_busy_one(self) -> str:
        calls = {call.caller_port: call for call in list(self.detector.calls) if not call.ended}
        for one in victims(self.house):
            if one.role != "worker":
                continue
            with suppress(psutil.Error):
                for connection in one.process.net_connections("tcp4"):
                    call = calls.get(connection.laddr.port)
                    if call is not None and call.fields.get("reference"):
                        self._stop(one, call.fields["reference"])
                        return "SIGSTOP past the lease"
        return ""

    def _stop(self, victim: Victim, reference: str) -> None:
        attempts = int(self._row(reference).get("attempts", 0))
        victim.process.suspend()
        now = time.monotonic()
        is_for_another = attempts and (not self.woken_late or self.dice.random() < 0.6)
        wake_at = None if is_for_another else now + self.lease + self.dice.uniform(0.5, 5.0)
        self._stopped.append(Stopped(victim, reference, attempts, now, wake_at))

    def _row(self, reference: str) -> dict[str, Any]:
        query = "SELECT status, attempts FROM detection_analysis WHERE public_id = ?"
        with suppress(Exception):  # the database may be away at this moment: looked at again in the next
            return self.house.sql(query, reference.replace("-", ""))[0]
        return {}

    def look(self) -> None:
        """Wake every stopped worker whose time has come."""
        now = time.monotonic()
        for one in list(self._stopped):
            row = self._row(one.reference)
            # By the tries, not by the token: the sweep too has a token for a moment, before anybody is at work again.
            is_taken = row.get("status") == "scanning" and 0 < one.attempts < row["attempts"]
            is_late = now > one.since + self.lease + SPARED_AT_MOST
            is_due = is_taken if one.wake_at is None else now >= one.wake_at
            if is_due or is_late:
                self.woken_late += is_taken
                self._wake(one)

    def _wake(self, one: Stopped) -> None:
        self._stopped.remove(one)
        with suppress(psutil.Error):
            one.victim.process.resume()

    def end(self) -> bool:
        """Wake everybody, and wait for the lock of the database to be given back; whether anybody was woken."""
        sleeping = list(self._stopped)
        for one in sleeping:
            self._wake(one)
        if self._lock is not None:
            self._lock.join()
            self._lock = None
        return bool(sleeping)

    def _harm_database(self) -> str:
        if isinstance(self.house.database, PostgresDatabase):
            terminate_connections(self.house.database)
            return "all connections to the database terminated"
        if self._lock is not None and self._lock.is_alive():
            return ""
        seconds = self.dice.uniform(1.0, self.longest_lock)
        self._lock = threading.Thread(target=_hold, args=(self.house.database.path, seconds), daemon=True)
        self._lock.start()
        return "database locked"


def _hold(path: Path, seconds: float) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection,
        suppress(sqlite3.OperationalError),
    ):
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")


def terminate_connections(database: PostgresDatabase) -> None:
    """End every connection to the house's own database, as a restart of the server would; others' are left alone."""
    import psycopg

    server = database.server.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (database.name,),
        )


class Manager:
    """What systemd does: whatever the house started and has ended is started again, `START_AGAIN` seconds later."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.restarts = 0
        self._ended: dict[str, float] = {}

    def look(self) -> None:
        """Ask often; never waits."""
        now = time.monotonic()
        for name, process in list(self.house.processes.items()):
            if process.poll() is None:
                self._ended.pop(name, None)
            elif now - self._ended.setdefault(name, now) >= START_AGAIN:
                self._ended.pop(name)
                self._start(name)
                self.restarts += 1

    def _start(self, name: str) -> None:
        if name == "web":
            self.house.start_web()
        else:
            self.house.start_worker(name)
