"""The settings: a default for each, the configured value at the moment of use, and refusals that name the key."""

from __future__ import annotations

from collections.abc import Callable
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
    assert conf.settings.LEASE == 300


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


@pytest.mark.parametrize("name", [name for name, one in conf.SETTINGS.items() if one.kind is int])
@pytest.mark.parametrize("value", [0, -1, "5", 1.5, True, None])
def test_a_number_is_a_positive_whole_number(settings: Any, name: str, value: Any) -> None:
    settings.DETECTION = {name: value}
    with pytest.raises(ImproperlyConfigured, match=name):
        getattr(conf.settings, name)


def test_a_setting_nobody_knows_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no detection setting called NOPE"):
        _ = conf.settings.NOPE
