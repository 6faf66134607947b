"""Installations that are really broken, each examined by the command as its operator would run it.

The answer names what to change or to type, the command ends with 1, nobody sees a traceback, and no secret is told.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from detection.testing.credentials import Authority
from detection.testing.detector import SandboxDetector
from detection.testing.images import photo_like
from tests.stories.servers import PostgresDatabase, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "only-for-journeys-and-nothing-else-0123456789abcdef"
CANARY = "canary-9f31c2"
"""Stands in every secret of a broken installation."""
UPLOAD = """
from django.core.files.base import ContentFile
from newsroom.models import Photo
Photo.objects.create(image=ContentFile(open({path!r}, "rb").read(), name="harbour.jpg"), headline="Harbour")
"""

pytestmark = pytest.mark.processes


class Installation:
    """One newsroom in a folder of its own: what is in its environment, and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.env = {
            **kept,
            "DJANGO_SECRET_KEY": KEY,
            "NEWSROOM_VAR": str(folder),
            "DETECTION_PROVIDERS": "generic",
            "DETECTION_GENERIC_BASE_URL": "https://detector.example",
            "DETECTION_GENERIC_API_KEY": f"{CANARY}-key",
        }

    @property
    def database(self) -> Path:
        return self.folder / "newsroom.sqlite3"

    def manage(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "manage.py", *arguments],
            cwd=ROOT,
            env={**self.env, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def sql(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def upload(self) -> None:
        """A picture, so that there is work for somebody."""
        path = self.folder / "harbour.jpg"
        path.write_bytes(photo_like(3, size=(64, 48)))
        done = self.manage("shell", "-v0", "-c", UPLOAD.format(path=str(path)))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Installation(tmp_path_factory.mktemp("sound"))
    done = made.manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    return made.database


@pytest.fixture
def here(migrated: Path, tmp_path: Path) -> Installation:
    made = Installation(tmp_path)
    shutil.copy(migrated, made.database)
    return made


def unmigrated(here: Installation) -> None:
    here.database.unlink()


def another_file_as_database(here: Installation) -> None:
    here.database.write_bytes(b"This is no database. " * 500)


def a_folder_as_database(here: Installation) -> None:
    here.database.unlink()
    here.database.mkdir()


def no_postgresql(here: Installation) -> None:
    here.env["DATABASE_URL"] = f"postgresql://news:{CANARY}@127.0.0.1:{free_port()}/news"


def a_table_is_gone(here: Installation) -> None:
    here.sql(
        "DROP TABLE detection_webhookdelivery",
        "DELETE FROM django_migrations WHERE app = 'detection' AND name >= '0006'",
    )


def history_may_be_changed(here: Installation) -> None:
    here.sql("DROP TRIGGER detection_auditevent_no_update")


def a_file_in_the_place_of_the_media_folder(here: Installation) -> None:
    (here.folder / "media").write_text("a file")


def redis_is_down(here: Installation) -> None:
    here.env |= {"Q_BROKER": "redis", "REDIS_URL": f"redis://:{CANARY}@127.0.0.1:{free_port()}/5"}


def rings_of_another_key(here: Installation) -> None:
    here.env["DJANGO_SECRET_KEY"] = KEY[::-1]
    here.upload()
    here.env["DJANGO_SECRET_KEY"] = KEY


def a_detector_without_a_key(here: Installation) -> None:
    del here.env["DETECTION_GENERIC_API_KEY"]


def a_detector_over_http(here: Installation) -> None:
    here.env["DETECTION_GENERIC_BASE_URL"] = "http://detector.example"


def a_backend_that_is_no_detector(here: Installation) -> None:
    here.env["DETECTION_GENERIC_BACKEND"] = "detection.conf.Setting"


def anchors_that_are_no_certificates(here: Installation) -> None:
    (here.folder / "trust").mkdir()
    (here.folder / "trust" / "news.pem").write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    here.env["DETECTION_TRUST_LISTS"] = str(here.folder / "trust")


def anchors_that_ran_out(here: Installation) -> None:
    (here.folder / "trust").mkdir()
    (here.folder / "trust" / "old.pem").write_text(Authority.new(valid_days=0).root_pem)
    here.env["DETECTION_TRUST_LISTS"] = str(here.folder / "trust")


def authorities_that_are_no_certificates(here: Installation) -> None:
    (here.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
    here.env["DETECTION_CA_BUNDLE"] = str(here.folder / "ca.pem")


def work_and_no_worker(here: Installation) -> None:
    here.upload()
    here.sql("UPDATE detection_analysis SET next_attempt_at = '2020-01-01 00:00:00'")


def a_worker_that_vanished(here: Installation) -> None:
    here.upload()
    moments = "'2020-01-01 00:00:00', '2020-01-01 00:00:00'"
    here.sql(
        "INSERT INTO detection_worker (name, host, pid, queue, started_at, seen_at, restarts, restart_reason) "
        f"VALUES ('desk:7', 'desk', 7, '', {moments}, 0, '')"
    )


BROKEN: dict[Callable[[Installation], None], tuple[str, ...]] = {
    unmigrated: ("Migrations are not applied", "Run manage.py migrate."),
    another_file_as_database: ("file is not a database", "DATABASE_URL"),
    a_folder_as_database: ("unable to open database file", "DATABASE_URL"),
    no_postgresql: ("The database does not answer", "DATABASE_URL"),
    a_table_is_gone: ("detection 0006_events", "Run manage.py migrate."),
    history_may_be_changed: ("detection_auditevent_no_update is missing", "Run manage.py migrate"),
    a_file_in_the_place_of_the_media_folder: ("Files cannot be written", "MEDIA_ROOT"),
    redis_is_down: ("The broker does not answer", "REDIS_URL"),
    rings_of_another_key: ("cannot read: 2 of 2", "DJANGO_SECRET_KEY"),
    a_detector_without_a_key: ("'api_key'] is empty", "DETECTION_GENERIC_"),
    a_detector_over_http: ("must begin with https", "DETECTION_ALLOW_LOOPBACK=on"),
    a_backend_that_is_no_detector: ("is not a detection Provider", "DETECTION_GENERIC_"),
    anchors_that_are_no_certificates: ("news.pem cannot be read as PEM", "DETECTION_TRUST_LISTS"),
    anchors_that_ran_out: ("ran out: 1, in old.pem", "DETECTION_TRUST_LISTS"),
    authorities_that_are_no_certificates: ("ca.pem cannot be read as PEM", "DETECTION_CA_BUNDLE"),
    work_and_no_worker: ("No worker has been seen", "Start manage.py detection_worker"),
    a_worker_that_vanished: ("The worker desk:7 was last seen", "Start manage.py detection_worker"),
}
"""What is done to a sound installation, and what the doctor has to say then."""


def must_name(done: subprocess.CompletedProcess[str], *said: str) -> None:
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "Traceback" not in told
    assert CANARY not in told
    for words in said:
        assert words in told, told


@pytest.mark.parametrize("harm", BROKEN, ids=lambda harm: harm.__name__)
def test_what_is_broken_is_named_with_its_fix(here: Installation, harm: Callable[[Installation], None]) -> None:
    harm(here)
    done = here.manage("detection_doctor")
    must_name(done, *BROKEN[harm])
    lines = done.stdout.splitlines()
    assert any(line.startswith("broken ") and BROKEN[harm][1] in line for line in lines), done.stdout
    assert all(line.startswith(("ok ", "warn ", "broken ", "Left out, ")) for line in lines)


NOT_STARTED: dict[str, tuple[dict[str, str], str]] = {
    "no key": ({"DJANGO_SECRET_KEY_FILE": "/nowhere/key"}, "DJANGO_SECRET_KEY_FILE names /nowhere/key"),
    "an example's key": ({"DJANGO_SECRET_KEY": f"django-insecure-{CANARY}" + "x" * 30}, "DJANGO_SECRET_KEY is an exam"),
    "a misspelt setting": ({"DETECTION_SCAN_DEADLIN": "60"}, "Did you mean DETECTION_SCAN_DEADLINE?"),
    "a misspelt alias": ({"DETECTION_GENERC_API_KEY": CANARY}, "DETECTION_GENERIC_API_KEY?"),
    "a detector nobody knows": ({"DETECTION_PROVIDERS": "generic,hivve"}, "DETECTION_HIVVE_BACKEND is not set"),
    "a password that was not quoted": ({"DATABASE_URL": f"postgresql://a:{CANARY}#1@db:x/y"}, "DATABASE_URL cannot"),
    "no trust lists": ({"DETECTION_TRUST_LISTS": "/nowhere"}, "DETECTION_TRUST_LISTS names /nowhere"),
    "back-off upside down": ({"DETECTION_RETRY_BASE": "1000"}, "DETECTION_RETRY_BASE is 1000 seconds"),
}


@pytest.mark.parametrize("name", NOT_STARTED)
def test_nonsense_in_the_environment_ends_every_command_in_one_sentence(here: Installation, name: str) -> None:
    """H06."""
    changed, said = NOT_STARTED[name]
    here.env |= changed
    done = here.manage("detection_doctor")
    must_name(done, said)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "is_there", "said"),
    [
        ("wrong", True, "DETECTION_GENERIC_API_KEY"),
        ("good", False, "DETECTION_GENERIC_BASE_URL"),
    ],
)
def test_a_deep_look_asks_the_detector_itself(here: Installation, key: str, is_there: bool, said: str) -> None:
    with SandboxDetector() as detector:
        url = detector.url if is_there else f"http://127.0.0.1:{free_port()}"
        here.env |= {"DETECTION_ALLOW_LOOPBACK": "on", "DETECTION_GENERIC_BASE_URL": url}
        here.env["DETECTION_GENERIC_API_KEY"] = key
        assert here.manage("detection_doctor").returncode == 0
        must_name(here.manage("detection_doctor", "--deep"), "The detector generic does not answer well", said)
        here.env |= {"DETECTION_GENERIC_BASE_URL": detector.url, "DETECTION_GENERIC_API_KEY": "good"}
        done = here.manage("detection_doctor", "--deep")
        assert (done.returncode, detector.billed) == (0, 0), done.stdout
        assert "accepts the key" in done.stdout


def test_a_postgresql_that_may_only_be_read(here: Installation) -> None:
    url = os.environ.get("DATABASE_URL", "")
    server = url if url.startswith("postgres") else "postgres://postgres@127.0.0.1:5432/postgres"
    database = PostgresDatabase(server)
    try:
        database.create()
    except Exception as error:
        pytest.skip(f"PostgreSQL is not here ({type(error).__name__})")
    try:
        here.env["DATABASE_URL"] = database.url
        assert here.manage("migrate", "-v0").returncode == 0
        sound = here.manage("detection_doctor")
        assert sound.returncode == 0, sound.stdout + sound.stderr
        assert "Connections to PostgreSQL are kept." in sound.stdout
        assert "clock agrees" in sound.stdout
        database._tell(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
        must_name(here.manage("detection_doctor"), "The database cannot be written to", "DATABASE_URL")
    finally:
        database.drop()


def test_a_sound_installation_is_told_so_and_left_as_it_was(here: Installation) -> None:
    before = here.database.read_bytes()
    done = here.manage("detection_doctor", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["broken"], told["left_out"]) == (0, [])
    assert {row["state"] for row in told["findings"]} == {"ok", "warn"}
    assert all(row["fix"] for row in told["findings"] if row["state"] != "ok")
    assert [path.name for path in (here.folder / "media").iterdir()] == []
    assert here.database.read_bytes() == before


def test_broken_things_are_json_too(here: Installation) -> None:
    unmigrated(here)
    done = here.manage("detection_doctor", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [row["probe"] for row in told["findings"] if row["state"] == "broken"] == ["migrations"]
    assert "workers" in told["left_out"]
