"""The units and the compose file that are shipped fit the code: commands, variables, and time enough to stop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from detection import queue
from newsroom.settings import Q_CLUSTER

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "docs" / "deploy"
UNITS = sorted(FILES.glob("*.service"))
COMPOSE = yaml.safe_load((FILES / "compose.yaml").read_text(encoding="utf-8"))


def lines(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", [unit for unit in UNITS if "web" not in unit.name], ids=lambda unit: unit.name)
def test_a_workers_unit_ends_it_by_the_leader_and_gives_it_as_long_as_a_task_may_take(unit: Path) -> None:
    found = lines(unit)
    assert (found["KillMode"], found["OOMPolicy"]) == (["mixed"], ["kill"])
    assert int(found["TimeoutStopSec"][0]) > Q_CLUSTER["timeout"] + 5 + 10
    assert queue.task_seconds() == Q_CLUSTER["timeout"] + 5


def test_containers_get_as_long_an_init_and_no_shell_in_front_of_the_worker() -> None:
    for name in ("worker", "worker-slow"):
        worker = COMPOSE["services"][name]
        assert worker["command"][:3] == ["python", "manage.py", "detection_worker"]
        assert worker["init"] is True
        assert int(worker["stop_grace_period"].removesuffix("s")) > Q_CLUSTER["timeout"] + 15


def test_every_command_is_one_of_ours() -> None:
    texts = [path.read_text(encoding="utf-8") for path in FILES.iterdir()]
    named = set(re.findall(r"manage\.py\"?,? \"?(\w+)", " ".join(texts)))
    assert named == {"detection_worker", "migrate", "collectstatic"}
    assert named <= set(get_commands())


def test_every_secret_that_is_asked_for_is_given() -> None:
    asked = {one for service in COMPOSE["services"].values() for one in service.get("secrets", [])}
    assert asked == set(COMPOSE["secrets"])


def test_the_keys_of_detectors_are_the_workers_alone() -> None:
    with_keys = {name for name, service in COMPOSE["services"].items() if "detector_key" in service.get("secrets", [])}
    assert with_keys == {"worker", "worker-slow"}
    assert [unit.name for unit in UNITS if "/etc/newsroom/worker" in lines(unit)["EnvironmentFile"]] == [
        "newsroom-queue@.service",
        "newsroom-worker@.service",
    ]
