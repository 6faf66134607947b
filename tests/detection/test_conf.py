"""The settings: a default for each, the configured value at the moment of use, and refusals that name the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from detection import conf


def test_every_default_is_one_that_would_be_accepted_and_has_its_meaning() -> None:
    for name, setting in conf.SETTINGS.items():
        assert isinstance(setting.default, setting.kind), name
        assert setting.accepts(setting.default), name
        assert setting.meaning.endswith("."), name


def test_a_default_holds_until_it_is_configured(settings: Any, configure: Callable[..., None]) -> None:
    settings.DETECTION = {}
    assert conf.settings.MODE == "enforce"
    configure(MODE="shadow")
    assert conf.settings.MODE == "shadow"
    del settings.DETECTION
    assert conf.settings.MAX_ATTEMPTS == 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MOED": "shadow"}, r"unknown keys: MOED\. Known: ALLOW_LOOPBACK"),
        ({"MODE": "off"}, r"DETECTION\['MODE'\] is 'off'; it must be enforce or shadow"),
        ({"MODE": True}, r"DETECTION\['MODE'\] is True; it must be str"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(settings: Any, given: dict[str, Any], said: str) -> None:
    settings.DETECTION = given
    with pytest.raises(ImproperlyConfigured, match=said):
        _ = conf.settings.MODE


@pytest.mark.parametrize("value", ["", "https://news.example", "http://127.0.0.1:8000/", "https://news.example/cms"])
def test_an_address_of_this_site(settings: Any, value: str) -> None:
    settings.DETECTION = {"PUBLIC_BASE_URL": value}
    assert value == conf.settings.PUBLIC_BASE_URL


@pytest.mark.parametrize(
    "value",
    ["news.example", "ftp://news.example", "https://", "https://me:pw@news.example", "https://news.example/?a=1"]
    + ["https://news.example/#a", "https://news.example:port", "https://news.example:0", "https://news .example"]
    + ["https://[news.example", "https://news.example\n", None, 5],
)
def test_what_is_no_address_of_this_site(settings: Any, value: Any) -> None:
    settings.DETECTION = {"PUBLIC_BASE_URL": value}
    with pytest.raises(ImproperlyConfigured, match=r"DETECTION\['PUBLIC_BASE_URL'\] is .*; it must be"):
        _ = conf.settings.PUBLIC_BASE_URL


@pytest.mark.parametrize("name", [name for name, one in conf.SETTINGS.items() if one.kind is int])
@pytest.mark.parametrize("value", [0, -1, "5", 1.5, True, None])
def test_a_number_is_a_positive_whole_number(settings: Any, name: str, value: Any) -> None:
    if value == 0 and (conf.SETTINGS[name].default == 0 or "; 0: " in conf.SETTINGS[name].meaning):
        return  # its word for "none", or for "for ever"
    settings.DETECTION = {name: value}
    with pytest.raises(ImproperlyConfigured, match=name):
        getattr(conf.settings, name)


@pytest.mark.parametrize("name", ["RETRY_BASE", "RETRY_CAP", "SCAN_DEADLINE", "CALLBACK_DEADLINE"])
def test_seconds_end_with_a_year(settings: Any, name: str) -> None:
    """More would not fit into a date."""
    settings.DETECTION = {name: 31_536_000}
    assert getattr(conf.settings, name) == 31_536_000
    settings.DETECTION = {name: 31_536_001}
    with pytest.raises(ImproperlyConfigured, match=f"{name}.*it must be 1 to 31536000, the seconds of a year"):
        getattr(conf.settings, name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        ({"RETRY_BASE": 900, "RETRY_CAP": 900}, []),
        ({"RETRY_BASE": 901}, ["DETECTION['RETRY_BASE'] is 901 seconds, DETECTION['RETRY_CAP'] only 900"]),
        ({"SCAN_DEADLINE": 600}, ["DETECTION['CALLBACK_DEADLINE'] is 600 seconds"]),
        ({"SCAN_DEADLINE": 601}, []),
        ({"TRUST_LISTS": "/nowhere"}, ["names /nowhere, which is not a folder"]),
        ({"CA_BUNDLE": "/nowhere.pem", "RETRY_CAP": 1}, ["RETRY_CAP", "names /nowhere.pem, which is no PEM file"]),
    ],
)
def test_values_that_make_no_sense_together(given: dict[str, Any], said: list[str]) -> None:
    found = list(conf.contradictions(given))
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True)), found
    assert all(sentence.endswith(".") for sentence in found)


def test_what_paths_name_is_read_only_where_it_should_be_there(tmp_path: Path) -> None:
    given = {"TRUST_LISTS": str(tmp_path), "CA_BUNDLE": str(tmp_path)}
    assert [sentence.split(" ")[0] for sentence in conf.contradictions(given, called="MY_{}".format)] == [
        "MY_TRUST_LISTS",
        "MY_CA_BUNDLE",
    ]
    assert list(conf.contradictions(given, reads_files=False)) == []
    (tmp_path / "a.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    given["CA_BUNDLE"] = str(tmp_path / "a.pem")
    assert list(conf.contradictions(given)) == []


def test_a_setting_nobody_knows_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no detection setting called NOPE"):
        _ = conf.settings.NOPE
