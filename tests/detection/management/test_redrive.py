"""`detection_redrive`: analyses that gave up, by public id or all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.models import Analysis

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("detection_redrive", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def dead(plate: Callable[..., Any]) -> list[Analysis]:
    for seed in range(3):
        plate(seed=seed)
    Analysis.objects.update(status="dead")
    return list(Analysis.objects.order_by("pk"))


def statuses() -> list[str]:
    return list(Analysis.objects.order_by("pk").values_list("status", flat=True))


def test_one_is_named_by_its_public_id(dead: list[Analysis]) -> None:
    told = run(str(dead[1].public_id))
    assert told == f"{dead[1].public_id}: Started once more.\n1 started once more, 0 not.\n"
    assert statuses() == ["dead", "pending_scan", "dead"]


def test_all_of_one_detector(dead: list[Analysis]) -> None:
    Analysis.objects.filter(pk=dead[0].pk).update(provider="second")
    assert run("--all", "--provider", "first").endswith("2 started once more, 0 not.\n")
    assert statuses() == ["dead", "pending_scan", "pending_scan"]


def test_beside_a_newer_live_check_nothing_is_started(dead: list[Analysis], monkeypatch: pytest.MonkeyPatch) -> None:
    Analysis.objects.filter(pk__in=[one.pk for one in dead[1:]]).update(status="complete")
    twin = Analysis.objects.get(pk=dead[0].pk)
    twin.pk, twin.public_id, twin.status = None, uuid.uuid4(), "pending_scan"
    twin.save()
    told = run("--all")
    assert "A newer check of this picture by the same detector is under way." in told
    assert told.endswith("0 started once more, 1 not.\n")


def test_each_says_what_became_of_it_in_json_too(dead: list[Analysis]) -> None:
    Analysis.objects.filter(pk=dead[0].pk).update(status="complete")
    dead[1].asset.picture().delete()
    told = json.loads(run(*(str(one.public_id) for one in dead), "--json"))
    assert [(one["started"], one["sentence"]) for one in told] == [
        (False, "It did not give up."),
        (False, "The picture was deleted. There is nothing to check."),
        (True, "Started once more."),
    ]
    assert told[2] == {
        "analysis": str(dead[2].public_id),
        "provider": "first",
        "picture": "Harbour",
        "started": True,
        "sentence": "Started once more.",
    }


def test_all_are_those_that_count(dead: list[Analysis]) -> None:
    dead[1].asset.picture().delete()
    assert run("--all").endswith("2 started once more, 0 not.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name the analyses by public id, or say --all"),
        (("not-a-uuid",), "has the public id not-a-uuid"),
        ((str(uuid.UUID(int=7)),), "Gave up"),
    ],
)
def test_bad_input_is_a_sentence(dead: list[Analysis], arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert statuses() == ["dead"] * 3
