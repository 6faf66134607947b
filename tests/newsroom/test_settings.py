"""The environment, read by a fresh process each time: what is wrong is refused with the name of its variable."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from detection import pulse
from newsroom import detecting

KEY = "a-k3y-of-many-DIFFERENT-letters_and.signs,0123456789-abcdefghijklmnop"
SECRET = "canary-7c1f0b5a4e9d"
"""Part of every secret that is refused here; it may stand in no message."""
LONG = f"{SECRET}-and-much-more-of-it"
ROOT = Path(__file__).resolve().parent.parent.parent
SHOW = "import json, newsroom.settings as s; print(json.dumps({n: getattr(s, n) for n in %r}, default=str))"


def read(tmp_path: Path, *names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings under exactly this environment and print the named ones as JSON."""
    known = {"PATH": os.environ["PATH"], "NEWSROOM_VAR": str(tmp_path / "var"), **environment}
    command = [sys.executable, "-W", "error", "-c", SHOW % (names,)]
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60, check=False)


def values(tmp_path: Path, *names: str, **environment: str) -> dict[str, Any]:
    answer = read(tmp_path, *names, **{"DJANGO_SECRET_KEY": KEY, **environment})
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


GENERIC = {"DETECTION_PROVIDERS": "generic"}
WEBHOOK = "DETECTION_GENERIC_WEBHOOK_SECRETS"


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"DJANGO_SECRET_KEY": "  "}, "DJANGO_SECRET_KEY is empty"),
        ({"METRICS_TOKEN": ""}, "METRICS_TOKEN is empty"),
        ({"AUDIT_ANCHOR_KEY_FILE": "/nowhere/key"}, "AUDIT_ANCHOR_KEY_FILE"),
        ({**GENERIC, "DETECTION_GENERIC_API_KEY": ""}, "DETECTION_GENERIC_API_KEY is empty"),
        ({"DETECTION_PROVIDERS": "Hive"}, "DETECTION_PROVIDERS"),
        ({"DETECTION_MAX_BYTES": "many"}, "DETECTION_MAX_BYTES"),
        ({"DETECTION_LEASE": "-3"}, "DETECTION_LEASE"),
        ({"DETECTION_MAX_BYTES": "9" * 5000}, "DETECTION_MAX_BYTES"),
        ({"DETECTION_SCAN_DEADLINE": "31536001"}, "DETECTION_SCAN_DEADLINE"),
        ({"DETECTION_SCAN_DEADLINE": "600"}, "DETECTION_CALLBACK_DEADLINE is 600 seconds, DETECTION_SCAN_DEADLINE"),
        ({"DETECTION_RETRY_BASE": "1000"}, "DETECTION_RETRY_BASE is 1000 seconds, DETECTION_RETRY_CAP only 900"),
        ({"DETECTION_TRUST_LISTS": "/nowhere"}, "DETECTION_TRUST_LISTS names /nowhere"),
        ({"DETECTION_CA_BUNDLE": "/etc/hostname"}, "DETECTION_CA_BUNDLE names /etc/hostname"),
        ({"DETECTION_MOED": "shadow"}, "Did you mean DETECTION_MODE?"),
        ({"DETECTION_ALOW_LOOPBACK": "on"}, "Did you mean DETECTION_ALLOW_LOOPBACK?"),
        ({"DETECTION_XYZZY": "on"}, "DETECTION_XYZZY is set, and nothing reads it"),
        ({"DETECTION_HIVE_API_KEY": "key"}, "DETECTION_PROVIDERS names no detector hive. Add hive to it"),
        ({"DETECTION_HIVE_API_KEY_FILE": "/k"}, "DETECTION_PROVIDERS names no detector hive. Add hive to it"),
        ({**GENERIC, "DETECTION_GENERC_RATE": "5/s"}, "Did you mean DETECTION_GENERIC_RATE?"),
        ({**GENERIC, "DETECTION_GENERIC_RATES": "5/s"}, "Did you mean DETECTION_GENERIC_RATE?"),
        ({**GENERIC, "DETECTION_GENERIC_RATE": "often"}, "DETECTION_GENERIC_RATE is 'often'. Write it as 5/s"),
        ({**GENERIC, "DETECTION_GENERIC_RATE": "0/s"}, "DETECTION_GENERIC_RATE"),
        ({**GENERIC, "DETECTION_GENERIC_CONCURRENCY": "0"}, "DETECTION_GENERIC_CONCURRENCY is 0"),
        ({**GENERIC, "DETECTION_PAUSED": "genric"}, "DETECTION_PAUSED names 'genric'. Did you mean generic?"),
        ({**GENERIC, "DETECTION_PAUSED": "all of them"}, "DETECTION_PAUSED is 'all of them'. It must be * for all"),
        (
            {**GENERIC, "DETECTION_GENERIC_SIGNING": "none"},
            "DETECTION_GENERIC_SIGNING is 'none'. Set it to one of: hmac",
        ),
        ({**GENERIC, "DETECTION_GENERIC_MODE": "uplaod"}, "Did you mean upload?"),
        ({**GENERIC, "DETECTION_GENERIC_CALLBACKS": "sometimes"}, "DETECTION_GENERIC_CALLBACKS"),
        ({**GENERIC, "DETECTION_GENERIC_DAILY_BUDGET": "0"}, "DETECTION_GENERIC_DAILY_BUDGET is 0"),
        ({**GENERIC, "DETECTION_GENERIC_OPTIONS": "sandbox"}, "DETECTION_GENERIC_OPTIONS: 'sandbox' must look like"),
        ({**GENERIC, "DETECTION_GENERIC_OPTIONS": "rate=5/s"}, "set rate by DETECTION_GENERIC_RATE."),
        ({**GENERIC, "DETECTION_GENERIC_BASE_URL": "detector.example"}, "DETECTION_GENERIC_BASE_URL must look like"),
        ({**GENERIC, "DETECTION_GENERIC_BASE_URL": "https://a.example/?x=1"}, "DETECTION_GENERIC_BASE_URL must look"),
        (
            {**GENERIC, "DETECTION_GENERIC_BASE_URL": f"https://me:{SECRET}@a.example"},
            "DETECTION_GENERIC_BASE_URL must",
        ),
        (
            {"DETECTION_PROVIDERS": "genric"},
            "DETECTION_GENRIC_BACKEND is not set; there is no such adapter. Did you mean gen",
        ),
        ({**GENERIC, "DETECTION_GENERIC_BACKEND": "xyzzy"}, "DETECTION_GENERIC_BACKEND is 'xyzzy'"),
        (
            {**GENERIC, "DETECTION_GENERIC_BACKEND": "http"},
            "DETECTION_GENERIC_BACKEND is 'http'; there is no such adapter",
        ),
        ({**GENERIC, "DETECTION_GENERIC_BACKEND": "acme.detectors.Own"}, "names acme.detectors.Own, whose module"),
        ({"DETECTION_PROVIDERS": "generic,generic"}, "DETECTION_PROVIDERS names generic twice"),
        ({"DETECTION_MODE": "strict"}, "DETECTION_MODE"),
        ({"DETECTION_ALLOW_LOOPBACK": "perhaps"}, "DETECTION_ALLOW_LOOPBACK"),
        ({"DJANGO_DEBUG": "ja"}, "DJANGO_DEBUG"),
        ({"Q_BROKER": "rabbit"}, "Q_BROKER"),
        ({"Q_BROKER": "redis"}, "REDIS_URL"),
        ({"DATABASE_URL": "ldap://somewhere/db"}, "DATABASE_URL"),
        ({"STORAGE_URL": "ftp://bucket"}, "STORAGE_URL"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "0"}, "PORT is 0. Set it to a number that is 1 to 65535."),
        ({"PORT": "65536"}, "PORT"),
        ({"Q_WORKERS": "0"}, "Q_WORKERS is 0. Set it to a number that is 1 to 64."),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES is -1"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'LOUD'. Set it to one of: CRITICAL"),
        ({"LOG_LEVEL": "wanring"}, "Did you mean WARNING?"),
        ({"TIME_ZONE": "Europe/Berln"}, "Did you mean Europe/Berlin?"),
        ({"PUBLIC_BASE_URL": "news.example"}, "PUBLIC_BASE_URL must look like https://news.example"),
        ({"PUBLIC_BASE_URL": "https://news.example/cms"}, "PUBLIC_BASE_URL"),
        ({"PUBLIC_BASE_URL": "https://news.example:port"}, "PUBLIC_BASE_URL"),
        ({"DETECTION_PUBLIC_BASE_URL": "https://news.example"}, "nothing reads it. Did you mean PUBLIC_BASE_URL?"),
        ({"DJANGO_ALLOWED_HOSTS": "*"}, "DJANGO_ALLOWED_HOSTS is *"),
        ({"DJANGO_ALLOWED_HOSTS": "news.example,*"}, "DJANGO_ALLOWED_HOSTS is *"),
        ({"DJANGO_ALLOWED_HOSTS": "https://news.example"}, "must be a name alone"),
        ({"DJANGO_ALLOWED_HOSTS": "news.example:8000"}, "must be a name alone"),
        ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL must begin with redis://"),
        ({"NEWSROOM_VAR": "/dev/null/var"}, "the folder /dev/null/var cannot be made"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(environment: dict[str, str], named: str, tmp_path: Path) -> None:
    answer = read(tmp_path, "DEBUG", **{"DJANGO_SECRET_KEY": KEY, **environment})
    assert answer.returncode != 0
    assert "ImproperlyConfigured" in answer.stderr
    assert named in answer.stderr.splitlines()[-1]
    assert SECRET not in answer.stderr


NOT_SECRET = {
    "missing": None,
    "empty": "",
    "blank": " \t",
    "a newline": "\n",
    "two lines": f"{LONG}\n{LONG}",
    "short": SECRET[:20],
    "few letters": "ab" * 40,
    "changeme": f"ChangeMe-{LONG}{LONG}",
    "Django's own example": f"django-insecure-{LONG}{LONG}",
    "an example": f"your-secret-key-{LONG}{LONG}",
    "a gap to fill": f"<{LONG}{LONG}{LONG}>",
}


@pytest.mark.parametrize("is_file", [False, True], ids=["given", "in a file"])
@pytest.mark.parametrize("kind", NOT_SECRET)
def test_a_secret_key_that_is_none_is_refused_by_name_and_never_told(kind: str, is_file: bool, tmp_path: Path) -> None:
    """H06."""
    value, path = NOT_SECRET[kind], tmp_path / "key"
    if value is not None and is_file:
        path.write_text(value)
    given = {"DJANGO_SECRET_KEY_FILE": str(path)} if is_file else {"DJANGO_SECRET_KEY": value}
    answer = read(tmp_path, "DEBUG", **{name: value for name, value in given.items() if value is not None})
    assert answer.returncode != 0
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: DJANGO_SECRET_KEY")
    assert SECRET[:20] not in answer.stderr


GUESSED = ("Qx7", "changeme-" + "x" * 40, "a" * 40)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("METRICS_TOKEN", "AUDIT_ANCHOR_KEY", WEBHOOK) for value in GUESSED),
        *(("DEMO_PASSWORD", value) for value in GUESSED[:2]),
    ],
)
def test_other_secrets_that_could_be_guessed_are_refused(name: str, value: str, tmp_path: Path) -> None:
    """H06."""
    answer = read(tmp_path, "DEBUG", **{"DJANGO_SECRET_KEY": KEY, **GENERIC, name: value})
    assert answer.returncode != 0
    assert f"ImproperlyConfigured: {name} " in answer.stderr.splitlines()[-1]
    assert value not in answer.stderr


def test_one_of_several_webhook_secrets_may_not_be_short_either(tmp_path: Path) -> None:
    answer = read(tmp_path, "DEBUG", **{"DJANGO_SECRET_KEY": KEY, **GENERIC, WEBHOOK: f"{LONG}, {SECRET}"})
    assert f"{WEBHOOK} is too short: at least 24 characters" in answer.stderr.splitlines()[-1]
    assert SECRET not in answer.stderr


def test_the_history_s_key_is_a_key_of_its_own(tmp_path: Path) -> None:
    answer = read(tmp_path, "DEBUG", DJANGO_SECRET_KEY=KEY, AUDIT_ANCHOR_KEY=KEY)
    assert "AUDIT_ANCHOR_KEY is the same as DJANGO_SECRET_KEY" in answer.stderr.splitlines()[-1]


@pytest.mark.parametrize("url", [f"postgresql://a:{SECRET}#1@db:x/y", f"mysql://a:{SECRET}@db/y", SECRET])
def test_a_database_s_password_is_never_told(url: str, tmp_path: Path) -> None:
    answer = read(tmp_path, "DEBUG", DJANGO_SECRET_KEY=KEY, DATABASE_URL=url)
    assert "ImproperlyConfigured: DATABASE_URL " in answer.stderr.splitlines()[-1]
    assert SECRET not in answer.stderr


@pytest.mark.parametrize(
    ("package", "variable", "url"),
    [("redis", "REDIS_URL", "redis://127.0.0.1/1"), ("psycopg", "DATABASE_URL", "postgresql://127.0.0.1/news")],
)
def test_a_client_that_is_not_installed_is_asked_for(package: str, variable: str, url: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{package!r}] = sys.modules['psycopg2'] = None; import newsroom.settings"
    known = {"PATH": os.environ["PATH"], "NEWSROOM_VAR": str(tmp_path), "DJANGO_SECRET_KEY": KEY, variable: url}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60, check=False)
    assert f"{variable} needs" in answer.stderr.splitlines()[-1]
    assert f"pip install '{package}" in answer.stderr.splitlines()[-1]


def test_how_readers_reach_the_site_is_how_detectors_reach_it_too(tmp_path: Path) -> None:
    found = values(tmp_path, "DETECTION", PUBLIC_BASE_URL="https://news.example/")
    assert found["DETECTION"] == {"PUBLIC_BASE_URL": "https://news.example/"}
    given = {"DETECTION_PROVIDERS": "public", "DETECTION_PUBLIC_BACKEND": "generic", "DETECTION_PUBLIC_API_KEY": "k"}
    at = values(tmp_path, "DETECTION_PROVIDERS", **given, DETECTION_PUBLIC_BASE_URL="https://detector.example")
    assert at["DETECTION_PROVIDERS"]["public"]["OPTIONS"]["base_url"] == "https://detector.example"


def test_every_variable_is_in_the_reference() -> None:
    names = ("settings", "detecting", "notifications/setting")
    readers = "".join((ROOT / "newsroom" / f"{name}.py").read_text() for name in names)
    read = set(re.findall(r'env\.[a-z]+\(\s*"([A-Z_]{3,})"', readers))
    assert {"PORT", "DJANGO_SECRET_KEY", "DETECTION_PROVIDERS", "AI_IMAGE_API_KEY"} <= read
    page = (ROOT / "docs" / "reference.md").read_text()
    options = {f"_{name}" for name in detecting._OPTIONS}
    assert {name for name in read | options if f"`{name}`" not in page} == set()


def test_a_key_made_for_a_demo_is_measured_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "secret_key").write_text("short")
    assert "secret_key is too short" in read(tmp_path, "DEBUG", NEWSROOM_MAKE_KEY="1").stderr.splitlines()[-1]
    (tmp_path / "var" / "secret_key").write_bytes(b"\xff\xfe")
    assert "secret_key cannot be read" in read(tmp_path, "DEBUG", NEWSROOM_MAKE_KEY="1").stderr.splitlines()[-1]


def test_what_a_worker_tells_its_cluster_is_no_misspelt_setting(tmp_path: Path) -> None:
    assert values(tmp_path, "DETECTION", **{pulse.FOLDER: str(tmp_path)}) == {"DETECTION": {}}


def test_a_variable_without_a_value_counts_as_not_given(tmp_path: Path) -> None:
    given = {"DETECTION_HIVE_API_KEY": "", "DETECTION_MOED": " ", "PORT": "", "DETECTION_MODE": ""}
    assert values(tmp_path, "PORT", "DETECTION", **given) == {"PORT": 8000, "DETECTION": {}}


def test_any_host_may_be_asked_for_while_debugging(tmp_path: Path) -> None:
    given = {"DJANGO_DEBUG": "on", "DJANGO_ALLOWED_HOSTS": "*", "LOG_LEVEL": "debug"}
    assert values(tmp_path, "ALLOWED_HOSTS", **given) == {"ALLOWED_HOSTS": ["*"]}


def test_a_demo_names_its_trust_lists_before_it_makes_them(tmp_path: Path) -> None:
    found = values(tmp_path, "DETECTION", NEWSROOM_DEMO="on", DETECTION_TRUST_LISTS=str(tmp_path / "trust"))
    assert found["DETECTION"] == {"TRUST_LISTS": str(tmp_path / "trust")}


@pytest.mark.parametrize("command", [["check"], ["detection_status"], ["runserver", "--noreload"], ["migrate"]])
def test_a_command_says_what_is_wrong_in_one_sentence(command: list[str], tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "NEWSROOM_VAR": str(tmp_path), "DJANGO_SECRET_KEY": "short"}
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("DJANGO_SECRET_KEY is too short: ")
    assert len(done.stderr.splitlines()) == 1
    asked = [sys.executable, "manage.py", *command, "--traceback"]
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert "Traceback" in done.stderr


def test_a_secret_may_lie_in_a_file_and_is_stripped(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("$tr0ng-and-l0ng-enough-to-be-one\n")
    found = values(tmp_path, "METRICS_TOKEN", METRICS_TOKEN_FILE=str(path))
    assert found == {"METRICS_TOKEN": "$tr0ng-and-l0ng-enough-to-be-one"}


def test_detectors_are_read_from_the_environment(tmp_path: Path) -> None:
    found = values(
        tmp_path,
        "DETECTION_PROVIDERS",
        DETECTION_PROVIDERS="generic, second,own",
        AI_IMAGE_API_KEY="from the guide",
        DETECTION_GENERIC_BASE_URL="https://detector.example",
        DETECTION_GENERIC_WEBHOOK_SECRETS=f"{LONG}-1, {LONG}-2",
        DETECTION_GENERIC_CALLBACKS="on",
        DETECTION_GENERIC_DAILY_BUDGET="500",
        DETECTION_GENERIC_OPTIONS="sandbox=on, reports=one+two",
        DETECTION_SECOND_BACKEND="scripted",
        DETECTION_SECOND_API_KEY="key",
        DETECTION_OWN_BACKEND="tests.otherhost.models.Own",
        DETECTION_OWN_ALLOWED_HOSTS="a.example,b.example",
    )["DETECTION_PROVIDERS"]
    assert found == {
        "generic": {
            "BACKEND": "detection.providers.generic.GenericProvider",
            "OPTIONS": {
                "base_url": "https://detector.example",
                "callbacks": True,
                "daily_budget": 500,
                "sandbox": "on",
                "reports": "one+two",
                "api_key": "from the guide",
                "webhook_secrets": [f"{LONG}-1", f"{LONG}-2"],
            },
        },
        "second": {
            "BACKEND": "detection.providers.scripted.ScriptedProvider",
            "OPTIONS": {"api_key": "key"},
        },
        "own": {"BACKEND": "tests.otherhost.models.Own", "OPTIONS": {"allowed_hosts": ["a.example", "b.example"]}},
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
    """H07."""
    environment = {
        "PATH": os.environ["PATH"],
        "NEWSROOM_VAR": str(tmp_path / "var"),
        "DJANGO_SECRET_KEY": KEY,
        "DJANGO_ALLOWED_HOSTS": "news.example",
        "PUBLIC_BASE_URL": "https://news.example",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
