"""A whole newsroom of real processes: web server, workers, detector, its own database and folder.

Journeys look at it from outside alone: by HTTP, by commands, and by reading its database. Where this run's
DATABASE_URL names a PostgreSQL, every house has a database of its own there; else SQLite in its folder.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests

from detection.testing.detector import SandboxDetector
from tests.stories.servers import PostgresDatabase, RedisNumber, SqliteDatabase, database_of, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
GROUPS = int(os.environ.get("HOUSE_GROUPS", "1"))
"""Worker groups of the journeys' houses: their stories must come out alike with one and with several."""
PASSWORD = "correct horse battery staple"
SEED = """
from django.contrib.auth import get_user_model
from newsroom.models import Desk, Membership, Story
people = get_user_model().objects
news, sports = Desk.objects.create(name="News", slug="news"), Desk.objects.create(name="Sports", slug="sports")
for name, desk, role in [("erin", news, "editor"), ("dana", news, "chief"), ("sam", sports, "chief")]:
    user = people.create_user(name, password={password!r}, is_staff=True, first_name=name.title())
    Membership.objects.create(user=user, desk=desk, role=role)
people.create_user("avery", password={password!r}, is_staff=True, first_name="Avery").groups.add(
    __import__("django.contrib.auth.models", fromlist=["Group"]).Group.objects.get(name="Auditors"))
for slug in {stories!r}:
    Story.objects.create(slug=slug, headline=slug.title(), body="Text.", desk=news)
"""


class House:
    """Use as a context manager; what it starts, it ends.

    `groups`: how many `detection_worker`s. `broker`: "orm", or "redis" with a numbered database of its own.
    `database`: another than the run's. `detectors`: the variables that configure them; the sandbox detector, under two
    aliases, where they are not given. `detector`: a sandbox detector of the caller's. `env`: variables on top of the
    house's; one of them may be REDIS_URL, for a Redis of the caller's own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stories: tuple[str, ...] = ("launch",),
        web: bool = True,
        groups: int = 1,
        broker: str = "orm",
        env: Mapping[str, str] | None = None,
        detectors: Mapping[str, str] | None = None,
        database: SqliteDatabase | PostgresDatabase | None = None,
        detector: SandboxDetector | None = None,
    ) -> None:
        self.folder, self.stories, self.has_web, self.groups = folder, stories, web, groups
        self.broker, self.more = broker, dict(env or {})
        self.detector = detector or SandboxDetector()
        self.own_detectors = detectors
        self.database = database or database_of(folder)
        self.redis: RedisNumber | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        """By name: "web", "worker-1", "worker-2" … What was started again has the name that it had."""

    @property
    def env(self) -> dict[str, str]:
        kept = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START") if name in os.environ
        }
        return {
            **kept,
            "DJANGO_SETTINGS_MODULE": "newsroom.settings",
            "DJANGO_SECRET_KEY": "only-for-journeys-and-nothing-else-0123456789abcdef",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
            "NEWSROOM_VAR": str(self.folder),
            "SPT_NOENV": "1",  # setproctitle must leave /proc/PID/environ as it is: own_pids reads it
            "DATABASE_URL": self.database.url,
            "Q_BROKER": self.broker,
            **({"REDIS_URL": self.redis.url} if self.redis else {}),
            **(self._sandboxed() if self.own_detectors is None else self.own_detectors),
            "DETECTION_ALLOW_LOOPBACK": "on",
            **self.more,
        }

    def _sandboxed(self) -> dict[str, str]:
        settings = {"DETECTION_PROVIDERS": "first,second"}
        for alias in ("first", "second"):
            of_alias = {"BACKEND": "generic", "BASE_URL": self.detector.url, "API_KEY": alias}
            settings |= {f"DETECTION_{alias.upper()}_{name}": value for name, value in of_alias.items()}
        return settings

    def __enter__(self) -> Self:
        self.detector.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        if self.broker == "redis" and "REDIS_URL" not in self.more:
            self.redis = RedisNumber()
        self.database.create()
        self.database.migrate(lambda: self.manage("migrate", "-v0"))
        self.manage("shell", "-v0", "-c", SEED.format(password=PASSWORD, stories=list(self.stories)))
        for _group in range(self.groups):
            self.start_worker()
        if self.has_web:
            self.start_web()
            self.eventually(self.answers, within=30)

    def __exit__(self, *exc_info: object) -> None:
        running = list(self.processes.values())[::-1]
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._end_orphans()
        self.detector.__exit__(*exc_info)
        self.database.drop()
        if self.redis:
            self.redis.give_back()

    def own_pids(self) -> list[int]:
        """Every process that was started with this house's folder in its environment."""
        ours = f"\0NEWSROOM_VAR={self.folder}\0".encode()
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if ours in b"\0" + environ.read_bytes():
                    found.append(int(environ.parent.name))
        return found

    def _end_orphans(self) -> None:
        """A worker that was killed leaves its cluster behind, in a process group of its own."""
        for pid in self.own_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def answers(self) -> bool:
        """Whether the web server gives a page."""
        try:
            return requests.get(f"{self.url}/admin/login/", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def start(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A process of the house; `<name>.log` in its folder is what it says."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, *arguments]
            process = subprocess.Popen(command, cwd=ROOT, env={**self.env, **(env or {})}, stdout=log, stderr=log)
        self.processes[name] = process
        return process

    def start_web(self) -> subprocess.Popen[bytes]:
        """Start the web server, or start it again."""
        web = ("-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{self.port}", "newsroom.wsgi:application")
        return self.start("web", *web)

    @property
    def workers(self) -> list[subprocess.Popen[bytes]]:
        """The `detection_worker`s that were started, in that order."""
        return [process for name, process in self.processes.items() if name.startswith("worker-")]

    def start_worker(self, name: str = "", **env: str) -> subprocess.Popen[bytes]:
        """Start one more, or, by its name, one that has ended."""
        name = name or f"worker-{len(self.workers) + 1}"
        return self.start(name, "manage.py", "detection_worker", env=env)

    def stop(self, name: str, *, within: float = 40.0) -> int:
        """Ask a process to end, as a process manager does, and wait; its exit code."""
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes[name].wait(within)

    def kill(self, name: str) -> None:
        """Kill -9 of this one process; what it started lives on."""
        self.processes[name].kill()
        self.processes[name].wait()

    def manage(self, *arguments: str, check: bool = True, within: float = 120.0) -> subprocess.CompletedProcess[str]:
        """One command, to its end, in at most `within` seconds."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=within,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def manage_json(self, *arguments: str, within: float = 120.0) -> Any:
        return json.loads(self.manage(*arguments, "--json", within=within).stdout)

    def sql(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read the house's database; on either, `?` stands for a value, and values come as SQLite keeps them."""
        return self.database.rows(query, values)

    def eventually(self, question: Callable[[], Any], *, within: float = 60.0) -> Any:
        """Ask till the answer is true, and give it; no fixed sleeps."""
        deadline = time.monotonic() + within
        while True:
            if answer := question():
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {within} s; the workers' logs end:\n{self.log_end()}")
            time.sleep(0.1)

    def log_end(self) -> str:
        logs = sorted(self.folder.glob("worker-*.log"))
        return "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in logs)

    def person(self, name: str) -> Person:
        """A browser in which this person is signed in."""
        return Person(self, name)


class Person:
    """One person's session: pages by GET, forms by POST with the page's own token."""

    def __init__(self, house: House, name: str) -> None:
        self.house, self.session = house, requests.Session()
        self.session.trust_env = False
        page = self.get("/admin/login/")
        assert page.status_code == 200
        answer = self.post("/admin/login/", username=name, password=PASSWORD, next="/admin/")
        assert "/admin/login/" not in answer.url, f"{name} could not sign in"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.house.url + path, timeout=30, **options)

    def post(self, path: str, files: Any = None, **fields: Any) -> requests.Response:
        """POST with the CSRF cookie's token, as a form on one of our pages would."""
        token = self.session.cookies.get("csrftoken", "")
        url = path if path.startswith("http") else self.house.url + path
        return self.session.post(
            url,
            data={"csrfmiddlewaretoken": token, **fields},
            files=files,
            headers={"Referer": self.house.url},
            timeout=30,
        )


def hidden(page: str, name: str) -> str:
    """The value of a hidden field on a page."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="{name}"', page)
    assert found, f"the page has no field {name}"
    return found[1] or found[2] or ""
