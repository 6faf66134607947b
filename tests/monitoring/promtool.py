"""What Prometheus would say of numbers that were really exposed: `promtool test rules`, fed with two scrapes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from detection import metrics

HERE = Path(__file__).resolve().parents[2] / "docs" / "monitoring"
RULES = HERE / "alerts.yml"
Scrape = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Values by name and labels."""


def tool() -> str:
    found = shutil.which("promtool")
    if not found:
        pytest.skip("promtool is not here: it comes with Debian's package prometheus")
    return found


def rules() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def scrape() -> Scrape:
    """What is exposed at this moment. Moments become seconds before now, for promtool's clock begins at 0."""
    found: Scrape = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def _series(before: Scrape, after: Scrape, calm: int, then: int, step: int, now: float) -> Iterator[dict[str, str]]:
    """So many steps as before, then the fault, which goes on: totals rise by as much each step."""
    for key in sorted({*before, *after}):
        name, labels = key
        old, new = before.get(key, 0.0), after.get(key, 0.0)
        if name.endswith("_timestamp_seconds"):
            # Fresh while all is well; then as old as it is in the second scrape, and growing older.
            values = f"0+{60 * step}x{calm} {calm * 60 * step - max(0.0, now - new):.0f}x{then}"
        elif name.endswith(("_total", "_bucket", "_count", "_sum")):
            values = f"0+{old / calm:.6f}x{calm} {new:.6f}+{new - old:.6f}x{then}"
        else:
            values = f"{old}x{calm} {new}x{then}"
        written = ",".join(f'{label}="{value}"' for label, value in labels)
        yield {"series": f"{name}{{{written}}}" if written else name, "values": values}


def plays(
    alert: str,
    before: Scrape,
    after: Scrape,
    folder: Path,
    *,
    now: float = 0,
    minutes: int = 40,
    calm: int = 60,
    step: int = 1,
    expected: tuple[int, int] = (0, 1),
) -> str:
    """What promtool has against it that the alert is silent at the end of the `calm` and fires `minutes` later; "" for
    nothing. `step`: minutes between two scrapes; `now`: when the second was made; `expected`: silent 0, firing 1."""
    rule = rules()[alert]
    named = set(re.findall(r"\b(?:newsroom_\w+|up)\b", rule["expr"]))
    before, after = ({key: value for key, value in one.items() if key[0] in named} for one in (before, after))
    (folder / "rule.yml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    question = f'(count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0) or vector(0)'
    asked = [
        {"expr": question, "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": value}]}
        for at, value in zip((calm - step, calm + minutes), expected, strict=True)
    ]
    series = list(_series(before, after, calm // step, 2 * minutes // step, step, now))
    test = {"interval": f"{step}m", "input_series": series, "promql_expr_test": asked}
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": ["rule.yml"], "evaluation_interval": f"{step}m", "tests": [test]}))
    done = subprocess.run([tool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""
