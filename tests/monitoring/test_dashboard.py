"""The dashboard asks only for what is exposed, by labels that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from detection import metrics
from tests.monitoring import promtool

DASHBOARD = json.loads((promtool.HERE / "dashboard.json").read_text())
QUERIES = {f"{panel['title']} {one['refId']}": one["expr"] for panel in DASHBOARD["panels"] for one in panel["targets"]}


def labels_of(name: str) -> set[str]:
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    total = metrics.TOTALS.get(name) or metrics.TOTALS.get(base)
    return {"le", *total.labels} if total else set()


def words_of(name: str, label: str) -> set[str]:
    """The words that a label may have; nothing where they are aliases of detectors."""
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    total = metrics.TOTALS.get(name) or metrics.TOTALS.get(base)
    if total:
        return set(total.labels.get(label, ()))
    return {value for one, labels in promtool.scrape() if one == name for key, value in labels if key == label}


def test_every_query_is_one(tmp_path: Path) -> None:
    rules = [{"record": f"query_{number}", "expr": expr} for number, expr in enumerate(QUERIES.values())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([promtool.tool(), "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("file", ["dashboard.json", "alerts.yml"])
def test_what_is_asked_for_is_exposed(file: str, settings: Any) -> None:
    exposed: dict[str, set[str]] = {}
    for name, labels in promtool.scrape():
        exposed.setdefault(name, set()).update(label for label, _value in labels)
    text = (promtool.HERE / file).read_text().replace('\\"', '"')
    for name in set(re.findall(r"\bnewsroom_\w+", text)) - {"newsroom_detection"}:
        empty = name.startswith(("newsroom_audit_anchor", "newsroom_budget")) or labels_of(name)
        assert name in exposed or empty, f"{name} is asked for in {file} and not exposed"
    for name, selector in re.findall(r"\b(newsroom_\w+)\{([^}]*)\}", text):
        asked = set(re.findall(r"(\w+)\s*[=!]", selector))
        assert asked <= (exposed.get(name, set()) | labels_of(name)), f"{name}{{{selector}}}"
        for label, words in re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', selector):
            known = words_of(name, label)
            assert not known or set(words.split("|")) <= known, f"{name}{{{selector}}} asks for a word that never comes"


def test_each_panel_says_what_it_shows() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["title"] for panel in panels}) == len(panels) >= 20
    assert all(panel["targets"] for panel in panels)


@pytest.mark.django_db
def test_every_number_stands_in_the_guide() -> None:
    guide = (promtool.HERE.parent / "howto" / "watch.md").read_text()
    documented = set(re.findall(r"`(newsroom_\w+)`", guide))
    exposed = {
        re.sub(r"_(bucket|count|sum)$", "", name) if labels_of(name) else name for name, _labels in promtool.scrape()
    }
    exposed |= set(metrics.TOTALS)
    optional = {"newsroom_budget_used", "newsroom_budget_limit", "newsroom_audit_anchor_age_seconds"}
    assert documented - optional - {"newsroom_audit_verify_last_timestamp_seconds"} == exposed
