"""Each system check, by its id: what it says, what to type, and that a good house is silent."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django_q.conf import Conf

from detection import checks
from detection.models import append_only
from detection.providers import providers
from tests.detection.calling import SECRET, generic


def ids(found: list[Any]) -> list[str]:
    assert all(one.hint and one.hint.endswith((".", "Q_CLUSTER's timeout lower.")) for one in found)
    return [one.id for one in found]


@pytest.mark.django_db
def test_a_good_house_is_silent(configure: Callable[..., None]) -> None:
    configure(ALLOW_LOOPBACK=False)
    found = run_checks(include_deployment_checks=True, databases=["default"])
    assert [one for one in found if str(one.id).startswith("detection.")] == []


def test_e001_settings_that_cannot_be_read(settings: Any) -> None:
    settings.DETECTION = {"MOED": "shadow"}
    [found] = checks.check_settings()
    assert ids([found]) == ["detection.E001"]
    assert "MOED" in found.msg
    assert checks.check_requests() == []
    assert checks.check_deploy() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"first": {"BACKEND": "nowhere.Provider"}}, "cannot be imported"),
        ({"first": {"BACKEND": "detection.conf.Setting"}}, "is not a detection Provider"),
        ({"first": {"BACKEND": "x", "OPTION": {}}}, "BACKEND and OPTIONS"),
        (["first"], "must be a dictionary"),
    ],
)
def test_e002_a_detector_that_cannot_be_made(settings: Any, wrong: Any, said: str) -> None:
    settings.DETECTION_PROVIDERS = wrong
    [found] = checks.check_settings()
    assert ids([found]) == ["detection.E002"]
    assert said in found.msg


def test_e002_a_key_that_is_missing_where_a_worker_is_to_run(settings: Any) -> None:
    """The web process is better off without; so Django's own checks are silent about it."""
    settings.DETECTION_PROVIDERS = {
        **settings.DETECTION_PROVIDERS,
        "keyless": {
            "BACKEND": "detection.providers.generic.GenericProvider",
            "OPTIONS": {"base_url": "https://detector.example"},
        },
    }
    assert checks.check_settings() == []
    [found] = checks.check_keys()
    assert ids([found]) == ["detection.E002"]
    assert "DETECTION_PROVIDERS['keyless']['OPTIONS']['api_key'] is empty" in found.msg


def test_w003_w004_each_process_holds_the_keys_of_its_own_work_alone(settings: Any) -> None:
    """H01, least privilege: the web server calls no detector, and only `audit_anchor` signs."""
    generic = "detection.providers.generic.GenericProvider"
    options = {"base_url": "https://detector.example", "callbacks": "on", "webhook_secrets": ["whsec_" + "A" * 32]}
    settings.DETECTION_PROVIDERS = {"web": {"BACKEND": generic, "OPTIONS": options}}
    assert checks.check_web_privileges() == []
    assert checks.check_worker_privileges() == []
    settings.DETECTION_PROVIDERS["both"] = {"BACKEND": generic, "OPTIONS": {**options, "api_key": "sk-CANARY"}}
    settings.AUDIT_ANCHOR_KEY = "CANARY" * 5
    providers.reset()
    found = checks.check_web_privileges()
    assert ids(found) == ["detection.W004", "detection.W003"]
    assert "detector both" in found[0].msg
    [told] = checks.check_worker_privileges()
    assert told.id == "detection.W003"
    assert "CANARY" not in f"{found}{told}"


def test_e003_a_queue_that_would_run_tasks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """D04."""
    monkeypatch.setattr(Conf, "ACK_FAILURES", False)
    monkeypatch.setattr(Conf, "QUEUE_LIMIT", 8)
    assert ids(checks.check_queue()) == ["detection.E003", "detection.E003"]


@pytest.mark.parametrize(
    ("engine", "is_on", "is_said"), [("sqlite3", True, True), ("sqlite3", False, False), ("postgresql", True, False)]
)
def test_w001_requests_in_one_transaction_on_sqlite(
    monkeypatch: pytest.MonkeyPatch, engine: str, is_on: bool, is_said: bool
) -> None:
    database = {"ENGINE": f"django.db.backends.{engine}", "ATOMIC_REQUESTS": is_on}
    monkeypatch.setattr(checks, "django_settings", SimpleNamespace(DATABASES={"default": database}))
    assert ids(checks.check_requests()) == (["detection.W001"] if is_said else [])


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", "each would log in"),
        ("django.core.cache.backends.dummy.DummyCache", "each call would log in"),
        ("django.core.cache.backends.db.DatabaseCache", "copies of the database"),
        ("django.core.cache.backends.filebased.FileBasedCache", ""),
        ("newsroom.filecache.SharedFileCache", ""),
    ],
)
def test_w002_a_login_that_processes_cannot_share(settings: Any, cache: str, said: str) -> None:
    settings.CACHES = {"default": {"BACKEND": cache, "LOCATION": "/nowhere"}}
    assert checks.check_shared_login() == []
    copyleaks = {"BACKEND": "detection.providers.copyleaks.CopyleaksProvider"}
    settings.DETECTION_PROVIDERS = {**settings.DETECTION_PROVIDERS, "copyleaks": copyleaks}
    found = checks.check_shared_login()
    assert ids(found) == (["detection.W002"] if said else [])
    assert all(said in one.msg and "copyleaks" in one.msg for one in found)
    settings.DETECTION = {"MOED": "shadow"}
    assert checks.check_shared_login() == []


@pytest.mark.django_db
def test_e005_history_that_could_be_changed() -> None:
    append_only.drop(connection)
    found = checks.check_history(databases=["default"])
    assert set(ids(found)) == {"detection.E005"}
    assert len(found) == len(append_only.missing(connection))
    assert checks.check_history() == []
    append_only.install(connection)
    assert checks.check_history(databases=["default"]) == []


def test_e006_loopback_in_production(configure: Callable[..., None]) -> None:
    """B12."""
    configure(ALLOW_LOOPBACK=True)
    assert ids(checks.check_deploy()) == ["detection.E006"]
    configure(ALLOW_LOOPBACK=False)
    assert checks.check_deploy() == []


def test_e007_settings_that_do_not_fit_each_other(settings: Any, configure: Callable[..., None]) -> None:
    assert checks.check_values() == []
    configure(RETRY_BASE=60, RETRY_CAP=30, TRUST_LISTS="/nowhere")
    found = checks.check_values()
    assert [one.id for one in found] == ["detection.E007", "detection.E007"]
    assert "DETECTION['RETRY_BASE'] is 60 seconds" in found[0].msg
    assert "DETECTION_<KEY>" in found[0].hint
    settings.DETECTION = {"MOED": "shadow"}
    assert checks.check_values() == []


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("", "PUBLIC_BASE_URL is not set"),
        ("http://news.example", "must begin with https"),
        ("https://news.example", ""),
    ],
)
def test_e008_a_detector_that_fetches_without_a_way_in(
    settings: Any, configure: Callable[..., None], base: str, said: str
) -> None:
    """C11."""
    configure(PUBLIC_BASE_URL=base)
    assert checks.check_links() == []
    generic = {"base_url": "https://detector.example", "api_key": "k", "mode": "url"}
    settings.DETECTION_PROVIDERS = {
        "first": {"BACKEND": "detection.providers.generic.GenericProvider", "OPTIONS": generic},
        "second": {"BACKEND": "detection.providers.scripted.ScriptedProvider"},
    }
    found = checks.check_links()
    assert ids(found) == (["detection.E008"] if said else [])
    assert all("The detector first fetches pictures by link." in one.msg and said in one.msg for one in found)
    settings.DETECTION = {"MOED": "shadow"}
    assert checks.check_links() == []


@pytest.mark.django_db
def test_an_empty_database_is_not_blamed_for_lacking_triggers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connection.introspection), "table_names", lambda self, *args, **kwargs: [])
    assert checks.check_history(databases=["default"]) == []
    append_only.install(connection)


def test_e009_a_kill_switch_that_stops_nobody(configure: Callable[..., None]) -> None:
    """E11."""
    configure(PAUSED="first, thrid")
    [found] = checks.check_pauses()
    assert ids([found]) == ["detection.E009"]
    assert "thrid" in found.msg
    configure(PAUSED="*")
    assert checks.check_pauses() == []


@pytest.mark.parametrize(
    ("options", "base", "said"),
    [
        ({}, "https://news.example", ["no webhook_secrets"]),
        ({"webhook_secrets": SECRET}, "", ["PUBLIC_BASE_URL is not set"]),
        ({"webhook_secrets": SECRET}, "http://news.example", ["must begin with https"]),
        ({}, "", ["PUBLIC_BASE_URL is not set", "no webhook_secrets"]),
        ({"webhook_secrets": SECRET}, "https://news.example", []),
        ({"callbacks": "off"}, "", []),
    ],
)
def test_e010_a_detector_that_calls_back_has_a_way_in_and_a_secret(
    settings: Any, configure: Callable[..., None], options: dict[str, Any], base: str, said: list[str]
) -> None:
    """A06."""
    settings.DETECTION_PROVIDERS = generic(webhook_secrets="")
    settings.DETECTION_PROVIDERS["vendor"]["OPTIONS"].update(options)
    configure(PUBLIC_BASE_URL=base)
    found = checks.check_callbacks()
    assert ids(found) == ["detection.E010"] * len(said)
    assert [words in one.msg for words, one in zip(said, found, strict=True)] == [True] * len(said)
