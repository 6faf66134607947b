"""`detection_reparse`: kept answers read again, counted by what changed; refusals are sentences."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from detection.models import Analysis, Asset, AuditEvent
from tests.detection.scanning.test_rereading import HUMAN, ODD, NewerProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pixels_only")]


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("detection_reparse", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def archive(looked_at: Callable[..., Asset], detectors: Callable[..., None], settings: Any) -> list[Analysis]:
    """Six answers by an adapter of then: three that now read otherwise, and one of each other kind."""
    detectors(first={})
    same = {"ai_score": 0.03, "ai_score_kind": "model_score", "model": "m", "provider_reference": "an_1"}
    told: list[tuple[str, Any, dict[str, Any]]] = [
        ("uncertain", ODD, {}),
        ("uncertain", ODD, {}),
        ("likely_human", ODD, {"ai_score": 0.1}),
        ("likely_human", {**HUMAN, "model": "m"}, same),
        ("uncertain", {"status": "complete"}, {}),
        ("uncertain", {**ODD, "status": "queued"}, {}),
    ]
    for seed, (verdict, raw, more) in enumerate(told):
        looked_at(seed=seed, verdict=verdict, raw=raw, **more)
    options = {"base_url": "https://detector.example", "api_key": "sk-live-0123456789", "label": "Eye"}
    settings.DETECTION_PROVIDERS = {
        "first": {"BACKEND": f"{NewerProvider.__module__}.{NewerProvider.__qualname__}", "OPTIONS": options}
    }
    return list(Analysis.objects.order_by("pk"))


def verdicts() -> list[str]:
    return list(Analysis.objects.order_by("pk").values_list("verdict", flat=True))


WOULD = [
    "Eye, adapter version 2.",
    "Kept answers read: 6. Would change: 3. The same: 1.",
    "  likely_human → likely_ai: 1",
    "  uncertain → likely_ai: 2",
    "Not readable any more, left as they are: 1.",
    "Not a finished answer by this adapter, left as they are: 1.",
]


def test_a_dry_run_tells_by_verdicts_what_would_change_and_writes_nothing(archive: list[Analysis]) -> None:
    before = list(Analysis.objects.order_by("pk").values()), AuditEvent.objects.count()

    assert run("first", "--dry-run") == WOULD

    assert (list(Analysis.objects.order_by("pk").values()), AuditEvent.objects.count()) == before


def test_what_a_dry_run_told_is_what_is_done(archive: list[Analysis]) -> None:
    assert run("first") == [line.replace("Would change", "Changed") for line in WOULD]

    assert verdicts() == ["likely_ai"] * 3 + ["likely_human", "uncertain", "uncertain"]
    assert AuditEvent.objects.filter(action="analysis.reparsed").count() == 3


def test_run_twice_it_changes_nothing_the_second_time(archive: list[Analysis]) -> None:
    run("first")
    before = list(Analysis.objects.order_by("pk").values()), AuditEvent.objects.count()

    again = run("first")

    assert again[1] == "Kept answers read: 2. Changed: 0. The same: 0.", "only what could not be read is tried anew"
    assert run("first", "--all")[1] == "Kept answers read: 6. Changed: 0. The same: 4."
    assert (list(Analysis.objects.order_by("pk").values()), AuditEvent.objects.count()) == before


def test_other_details_under_the_same_verdict_are_counted_apart(archive: list[Analysis]) -> None:
    Analysis.objects.filter(pk=archive[3].pk).update(model="an older name")

    assert "  likely_human, with other details: 1" in run("first", "--dry-run")


def test_without_a_terminal_there_is_no_progress(archive: list[Analysis], capsys: pytest.CaptureFixture[str]) -> None:
    run("first")

    assert capsys.readouterr() == ("", "")


def test_a_person_at_a_terminal_sees_how_far_it_is(
    archive: list[Analysis], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run("first")

    assert "6/6" in capsys.readouterr().err


def test_an_unknown_alias_is_refused_with_those_that_are_known(archive: list[Analysis]) -> None:
    with pytest.raises(CommandError, match=r"No detector is called eye\. Configured: first\."):
        run("eye")


def test_a_detector_that_keeps_no_answers_is_refused(detectors: Callable[..., None]) -> None:
    detectors(first={})
    with pytest.raises(CommandError, match="keeps no answers that could be read again"):
        run("first")


def test_a_wrong_setting_is_a_sentence(archive: list[Analysis], settings: Any) -> None:
    settings.DETECTION_PROVIDERS = {"first": {"BACKEND": "nowhere.Nothing"}}
    with pytest.raises(CommandError, match="cannot be imported"):
        run("first")
