"""A whole newsroom of real processes: web server, worker, detector, its own database and folder.

Journeys look at it from outside alone: by HTTP, by commands, and by reading its database.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import requests

from detection.testing.detector import SandboxDetector

ROOT = Path(__file__).resolve().parent.parent.parent
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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class House:
    """Use as a context manager; what it starts, it ends."""

    def __init__(self, folder: Path, *, stories: tuple[str, ...] = ("launch",), web: bool = True) -> None:
        self.folder, self.stories, self.has_web = folder, stories, web
        self.detector = SandboxDetector()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.database = folder / "house.sqlite3"

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
            "DATABASE_URL": f"sqlite:///{self.database}",
            "DETECTION_PROVIDERS": "first,second",
            "DETECTION_FIRST_BACKEND": "generic",
            "DETECTION_FIRST_BASE_URL": self.detector.url,
            "DETECTION_FIRST_API_KEY": "first",
            "DETECTION_SECOND_BACKEND": "generic",
            "DETECTION_SECOND_BASE_URL": self.detector.url,
            "DETECTION_SECOND_API_KEY": "second",
            "DETECTION_ALLOW_LOOPBACK": "on",
        }

    def __enter__(self) -> Self:
        self.detector.__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        self.manage("migrate", "-v0")
        self.manage("shell", "-v0", "-c", SEED.format(password=PASSWORD, stories=list(self.stories)))
        self.start("manage.py", "detection_worker")
        if self.has_web:
            self.start("-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{self.port}", "newsroom.wsgi:application")
            self.eventually(self._answers, within=30)

    def __exit__(self, *exc_info: object) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.detector.__exit__(*exc_info)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/admin/login/", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{arguments[-1].replace(':', '_')}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=self.env, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def manage_json(self, *arguments: str) -> Any:
        return json.loads(self.manage(*arguments, "--json").stdout)

    def sql(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read the house's database."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def eventually(self, question: Callable[[], Any], *, within: float = 20.0) -> Any:
        """Ask till the answer is true, and give it; no fixed sleeps."""
        deadline = time.monotonic() + within
        while True:
            if answer := question():
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"not so after {within} s; the worker's log ends:\n{self.log_end()}")
            time.sleep(0.1)

    def log_end(self) -> str:
        log = self.folder / "detection_worker.log"
        return log.read_text()[-3000:] if log.exists() else ""

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
