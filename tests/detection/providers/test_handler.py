"""`providers`: the configured detectors by alias."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from detection.errors import ProviderMisconfigured
from detection.providers import providers
from detection.providers.generic import GenericProvider
from detection.providers.scripted import ScriptedProvider

ROOT = Path(__file__).resolve().parents[3]
SCRIPTED = {"BACKEND": "detection.providers.scripted.ScriptedProvider"}
GENERIC = {
    "BACKEND": "detection.providers.generic.GenericProvider",
    "OPTIONS": {"base_url": "https://detector.example", "api_key": "0123456789"},
}


@pytest.fixture(autouse=True)
def _two_detectors(settings: Any) -> None:
    settings.DETECTION = {}
    settings.DETECTION_PROVIDERS = {"second": SCRIPTED, "first": GENERIC}


def test_provenance_stands_first_and_the_rest_in_configured_order() -> None:
    assert providers.aliases() == ("provenance", "second", "first")
    assert list(providers) == ["provenance", "second", "first"]


def test_provenance_can_be_switched_off(settings: Any) -> None:
    settings.DETECTION = {"PROVENANCE": False}

    assert providers.aliases() == ("second", "first")
    assert providers.get("provenance") is None


def test_the_embedded_detector_gets_the_trust_lists_and_limits(settings: Any) -> None:
    settings.DETECTION = {"TRUST_LISTS": "/etc/anchors", "MAX_PIXELS": 1000}

    options = providers["provenance"].options

    assert (options["trust_lists"], options["max_pixels"]) == ("/etc/anchors", 1000)


def test_a_detector_is_built_once_with_its_alias() -> None:
    found = providers["first"]

    assert isinstance(found, GenericProvider)
    assert found.alias == "first"
    assert providers["first"] is found


def test_an_alias_that_is_not_configured_is_absent() -> None:
    assert "third" not in providers
    assert providers.get("third") is None
    with pytest.raises(KeyError):
        providers["third"]


def test_changed_settings_build_anew() -> None:
    scripted = providers["second"]
    assert isinstance(scripted, ScriptedProvider)
    scripted.will_return(verdict="likely_ai")

    with override_settings(DETECTION_PROVIDERS={"second": SCRIPTED}):
        assert providers["second"] is not scripted
        assert "first" not in providers

    assert providers["second"] is not scripted


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (["generic"], "DETECTION_PROVIDERS must be a dictionary"),
        ({"First": SCRIPTED}, "alias 'First'"),
        ({"1st": SCRIPTED}, "alias '1st'"),
        ({"a-b": SCRIPTED}, "alias 'a-b'"),
        ({"": SCRIPTED}, "alias ''"),
        ({7: SCRIPTED}, "alias 7"),
        ({"x\n": SCRIPTED}, "alias"),
        ({"x": "detection"}, r"DETECTION_PROVIDERS\['x'\] must be a dictionary"),
        ({"x": {**SCRIPTED, "OPTION": {}}}, r"DETECTION_PROVIDERS\['x'\] must be a dictionary"),
        ({"x": {}}, r"\['x'\]\['BACKEND'\]"),
        ({"x": {"BACKEND": "nowhere.Nothing"}}, r"\['x'\]\['BACKEND'\] is 'nowhere.Nothing'"),
        ({"x": {"BACKEND": "detection.providers.generic.Nothing"}}, r"\['BACKEND'\].*cannot be imported"),
        ({"x": {"BACKEND": "detection.providers.generic.quote"}}, "not a detection Provider"),
        ({"x": {**SCRIPTED, "OPTIONS": []}}, r"\['x'\]\['OPTIONS'\]"),
        ({"x": {**SCRIPTED, "OPTIONS": {"colour": 1}}}, r"\['x'\] has unknown options: colour"),
    ],
)
def test_a_wrong_setting_is_named(settings: Any, setting: Any, says: str) -> None:
    settings.DETECTION_PROVIDERS = setting

    with pytest.raises(ProviderMisconfigured, match=says):
        [providers[alias] for alias in providers.aliases()]


def test_importing_the_package_needs_no_settings_and_loads_no_network_code() -> None:
    code = (
        "import sys; import detection.providers.base; "
        "print([m for m in ('requests', 'django.conf', 'detection.conf') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
