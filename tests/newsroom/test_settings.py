"""The environment, read by a fresh process each time: what is wrong is refused with the name of its variable."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHOW = "import json, newsroom.settings as s; print(json.dumps({n: getattr(s, n) for n in %r}, default=str))"


def read(tmp_path: Path, *names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings under exactly this environment and print the named ones as JSON."""
    known = {"PATH": os.environ["PATH"], "NEWSROOM_VAR": str(tmp_path / "var"), **environment}
    command = [sys.executable, "-W", "error", "-c", SHOW % (names,)]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60, check=False)


def values(tmp_path: Path, *names: str, **environment: str) -> dict[str, Any]:
    answer = read(tmp_path, *names, **{"DJANGO_SECRET_KEY": "k" * 60, **environment})
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


def test_without_a_secret_key_it_names_the_variable_and_makes_none(tmp_path: Path) -> None:
    answer = read(tmp_path, "SECRET_KEY")
    assert answer.returncode != 0
    assert "DJANGO_SECRET_KEY is not set" in answer.stderr
    assert not (tmp_path / "var" / "secret_key").exists()


def test_a_demo_makes_one_key_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    made = json.loads(read(tmp_path, "SECRET_KEY", NEWSROOM_MAKE_KEY="1").stdout)["SECRET_KEY"]
    path = tmp_path / "var" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(read(tmp_path, "SECRET_KEY").stdout)["SECRET_KEY"] == made == path.read_text()
    assert [one.name for one in path.parent.glob("secret_key*")] == ["secret_key"]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"DJANGO_SECRET_KEY": "  "}, "DJANGO_SECRET_KEY is empty"),
        ({"METRICS_TOKEN": ""}, "METRICS_TOKEN is empty"),
        ({"AUDIT_ANCHOR_KEY_FILE": "/nowhere/key"}, "AUDIT_ANCHOR_KEY_FILE"),
        ({"DETECTION_PROVIDERS": "hive", "DETECTION_HIVE_API_KEY": ""}, "DETECTION_HIVE_API_KEY is empty"),
        ({"DETECTION_PROVIDERS": "Hive"}, "DETECTION_PROVIDERS"),
        ({"DETECTION_MAX_BYTES": "many"}, "DETECTION_MAX_BYTES"),
        ({"DETECTION_LEASE": "-3"}, "DETECTION_LEASE"),
        ({"DETECTION_MODE": "strict"}, "DETECTION_MODE"),
        ({"DETECTION_ALLOW_LOOPBACK": "perhaps"}, "DETECTION_ALLOW_LOOPBACK"),
        ({"DJANGO_DEBUG": "ja"}, "DJANGO_DEBUG"),
        ({"Q_BROKER": "rabbit"}, "Q_BROKER"),
        ({"Q_BROKER": "redis"}, "REDIS_URL"),
        ({"DATABASE_URL": "ldap://somewhere/db"}, "DATABASE_URL"),
        ({"STORAGE_URL": "ftp://bucket"}, "STORAGE_URL"),
        ({"PORT": "http"}, "PORT"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(environment: dict[str, str], named: str, tmp_path: Path) -> None:
    answer = read(tmp_path, "DEBUG", **{"DJANGO_SECRET_KEY": "k" * 60, **environment})
    assert answer.returncode != 0
    assert "ImproperlyConfigured" in answer.stderr
    assert named in answer.stderr.splitlines()[-1]


def test_a_secret_may_lie_in_a_file_and_is_stripped(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("$tr0ng\n")
    assert values(tmp_path, "METRICS_TOKEN", METRICS_TOKEN_FILE=str(path)) == {"METRICS_TOKEN": "$tr0ng"}


def test_detectors_are_read_from_the_environment(tmp_path: Path) -> None:
    found = values(
        tmp_path,
        "DETECTION_PROVIDERS",
        DETECTION_PROVIDERS="generic, second,own",
        AI_IMAGE_API_KEY="from the guide",
        DETECTION_GENERIC_BASE_URL="https://detector.example",
        DETECTION_GENERIC_WEBHOOK_SECRETS="one, two",
        DETECTION_GENERIC_CALLBACKS="on",
        DETECTION_GENERIC_DAILY_BUDGET="500",
        DETECTION_SECOND_BACKEND="reality_defender",
        DETECTION_SECOND_API_KEY="key",
        DETECTION_OWN_BACKEND="acme.detectors.Own",
        DETECTION_OWN_ALLOWED_HOSTS="a.example,b.example",
    )["DETECTION_PROVIDERS"]
    assert found == {
        "generic": {
            "BACKEND": "detection.providers.generic.GenericProvider",
            "OPTIONS": {
                "base_url": "https://detector.example",
                "callbacks": True,
                "daily_budget": 500,
                "api_key": "from the guide",
                "webhook_secrets": ["one", "two"],
            },
        },
        "second": {
            "BACKEND": "detection.providers.reality_defender.RealityDefenderProvider",
            "OPTIONS": {"api_key": "key"},
        },
        "own": {"BACKEND": "acme.detectors.Own", "OPTIONS": {"allowed_hosts": ["a.example", "b.example"]}},
    }


def test_detections_own_settings_are_typed(tmp_path: Path) -> None:
    given = {"DETECTION_MODE": "shadow", "DETECTION_SWEEP": "30", "DETECTION_PROVENANCE": "off"}
    assert values(tmp_path, "DETECTION", **given) == {"DETECTION": {"MODE": "shadow", "SWEEP": 30, "PROVENANCE": False}}


def test_the_default_is_a_careful_sqlite_with_the_queue_inside(tmp_path: Path) -> None:
    found = values(tmp_path, "DATABASES", "Q_CLUSTER", "DEBUG", "ALLOWED_HOSTS")
    database = found["DATABASES"]["default"]
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert not database.get("ATOMIC_REQUESTS")
    assert found["Q_CLUSTER"]["orm"] == "default"
    assert (found["Q_CLUSTER"]["queue_limit"], found["Q_CLUSTER"]["ack_failures"]) == (1, True)
    assert found["DEBUG"] is False
    assert "*" not in found["ALLOWED_HOSTS"]


def test_postgresql_keeps_its_connections(tmp_path: Path) -> None:
    url = "postgresql://news:pa%24s@db.example:5433/newsroom"
    database = values(tmp_path, "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["PASSWORD"], database["PORT"]) == ("pa$s", 5433)
    assert (database["CONN_MAX_AGE"], database["CONN_HEALTH_CHECKS"]) == (60, True)


def test_a_public_site_insists_on_https_and_passes_the_deploy_check(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "NEWSROOM_VAR": str(tmp_path / "var"),
        "DJANGO_SECRET_KEY": "a-k3y-of-many-DIFFERENT-letters_and.signs,0123456789-abcdefghijklmnop",
        "DJANGO_ALLOWED_HOSTS": "news.example",
        "PUBLIC_BASE_URL": "https://news.example",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
