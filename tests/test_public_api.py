"""What others rely on: the façade, the doors of each module, settings, permissions, signals, and their documents."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from django.dispatch import Signal

import detection
from detection import gate, registry, scanning, signals
from detection.conf import SETTINGS
from detection.models import Asset

ROOT = Path(__file__).resolve().parent.parent


def test_the_facade_is_what_a_host_needs_and_no_more() -> None:
    assert sorted(detection.__all__) == ["Placed", "__version__", "register_asset", "register_publishable"]
    assert detection.register_asset is registry.register_asset
    assert detection.Placed is registry.Placed
    with pytest.raises(AttributeError, match="no attribute 'register_nothing'"):
        _ = detection.register_nothing


def test_the_sandbox_can_import_the_package_without_django() -> None:
    code = "import detection, detection.vocabulary, sys; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


SIGNATURES = {
    "detection.registry.register_asset": (
        "model, *, file_field, label, source_tier, uploader, keep_inside, graphic, desk, when, scope, auto_scan"
    ),
    "detection.registry.register_publishable": "model, *, assets, is_draft, publish_at, desk, reasons, scope",
    "detection.scanning.request_scan": "obj, *, by, force",
    "detection.scanning.redrive": "analysis, *, by",
    "detection.scanning.release_outside": "asset, *, by, reason",
    "detection.scanning.ask_second_opinion": "asset, *, by",
    "detection.gate.report": "subject, *, user",
    "detection.gate.authorise": "subject, *, by",
    "detection.gate.acknowledge": "subject, asset, *, by, evidence, reason_code, note",
    "detection.gate.override": (
        "subject, asset, *, by, evidence, reason_code, note, scope, ends_at, reader_label, no_label_reason"
    ),
    "detection.gate.revoke": "override, *, by, reason",
    "detection.gate.send_to_chief": "subject, asset, *, by, evidence, note",
    "detection.reviewing.claim": "asset, *, by",
    "detection.reviewing.undo": "review, *, by",
    "detection.switches.pause": "alias, *, by, reason",
    "detection.switches.resume": "alias, *, by, reason",
    "detection.switches.is_paused": "alias",
    "detection.audit.record": "action, *, asset, subject, by, personal, **facts",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_door_keeps_its_arguments(name: str) -> None:
    module, _, function = name.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), function)).parameters.values()
    words, was_keyword = [], False
    for one in parameters:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not was_keyword:
            words.append("*")
            was_keyword = True
        words.append(f"**{one.name}" if one.kind is inspect.Parameter.VAR_KEYWORD else one.name)
    assert ", ".join(words) == SIGNATURES[name]


def test_a_conclusion_s_door_begins_with_picture_and_word() -> None:
    decide = importlib.import_module("detection.reviewing").decide
    names = list(inspect.signature(decide).parameters)
    assert names[:2] == ["asset", "conclusion"]
    assert {"by", "evidence", "subject", "note", "reason_code", "reader_label"} <= set(names)


@pytest.mark.parametrize("module", [gate, scanning])
def test_what_is_exported_is_there_and_documented(module: object) -> None:
    for name in module.__all__:  # type: ignore[attr-defined]
        assert inspect.getdoc(getattr(module, name)), name


def test_six_signals_with_their_arguments_documented() -> None:
    found = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert found == {
        "analysis_completed",
        "analysis_dead",
        "standing_changed",
        "conclusion_recorded",
        "override_granted",
        "publication_refused",
    }
    text = inspect.getsource(signals)
    assert all(f'{name} = Signal()\n"""' in text for name in found)


def test_the_permissions_are_the_promised_ones() -> None:
    assert {codename for codename, _label in Asset._meta.permissions} == {
        *("review_analysis", "acknowledge_gate", "override_hold", "override_stop", "break_glass", "request_scan"),
        *("release_outside", "change_source_tier", "operate_provider", "redrive", "change_policy", "view_audit"),
        *("export_audit", "view_raw_payload", "erase_personal"),
    }


def test_the_host_s_joint_is_at_most_ten_lines() -> None:
    """Design 7, adoption."""
    lines = []
    for path in (ROOT / "tests" / "otherhost").rglob("*.py"):
        lines += [line for line in path.read_text(encoding="utf-8").splitlines() if "detection" in line]
    assert len([line for line in lines if not line.lstrip().startswith(('"""', "#"))]) <= 10


SETTINGS_PAGE = ROOT / "docs" / "reference.md"


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in SETTINGS_PAGE.read_text(encoding="utf-8")
